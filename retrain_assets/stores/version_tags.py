"""The tags of a registered version, by which it is read again without its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from retrain_assets.stores.model_files import Serialized
from retrain_assets.training.bundle import Manifest, ModelVersion

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion as RegisteredVersion

TAG = "retrain_assets."
_NAMED = {"model_hash", "uri", "batch", "attempt", "training_end", "training_hash", "data_hash", "artifact_hash"}
_COPIED = re.compile(r"models:/[^/]+/\d+")


def version_tags(manifest: Manifest, model: Serialized, hashed: str, uri: str) -> dict[str, str]:
    """What a version is registered with.

    Args:
        manifest: from what it was made.
        model: as it is stored.
        hashed: of all its files.
        uri: of their folder.
    """
    tags = {
        "model_hash": manifest.model_hash,
        "uri": uri,
        "batch": manifest.batch,
        "attempt": str(manifest.attempt),
        "training_end": manifest.training_end.isoformat(),
        "training_hash": manifest.training_hash,
        "data_hash": manifest.data_hash,
        "artifact_hash": hashed,
        "format": model.format,
    }
    if model.refused:
        tags["not_skops_because_of"] = ", ".join(model.refused)[:1000]
    return {f"{TAG}{name}": value for name, value in tags.items()}


def without_prefix(tags: Mapping[str, str]) -> dict[str, str]:
    """The platform's tags among those of a model or version, by the names that it gave."""
    return {name.removeprefix(TAG): value for name, value in tags.items() if name.startswith(TAG)}


def was_made_here(registered: RegisteredVersion) -> bool:
    """A copy that a person makes with MLflow has all tags too, and another version as its source.

    Tags that cannot be read are not as the platform wrote them: nothing is known of where such a version comes from.
    """
    if not without_prefix(registered.tags).keys() >= _NAMED or _COPIED.fullmatch(registered.source or ""):
        return False
    try:
        return version_of(registered).training_end.tzinfo is not None
    except ValueError:
        return False


def version_of(registered: RegisteredVersion) -> ModelVersion:
    """A version that was registered with `version_tags`."""
    tags = without_prefix(registered.tags)
    return ModelVersion(
        model=registered.name,
        version=int(registered.version),
        model_hash=tags["model_hash"],
        uri=tags["uri"],
        run_id=registered.run_id or "",
        batch=tags["batch"],
        attempt=int(tags["attempt"]),
        training_end=datetime.fromisoformat(tags["training_end"]),
        training_hash=tags["training_hash"],
        data_hash=tags["data_hash"],
        artifact_hash=tags["artifact_hash"],
    )
