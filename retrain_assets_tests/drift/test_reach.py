"""Where reference batches are few and lie far apart, what lies beyond their range is no more unusual than its level."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare, prepare
from retrain_assets.drift.reach import Reach

NAMES = [f"x{place}" for place in range(8)]
ROWS = 300


def batch(rng: np.random.Generator, wander: float, *, skewed: bool = False) -> pd.DataFrame:
    """With a level of its own in each column; skewed rows have a sharp lower end."""
    rows = np.exp(rng.normal(size=(ROWS, len(NAMES)))) / 2 if skewed else rng.normal(size=(ROWS, len(NAMES)))
    return pd.DataFrame(rows + wander * rng.normal(size=len(NAMES)), columns=NAMES)


def history(rng: np.random.Generator, batches: int, wander: float, *, skewed: bool = False):
    return prepare([profile_table(batch(rng, wander, skewed=skewed)) for _ in range(batches)])


@pytest.mark.parametrize(
    ("batches", "wander", "skewed"), [(5, 1.0, False), (7, 2.0, False), (7, 0.1, True), (5, 2.0, True)]
)
def test_batches_like_those_of_the_reference_are_no_drift(batches: int, wander: float, skewed: bool) -> None:
    """At a level of 0.05; of 60 windows more than 9 alarm with a probability of 0.0005."""
    alarms = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        reference = history(rng, batches, wander, skewed=skewed)
        alarms += sum(
            bool(compare(reference, batch(rng, wander, skewed=skewed), joint="none").drifted) for _ in range(5)
        )
    assert alarms <= 9


@pytest.mark.parametrize("wander", [0.0, 1.0, 2.0])
def test_what_no_level_explains_is_found_beside_few_of_them(wander: float) -> None:
    unit, outliers, moved = 0, 0, 0
    for seed in range(8):
        rng = np.random.default_rng(100 + seed)
        reference, now = history(rng, 7, wander), batch(rng, wander)
        unit += found(reference, now.assign(x0=1_000 * now["x0"]))
        outliers += found(reference, now.assign(x0=now["x0"].where(np.arange(ROWS) % 20 > 0, 99.0)))
        moved += bool(compare(reference, now + 40.0, joint="none").drifted)
    assert unit >= 7
    assert outliers >= 6
    assert moved == 8


def found(reference, now: pd.DataFrame) -> bool:
    return compare(reference, now, joint="none").columns["x0"].verdict == "drift"


def test_a_column_that_is_replaced_beside_five_weeks_that_lie_far_apart_is_drift() -> None:
    rng = np.random.default_rng(0)

    def week(level: float) -> pd.DataFrame:
        return pd.DataFrame({name: rng.normal(size=168) for name in NAMES}).assign(x0=rng.normal(level, 3, 168))

    weeks = prepare([profile_table(week(level)) for level in (-14.0, -7.0, 0.0, 6.0, 12.0)])
    assert compare(weeks, week(3.0), joint="none").drifted is False
    column = compare(weeks, week(400.0), joint="none").columns["x0"]
    assert (column.verdict, column.aspect) == ("drift", "novel")


def columns_of(levels: list[float], *, scale: float = 1.0, rows: int = 200):
    rng = np.random.default_rng(3)
    return [one(scale * (level + rng.normal(size=rows))) for level in levels]


def one(values: np.ndarray):
    made: TableProfile = profile_table(pd.DataFrame({"x": values}))
    return made["x"]


def test_levels_that_their_rows_explain_have_no_margin() -> None:
    values = np.random.default_rng(5).permuted(np.tile(np.linspace(-1, 1, 200), (6, 1)), axis=1)
    assert Reach.of([one(row) for row in values]) is None  # all means and ends are the same


@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_the_unit_of_a_column_does_not_matter(scale: float) -> None:
    levels = [-2.0, -1.0, 0.0, 1.0, 2.0]
    scaled, plain = Reach.of(columns_of(levels, scale=scale)), Reach.of(columns_of(levels))
    assert scaled is not None
    assert plain is not None
    for level, least, most in ((0.0, 1.0, 1.0), (5.0, 0.05, 0.3), (40.0, 1e-6, 1e-4)):
        values = level + np.random.default_rng(9).normal(size=200)
        p_value = plain.novelty(one(values), 1)[1]
        assert least <= p_value <= most
        assert scaled.novelty(one(scale * values), 1)[1] == pytest.approx(p_value, rel=0.05)


def test_each_of_several_batches_of_a_window_may_be_the_one_that_is_far_out() -> None:
    reach = Reach.of(columns_of([-2.0, -1.0, 0.0, 1.0, 2.0]))
    assert reach is not None
    far = one(20 + np.random.default_rng(1).normal(size=200))
    assert reach.novelty(far, 3)[1] == pytest.approx(3 * reach.novelty(far, 1)[1])


@pytest.mark.parametrize("outward", [1, -1])
def test_a_level_explains_only_as_many_rows_as_it_would_move(outward: int) -> None:
    """Just beyond the range: a level that takes a few rows there is usual, and one that takes a quarter is not."""
    rng = np.random.default_rng(4)
    reach = Reach.of([one(level + rng.normal(size=200)) for level in np.linspace(-0.3, 0.3, 8)])
    assert reach is not None
    just_beyond = (reach.high if outward > 0 else reach.low).value + 0.05 * outward
    now = rng.normal(size=200).clip(-2, 2)
    few, many = (reach.novelty(one(np.where(np.arange(200) < count, just_beyond, now)), 1) for count in (2, 50))
    assert few[0] == 0
    assert few[1] > 0.01
    assert many[0] == 50  # though none lies beyond the margin
    assert many[1] < few[1] / 20


def test_levels_that_lie_far_apart_bend_the_shape_which_then_tells_nothing() -> None:
    """As many rows as a half, just beyond the range of weeks whose levels differ by twice what their rows do."""
    rng = np.random.default_rng(4)
    reach = Reach.of([one(level + rng.normal(size=200)) for level in np.linspace(-3, 3, 6)])
    assert reach is not None
    now = np.where(np.arange(200) < 100, reach.high.value + 0.05, rng.normal(size=200))
    assert reach.novelty(one(now), 1)[0] == 0
    assert reach.novelty(one(now), 1)[1] > 0.01


def test_a_level_among_those_of_the_reference_leaves_the_shape_as_it_is() -> None:
    reach = Reach.of(columns_of([-2.0, -1.0, 0.0, 1.0, 2.0]))
    assert reach is not None
    rng = np.random.default_rng(2)
    assert reach.p_of_level(one(rng.normal(size=200))) == reach.least == pytest.approx(1 / 6)  # of so few
    reach = Reach.of(columns_of([-2.0, -1.0, 0.0, 1.0, 2.0] * 2))
    assert reach is not None
    assert reach.p_of_level(one(rng.normal(size=200))) == reach.least == 0.0
    assert 0.001 < reach.p_of_level(one(5 + rng.normal(size=200))) < 0.1


@pytest.mark.parametrize(
    "values", [[], [1.0], [np.nan] * 5, [np.inf] * 5, [7.0] * 50, [1e308, -1e308] * 20, [5e-324] * 9]
)
def test_odd_batches_explain_nothing_and_break_nothing(values: list[float]) -> None:
    batches = [one(np.array(values, dtype=float)) for _ in range(6)]
    assert Reach.of(batches) is None
