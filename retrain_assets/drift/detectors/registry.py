"""Detectors by name: the built-in ones, those of other packages, and those of `river`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from retrain_assets.drift.detectors.adwin import Adwin
from retrain_assets.drift.detectors.cusum import Cusum
from retrain_assets.drift.detectors.ddm import Ddm
from retrain_assets.drift.detectors.detector import Detector
from retrain_assets.drift.detectors.ewma import Ewma
from retrain_assets.drift.detectors.page_hinkley import PageHinkley
from retrain_assets.drift.detectors.river import RiverDetector
from retrain_assets.drift.detectors.upper_cusum import UpperCusum
from retrain_assets.drift.plugged import find_plugged

GROUP = "retrain_assets.detectors"
"""Entry points of this group are classes of detectors, or functions that make one."""

DETECTORS: Mapping[str, Callable[..., Detector]] = {
    "cusum": Cusum,
    "ewma": Ewma,
    "upper_cusum": UpperCusum,
    "page_hinkley": PageHinkley,
    "ddm": Ddm,
    "adwin": Adwin,
}


def make_detector(name: str, *args: Any, **settings: Any) -> Detector:
    """A fresh detector: built in, of an entry point of the group `GROUP`, or of an import path `module:Class`.

    One of `river` (`"river.drift:ADWIN"`) is put behind the protocol of ours.

    Raises:
        ValueError: there is no such detector, or it refuses its settings.
        TypeError: what is there is none, or takes other settings.

    >>> make_detector("page_hinkley", slack=0.5, limit=20.0).name
    'page_hinkley'
    """
    found: Any = DETECTORS.get(name) or find_plugged(name, what="detector", group=GROUP, built_in=DETECTORS)
    if not callable(found):
        raise TypeError(f"detector {name!r} must be a class or a function that makes one (it is {found!r})")
    try:
        made: Any = found(*args, **settings)
    except TypeError as error:
        takes = f" (it takes {', '.join(signature(found).parameters)})" if name in DETECTORS else ""
        raise TypeError(f"detector {name!r} cannot be made: {error}{takes}") from error
    if hasattr(made, "drift_detected") and hasattr(made, "clone"):
        return RiverDetector(made)
    if not isinstance(made, Detector):
        lacking = [part for part in ("name", "update", "reset") if not hasattr(made, part)]
        raise TypeError(
            f"detector {name!r} must have name, update and reset (it is {type(made).__name__}, without "
            f"{', '.join(lacking)})"
        )
    return made
