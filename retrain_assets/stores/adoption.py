"""A model that MLflow already holds, taken over."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrain_assets.errors import NotStoredError, StoreError, did_you_mean, without_password
from retrain_assets.stores.mlflow_session import MlflowSession, quoted, translated
from retrain_assets.stores.model_files import deserialize
from retrain_assets.stores.trusted_types import PACKAGE_TYPES

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_NOT_CONTENT = ("registered_model_meta",)  # written by MLflow when it downloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The estimator that is taken over, and from where; `content_hash` is over the files that were downloaded.

    `name` and `version` are those of the registered model, `inputs` the columns of its signature, none where it has no
    signature.
    """

    estimator: Any
    name: str
    version: int
    content_hash: str
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def estimator_name(self) -> str:
        """The import path of its class."""
        kind = type(self.estimator)
        return f"{kind.__module__}.{kind.__qualname__}"


def read_adopted(session: MlflowSession, model: str, *, version: int | None, alias: str | None, trust: bool) -> Origin:
    """A model of MLflow's scikit-learn flavour that somebody else registered.

    Args:
        session: with the registry.
        model: Name of the registered model.
        version: Its version; exactly one of `version` and `alias` must be given.
        alias: An alias of it.
        trust: The person answers for a model whose loading may run any code (pickle, cloudpickle, or skops with
            types that this package does not vouch for).

    Raises:
        ValueError: neither of `version` and `alias` is given, or both are.
        NotStoredError: there is no such model, version or alias.
        StoreError: it is of another flavour, or its loading may run code and nobody answers for it.
    """
    if (version is None) == (alias is None):
        raise ValueError(f"exactly one of version and alias must be given (got version {version}, alias {alias})")
    with translated(f"reading model {model}"), session.client() as client, tempfile.TemporaryDirectory() as folder:
        if not client.search_registered_models(f"name = {quoted(model)}"):
            known = [registered.name for registered in client.search_registered_models()]
            server = without_password(session.tracking_uri)
            raise NotStoredError(f"{server} must have the registered model '{model}'.{did_you_mean(model, known)}")
        found = (
            client.get_model_version_by_alias(model, alias)
            if alias is not None
            else client.get_model_version(model, str(version))
        )
        local = session.download(client.get_model_version_download_uri(model, found.version), folder)
        flavor = _sklearn_flavor(local)
        hashed = _content_hash(local)  # before anything of it is loaded
        return Origin(
            estimator=_load(local, flavor, trust=trust),
            name=model,
            version=int(found.version),
            content_hash=hashed,
            inputs=_input_names(local),
        )


def _sklearn_flavor(folder: Path) -> dict[str, Any]:
    """What a model's folder says of its scikit-learn flavour.

    Raises:
        StoreError: it is of another flavour.
    """
    from mlflow.models import Model

    flavors: dict[str, Any] = Model.load(str(folder)).flavors or {}
    if "sklearn" not in flavors:
        raise StoreError(f"the model must be of MLflow's sklearn flavour (got {', '.join(flavors) or 'none'})")
    return flavors["sklearn"]


def _input_names(folder: Path) -> tuple[str, ...]:
    """The columns of a model's signature; none without one."""
    from mlflow.models import Model

    signature = Model.load(str(folder)).signature
    return () if signature is None or signature.inputs is None else tuple(signature.inputs.input_names())


def _load(folder: Path, flavor: dict[str, Any], *, trust: bool) -> BaseEstimator:
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


def _content_hash(folder: Path) -> str:
    """SHA-256 (hex) over the paths and contents of a folder's files."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in _NOT_CONTENT:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            hashed.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return hashed.hexdigest()


def _refusal(why: str) -> StoreError:
    return StoreError(f"the model {why}: adopt it with `--trust` only if you know who made it.")
