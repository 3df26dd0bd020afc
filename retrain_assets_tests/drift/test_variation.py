"""The tests hold their level on batches that differ from each other, with few or many of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import arcsine, kstest, norm, ttest_ind, uniform

from retrain_assets.drift.bounds import BEYOND, excess_of_light_tails, p_values_within_bounds
from retrain_assets.drift.tails import freedom_of_lengths
from retrain_assets.drift.variation import judge_scalars, judge_vectors

COLUMNS = 4000


def p_values(
    batches: int, *, between: float, rows: float = 100.0, merged: int = 1, seed: int = 0, tail: float = np.inf
):
    """Of columns that each vary between batches by the deviation `between`, and by sampling of so many rows."""
    rng = np.random.default_rng(seed)
    days = (
        rng.normal(size=(COLUMNS, batches + merged))
        if np.isinf(tail)
        else rng.standard_t(tail, (COLUMNS, batches + merged))
    )
    seen = between * days + rng.normal(size=days.shape) / np.sqrt(rows)
    return judge_scalars(
        seen[:, :batches], seen[:, batches:].mean(axis=1),
        np.full((COLUMNS, batches), rows), np.full(COLUMNS, rows * merged), unit=1.0, merged=merged,
    ).p_values  # fmt: skip


@pytest.mark.parametrize("batches", [5, 10, 30])
@pytest.mark.parametrize("between", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("merged", [1, 3])
def test_the_level_is_held_whatever_batches_differ_by(batches: int, between: float, merged: int) -> None:
    found = p_values(batches, between=between, merged=merged)
    for level in (0.05, 0.01, 0.001):
        # Three standard errors of a share of 4,000 columns.
        assert (found <= level).mean() <= level + 3 * np.sqrt(level / COLUMNS), level
    assert (found <= 0.05).mean() >= 0.01  # and not by never rejecting


def test_heavy_tails_are_noticed_and_lighten_the_claim() -> None:
    found = p_values(30, between=0.5, tail=3)
    assert (found <= 0.01).mean() <= 0.02
    assert (found <= 0.001).mean() <= 0.006


def test_columns_that_share_their_days_are_not_taken_for_as_many() -> None:
    """One day's effect moves all columns: what they know of the variance is what one of them knows."""
    rejected = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        days = 0.5 * rng.normal(size=7) + rng.normal(size=(20, 7)) / 100
        found = judge_scalars(days[:, :6], days[:, 6], np.full((20, 6), 1e4), np.full(20, 1e4), unit=1.0, merged=1)
        rejected += found.p_values[0] <= 0.01
    assert rejected <= 4 + 3 * 2


def test_a_single_column_is_students_t_where_the_days_differ_much() -> None:
    """With no sampling noise, no other column and no far batch it is the t-test of one batch against the others."""
    batches = np.array([[1.0, -1.0, 0.9, -1.1, 1.05, -0.95]])
    tested = judge_scalars(batches, np.array([2.5]), np.full((1, 6), 1e12), np.array([1e12]), unit=1.0, merged=1)
    expected = ttest_ind(np.array([2.5]), batches[0])
    assert tested.statistic[0] == pytest.approx(expected.statistic, rel=1e-6)
    assert tested.p_values[0] == pytest.approx(expected.pvalue, rel=1e-6)


def test_many_alike_columns_of_rows_alone_are_a_z_test() -> None:
    rng = np.random.default_rng(3)
    seen = rng.normal(size=(COLUMNS, 31)) / 10
    tested = judge_scalars(
        seen[:, :30], seen[:, 30], np.full((COLUMNS, 30), 100.0), np.full(COLUMNS, 100.0), unit=1.0, merged=1
    )
    usual = np.abs(tested.statistic) < 1
    z = (seen[:, 30] - seen[:, :30].mean(axis=1)) * 10 / np.sqrt(1 + 1 / 30)
    ratio = tested.p_values[usual] / (2 * norm.sf(np.abs(z[usual])))
    assert np.median(ratio) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("batches", [6, 30])
@pytest.mark.parametrize("directions", [0, 1, 4])
def test_vectors_hold_their_level_however_many_directions_the_days_vary_in(batches: int, directions: int) -> None:
    rng = np.random.default_rng(directions)
    cells, columns, rows = 12, 1500, 400.0
    seen = rng.normal(size=(columns, batches + 1, cells)) / 2 / np.sqrt(rows)
    if directions:
        ways = np.linalg.qr(rng.normal(size=(columns, cells, directions)))[0]
        seen += 0.1 * np.einsum("jbd,jcd->jbc", rng.normal(size=(columns, batches + 1, directions)), ways)
    tested = judge_vectors(
        seen[:, :batches], seen[:, batches], np.full((columns, batches), rows), np.full(columns, rows),
        cells=np.full(columns, float(cells)), merged=1,
    )  # fmt: skip
    for level in (0.05, 0.01):
        assert (tested.p_values <= level).mean() <= level + 3 * np.sqrt(level / columns) + (
            0.005 if batches == 6 else 0
        )
    if directions == 0 and batches == 30:
        assert kstest(tested.p_values, "uniform").statistic < 0.25


def shapes_of_rows_alone(batches: int, seed: int) -> np.ndarray:
    """P-values of 20 columns whose batches differ by their rows alone, alike in all of 17 directions."""
    rng = np.random.default_rng(seed)
    seen, rows = rng.normal(size=(20, batches + 1, 17)) / np.sqrt(4 * 500), np.full((20, batches), 500.0)
    return judge_vectors(
        seen[:, :batches], seen[:, batches], rows, np.full(20, 500.0), cells=np.full(20, 17.0), merged=1
    ).p_values  # fmt: skip


@pytest.mark.parametrize("batches", [10, 30])
def test_shapes_use_their_level_where_rows_alone_make_batches_differ(batches: int) -> None:
    """The eigenvalues of few batches look uneven: taken for those of the days, they would leave most of it unused."""
    found = np.concatenate([shapes_of_rows_alone(batches, seed) for seed in range(300)])
    for level in (0.05, 0.01):
        assert 0.5 * level <= (found <= level).mean() <= 1.1 * level, level


def test_roots_of_few_rows_are_as_rare_above_as_below() -> None:
    """Eighteen rows are expected: untold, the skewness of their root makes more of them rarer than they are."""
    share, rows, columns = 0.036, 500, 40_000
    counts = np.random.default_rng(0).binomial(rows, share, size=(columns, 31))
    roots = np.sqrt((counts + 0.375) / (rows + 0.75))
    reference, now = roots[:, :30], roots[:, 30]
    above, rates = now > reference.mean(axis=1), {}
    for skewness in (0.0, -(1 - 2 * share) / np.sqrt(share * (1 - share)) / 2):
        found = judge_scalars(
            reference, now, np.full((columns, 30), float(rows)), np.full(columns, float(rows)),
            unit=(1 - share) / 4, merged=1, skewness=skewness,
        ).p_values  # fmt: skip
        rates[skewness != 0] = [(found[side] <= 0.01).sum() / columns / 0.005 for side in (above, ~above)]
    assert rates[False][1] > 2 * rates[False][0]
    assert max(rates[True]) < 1.5 * min(rates[True])
    assert max(rates[True]) <= 1.1


def test_a_column_far_calmer_than_the_others_is_judged_by_itself() -> None:
    """And no other: what is merely low among them is lower than it should be, and shares their variance."""
    rng = np.random.default_rng(0)
    deviations = np.concatenate([np.full(20, 0.5), [0.0]])
    seen = deviations[:, None] * rng.normal(size=(21, 30)) + rng.normal(size=(21, 30)) / np.sqrt(500)
    rows, own_rows = np.full((21, 30), 500.0), np.full(21, 500.0)
    now = seen.mean(axis=1) + 5 / np.sqrt(500)
    together = judge_scalars(seen, now, rows, own_rows, unit=1.0, merged=1).p_values
    alone = judge_scalars(seen[-1:], now[-1:], rows[-1:], own_rows[-1:], unit=1.0, merged=1).p_values
    assert together[-1] < 1e-3
    assert together[-1] == pytest.approx(alone[0], rel=0.2)
    assert together[:-1].min() > 0.5


@given(st.floats(-1e3, 1e3), st.floats(0.1, 1e3), st.integers(0, 1000))
def test_a_p_value_is_blind_to_shift_of_all_and_smaller_for_what_is_farther(
    shift: float, away: float, seed: int
) -> None:
    batches = np.random.default_rng(seed).normal(size=(1, 8))
    rows, own = np.full((1, 8), 1e9), np.array([1e9])

    def p(current: float, moved: float = 0.0) -> float:
        return float(
            judge_scalars(batches + moved, np.array([current + moved]), rows, own, unit=1.0, merged=1).p_values[0]
        )

    centre = float(batches.mean())
    assert p(centre + away) == pytest.approx(p(centre + away, shift), rel=1e-6, abs=1e-12)
    assert p(centre + away) == pytest.approx(p(centre - away), rel=1e-6, abs=1e-12)
    assert p(centre + 2 * away) <= p(centre + away)


@pytest.mark.parametrize("between", [0.0, 0.1])
def test_a_window_of_more_rows_than_the_reference_batches_is_judged_as_sharply_as_one_of_theirs(between: float) -> None:
    """Ten times the rows tell more about the window, and nothing about how much batches differ."""
    rng = np.random.default_rng(20)
    small, large, streams = 500, 5_000, 300
    found = {0.0: [], 0.5: []}
    for _ in range(streams):
        batches = rng.normal(0, np.sqrt(1 / small + between**2), (1, 8))
        current = rng.normal(0, np.sqrt(1 / large + between**2), 1)
        for shift, p_values in found.items():
            tested = judge_scalars(
                batches, current + shift, np.full((1, 8), small), np.full(1, large), unit=1.0, merged=1
            )
            p_values.append(float(tested.p_values[0]))
    assert np.mean(np.array(found[0.0]) < 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / streams)
    assert np.mean(np.array(found[0.5]) < 0.001) > (0.95 if between == 0 else 0.25)


def test_heavy_tails_of_vectors_are_seen_and_normal_ones_are_not() -> None:
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(40, 30, 3))
    scaled = normal * np.sqrt(5 / rng.chisquare(5, size=(40, 30, 1)))
    dimension = np.full(40, 3.0)
    assert freedom_of_lengths((normal**2).sum(axis=2), dimension, 50.0) > 50
    assert 4 < freedom_of_lengths((scaled**2).sum(axis=2), dimension, 50.0) < 12


def cycling(rng: np.random.Generator, days: int, period: float) -> np.ndarray:
    """Levels of twenty columns that cycle by half a deviation, each with a phase of its own, as 500 rows show them."""
    levels = 0.5 * np.sin(2 * np.pi * (np.arange(days) / period + rng.random((20, 1))))
    return levels + rng.normal(size=levels.shape) / np.sqrt(500)


def of_next_day(levels: np.ndarray, shift: float, *, bounded: bool) -> np.ndarray:
    rows = np.full((len(levels), levels.shape[1] - 1), 500.0)
    return judge_scalars(
        levels[:, :-1], levels[:, -1] + shift, rows, rows[:, 0], unit=1.0, merged=1, bounded=bounded
    ).p_values  # fmt: skip


def test_a_cycle_keeps_to_its_bound_so_that_what_leaves_it_is_seen() -> None:
    """A t-distribution takes the same shift for one of the far days that no cycle has."""
    stable, bounded, unbounded = [], [], []
    for seed in range(60):
        levels = cycling(np.random.default_rng(seed), 31, 7)
        stable.append(of_next_day(levels, 0.0, bounded=True))
        bounded.append(of_next_day(levels, 0.5, bounded=True))
        unbounded.append(of_next_day(levels, 0.5, bounded=False))
    assert (np.array(stable) <= 0.001).mean() <= 0.001 + 3 * np.sqrt(0.001 / 1200)
    assert (np.array(bounded) <= 0.001).mean() > 0.25
    assert (np.array(unbounded) <= 0.001).mean() < 0.05


@pytest.mark.parametrize("shift", [0.2, 1.0, 5.0, 20.0])
def test_a_bound_hides_nothing_that_is_seen_without_it(shift: float) -> None:
    """It is estimated, and never surer than one in ten thousand; a shift of many deviations is."""
    for seed in range(5):
        levels = cycling(np.random.default_rng(seed), 31, 7)
        found = of_next_day(levels, shift, bounded=True)
        assert (found <= of_next_day(levels, shift, bounded=False)).all()


@pytest.mark.parametrize("kind", ["normal", "heavy", "longer than the reference", "shared", "few"])
def test_a_bound_is_believed_only_where_the_reference_shows_it(kind: str) -> None:
    believed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        if kind == "longer than the reference":
            levels = cycling(rng, 31, 70)
        elif kind == "shared":
            levels = np.repeat(cycling(rng, 31, 7)[:1], 20, axis=0)
        elif kind == "few":
            levels = cycling(rng, 15, 7)
        else:
            levels = rng.normal(size=(20, 31)) if kind == "normal" else rng.standard_t(4, (20, 31))
        bounded, unbounded = (of_next_day(levels, 0.5, bounded=believing) for believing in (True, False))
        believed += not np.array_equal(bounded, unbounded)
    # Chance alone looks light-tailed in a few streams.
    assert believed <= 3


def test_p_values_within_bounds_are_those_of_the_arcsine_and_the_uniform_distribution() -> None:
    t, surely = np.array([0.2, 1.0, 1.3]), np.full(3, 1e12)
    for excess, known in ((-1.5, arcsine(-(2**0.5), 2 * 2**0.5)), (-1.2, uniform(-(3**0.5), 2 * 3**0.5))):
        found = p_values_within_bounds(t, np.zeros(3), surely, np.full(3, excess), level=0.001)
        assert found == pytest.approx(2 * known.sf(t))
    beyond = p_values_within_bounds(np.array([1.5]), np.zeros(1), surely[:1], np.array([-1.5]), level=0.001)
    assert beyond == pytest.approx(BEYOND), "the bound is estimated: nothing beyond it is impossible"
    lighter = p_values_within_bounds(t, np.zeros(3), surely, np.full(3, -1.9), level=0.001)
    assert lighter == pytest.approx(2 * arcsine(-(2**0.5), 2 * 2**0.5).sf(t)), "two levels only are taken for a sine"
    rows = p_values_within_bounds(np.array([1.5]), np.array([0.2]), surely[:1], np.array([-1.5]), level=0.001)
    assert rows[0] > 0.3, "rows may be what carries the day beyond the bound"


def test_the_excess_of_light_tails_is_that_of_a_sine() -> None:
    levels = cycling(np.random.default_rng(0), 35, 7)
    assert excess_of_light_tails(levels - levels.mean(axis=1, keepdims=True), 20) == pytest.approx(-1.5, abs=0.15)
