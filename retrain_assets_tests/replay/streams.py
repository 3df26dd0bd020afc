"""Small histories that drift, as a file would hold them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.replay.bare_file import FileSettings, stream_of_frame
from retrain_assets.replay.clock import Course
from retrain_assets.replay.fitting import ScoreCache
from retrain_assets.replay.run import open_book
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.replay.stream import Stream


def history(
    *, batches: int = 16, rows: int = 160, turns: tuple[int, ...] = (8,), task: str = "binary", seed: int = 0
) -> pd.DataFrame:
    """The target depends on `x` by a slope that changes its sign at each turn."""
    rng = np.random.default_rng(seed)
    batch = np.repeat(np.arange(batches), rows)
    sign = np.ones(batches)
    for turn in turns:
        sign[turn:] *= -1
    x, z = rng.normal(size=(2, batches * rows))
    signal = 2.5 * sign[batch] * x
    noise = rng.logistic(size=batches * rows)
    if task == "regression":
        y: np.ndarray = signal + rng.normal(size=batches * rows)
    elif task == "multiclass":
        y = np.select([signal + noise < -1, signal + noise > 1], ["low", "high"], "middle")
    else:
        y = (signal + noise > 0).astype(np.int8)
    return pd.DataFrame({"x": x, "z": z, "kind": np.where(z > 0, "a", "b"), "y": y, "batch": batch})


def stream(frame: pd.DataFrame | None = None, **settings: object) -> Stream:
    """The stream of a history, with a fast estimator."""
    values = {"target": "y", "batch": "batch", "estimator": "linear", **settings}
    return stream_of_frame(history() if frame is None else frame, FileSettings(**values))  # type: ignore[arg-type]


def book(tmp_path, replayed: Stream, first: int = 4) -> tuple[Scorebook, Course]:
    """Scores of all models of a stream, fitted in this process."""
    course = Course(first=first)
    return open_book(replayed, course, ScoreCache.of(tmp_path, replayed), workers=1), course
