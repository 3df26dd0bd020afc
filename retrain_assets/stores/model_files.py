"""A bundle as files in a folder: written once, verified before anything in it is deserialized."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retrain_assets.errors import IntegrityError, NotStoredError, StoreError
from retrain_assets.stores.trusted_types import PACKAGE_TYPES
from retrain_assets.training.baseline import NaiveBaseline
from retrain_assets.training.bundle import Manifest, ModelBundle

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

Format = Literal["skops", "cloudpickle"]

FOLDER = "retrain_assets"
"""Where the bundle's own files lie, beside the model's."""
LISTING = f"{FOLDER}/files.json"
MODEL_FILES: dict[Format, str] = {"skops": "model.skops", "cloudpickle": "model.pkl"}
"""Names that MLflow's scikit-learn flavour gives to the same files: the model is stored once."""

_REFERENCE = f"{FOLDER}/reference.json"
_MANIFEST = f"{FOLDER}/manifest.json"
_SOURCES = f"{FOLDER}/sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Serialized:
    """A pipeline as bytes.

    `trusted` are the types that skops was allowed; `refused` those for which it was not used.
    """

    format: Format
    content: bytes
    trusted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the model's file."""
        return MODEL_FILES[self.format]


def serialize(pipeline: BaseEstimator, *, trusted_types: Iterable[str] = ()) -> Serialized:
    """By skops where it, this package or the declaration vouches for every type in the pipeline; else by cloudpickle.

    Either is loaded only after its hash was verified.

    Args:
        pipeline: A fitted pipeline.
        trusted_types: What the declaration vouches for.
    """
    import skops.io

    try:
        content = skops.io.dumps(pipeline)
    except (TypeError, AttributeError, ValueError, NotImplementedError) as error:
        return _pickled(pipeline, (f"{type(error).__name__}: {error}",))
    needed = skops.io.get_untrusted_types(data=content)
    vouched = PACKAGE_TYPES.union(trusted_types)
    refused = tuple(sorted(set(needed) - vouched))
    if refused:
        return _pickled(pipeline, refused)
    return Serialized(format="skops", content=content, trusted=tuple(sorted(needed)))


def deserialize(model_format: Format, content: bytes, *, trusted_types: Iterable[str] = ()) -> BaseEstimator:
    """The pipeline of verified bytes.

    Raises:
        StoreError: the bytes hold a type that nobody vouches for, or a library that they need is not installed.
    """
    if model_format == "cloudpickle":
        import cloudpickle

        try:
            return cloudpickle.loads(content)
        except ImportError as error:
            raise StoreError(f"the model needs a module that is not installed here: {error}") from error
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.loads(content, trusted=sorted(PACKAGE_TYPES.union(trusted_types)))
    except UntrustedTypesFoundException as error:
        raise StoreError(
            f"the model holds types that nobody vouches for: {error}. Name them in estimator.trusted_types if you do."
        ) from error
    except ImportError as error:
        raise StoreError(f"the model needs a module that is not installed here: {error}") from error


def bundle_files(bundle: ModelBundle, model: Serialized) -> dict[str, bytes]:
    """All files of a bundle by their path, the listing with the hashes of the others included."""
    content: dict[str, bytes] = {
        model.name: model.content,
        _REFERENCE: bundle.reference.to_json().encode(),
        _MANIFEST: _manifest_json(bundle.manifest),
    }
    for module, source in bundle.sources.items():
        content[f"{_SOURCES}/{module}.py"] = source.encode()
    listing = {"format": model.format, "files": {name: _sha256(data) for name, data in sorted(content.items())}}
    content[LISTING] = as_json(listing)
    return content


def artifact_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 (hex) of the listing, which holds the hash of every other file."""
    return _sha256(files[LISTING])


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_verified(read: Callable[[str], bytes], expected_hash: str) -> dict[str, bytes]:
    """The files of a bundle by their path, each read once and verified.

    Args:
        read: Gives the bytes of a path, or raises FileNotFoundError.
        expected_hash: The recorded artifact hash.

    Raises:
        NotStoredError: a file is not there.
        IntegrityError: a file is not what was registered.
    """
    content = {LISTING: _read(read, LISTING)}
    _verify(LISTING, content[LISTING], expected_hash)
    for name, expected in json.loads(content[LISTING])["files"].items():
        content[name] = _read(read, name)
        _verify(name, content[name], expected)
    return content


def bundle_of(content: Mapping[str, bytes]) -> ModelBundle:
    """Deserializes verified files.

    Raises:
        StoreError: as `deserialize`.
    """
    manifest = manifest_of(content)
    model_format: Format = json.loads(content[LISTING])["format"]
    from retrain_assets.drift.reference import ReferenceProfile

    return ModelBundle(
        pipeline=deserialize(model_format, content[MODEL_FILES[model_format]], trusted_types=manifest.trusted_types),
        reference=ReferenceProfile.from_json(content[_REFERENCE].decode()),
        manifest=manifest,
        sources={
            name.removeprefix(f"{_SOURCES}/").removesuffix(".py"): data.decode()
            for name, data in content.items()
            if name.startswith(f"{_SOURCES}/")
        },
    )


def manifest_of(content: Mapping[str, bytes]) -> Manifest:
    """From what the model of verified files was made; the model itself is not deserialized."""
    return _manifest(json.loads(content[_MANIFEST]))


def folder_reader(folder: Path) -> Callable[[str], bytes]:
    """Reads the files of a local folder."""
    return lambda name: (folder / name).read_bytes()


def _pickled(pipeline: BaseEstimator, refused: tuple[str, ...]) -> Serialized:
    import cloudpickle

    buffer = io.BytesIO()
    cloudpickle.dump(pipeline, buffer)
    return Serialized(format="cloudpickle", content=buffer.getvalue(), refused=refused)


def _read(read: Callable[[str], bytes], name: str) -> bytes:
    try:
        return read(name)
    except FileNotFoundError as error:
        raise NotStoredError(f"file {name} of the model is not there: {error}") from error


def _verify(name: str, content: bytes, expected: str) -> None:
    actual = _sha256(content)
    if actual != expected:
        raise IntegrityError(
            f"file {name} of the model must have the recorded hash {expected[:16]}… (got {actual[:16]}…): it was "
            "changed after registration. Nothing of it was loaded; restore it, or roll back to another version."
        )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def as_json(value: object) -> bytes:
    """A value as it is kept in a bundle."""
    return json.dumps(value, sort_keys=True, indent=1, default=_plain).encode()


def _plain(value: object) -> object:
    """Parameters may be anything; what JSON does not know is kept by its name, without an address."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | set | frozenset):
        return list(value)
    return getattr(value, "__qualname__", None) or type(value).__qualname__


def _manifest_json(manifest: Manifest) -> bytes:
    return as_json(
        {name: dict(value) if isinstance(value, Mapping) else value for name, value in asdict(manifest).items()}
    )


def _manifest(values: dict[str, Any]) -> Manifest:
    known = {field.name for field in fields(Manifest)}
    kept: dict[str, Any] = {name: value for name, value in values.items() if name in known}
    for name in ("training_batches", "features", "classes", "trusted_types"):
        kept[name] = tuple(kept[name])
    kept["training_end"] = datetime.fromisoformat(kept["training_end"])
    if kept.get("baseline") is not None:
        naive = kept["baseline"]
        kept["baseline"] = NaiveBaseline(
            metric=naive["metric"], classes=tuple(naive["classes"]), constant=tuple(naive["constant"])
        )
    return Manifest(**kept)
