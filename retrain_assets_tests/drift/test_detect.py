"""What counts as drift: floor and significance together, by column and for the table, each with its own reason."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift.conclusion import deciding_columns
from retrain_assets.drift.detect import detect_drift
from retrain_assets.drift.report import DriftReport
from retrain_assets.drift.wording import describe
from retrain_assets.spec import DriftSpec


def report(current: pd.DataFrame, reference: pd.DataFrame | None, **declared: object) -> DriftReport:
    return detect_drift(
        model="m",
        batch="2013-03-05",
        champion_version=4,
        current=profile_table(current),
        reference=None if reference is None else [profile_table(reference)],
        spec=DriftSpec.model_validate(declared),
        checks_per_year=52,
    )


def table(rows: int, *, seed: int = 0, columns: int = 5, shift: float = 0.0, moved: int = 0) -> pd.DataFrame:
    """Independent columns of several shapes; the first `moved` of them shifted by so many deviations."""
    rng = np.random.default_rng(seed)
    shapes = [
        lambda: rng.normal(20, 3, rows),
        lambda: rng.lognormal(0, 1, rows),
        lambda: rng.choice(list("aaabbcd"), rows),
        lambda: rng.poisson(3, rows).astype(float),
        lambda: np.where(rng.random(rows) < 0.2, np.nan, rng.normal(1015, 7, rows).round(1)),
    ]
    frame = pd.DataFrame({f"c{i}": shapes[i % len(shapes)]() for i in range(columns)})
    for name in frame.columns[:moved]:
        frame[name] = frame[name] + shift * frame[name].std()
    return frame


def test_without_a_champion_drift_is_not_applicable() -> None:
    found = detect_drift(
        model="m", batch="b", champion_version=None, current=profile_table(table(300)), reference=None,
        spec=DriftSpec(), checks_per_year=52,
    )  # fmt: skip
    assert (found.verdict, found.columns, found.score) == ("not_applicable", (), None)
    assert "bootstrapping" in found.reason


def test_without_a_reference_drift_is_unknown() -> None:
    found = detect_drift(
        model="m", batch="b", champion_version=4, current=profile_table(table(300)), reference=None,
        spec=DriftSpec(reference="same_season"), checks_per_year=52,
    )  # fmt: skip
    assert found.verdict == "unknown"
    assert found.reason == "the same_season reference of v4 holds nothing for this batch"


@pytest.mark.parametrize(("current", "reference", "side"), [(50, 500, "batch"), (500, 50, "reference")])
def test_too_few_rows_are_unknown(current: int, reference: int, side: str) -> None:
    found = report(table(current), table(reference))
    assert found.verdict == "unknown"
    assert found.reason == f"the {side} has 50 rows, fewer than drift.min_rows = 200"


def test_one_distribution_is_stable_and_a_shift_is_drift() -> None:
    assert report(table(5000, seed=1), table(20_000)).verdict == "stable"
    found = report(table(5000, seed=1, shift=1.0, moved=1), table(20_000))
    assert found.verdict == "drift"
    assert found.drifted == ("c0",)
    assert found.reason == (
        "1 of 5 columns drifted (c0); 1 is enough for drift; rows are taken for independent: 1 reference batch of "
        "at least 200 rows, and it takes 5 to tell how much batches differ"
    )
    column = found.columns[0]
    assert column.before.startswith("mean 20.0")
    assert column.after.startswith("mean 22.96")
    assert column.aspect == "location"
    assert "reaches the floor 0.1, and location: p < 1e-300" in column.reason


def test_a_significant_but_small_distance_is_no_drift() -> None:
    reference, current = table(40_000), table(40_000, seed=1, shift=0.1, moved=1)
    column = report(current, reference).columns[0]
    assert column.p_value is not None
    assert column.p_value < 1e-10
    assert (column.verdict, column.reason) == ("stable", f"the distance {column.score:.3g} is below the floor 0.1")


def test_a_large_but_insignificant_distance_is_no_drift() -> None:
    rng = np.random.default_rng(0)
    reference, current = pd.DataFrame({"x": rng.normal(size=30)}), pd.DataFrame({"x": rng.normal(size=30)})
    (column,) = report(current, reference, min_rows=10).columns
    assert column.score is not None
    assert column.score > 0.1
    assert column.verdict == "stable"
    assert "but chance explains it (" in column.reason


@pytest.mark.parametrize(("share", "verdict"), [(0.2, "drift"), (0.4, "drift"), (0.6, "stable")])
def test_the_table_drifts_when_enough_columns_do(share: float, verdict: str) -> None:
    found = report(table(5000, seed=1, shift=1.0, moved=2), table(20_000), columns_share=share)
    assert found.drifted in (("c1", "c0"), ("c0", "c1"))
    assert found.verdict == verdict


def test_missing_values_are_drift_of_their_own() -> None:
    current = table(5000, seed=1)
    current.loc[:2500, "c0"] = np.nan
    found = report(current, table(20_000))
    assert found.drifted == ("c0",)
    assert found.columns[0].after.endswith("50 % missing")


def test_a_column_that_has_gone_is_missing_in_all_rows() -> None:
    found = report(table(5000, seed=1).drop(columns="c2"), table(20_000))
    assert found.drifted == ("c2",)
    column = next(column for column in found.columns if column.name == "c2")
    assert column.reason.startswith("the column has gone from the batch: ")
    assert column.after == "not there"


def test_a_new_column_is_unknown_and_alarms_nobody() -> None:
    found = report(table(5000, seed=1).assign(extra=1.0), table(20_000))
    column = next(column for column in found.columns if column.name == "extra")
    assert (column.verdict, column.score, column.before) == ("unknown", None, "not there")
    assert column.reason == "the column is new: the reference does not know it"
    assert found.verdict == "stable"
    assert "of 5 columns" in found.reason


def test_a_column_of_another_kind_is_unknown() -> None:
    found = report(table(5000, seed=1).assign(c0="text"), table(20_000))
    assert found.columns[0].verdict == "unknown"
    assert found.columns[0].reason == (
        "the column was numeric and is categorical now, which cannot be compared: give both sides one type if they "
        "hold the same"
    )


def test_a_column_without_values_is_compared_whatever_its_kind() -> None:
    blank = table(5000, seed=1).assign(c0=None, c2=None)
    assert set(report(blank, table(20_000)).drifted) == {"c0", "c2"}
    assert set(report(table(20_000), blank).drifted) == {"c0", "c2"}


def test_without_comparable_columns_drift_is_unknown() -> None:
    found = report(pd.DataFrame({"a": np.ones(300)}), pd.DataFrame({"a": ["x"] * 300}))
    assert (found.verdict, found.score) == ("unknown", None)
    assert found.reason == f"no column could be compared (a: {found.columns[0].reason})"


def test_times_are_compared_only_where_named() -> None:
    def dated(start: str) -> pd.DataFrame:
        return pd.DataFrame({"t": pd.date_range(start, periods=500, freq="h"), "x": np.arange(500) % 7})

    assert [column.name for column in report(dated("2014-01-01"), dated("2013-01-01")).columns] == ["x"]
    named = report(dated("2014-01-01"), dated("2013-01-01"), columns=("t",))
    assert named.drifted == ("t",)
    assert named.columns[0].after == "2014-01-01 to 2014-01-21"


def test_only_declared_columns_are_watched() -> None:
    found = report(table(5000, seed=1), table(20_000), columns=("c3", "nowhere"))
    assert [(column.name, column.verdict) for column in found.columns] == [("c3", "stable"), ("nowhere", "unknown")]
    assert found.columns[1].reason == "neither the batch nor the reference has this column"


@pytest.mark.parametrize("distance", ["jensen_shannon", "psi", "kolmogorov_smirnov"])
def test_the_declared_distance_measures_and_the_score_grows_with_the_shift(distance: str) -> None:
    reports = [
        report(table(5000, seed=1, shift=shift, moved=2), table(20_000), distance=distance)
        for shift in (0.0, 0.25, 0.5, 1.0, 2.0)
    ]
    assert {column.distance for found in reports for column in found.columns} == {distance}
    scores = [found.score or 0.0 for found in reports]
    assert scores == sorted(scores)
    assert [found.verdict for found in reports][::4] == ["stable", "drift"]


def test_the_score_is_the_mean_of_the_deciding_columns() -> None:
    found = report(table(5000, seed=1, shift=1.0, moved=2), table(20_000), columns_share=0.3)
    top = sorted((column.score or 0.0 for column in found.columns), reverse=True)[:2]
    assert found.score == pytest.approx(sum(top) / 2)


def test_deciding_columns_round_up_and_ignore_the_rounding_of_floats() -> None:
    assert [deciding_columns(n, 0.2) for n in (0, 1, 5, 6, 10, 15)] == [1, 1, 1, 2, 2, 3]
    assert deciding_columns(10, 0.7) == 7


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([2000.0, 2003.0, 2004.0], "mean 2002.33, deviation 2.08"),
        ([0.0001, 0.0002], "mean 0.0001500, deviation 0.0000707"),
        ([5.0, 5.0], "mean 5.00"),
        ([3e12, 1e12], "mean 2e+12, deviation 1.41e+12"),
        ([np.nan, np.nan], "100 % missing"),
        ([1.0, np.inf], "mean 1.00, 1 infinite"),
        (["a", "b", "a", None], "a 50 %, b 25 %, 25 % missing"),
        ([], "no rows"),
    ],
)
def test_a_column_in_a_few_words(values: list[object], text: str) -> None:
    assert describe(profile_table(pd.DataFrame({"x": values}))["x"]) == text


def test_the_categories_that_moved_most_are_named_on_both_sides() -> None:
    reference = pd.DataFrame({"x": ["a"] * 500 + ["b"] * 300 + ["c"] * 200})
    current = pd.DataFrame({"x": ["a"] * 500 + ["b"] * 100 + ["d"] * 400})
    (column,) = report(current, reference).columns
    assert (column.before, column.after) == ("d 0 %, b 30 %, c 20 %", "d 40 %, b 10 %, c 0 %")


@pytest.fixture(scope="module")
def references() -> dict[int, list[TableProfile]]:
    return {
        columns: [profile_table(table(2000, seed=100 + week, columns=columns)) for week in range(8)]
        for columns in (5, 20)
    }


@pytest.mark.parametrize("columns", [5, 20])
@pytest.mark.parametrize("significance", ["batches", "rows"])
def test_false_alarms_on_data_that_does_not_drift(
    columns: int, significance: str, references: dict[int, list[TableProfile]]
) -> None:
    """Against 8 batches of 2,000 rows, 60 more of the same distribution, at a level of 0.05 over all columns.

    So 3 are expected; 9 or more have a probability of 0.003.
    """
    spec = DriftSpec.model_validate({"effect_floor": 0.0, "false_alarms_per_year": 5, "significance": significance})
    found = [
        detect_drift(
            model="m",
            batch="b",
            champion_version=1,
            spec=spec,
            reference=references[columns],
            current=profile_table(table(2000, seed=1000 + batch, columns=columns)),
            checks_per_year=100,
        )
        for batch in range(60)
    ]
    assert sum(bool(each.drifted) for each in found) <= 8
    assert max(column.score or 0.0 for each in found for column in each.columns) < 0.07


@pytest.mark.parametrize("distance", ["jensen_shannon", "psi", "kolmogorov_smirnov"])
def test_half_a_deviation_is_always_found_with_a_low_floor(
    distance: str, references: dict[int, list[TableProfile]]
) -> None:
    for batch in range(10):
        found = detect_drift(
            model="m", batch="b", champion_version=1, reference=references[5],
            current=profile_table(table(2000, seed=2000 + batch, shift=0.5, moved=1)),
            spec=DriftSpec.model_validate({"distance": distance, "effect_floor": 0.05}), checks_per_year=52,
        )  # fmt: skip
        assert (found.verdict, found.drifted) == ("drift", ("c0",))
        assert found.reason.endswith("measured against how much 8 reference batches differ from each other")
