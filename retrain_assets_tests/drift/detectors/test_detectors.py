"""One contract for every streaming detector; the charts keep the run length that was asked for."""

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.drift import plugged
from retrain_assets.drift.contracts import check_detector
from retrain_assets.drift.detectors import (
    Adwin,
    Cusum,
    Ddm,
    Detector,
    Ewma,
    PageHinkley,
    RiverDetector,
    Standard,
    UpperCusum,
    any_alarm,
    make_detector,
    registry,
)
from retrain_assets.drift.detectors.run_length import cusum_limit


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the family.

    `scaled` puts numbers that are standard normal while all is well on the scale that the detector watches; it finds a
    shift after `calm` values `within` so many, one of the level that falls only where it looks both ways.
    """

    make: Callable[[], Detector]
    calm: int = 30
    within: int = 12
    falls: bool = True
    scaled: Callable[[float], float] = field(default=float)
    keeps_newer: bool = False


def share(value: float) -> float:
    """A number in [0, 1], like 1 - the probability of the true class."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))


UNIT = Standard(0.0, 1.0)
MEMBERS: dict[str, Member] = {
    "cusum": Member(make=lambda: Cusum(UNIT, values_between_false_alarms=500)),
    "ewma": Member(make=lambda: Ewma(UNIT, values_between_false_alarms=500)),
    "twowindows": Member(make=lambda: RiverDetector(TwoWindows())),
    "upper_cusum": Member(make=lambda: UpperCusum(slack=0.5, limit=8.0), falls=False),
    "page_hinkley": Member(make=lambda: PageHinkley(slack=0.5, limit=20.0), falls=False),
    "ddm": Member(make=lambda: Ddm(level=6.0), calm=200, within=60, falls=False, scaled=lambda value: float(value > 1)),
    "adwin": Member(make=Adwin, calm=320, within=120, falls=False, scaled=share, keeps_newer=True),
}
every_detector = pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS.keys())
SERIES = st.lists(st.floats(-50, 50), max_size=60)


def alarms(detector: Detector, values: Iterable[float]) -> list[int]:
    return [place for place, value in enumerate(values) if detector.update(value)]


def on_scale(member: Member, values: Iterable[float]) -> list[float]:
    return [member.scaled(value) if math.isfinite(value) else value for value in values]


@every_detector
def test_a_detector_is_what_the_protocol_says(member: Member) -> None:
    detector = member.make()
    assert isinstance(detector, Detector)
    assert MEMBERS[detector.name] is member


@every_detector
def test_a_detector_keeps_what_those_of_users_are_held_to(member: Member) -> None:
    check_detector(member.make, scaled=member.scaled)


def test_a_detector_is_found_by_its_name_an_import_path_or_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(registry.DETECTORS) | {"twowindows"} == set(MEMBERS)
    assert make_detector("cusum", UNIT, values_between_false_alarms=500).name == "cusum"
    path = f"{__name__}:TwoWindows"
    point = EntryPoint(name="two", value=path, group=registry.GROUP)
    monkeypatch.setattr(plugged, "entry_points", lambda group: (point,) if group == registry.GROUP else ())
    for name in (path, "two"):
        check_detector(lambda name=name: make_detector(name))
    with pytest.raises(ValueError, match=r"detector must be one of cusum, .*, two, or an import path.* 'adwin'\?"):
        make_detector("adwinn")
    with pytest.raises(TypeError, match=r"must have name, update and reset .it is Member, without name, update, reset"):
        make_detector(f"{__name__}:Member", make=Adwin)
    with pytest.raises(TypeError, match="must be a class or a function that makes one"):
        make_detector(f"{__name__}:UNIT")
    with pytest.raises(TypeError, match=r"detector '.*:TwoWindows' cannot be made: .*depth"):
        make_detector(path, depth=3)
    with pytest.raises(TypeError, match=r"detector 'adwin' cannot be made: .* \(it takes delta, clock\)"):
        make_detector("adwin", UNIT)


@every_detector
def test_what_is_no_number_is_refused(member: Member) -> None:
    text: Any = "a"
    with pytest.raises(TypeError, match=r"each value must be a number, or None where it is unknown \(got 'a'\)"):
        member.make().update(text)


def test_a_standard_is_of_numbers() -> None:
    text: Any = "abc"
    with pytest.raises(TypeError, match=r"each value must be a number, .* \(got 'a'\)"):
        Standard.of(text)


class Seventh:
    """Alarms at every seventh value above three."""

    name = "seventh"

    def __init__(self) -> None:
        self.count = 0

    def update(self, value: float) -> bool:
        self.count += math.isfinite(value) and value > 3
        return math.isfinite(value) and value > 3 and self.count % 7 == 0

    def reset(self) -> None:
        self.count = 0


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"reset": lambda self: None}, "forget all it has seen by a reset"),
        ({"update": lambda self, value: False}, "alarm after a shift by five deviations"),
        ({"update": lambda self, value: not math.isfinite(value)}, "let what is unknown change nothing"),
        ({"update": lambda self, value: random.random() < 0.1}, "alarm at the same places"),
        ({"update": lambda self, value: math.isfinite(value)}, "stay quiet at nine of ten values of a series"),
        ({"name": ""}, "have name, update and reset"),
    ],
)
def test_a_broken_promise_of_a_detector_is_named(broken: dict[str, object], said: str) -> None:
    check_detector(Seventh)
    with pytest.raises(AssertionError, match=said):
        check_detector(type("Broken", (Seventh,), broken))


@every_detector
@given(values=SERIES)
def test_the_same_numbers_alarm_at_the_same_places(member: Member, values: list[float]) -> None:
    values = on_scale(member, values)
    once = member.make()
    first = alarms(once, values)
    assert alarms(member.make(), values) == first
    once.reset()
    assert alarms(once, values) == first
    assert any_alarm(member.make(), values) is bool(first)


@every_detector
@given(values=SERIES, places=st.lists(st.integers(0, 60), max_size=5))
def test_the_unknown_changes_nothing(member: Member, values: list[float], places: list[int]) -> None:
    values = on_scale(member, values)
    holed = list(values)
    for place, unknown in zip(places, (math.nan, math.inf, -math.inf, math.nan, math.nan), strict=False):
        holed.insert(min(place, len(holed)), unknown)
    kept = [place for place, value in enumerate(holed) if math.isfinite(value)]
    assert alarms(member.make(), holed) == [kept[place] for place in alarms(member.make(), values)]


@every_detector
@pytest.mark.parametrize("shift", [5.0, -5.0])
def test_a_large_lasting_shift_is_found_soon_and_no_fall_where_only_a_rise_is_watched(
    member: Member, shift: float
) -> None:
    rng = np.random.default_rng(0)
    calm, moved = rng.normal(size=member.calm), rng.normal(shift, 1, size=2 * member.within)
    found = alarms(member.make(), on_scale(member, [*calm, *moved]))
    if shift < 0 and not member.falls:
        assert found == []
    else:
        assert found
        assert member.calm <= found[0] < member.calm + member.within


@every_detector
def test_an_alarm_begins_anew(member: Member) -> None:
    rng = np.random.default_rng(1)
    detector = member.make()
    values = on_scale(member, [*rng.normal(size=member.calm), *rng.normal(8, 1, size=2 * member.within)])
    place = alarms(detector, values)[0]
    detector.reset()
    alarms(detector, values[: place + 1])
    rest = on_scale(member, rng.normal(size=15))
    assert member.keeps_newer or alarms(detector, rest) == alarms(member.make(), rest)


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


@pytest.mark.parametrize("past", [2, 10, 50])
@pytest.mark.parametrize("chart", [Cusum, Ewma])
def test_charts_of_a_short_past_run_as_long_as_asked_for(chart: Callable[..., Detector], past: int) -> None:
    """Some 600 alarms: three standard errors are an eighth. Taken for known, ten past values make twice as many."""
    rng = np.random.default_rng(past)
    wanted, series, values = 50.0, 100, 300
    found = sum(
        len(alarms(chart(Standard.of(rng.normal(7, 3, size=past)), wanted), rng.normal(7, 3, size=values).tolist()))
        for _ in range(series)
    )
    assert series * values / found == pytest.approx(wanted, rel=0.15)


@pytest.mark.parametrize("chart", [Cusum, Ewma])
def test_a_chart_of_a_short_past_finds_shifts_and_keeps_its_promises(
    chart: Callable[..., Detector],
) -> None:
    rng = np.random.default_rng(3)
    check_detector(lambda: chart(Standard.of([-1.0, 0.5, 0.0, 0.2, 1.1, -0.6]), 365))
    delays: list[int] = []
    for _ in range(60):
        made = chart(Standard.of(rng.normal(size=20)), 365)
        alarms(made, rng.normal(size=10))
        delays.append((alarms(made, rng.normal(2, 1, size=60)) or [60])[0] + 1)
    assert np.median(delays) <= 5
    # A value far out is learnt as a less odd one, so that it does not hide the shift that follows it.
    made = chart(Standard.of(rng.normal(size=20)), 365)
    alarms(made, [1e9])
    assert (alarms(made, rng.normal(3, 1, size=30)) or [30])[0] < 8


def test_a_known_standard_stays_as_it_is() -> None:
    """Learnt by and by, a shift of one deviation would not alarm a hundred times over."""
    chart = Cusum(Standard(0.0, 1.0), 365)
    assert len(alarms(chart, [1.0] * 1000)) == 1000 // math.ceil(cusum_limit(0.5, 365) / 0.5)


def test_a_chart_of_single_values_has_the_limit_of_the_normal_distribution() -> None:
    from scipy.stats import norm

    from retrain_assets.drift.detectors.run_length import ewma_limit

    assert ewma_limit(1.0, 370.4) == pytest.approx(norm.isf(0.5 / 370.4), abs=1e-3)


def test_cusum_limits_are_those_of_the_tables() -> None:
    """Montgomery, "Introduction to statistical quality control": k = 1/2 with h = 4 and 5 runs 168 and 465 values."""
    assert cusum_limit(0.5, 168) == pytest.approx(4, abs=0.02)
    assert cusum_limit(0.5, 465) == pytest.approx(5, abs=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Standard.of([1.0]), "at least two past values"),
        (lambda: Standard.of([1.0, 1.0, math.nan]), "deviation > 0"),
        (lambda: Standard(math.nan, 1.0), "finite mean"),
        (lambda: Standard(0.0, 1.0, 1), "at least two past values .got 1., or None: it is known"),
        # What an untyped caller may have computed.
        (
            lambda: Standard(0.0, 1.0, math.nan),  # pyright: ignore[reportArgumentType] - it is no int, and refused
            "at least two past values .got nan., or None: it is known",
        ),
        (lambda: Cusum(UNIT, 500, allowance=0), "allowance must be > 0"),
        (lambda: Ewma(UNIT, 500, weight=1.5), "weight must be above 0 and at most 1"),
        (lambda: UpperCusum(limit=0), "limit must be > 0"),
        (lambda: PageHinkley(limit=0), "limit must be > 0"),
        (lambda: Ddm(level=0), "level must be > 0"),
        (lambda: Ddm().update(2.0), "an error must be 0 or 1"),
        (lambda: Adwin(delta=1), "delta must be between 0 and 1"),
        (lambda: Adwin().update(-0.1), "a value must lie between 0 and 1"),
        (lambda: Cusum(UNIT, 1), "values_between_false_alarms must be > 2"),
        (lambda: Cusum(UNIT, math.inf), "must be > 2 and at most 1e.12 .got inf"),
        (lambda: Ewma(UNIT, 1e18), "must be > 2 and at most 1e.12 .got 1e.18"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
