"""One contract for every streaming detector; the charts keep the run length that was asked for."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.drift.detectors import Cusum, Detector, Ewma, RiverDetector, Standard


class TwoWindows:
    """A detector with river's interface: the mean of the last ten values against that of all before."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.drift_detected = False

    def update(self, x: float) -> None:
        self.values.append(x)
        late, early = self.values[-10:], self.values[:-10]
        self.drift_detected = len(early) >= 10 and bool(abs(np.mean(late) - np.mean(early)) > 2)

    def clone(self) -> "TwoWindows":
        return TwoWindows()


UNIT = Standard(0.0, 1.0)
MAKERS: dict[str, Callable[[], Detector]] = {
    "cusum": lambda: Cusum(UNIT, values_between_false_alarms=500),
    "ewma": lambda: Ewma(UNIT, values_between_false_alarms=500),
    "twowindows": lambda: RiverDetector(TwoWindows()),
}
every_detector = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
SERIES = st.lists(st.floats(-50, 50), max_size=60)


def alarms(detector: Detector, values: list[float]) -> list[int]:
    return [place for place, value in enumerate(values) if detector.update(value)]


@every_detector
def test_a_detector_is_what_the_protocol_says(make: Callable[[], Detector]) -> None:
    detector = make()
    assert isinstance(detector, Detector)
    assert MAKERS[detector.name] is make


@every_detector
@given(values=SERIES)
def test_the_same_numbers_alarm_at_the_same_places(make: Callable[[], Detector], values: list[float]) -> None:
    once = make()
    first = alarms(once, values)
    assert alarms(make(), values) == first
    once.reset()
    assert alarms(once, values) == first


@every_detector
@given(values=SERIES, places=st.lists(st.integers(0, 60), max_size=5))
def test_the_unknown_changes_nothing(make: Callable[[], Detector], values: list[float], places: list[int]) -> None:
    holed = list(values)
    for place, unknown in zip(places, (math.nan, math.inf, -math.inf, math.nan, math.nan), strict=False):
        holed.insert(min(place, len(holed)), unknown)
    kept = [place for place, value in enumerate(holed) if math.isfinite(value)]
    assert alarms(make(), holed) == [kept[place] for place in alarms(make(), values)]


@every_detector
@pytest.mark.parametrize("shift", [5.0, -5.0])
def test_a_large_lasting_shift_is_found_soon(make: Callable[[], Detector], shift: float) -> None:
    rng = np.random.default_rng(0)
    calm, moved = rng.normal(size=30), rng.normal(shift, 1, size=20)
    found = alarms(make(), [*calm, *moved])
    assert found
    assert 30 <= found[0] < 42


@every_detector
def test_an_alarm_begins_anew(make: Callable[[], Detector]) -> None:
    rng = np.random.default_rng(1)
    detector = make()
    values = [*rng.normal(size=30), *rng.normal(8, 1, size=20)]
    place = alarms(detector, values)[0]
    detector.reset()
    alarms(detector, values[: place + 1])
    rest = rng.normal(size=15).tolist()
    assert alarms(detector, rest) == alarms(make(), rest)


def runs(make: Callable[[float], Detector], wanted: float, *, values: int) -> float:
    """Mean number of values between two alarms on a stable series."""
    detector = make(wanted)
    series = np.random.default_rng(2).normal(size=values)
    return values / max(sum(detector.update(value) for value in series.tolist()), 1)


@pytest.mark.parametrize("wanted", [50.0, 300.0])
@pytest.mark.parametrize(
    "make",
    [
        lambda wanted: Cusum(UNIT, wanted),
        lambda wanted: Cusum(UNIT, wanted, allowance=0.25),
        lambda wanted: Ewma(UNIT, wanted),
        lambda wanted: Ewma(UNIT, wanted, weight=1.0),
        lambda wanted: Ewma(UNIT, wanted, weight=0.05),
    ],
    ids=["cusum", "cusum_small", "ewma", "shewhart", "ewma_slow"],
)
def test_charts_run_as_long_as_asked_for(make: Callable[[float], Detector], wanted: float) -> None:
    """Some 130 to 800 alarms in 40,000 values: three standard errors are at most a quarter."""
    assert runs(make, wanted, values=40_000) == pytest.approx(wanted, rel=0.27)


def test_a_chart_of_single_values_has_the_limit_of_the_normal_distribution() -> None:
    from scipy.stats import norm

    from retrain_assets.drift.detectors.run_length import ewma_limit

    assert ewma_limit(1.0, 370.4) == pytest.approx(norm.isf(0.5 / 370.4), abs=1e-3)


def test_cusum_limits_are_those_of_the_tables() -> None:
    """Montgomery, "Introduction to statistical quality control": k = 1/2 with h = 4 and 5 runs 168 and 465 values."""
    from retrain_assets.drift.detectors.run_length import cusum_limit

    assert cusum_limit(0.5, 168) == pytest.approx(4, abs=0.02)
    assert cusum_limit(0.5, 465) == pytest.approx(5, abs=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Standard.of([1.0]), "at least two past values"),
        (lambda: Standard.of([1.0, 1.0, math.nan]), "deviation > 0"),
        (lambda: Standard(math.nan, 1.0), "finite mean"),
        (lambda: Cusum(UNIT, 500, allowance=0), "allowance must be > 0"),
        (lambda: Ewma(UNIT, 500, weight=1.5), "weight must be above 0 and at most 1"),
        (lambda: Cusum(UNIT, 1), "values_between_false_alarms must be > 2"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
