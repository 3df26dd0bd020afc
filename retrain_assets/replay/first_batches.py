"""How many batches train the first model."""

from __future__ import annotations

import numpy as np

from retrain_assets.errors import DataError
from retrain_assets.replay.stream import Stream


def first_batches(stream: Stream, asked: int | None, lag: int = 0) -> int:
    """How many batches train the first model: those asked for, else as `_usual_first` has it.

    Raises:
        DataError: too many or too few.
    """
    most = len(stream) - stream.label_delay - 2 - lag
    if most < 1:
        least = stream.label_delay + lag + 3
        raise DataError(
            f"a label delay of {stream.label_delay} and --lag {lag} take at least {least} batches with labels: one to "
            f"train on and one to decide at (got {len(stream)})"
        )
    count = _usual_first(stream, most) if asked is None else asked
    if not 1 <= count <= most:
        raise DataError(f"--first must be 1 to {most} for {len(stream)} batches with this label delay (got {count})")
    return count


def _usual_first(stream: Stream, most: int) -> int:
    """The window or a tenth, at least four; more where a classification has seen one class only by then.

    A window is no more than half of the batches to begin with: where it is as long as the history, none would be left
    to tell policies apart by.
    """
    window = stream.window if isinstance(stream.window, int) else None
    count = max(4, round(len(stream) / 10) if window is None else min(window, len(stream) // 2))
    while count < most and stream.classes and len(np.unique(stream.labels[stream.training_rows(count - 1)])) < 2:
        count += 1
    return min(count, most)
