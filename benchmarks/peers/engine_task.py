"""What an engine is asked for: a mergeable summary of every column of a Parquet file, with seconds and memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

ACCURACY = 0.01
"""Numbers are counted in logarithmic bins of this relative width to either side, as DDSketch does."""


def run(summarize: Callable[[str], int], *, rounds: int = 3) -> None:
    """Summarizes the file that the command line names, and tells the median of some rounds after a first one.

    Args:
        summarize: of a path, gives the number of bins and categories that it counted.
        rounds: that are timed.
    """
    counted = summarize(sys.argv[1])
    seconds: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        summarize(sys.argv[1])
        seconds.append(time.perf_counter() - began)
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{json.dumps({'seconds': sorted(seconds)[rounds // 2], 'gib': gib, 'counted': counted})}", flush=True)
