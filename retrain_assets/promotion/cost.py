"""What a model costs where it serves: its size, its time for a row, and its memory for many."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.measures import Measure

TIMED_ROWS, MEASURED_ROWS = 50, 1000


def cost_measures(pipeline: object, score: Callable[[pd.DataFrame], Scores], rows: pd.DataFrame) -> Iterator[Measure]:
    """Megabytes, the median of the milliseconds for a single row, and the megabytes that many at once take besides.

    Args:
        pipeline: the fitted pipeline.
        score: its answer to some rows.
        rows: those that it is asked for; without any, what is measured by them has no value.
    """
    import cloudpickle  # as models are stored: pickle refuses a transform of the user's own file

    yield Measure(kind="cost", name="megabytes", value=len(cloudpickle.dumps(pipeline)) / 1e6)
    seconds: list[float] = []
    for position in range(min(TIMED_ROWS, len(rows))):
        row = rows.iloc[[position]]
        begun = time.perf_counter()
        score(row)
        seconds.append(time.perf_counter() - begun)
    median = 1000 * float(np.median(seconds)) if seconds else None
    yield Measure(kind="cost", name="milliseconds", value=median, rows=len(seconds))
    yield _memory(score, rows.iloc[:MEASURED_ROWS])


def _memory(score: Callable[[pd.DataFrame], Scores], asked: pd.DataFrame) -> Measure:
    if asked.empty:
        return Measure(kind="cost", name="memory_megabytes", value=None, reason="there are no rows")
    traced = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        score(asked)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not traced:
            tracemalloc.stop()
    return Measure(kind="cost", name="memory_megabytes", value=(peak - before) / 1e6, rows=len(asked))
