"""Over time: a declared number of false alarms, small changes found by their evidence, one alarm for one cause."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import Monitor, prepare
from retrain_assets.drift.detect import detect_drift
from retrain_assets.drift.evidence_limit import ALLOWANCE, EvidenceLimit
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.levels import settings_of
from retrain_assets.drift.report import DriftReport
from retrain_assets.spec import DriftSpec


def day(rng: np.random.Generator, *, shift: float = 0.0, columns: int = 4, wander: float = 0.1) -> TableProfile:
    level = wander * rng.normal(size=columns)
    level[0] += shift
    return profile_table(pd.DataFrame(rng.normal(size=(250, columns)) + level, columns=list("abcdefgh")[:columns]))


@pytest.mark.parametrize(("rate", "most"), [(2.0, 8), (0.5, 4)])
def test_a_stable_year_alarms_about_as_often_as_declared(rate: float, most: int) -> None:
    """Two years: of a Poisson number with the declared mean more than `most` has a probability below 0.025."""
    alarms = 0
    for seed in range(2):
        rng = np.random.default_rng(seed)
        monitor = Monitor([day(rng) for _ in range(20)], checks_per_year=120, false_alarms_per_year=rate)
        alarms += sum(monitor.check(day(rng)).alarm for _ in range(120))
    assert alarms <= most


@pytest.mark.parametrize("batches", [1, 3, 4])
def test_too_few_reference_batches_are_unknown_and_alarm_nobody(batches: int) -> None:
    rng = np.random.default_rng(0)
    monitor = Monitor([day(rng) for _ in range(batches)], checks_per_year=40, false_alarms_per_year=0.11)
    checks = [monitor.check(day(rng, shift=shift)) for shift in (0.0, 0.0, 3.0)]
    assert {(check.drifted, check.alarm) for check in checks} == {(None, False)}
    assert checks[0].reason.startswith(f"{batches} reference batch")
    assert checks[0].basis.significance == "rows"


def test_a_check_says_its_reason_and_its_basis() -> None:
    rng = np.random.default_rng(5)
    monitor = Monitor([day(rng) for _ in range(20)], checks_per_year=365)
    calm, moved, small = (
        monitor.check(window) for window in (day(rng), day(rng, shift=3.0), profile_table(pd.DataFrame({"a": [1.0]})))
    )
    assert calm.reason.startswith("0 of 4 columns drifted; measured against how much 20 reference batches differ")
    assert moved.reason.startswith("1 of 4 columns drifted (a); measured against")
    assert small.reason == "the window has 1 row, fewer than min_rows = 30"
    assert (calm.basis.significance, calm.basis.batches) == ("batches", 20)


def test_evidence_finds_what_no_single_check_shows() -> None:
    rng = np.random.default_rng(4)
    monitor = Monitor([day(rng) for _ in range(40)], checks_per_year=365)
    checks = [monitor.check(day(rng, shift=0.25)) for _ in range(25)]
    assert sum(check.alarm for check in checks) == 1
    first = next(place for place, check in enumerate(checks) if check.alarm)
    assert 0 < first < 30
    assert "the evidence of this and earlier checks" in checks[first].columns["a"].reason
    assert (checks[first].columns["a"].adjusted_p_value or 0) > 1 / 365 / 2
    assert checks[first].columns["b"].verdict == "stable"


def test_one_cause_alarms_once_and_a_second_one_again() -> None:
    rng = np.random.default_rng(5)
    monitor = Monitor([day(rng) for _ in range(20)], checks_per_year=365)
    moved = [monitor.check(day(rng, shift=3.0)).alarm for _ in range(4)]
    calm = [monitor.check(day(rng)) for _ in range(25)]
    again = [monitor.check(day(rng, shift=3.0)).alarm for _ in range(2)]
    assert (moved, again) == ([True, False, False, False], [True, False])
    assert calm[-1].drifted is False


@pytest.mark.parametrize("distance", ["psi", "wasserstein"])
def test_a_shift_alarms_once_whatever_its_distance_does_from_day_to_day(distance: str) -> None:
    """Levels of days differ by .2: the distance of a day is now and then a third of that of others."""
    rng = np.random.default_rng(0)
    days = [day(rng, wander=0.2) for _ in range(30)]
    monitor = Monitor(days, checks_per_year=365, options={"distance": distance})
    assert sum(monitor.check(day(rng, shift=0.6, wander=0.2)).alarm for _ in range(60)) == 1


def test_another_column_that_is_clear_at_once_alarms_while_what_lasts_is_calm() -> None:
    rng = np.random.default_rng(5)
    monitor = Monitor([day(rng) for _ in range(30)], checks_per_year=365)
    for _ in range(15):
        monitor.check(day(rng, shift=0.3))
    assert [monitor.check(day(rng)).drifted for _ in range(4)][-1] is True, "the first column lasts"
    alarms = [monitor.check(with_second_for_first(day(rng, shift=3.0))).alarm for _ in range(8)]
    assert sum(alarms) == 1


def with_second_for_first(window: TableProfile) -> TableProfile:
    """The first two columns under each other's name: what has moved is the second one."""
    first, second, *others = window.columns
    return replace(window, columns=(replace(second, name=first.name), replace(first, name=second.name), *others))


def test_a_window_that_is_too_small_is_unknown_and_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    reference = [day(rng) for _ in range(20)]
    plain, interrupted = (Monitor(reference, checks_per_year=365) for _ in range(2))
    today, tomorrow = day(rng, shift=0.2), day(rng, shift=0.2)
    plain.check(today)
    interrupted.check(today)
    assert interrupted.check(profile_table(pd.DataFrame({"a": [1.0]}))).drifted is None
    assert interrupted.check(tomorrow) == plain.check(tomorrow)


@pytest.mark.parametrize("batches", [5, 10, 30, 200])
@pytest.mark.parametrize("rate", [0.5, 4.0])
def test_the_limit_gives_its_part_of_the_declared_rate(batches: int, rate: float) -> None:
    """Simulated with other random numbers, from the values of batches on: mean and deviation are estimated anew."""
    from scipy.special import ndtri, stdtr

    columns, checks, years = 10, 52, 4000
    limit = EvidenceLimit(columns=columns, batches=batches, checks_per_year=checks, false_alarms_per_year=rate).value
    rng = np.random.default_rng(batches)
    reference = rng.normal(size=(years, batches))
    centre, spread = reference.mean(axis=1), reference.std(axis=1, ddof=1) * np.sqrt(1 + 1 / batches)
    evidence, alarmed = np.zeros(years), np.zeros(years, dtype=bool)
    for _ in range(checks):
        p = 2 * stdtr(batches - 1, -np.abs(rng.normal(size=years) - centre) / spread)
        evidence = np.maximum(evidence + np.clip(-ndtri(p), -6, 6) - ALLOWANCE, 0)
        alarmed |= evidence >= limit
    expected = rate / 2 / columns
    assert alarmed.mean() == pytest.approx(expected, rel=0.25, abs=0.004)


def test_the_limit_grows_with_what_is_watched_and_falls_with_what_is_allowed() -> None:
    def limit(columns: int, batches: int = 30, rate: float = 1) -> float:
        of = {"columns": columns, "batches": batches, "false_alarms_per_year": rate}
        return EvidenceLimit(checks_per_year=52, **of).value  # pyright: ignore[reportArgumentType]

    few, many, lax, vague = limit(5), limit(500), limit(5, rate=10), limit(5, batches=6)
    assert lax < few < many
    assert few < vague


def detected(
    current: TableProfile, reference: list[TableProfile], previous: DriftReport | None, version: int = 4
) -> DriftReport:
    return detect_drift(
        model="m", batch="b", champion_version=version, current=current, reference=reference, checks_per_year=52,
        spec=DriftSpec(effect_floor=0.01, min_rows=50), previous=previous,
    )  # fmt: skip


def test_the_platforms_report_carries_evidence_on_and_leaves_it_with_the_champion() -> None:
    rng = np.random.default_rng(7)
    reference = [day(rng) for _ in range(30)]
    report: DriftReport | None = None
    verdicts = []
    for _ in range(25):
        report = detected(day(rng, shift=0.3), reference, report)
        report = DriftReport.from_frame(report.to_frame())  # as the next batch reads it
        verdicts.append(report.verdict)
    assert verdicts[0] == "stable"
    assert "drift" in verdicts
    assert report is not None
    assert report.evidence["a"] > 0
    alone = detected(day(np.random.default_rng(8)), reference, None)
    assert detected(day(np.random.default_rng(8)), reference, report, version=5).evidence == alone.evidence
    assert detected(day(np.random.default_rng(8)), reference, report).evidence != alone.evidence


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_lasting_shift_is_one_stretch_of_drift_in_the_platforms_reports(seed: int) -> None:
    """So it is one episode: a green batch in between would end it, and the next one alarm again."""
    rng = np.random.default_rng(seed)
    spec = DriftSpec()
    batches = [day(rng, wander=0.2) for _ in range(30)]
    reference = FittedReference(batches, settings_of(spec, 365))
    report: DriftReport | None = None
    drifted: list[bool] = []
    for place in range(60):
        report = detect_drift(
            model="m", batch=f"{place:03}", champion_version=1, current=day(rng, shift=0.5, wander=0.2),
            reference=reference, spec=spec, checks_per_year=365, previous=report,
        )  # fmt: skip
        drifted.append(report.verdict == "drift")
    assert drifted[-1]
    assert np.diff(np.array(drifted).astype(int)).clip(0).sum() + drifted[0] == 1


def test_what_cannot_be_compared_is_unknown_and_changes_nothing() -> None:
    days = [profile_table(pd.DataFrame({"x": np.random.default_rng(seed).normal(size=100)})) for seed in range(12)]
    texts = profile_table(pd.DataFrame({"x": ["a"] * 100}))
    few = Monitor([profile_table(pd.DataFrame({"x": [1.0] * 5}))], checks_per_year=365)
    assert [Monitor([], checks_per_year=365).check(days[0]).drifted, few.check(days[0]).drifted] == [None, None]
    monitor = Monitor(days[:10], checks_per_year=365)
    moved = profile_table(pd.DataFrame({"x": np.random.default_rng(20).normal(2, 1, size=100)}))
    checks = [monitor.check(window) for window in (texts, moved, texts, moved)]
    assert [(check.drifted, check.alarm) for check in checks] == [
        (None, False), (True, True), (None, False), (True, False)
    ]  # fmt: skip
    assert checks[0].columns["x"].verdict == "unknown"


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"checks_per_year": 0}, ValueError, "checks_per_year must be above 0"),
        ({"false_alarms_per_year": float("nan")}, ValueError, "false_alarms_per_year must be above 0"),
        (
            {"reference": pd.DataFrame({"x": [1.0]})},
            TypeError,
            "must be the TableProfile of each batch, .*DataFrame.: of rows",
        ),
        ({"reference": {"a": 1}}, TypeError, "got dict"),
        ({"options": {"effect_floor": 2}}, ValueError, "effect_floor must be at most 1, .*no column could ever drift"),
    ],
)
def test_what_a_monitor_cannot_watch_is_refused(options: dict[str, Any], error: type[Exception], said: str) -> None:
    given: dict[str, Any] = {"reference": [], "checks_per_year": 12, **options}
    with pytest.raises(error, match=said):
        Monitor(**given)


def test_a_reference_is_a_list_a_dict_or_prepared() -> None:
    rng = np.random.default_rng(3)
    days, window = {str(place): day(rng) for place in range(10)}, day(rng, shift=1)
    checks = [Monitor(given, 365).check(window) for given in (list(days.values()), days, prepare(days))]
    assert checks[0].drifted
    assert checks[0] == checks[1] == checks[2]
    assert Monitor({}, 365).check(window).reason == "the reference has 0 rows, fewer than min_rows = 30"


def of_text(profile: TableProfile, name: str = "a") -> TableProfile:
    """The same window with texts in one column: it cannot be compared."""
    texts = profile_table(pd.DataFrame({name: ["text"] * profile.rows})).columns[0]
    return replace(profile, columns=tuple(texts if column.name == name else column for column in profile.columns))


def test_what_a_column_adds_up_to_outlasts_windows_in_which_it_is_unknown() -> None:
    rng = np.random.default_rng(4)
    reference, windows = [day(rng) for _ in range(40)], [day(rng, shift=0.25) for _ in range(25)]
    plain, interrupted = (Monitor(reference, checks_per_year=365) for _ in range(2))
    for window in windows:
        before = plain.check(window).columns["a"]
        after = interrupted.check(window).columns["a"]
        assert (after.evidence, after.verdict) == (before.evidence, before.verdict)
        unknown = interrupted.check(of_text(window))
        assert (unknown.columns["a"].verdict, unknown.columns["a"].evidence) == ("unknown", before.evidence)
        assert unknown.alarm is False
    assert interrupted.check(windows[0]).columns["a"].verdict == "drift"


def test_an_alarm_does_not_repeat_behind_an_unknown_window_and_is_not_held_open_for_ever() -> None:
    rng = np.random.default_rng(5)
    monitor = Monitor([day(rng) for _ in range(20)], checks_per_year=365)
    moved, odd = day(rng, shift=3.0), of_text(day(rng))
    assert [monitor.check(window).alarm for window in (moved, odd, moved)] == [True, False, False]
    for _ in range(31):
        monitor.check(of_text(day(rng)))
    assert monitor.check(moved).alarm is True


def test_the_platforms_report_carries_evidence_over_a_batch_in_which_a_column_is_unknown() -> None:
    rng = np.random.default_rng(7)
    reference = [day(rng) for _ in range(30)]
    first = detected(day(rng, shift=0.5), reference, None)
    unknown = DriftReport.from_frame(detected(of_text(day(rng)), reference, first).to_frame())
    column = next(column for column in unknown.columns if column.name == "a")
    assert (column.verdict, column.evidence) == ("unknown", first.evidence["a"])
    assert first.evidence["a"] > 0
    last = day(rng, shift=0.5)
    assert detected(last, reference, unknown).evidence["a"] == detected(last, reference, first).evidence["a"]


def of_lengths(rng: np.random.Generator, *, longer: int = 0, empty: bool = False) -> TableProfile:
    """A column without texts in one window has no lengths there."""
    texts = [
        None if empty else f"{rng.integers(10**15)}" + "x" * int(size) for size in rng.integers(0, 20, 250) + longer
    ]
    return profile_table(pd.DataFrame({"x": rng.normal(size=250), "t": texts}))


def test_lengths_of_texts_keep_their_evidence_over_a_window_without_texts() -> None:
    rng = np.random.default_rng(9)
    reference = [of_lengths(rng) for _ in range(30)]
    first, empty, last = of_lengths(rng, longer=1), of_lengths(rng, empty=True), of_lengths(rng, longer=1)
    assert "t (length)" not in empty
    plain, interrupted = (Monitor(reference, checks_per_year=365) for _ in range(2))
    expected = [plain.check(window).columns["t (length)"].evidence for window in (first, last)][-1]
    assert (interrupted.check(first).columns["t (length)"].evidence or 0) > 0
    interrupted.check(empty)
    assert interrupted.check(last).columns["t (length)"].evidence == expected
    # So do those of the platform's report.
    before = detected(first, reference, None)
    between = DriftReport.from_frame(detected(empty, reference, before).to_frame())
    row = next(column for column in between.columns if column.name == "t (length)")
    assert (row.verdict, row.evidence, row.score) == ("unknown", before.evidence["t (length)"], None)
    assert row.reason == "the batch has nothing of it"
    following = [detected(last, reference, previous).evidence["t (length)"] for previous in (before, between)]
    assert following[0] == following[1]


def test_lengths_that_are_not_there_any_more_are_forgotten() -> None:
    rng = np.random.default_rng(9)
    monitor = Monitor([of_lengths(rng) for _ in range(30)], checks_per_year=365)
    last = of_lengths(rng, longer=1)
    alone = monitor.check(last).columns["t (length)"].evidence
    for _ in range(31):
        monitor.check(of_lengths(rng, empty=True))
    assert monitor.check(last).columns["t (length)"].evidence == alone
