"""How the level of a column is shared by its aspects: declared shares, and none for what cannot be tested."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare
from retrain_assets.drift.aspects import ASPECTS, WEIGHTS, weighted


def test_the_smallest_weighted_p_value_is_uniform_where_nothing_has_changed() -> None:
    p_values = np.random.default_rng(0).random((len(ASPECTS), 50_000))
    p_values[3, ::2] = np.nan
    by_column = weighted(p_values).min(axis=0)
    for part in (by_column[::2], by_column[1::2]):
        for level in (0.001, 0.05, 0.5):
            # Four deviations of a binomial share.
            assert (part <= level).mean() == pytest.approx(level, abs=4 * (level * (1 - level) / len(part)) ** 0.5)


def test_a_declared_part_of_the_level_is_left_to_each_aspect() -> None:
    """As long as all have one; it is more where fewer have."""
    assert WEIGHTS[:5].sum() == pytest.approx(1.0)  # infinite values are rare, and what they would have is shared then
    small = np.full((len(ASPECTS), len(ASPECTS)), 0.9)
    np.fill_diagonal(small, 1e-6)
    assert 1e-6 / weighted(small).min(axis=0) == pytest.approx(WEIGHTS / WEIGHTS.sum(), rel=1e-4)
    small[[3, 5]] = np.nan
    assert (1e-6 / weighted(small)[0, 0]) == pytest.approx(0.45 / 0.85, rel=1e-4)


@pytest.mark.parametrize("batch", ["day", None])
def test_missing_values_have_a_part_of_the_level_only_where_there_can_be_any(batch: str | None) -> None:
    rng = np.random.default_rng(1)
    days = pd.DataFrame({"day": np.repeat(np.arange(12), 300), "x": rng.normal(size=3_600)})
    today = pd.DataFrame({"day": 99, "x": rng.normal(size=300) + 0.25})
    without = compare(days, today, batch=batch).columns["x"]
    days.loc[0, "x"] = np.nan
    one = compare(days, today, batch=batch).columns["x"]
    assert without.aspect == one.aspect == "location"
    assert without.p_value is not None
    assert one.p_value is not None
    assert one.p_value / without.p_value == pytest.approx(1 / 0.85, rel=0.05)
    gone = compare(days, today.assign(x=today["x"].where(rng.random(300) < 0.9)), batch=batch).columns["x"]
    assert (gone.aspect, gone.verdict) == ("missing", "drift")


def test_missing_values_that_no_batch_had_are_found_beside_many_batches() -> None:
    """What never varied resembles nothing: its rounding is the same in all batches."""
    rng = np.random.default_rng(5)
    days = pd.DataFrame({"day": np.repeat(np.arange(30), 500), "x": rng.normal(size=15_000)})
    today = pd.DataFrame({"day": 99, "x": rng.normal(size=500)})
    found = compare(days, today.assign(x=today["x"].where(today.index >= 10)), batch="day").columns["x"]
    assert (found.verdict, found.aspect) == ("drift", "missing")


def lettered(rng: np.random.Generator, days: int, *, last: float = 0.1) -> pd.DataFrame:
    """Days of three columns of categories; the last category of the first column has a share of its own."""
    rows = days * 300
    others = {name: rng.choice(list("uvw"), rows, p=[0.6, 0.3, 0.1]) for name in ("d", "e")}
    first = rng.choice(list("uvw"), rows, p=[0.7 - last, 0.3, last])
    return pd.DataFrame({"day": np.repeat(np.arange(days), 300), "c": first} | others)


def test_unseen_categories_have_a_part_of_the_level_only_where_there_are_any() -> None:
    rng = np.random.default_rng(3)
    days, today = lettered(rng, 12), lettered(rng, 1, last=0.15).assign(day=99)
    without = compare(days, today, batch="day").columns["c"]
    days.loc[0, "c"] = "of one day"  # as many of its own may a window have
    one = compare(days, today, batch="day").columns["c"]
    assert without.aspect == one.aspect == "shape"
    assert without.p_value is not None
    assert one.p_value is not None
    shape, novel = WEIGHTS[ASPECTS.index("shape")], WEIGHTS[ASPECTS.index("novel")]
    assert one.p_value / without.p_value == pytest.approx((shape + novel) / shape, rel=0.1)


def test_values_far_out_have_a_part_of_the_level_only_where_the_window_has_any() -> None:
    rng = np.random.default_rng(6)
    days = pd.DataFrame({"day": np.repeat(np.arange(12), 300), "x": rng.normal(size=3_600)})
    today = pd.DataFrame({"day": 99, "x": np.clip(rng.normal(0.25, 1.0, 300), -2.0, 2.0)})
    without = compare(days, today, batch="day").columns["x"]
    highest = today["x"].idxmax()
    one = compare(days, today.assign(x=today["x"].where(today.index != highest, 50.0)), batch="day").columns["x"]
    assert without.aspect == one.aspect == "location"
    assert without.p_value is not None
    assert one.p_value is not None
    both = WEIGHTS[:3].sum()
    assert one.p_value / without.p_value == pytest.approx((both + WEIGHTS[ASPECTS.index("novel")]) / both, rel=0.05)
    outliers = today.assign(x=(today["x"] - 0.25).where(today.index % 50 > 0, 50.0))
    gone = compare(days, outliers, batch="day").columns["x"]
    assert (gone.aspect, gone.verdict) == ("novel", "drift")


def test_how_much_the_days_of_categories_differ_is_no_matter_of_numbers() -> None:
    """Of numbers a level that is another each day leaves no trace in the shape, of categories it does."""
    rng = np.random.default_rng(4)
    days, today = lettered(rng, 8), lettered(rng, 1, last=0.14).assign(day=99)
    names = [f"x{place}" for place in range(8)]
    levels = np.repeat(rng.normal(0, 0.3, (9, 8)), 300, axis=0)
    numbers = pd.DataFrame(rng.normal(levels), columns=names)
    beside = days.assign(**numbers[:2_400])
    now = today.assign(**numbers[2_400:].reset_index(drop=True))
    by_themselves = compare(days, today, batch="day").columns
    for name, column in by_themselves.items():
        assert compare(beside, now, batch="day").columns[name].p_value == pytest.approx(column.p_value)


def test_small_shifts_are_found_in_most_days_of_independent_rows() -> None:
    """A shift of four standard errors in one of eight columns: found in about three of four, as theory has it."""
    found = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        days = pd.DataFrame(rng.normal(size=(30 * 400, 8)), columns=list("abcdefgh"))
        today = pd.DataFrame(rng.normal(size=(400, 8)), columns=list("abcdefgh")).assign(a=lambda rows: rows["a"] + 0.2)
        days["day"], today["day"] = np.repeat(np.arange(30), 400), 99
        found += compare(days, today, batch="day", joint="none").columns["a"].verdict == "drift"
    assert found >= 8


@pytest.mark.parametrize("batch", ["day", None])
def test_more_infinite_values_are_an_aspect_of_their_own_and_have_a_sign(batch: str | None) -> None:
    rng = np.random.default_rng(2)
    days = pd.DataFrame({"day": np.repeat(np.arange(12), 300), "x": rng.normal(size=3_600)})
    today = pd.DataFrame({"day": 99, "x": rng.normal(size=300)})
    tenth = np.arange(300) % 10 == 0
    grown = compare(days, today.assign(x=today["x"].mask(tenth, -np.inf)), batch=batch).columns["x"]
    assert (grown.verdict, grown.aspect) == ("drift", "infinite")
    assert grown.after.endswith("30 infinite (30 of them minus)")
    days["x"] = days["x"].mask(np.arange(3_600) % 10 == 0, np.inf)
    same, turned = (compare(days, today.assign(x=today["x"].mask(tenth, to)), batch=batch) for to in (np.inf, -np.inf))
    assert [found.columns["x"].verdict for found in (same, turned)] == ["stable", "drift"]
    assert turned.columns["x"].aspect == "infinite"
    assert turned.shapes["x"].cells[-3:] == ("minus infinite", "infinite", "missing")
    assert turned.shapes["x"].after[-3:-1] == (pytest.approx(0.1), 0.0)


def test_a_profile_without_the_sign_of_infinity_is_compared_by_the_share_of_both() -> None:
    values = pd.DataFrame({"x": [1.0, np.inf, -np.inf, -np.inf] * 100})
    now = profile_table(values.replace({np.inf: -np.inf, -np.inf: np.inf}))
    record = profile_table(values).to_record()
    assert compare([TableProfile.from_record(record)], now, joint="none").columns["x"].aspect == "infinite"
    del record["columns"][0]["minus_infinite"]
    earlier = compare([TableProfile.from_record(record)], now, joint="none").columns["x"]
    assert (earlier.verdict, earlier.score) == ("stable", 0.0)


@pytest.mark.parametrize("rows_now", [30, 500])
def test_even_categories_beside_a_small_batch_are_told_apart(rows_now: int) -> None:
    """None of eight has five rows of thirty: counted in one cell they could never have changed."""
    rng = np.random.default_rng(0)
    names = np.array([f"v{place}" for place in range(8)])
    sizes = [500] * 19 + [30]
    days = pd.DataFrame({"day": np.repeat(np.arange(20), sizes), "x": rng.choice(names, sum(sizes))})
    today = pd.DataFrame({"day": 99, "x": rng.choice(names, rows_now, p=[0.65, *[0.05] * 7])})
    stable = pd.DataFrame({"day": 99, "x": rng.choice(names, rows_now)})
    assert compare(days, today, batch="day").columns["x"].verdict == "drift"
    assert compare(days, stable, batch="day").columns["x"].verdict == "stable"
