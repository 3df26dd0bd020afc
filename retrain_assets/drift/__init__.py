"""Drift of tabular data; `compare` is a library of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrain_assets.drift.comparison import Comparison as Comparison
    from retrain_assets.drift.comparison import compare as compare

__all__ = ["Comparison", "compare"]


def __getattr__(name: str) -> Any:
    """Loaded when asked for: a module of the package need not load all others."""
    if name in __all__:
        from retrain_assets.drift import comparison

        return getattr(comparison, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
