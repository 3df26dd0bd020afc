"""What a model hash holds for: code, versions of the libraries, number of threads."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata

_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "skops", "cloudpickle")


def code_version() -> str:
    """Version of this package. The user's transform is in the bundle by its text."""
    return f"retrain_assets {metadata.version('retrain_assets')}"


@cache
def _version(distribution: str) -> str:
    return metadata.version(distribution)


def libraries(estimator_class: str | None = None) -> dict[str, str]:
    """Versions of Python, of the libraries that training rests on, and of the one that the estimator comes from.

    Args:
        estimator_class: Import path of the estimator.
    """
    names = list(_LIBRARIES)
    package = (estimator_class or "sklearn").partition(":")[0].partition(".")[0]
    if package != "sklearn":
        names += metadata.packages_distributions().get(package, [])  # none for a module of the user's own
    installed = {name: _version(name) for name in dict.fromkeys(names)}
    return {"python": platform.python_version(), **installed}


def threads() -> int:
    """Threads that OpenMP gives to an estimator; 1 where no OpenMP is loaded."""
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"), default=1)
