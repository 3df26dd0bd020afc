"""What a model hash holds for: the versions of the libraries and the number of threads."""

from __future__ import annotations

import platform
from importlib import metadata

_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "skops", "cloudpickle")


def library_versions(estimator_class: str | None = None) -> dict[str, str]:
    """Versions of Python, of the libraries that training rests on, and of the one that the estimator comes from.

    Args:
        estimator_class: Import path of the estimator.
    """
    names = dict.fromkeys(_LIBRARIES)
    if estimator_class is not None:
        package = estimator_class.partition(".")[0].partition(":")[0]
        names |= dict.fromkeys(metadata.packages_distributions().get(package, [])) if package != "sklearn" else {}
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an own module, or an optional library that is not there
    return versions


def thread_count() -> int:
    """Threads that OpenMP gives to an estimator; 1 where no OpenMP is loaded."""
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"), default=1)
