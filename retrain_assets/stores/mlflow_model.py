"""What makes a folder with a serialized pipeline a model of MLflow's scikit-learn flavour."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

import yaml

from retrain_assets.stores.mlflow_signature import signature_of
from retrain_assets.stores.model_files import Serialized
from retrain_assets.training.bundle import ModelBundle

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

_CONDA, _VIRTUALENV, _REQUIREMENTS = "conda.yaml", "python_env.yaml", "requirements.txt"
_BUILD = ("pip", "setuptools", "wheel")


def flavour_files(bundle: ModelBundle, model: Serialized, *, run_id: str, logged: LoggedModel) -> dict[str, bytes]:
    """The files beside the pipeline's own from which MLflow's loaders and servers know how to read it.

    `mlflow.sklearn.save_model` would serialize the pipeline once more, load it to see whether that can be done, and
    compare the requirements with what is installed: here the pipeline is serialized already, the version is proven
    after it was registered, and the requirements are those of this process.
    """
    requirements = _requirements(bundle)
    return {
        "MLmodel": _mlmodel(bundle, model, run_id=run_id, logged=logged).encode(),
        _REQUIREMENTS: "\n".join(requirements).encode(),
        _CONDA: _yaml(_conda(requirements)),
        _VIRTUALENV: _yaml(_virtualenv()),
    }


def _mlmodel(bundle: ModelBundle, model: Serialized, *, run_id: str, logged: LoggedModel) -> str:
    import mlflow.pyfunc
    import sklearn
    from mlflow.models import Model

    described = Model(
        run_id=run_id,
        model_id=logged.model_id,
        artifact_path=logged.artifact_location,
        signature=signature_of(bundle.pipeline),
        model_size_bytes=len(model.content),
    )
    mlflow.pyfunc.add_to_model(
        described,
        loader_module="mlflow.sklearn",
        model_path=model.name,
        conda_env=_CONDA,
        python_env=_VIRTUALENV,
        predict_fn="predict",
    )
    described.add_flavor(
        "sklearn",
        pickled_model=model.name,
        sklearn_version=sklearn.__version__,
        serialization_format=model.format,
        code=None,
        skops_trusted_types=list(model.trusted) if model.format == "skops" else None,
    )
    return described.to_yaml()


def _requirements(bundle: ModelBundle) -> list[str]:
    from mlflow import __version__ as mlflow_version

    libraries = {name: version for name, version in bundle.manifest.libraries.items() if name != "python"}
    pinned = [f"{name}=={version}" for name, version in sorted(libraries.items())]
    return [f"mlflow=={mlflow_version}", "retrain_assets", *pinned]


def _conda(requirements: list[str]) -> dict[str, Any]:
    return {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={platform.python_version()}", "pip", {"pip": requirements}],
    }


def _virtualenv() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "build_dependencies": [_pinned(package) for package in _BUILD],
        "dependencies": [f"-r {_REQUIREMENTS}"],
    }


def _pinned(package: str) -> str:
    try:
        return f"{package}=={metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


def _yaml(value: dict[str, Any]) -> bytes:
    return yaml.safe_dump(value, sort_keys=False).encode()
