"""A model that MLflow already holds, taken over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrain_assets.errors import StoreError
from retrain_assets.stores.model_files import deserialize
from retrain_assets.stores.trusted_types import PACKAGE_TYPES

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_NOT_CONTENT = ("registered_model_meta",)  # written by MLflow when it downloads


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedModel:
    """The estimator with what is known of it; `content_hash` is over the files that were downloaded.

    `inputs` are the columns of its signature, none where it has no signature.
    """

    estimator: BaseEstimator
    model: str
    version: int
    run_id: str | None
    source: str
    serialization_format: str
    sklearn_version: str
    content_hash: str
    inputs: tuple[str, ...]


def load_adopted(folder: Path, flavor: dict[str, Any], *, trust: bool) -> BaseEstimator:
    """The estimator of a downloaded model of the scikit-learn flavour.

    Raises:
        StoreError: loading it may run code, and `trust` is false.
    """
    path = folder / str(flavor["pickled_model"])
    if flavor.get("serialization_format") == "skops":
        import skops.io

        content = path.read_bytes()
        unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - PACKAGE_TYPES)
        if unknown and not trust:
            raise _refusal(f"holds types that nobody vouches for ({', '.join(unknown)})")
        if not flavor.get("code"):
            return deserialize("skops", content, trusted_types=unknown)
    elif not trust:
        raise _refusal(f"is stored by {flavor.get('serialization_format', 'pickle')}, which may run any code")
    from mlflow.sklearn import load_model

    estimator: Any = load_model(str(folder))
    return estimator


def content_hash(folder: Path) -> str:
    """SHA-256 (hex) over the paths and contents of a folder's files."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in _NOT_CONTENT:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            hashed.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return hashed.hexdigest()


def _refusal(why: str) -> StoreError:
    return StoreError(f"the model {why}: adopt it with `--trust` only if you know who made it.")
