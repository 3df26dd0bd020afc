"""The detectors of the package river keep our contract behind the adapter."""

from typing import Any

import pytest
from river import drift

from retrain_assets.drift.contracts import check_detector
from retrain_assets.drift.detectors import RiverDetector, make_detector


def errors(value: float) -> float:
    """Zeros and ones, as rates of errors are watched."""
    return float(value > 1)


@pytest.mark.parametrize(
    ("path", "settings", "scaled"),
    [
        ("river.drift:ADWIN", {}, float),
        ("river.drift:PageHinkley", {}, float),
        ("river.drift:KSWIN", {"seed": 0}, float),
        ("river.drift.binary:DDM", {}, errors),
        ("river.drift.binary:EDDM", {}, errors),
        ("river.drift.binary:HDDMA", {}, errors),
        ("river.drift.binary:HDDMW", {}, errors),
    ],
)
def test_a_detector_of_river_keeps_what_ours_are_held_to(path: str, settings: dict[str, Any], scaled: Any) -> None:
    assert make_detector(path, **settings).name == path.rpartition(":")[2].lower()
    check_detector(lambda: make_detector(path, **settings), scaled=scaled)


@pytest.mark.parametrize(("given", "got"), [(3, "got int"), (drift.ADWIN, "got <class '.*ADWIN'>")])
def test_what_is_no_detector_of_river_is_refused(given: Any, got: str) -> None:
    with pytest.raises(TypeError, match=rf"must be one of river, as drift.ADWIN\(\) after .* \({got}\)"):
        RiverDetector(given)
