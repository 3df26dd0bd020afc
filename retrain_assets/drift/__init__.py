"""Drift of tabular data; `compare` is a library of its own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrain_assets.drift.comparison import Comparison as Comparison
    from retrain_assets.drift.comparison import compare as compare
    from retrain_assets.drift.frames import prepare as prepare
    from retrain_assets.drift.monitor import Monitor as Monitor

__all__ = ["Comparison", "Monitor", "compare", "prepare"]


_HOMES = {"Monitor": "monitor", "prepare": "frames"}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: a module of the package need not load all others."""
    if name in __all__:
        module = importlib.import_module(f"retrain_assets.drift.{_HOMES.get(name, 'comparison')}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
