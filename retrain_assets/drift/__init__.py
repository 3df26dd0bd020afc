"""Drift of tabular data; `compare` is a library of its own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrain_assets.drift.comparing import compare as compare
    from retrain_assets.drift.comparison import Comparison as Comparison
    from retrain_assets.drift.frames import prepare as prepare
    from retrain_assets.drift.monitor import Monitor as Monitor

__all__ = ["Comparison", "Monitor", "compare", "prepare"]


_HOMES = {"Comparison": "comparison", "Monitor": "monitor", "compare": "comparing", "prepare": "frames"}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: a module of the package need not load all others."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"retrain_assets.drift.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
