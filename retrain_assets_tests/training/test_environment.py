"""The facts for which a model hash holds."""

import platform

import numpy as np

from retrain_assets import __version__
from retrain_assets.training.environment import code_version, libraries, threads


def test_versions_of_what_trained() -> None:
    versions = libraries("mlflow.pyfunc.Model")
    assert versions["python"] == platform.python_version()
    assert versions["numpy"] == np.__version__
    assert "mlflow" in versions
    assert "mlflow" not in libraries("sklearn.linear_model.Ridge")
    assert libraries("a_users_own.module.Model") == libraries()


def test_code_and_threads() -> None:
    assert __version__ in code_version()
    assert threads() >= 1
