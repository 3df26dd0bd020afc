"""Rows are the more novel the farther out their values lie, and what the reference never had is the farthest."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift.frames import prepare
from retrain_assets.drift.novelty import Novelty
from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.errors import DataError

RNG = np.random.default_rng(3)


def frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": RNG.normal(size=rows),
            "n": RNG.poisson(4, rows),
            "k": RNG.choice(["a", "b", "c"], rows, p=[0.9, 0.09, 0.01]),
            "gap": np.where(RNG.random(rows) < 0.02, np.nan, RNG.lognormal(size=rows)),
            "at": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(RNG.integers(0, 10**6, rows), unit="s"),
        }
    )


REFERENCE = frame(20_000)
NOVELTY = Novelty.of([profile_table(REFERENCE[:8_000]), profile_table(REFERENCE[8_000:])])
USUAL = {"x": 0.0, "n": 4, "k": "a", "gap": 1.0}


def score(**changes: object) -> float:
    return float(NOVELTY.scores(pd.DataFrame([{**USUAL, **changes}]))[0])


def test_a_number_costs_minus_the_logarithm_of_its_two_sided_tail() -> None:
    rows = pd.DataFrame({"x": np.linspace(-3, 3, 25)})
    found = Novelty.of([profile_table(REFERENCE[["x"]])]).scores(rows)
    ordered = np.sort(REFERENCE["x"])
    below, above = (np.array([f(ordered, x) for x in rows["x"]]) for f in (_at_most, _at_least))
    expected = -np.log(np.minimum(2 * (np.minimum(below, above) + 1) / (len(ordered) + 1), 1.0))
    assert found == pytest.approx(expected, abs=0.25)  # within the bins' accuracy


def _at_most(values: np.ndarray, x: float) -> int:
    return int((values <= x).sum())


def _at_least(values: np.ndarray, x: float) -> int:
    return int((values >= x).sum())


def test_rare_missing_and_unseen_values_cost_what_their_share_says() -> None:
    usual = score()
    assert score(k="c") - score(k="b") == pytest.approx(np.log(10), abs=0.3)
    assert score(k="new") - usual == pytest.approx(np.log(20_001), abs=0.1)
    assert score(k=None) - usual == pytest.approx(np.log(20_001), abs=0.1)
    assert score(gap=None) - score(gap=1.0) == pytest.approx(-np.log(0.02), abs=0.2)
    assert score(x=100.0) == score(x=-100.0) == score(x=1e300)
    assert score(x=np.inf) - usual > np.log(10_000)


def test_times_are_always_new_and_do_not_count_unless_they_are_named() -> None:
    assert {column.name for column in NOVELTY.columns} == {"x", "n", "k", "gap"}
    profile = profile_table(REFERENCE)
    named = Novelty.of([profile], ["at"])
    rows = pd.DataFrame({"at": pd.to_datetime(["2024-01-06", "2031-01-01"], utc=True)})
    assert named.scores(rows)[1] - named.scores(rows)[0] > np.log(1_000)


def test_of_independent_columns_the_scores_have_the_mean_that_they_should() -> None:
    fresh = frame(5_000)
    numbers = Novelty.of([profile_table(REFERENCE)], ["x"])
    assert numbers.scores(fresh).mean() == pytest.approx(1.0, abs=0.1)
    limit = np.quantile(NOVELTY.scores(REFERENCE), 0.99)
    assert (NOVELTY.scores(fresh) > limit).mean() == pytest.approx(0.01, abs=0.006)
    assert (NOVELTY.scores(fresh.assign(x=fresh["x"] + 3)) > limit).mean() > 0.1


@given(st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=3)), max_size=8))
def test_whatever_the_values_are_each_row_has_a_finite_score(values: list[object]) -> None:
    rows = pd.DataFrame({"x": pd.Series(values, dtype=object), "k": pd.Series(values, dtype=object)})
    found = NOVELTY.scores(rows)
    assert found.shape == (len(values),)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert len(Novelty.of([TableProfile(rows=0, columns=())]).scores(rows)) == len(values)


@pytest.mark.parametrize("of", [pl.DataFrame, pa.table, lambda rows: pa.table(rows).to_reader()])
def test_rows_of_polars_and_arrow_have_the_scores_of_pandas(of) -> None:
    rows = frame(200)
    no_rows: Any = [rows]
    every = Novelty.of([profile_table(REFERENCE)], list(REFERENCE.columns))
    pd.testing.assert_series_equal(pd.Series(every.scores(of(rows))), pd.Series(every.scores(rows)))
    with pytest.raises(TypeError, match=r"rows must be a pandas or Polars data frame.*got list"):
        every.scores(no_rows)


def test_times_without_a_zone_are_of_utc() -> None:
    novelty = Novelty.of([profile_table(REFERENCE[["at"]])], ["at"])
    rows = REFERENCE[["at"]][:50]
    naive = rows.assign(at=rows["at"].dt.tz_localize(None))
    assert novelty.scores(naive).tolist() == novelty.scores(rows).tolist()
    late = naive.assign(at=naive["at"] + pd.Timedelta(days=99))
    assert novelty.scores(late).min() > 5


def test_what_is_no_time_is_missing_among_times() -> None:
    novelty = Novelty.of([profile_table(REFERENCE[["at"]])], ["at"])
    missing = novelty.scores(pd.DataFrame({"at": [None]}))[0]
    texts = pd.Series(["2024-01-03", "later", None, pd.Timestamp("2024-01-03")], dtype=object)
    first, *rest, last = novelty.scores(pd.DataFrame({"at": texts}))
    assert rest == [missing, missing]
    assert first == last < missing
    assert novelty.scores(pd.DataFrame({"at": [b"x"]}))[0] == missing


def test_decimals_of_arrow_may_be_missing() -> None:
    values = pa.array([None, 1, 2], pa.decimal128(5, 1))
    rows = pd.DataFrame({"x": pd.Series(values, dtype=pd.ArrowDtype(values.type))})
    floats = pd.DataFrame({"x": [np.nan, 1.0, 2.0]})
    assert NOVELTY.scores(rows).tolist() == NOVELTY.scores(floats).tolist()


def test_what_is_no_reference_and_names_that_are_there_twice_are_refused() -> None:
    rows = frame(10)
    given: Any = rows
    with pytest.raises(TypeError, match=r"a Novelty must be the TableProfile of each batch.*got DataFrame"):
        Novelty.of(given)
    with pytest.raises(ValueError, match="reference of a Novelty must have at least one batch"):
        Novelty.of([])
    with pytest.raises(DataError, match=r"columns of rows must have names of their own .'x' is there"):
        NOVELTY.scores(pd.concat([rows, rows[["x"]]], axis=1))
    with pytest.raises(ValueError, match=r"names must be of columns of the reference .got 'xx'.. Did you mean 'x'"):
        Novelty.of([profile_table(rows)], ["k", "xx"])
    numbered: Any = [0]
    with pytest.raises(ValueError, match=r"names must be of columns of the reference .got '0'.. Known: k, x"):
        Novelty.of([profile_table(rows[["x", "k"]])], numbered)
    with pytest.raises(TypeError, match=r"names must be a list of names .got the text 'k'.: write \['k'\]"):
        Novelty.of([profile_table(rows)], "k")


def test_a_reference_is_a_list_a_dict_or_prepared() -> None:
    rows, batch = frame(10), profile_table(frame(100))
    scores = [Novelty.of(given).scores(rows).tolist() for given in ([batch], {"a": batch}, prepare(batch))]
    assert scores[0] == scores[1] == scores[2]
    assert ReferenceProfile(kind="recent", profiles={}).columns(None) == ()


@pytest.mark.parametrize("held", ["timedelta64[s]", pd.ArrowDtype(pa.duration("s"))], ids=["numpy", "arrow"])
def test_durations_are_told_from_each_other(held: Any) -> None:
    seconds = pd.DataFrame({"x": np.arange(1_000.0)})
    durations = seconds.astype("timedelta64[s]").astype(held)
    expected = Novelty.of([profile_table(seconds)]).scores(seconds)
    assert Novelty.of([profile_table(durations)]).scores(durations).tolist() == expected.tolist()
    assert Novelty.of([profile_table(durations)]).scores(pl.from_pandas(durations)).tolist() == expected.tolist()


@pytest.mark.parametrize("gaps", [False, True])
def test_truth_values_of_every_type_are_as_novel(gaps: bool) -> None:
    truths = [None if gaps and place % 10 == 0 else place % 3 == 0 for place in range(300)]
    plain = pd.DataFrame({"b": pd.Series(truths, dtype="boolean" if gaps else "bool")})
    novelty = Novelty.of([profile_table(plain)])
    expected = novelty.scores(pd.DataFrame({"b": pd.Series(truths, dtype=object)}))
    assert len(set(expected)) == (3 if gaps else 2)
    numbers = plain.astype("Int64" if gaps else "int64")
    arrow = pa.table({"b": pa.array(truths)})
    for rows in (plain, numbers, arrow, arrow.to_pandas(), arrow.to_pandas(types_mapper=pd.ArrowDtype)):
        assert novelty.scores(rows).tolist() == expected.tolist()
    assert novelty.scores(pl.DataFrame({"b": truths})).tolist() == expected.tolist()
