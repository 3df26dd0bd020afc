"""The Dagster layer: it wires the lifecycle into assets, jobs and sensors, and computes nothing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrain_assets.orchestration.component import RetrainedModel as RetrainedModel
    from retrain_assets.orchestration.component import build_retraining_definitions as build_retraining_definitions
    from retrain_assets.orchestration.resources import StoresResource as StoresResource

# The webserver and the daemon load only `storage` from here.
_EXPORTS = {
    "RetrainedModel": "retrain_assets.orchestration.component",
    "StoresResource": "retrain_assets.orchestration.resources",
    "build_retraining_definitions": "retrain_assets.orchestration.component",
}


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])
