"""Dagster assets that keep machine-learning models fresh."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrain_assets.orchestration import RetrainedModel as RetrainedModel
    from retrain_assets.orchestration import StoresResource as StoresResource
    from retrain_assets.orchestration import build_retraining_definitions as build_retraining_definitions
    from retrain_assets.spec import ModelSpec as ModelSpec

__version__ = "0.1.0"

# Importing Dagster takes seconds: what needs it is loaded when it is asked for.
_EXPORTS = {
    "ModelSpec": "retrain_assets.spec",
    "RetrainedModel": "retrain_assets.orchestration",
    "StoresResource": "retrain_assets.orchestration",
    "build_retraining_definitions": "retrain_assets.orchestration",
}


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])
