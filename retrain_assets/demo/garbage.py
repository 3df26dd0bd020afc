"""How often Python looks for garbage while one process plays for minutes."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

_THRESHOLDS = (50_000, 5, 10)
"""Of each generation; by default the youngest objects are searched many times within one batch."""


@contextmanager
def seldom_collected() -> Generator[None]:
    """Leaves what is there already, Dagster and all that was imported, out of every search for garbage meanwhile.

    A search of the oldest goes through all of that, which is most of what the process holds, and finds none of it to be
    garbage.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
