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
MEMORY = "memory_megabytes"


def cost_measures(
    pipeline: object,
    score: Callable[[pd.DataFrame], Scores],
    rows: pd.DataFrame,
    *,
    elsewhere: Callable[[pd.DataFrame], Measure] | None = None,
) -> Iterator[Measure]:
    """Megabytes, the median of the milliseconds for a single row, and the megabytes that many at once take besides.

    Args:
        pipeline: the fitted pipeline.
        score: its answer to some rows.
        rows: those that it is asked for; without any, what is measured by them has no value.
        elsewhere: the same megabytes as a fresh process measures them: Python counts neither Arrow's memory nor that of
            a compiled library. The larger of the two is told; where a process gives no answer, none is.
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
    asked = rows.iloc[:MEASURED_ROWS]
    counted = _memory(score, asked)
    grown = counted if elsewhere is None or asked.empty else elsewhere(asked)
    yield counted if grown.value is not None and (counted.value or 0.0) >= grown.value else grown


def _memory(score: Callable[[pd.DataFrame], Scores], asked: pd.DataFrame) -> Measure:
    if asked.empty:
        return Measure(kind="cost", name=MEMORY, value=None, reason="there are no rows")
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
    return Measure(kind="cost", name=MEMORY, value=(peak - before) / 1e6, rows=len(asked))
