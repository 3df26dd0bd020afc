"""What every new model loses is no staleness of the one in force."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.policy.first_losses import FirstLoss, usual_excess
from retrain_assets.policy.staleness import StalenessFacts, judge_staleness


def first(version, excess, *, rows=1000, expected: float | None = 0.5):
    """A model that lost so much beyond the .5 that it expected, and on its holdout what it expected."""
    return FirstLoss(
        version=version,
        loss=BatchLoss(batch=f"b{version}", value=0.5 + excess, standard_error=0.01, rows=500, expected=expected),
        holdout=HoldoutLoss(value=0.5, standard_error=0.01, expected=expected),
        trained_rows=rows,
    )


def usual(*firsts, incumbent=9, scale=0.5, rows=1000):
    return usual_excess(firsts, incumbent=incumbent, scale=scale, rows=rows)


def test_the_mean_of_champions_is_drawn_to_nothing_by_one_more():
    assert usual() == 0
    assert usual(first(1, 0.1)) == pytest.approx(0.2 / 2)
    assert usual(*(first(version, 0.1) for version in range(1, 9))) == pytest.approx(0.2 * 8 / 9)


def test_the_incumbent_counts_half():
    """Its first batch may be where its staleness began."""
    assert usual(first(9, 0.1)) == pytest.approx(0.5 * 0.2 / 1.5)


def test_what_a_smaller_model_lost_more_rows_do_mend():
    assert usual(first(1, 0.1, rows=500)) == pytest.approx(usual(first(1, 0.1)) / 4)
    assert usual(first(1, 0.1, rows=4000)) == usual(first(1, 0.1))


def test_a_champion_without_an_expectation_tells_nothing():
    assert usual(first(1, 5.0, expected=None)) == 0
    assert usual(first(1, 5.0, expected=None), first(2, 0.1)) == usual(first(2, 0.1))
    assert usual(first(1, 5.0, rows=0)) == 0


def test_models_that_know_themselves_well_give_no_credit():
    assert usual(first(1, -0.2), first(2, -0.1)) == 0


@given(
    excesses=st.lists(st.floats(-2, 2), min_size=1, max_size=6),
    more=st.floats(0, 1),
    unit=st.floats(0.001, 1000),
)
@settings(max_examples=60, deadline=None)
def test_it_grows_with_what_models_lose_whatever_the_unit(excesses, more, unit):
    firsts = [first(version, excess) for version, excess in enumerate(excesses)]
    worse = [first(version, excess + more) for version, excess in enumerate(excesses)]
    assert usual(*worse) >= usual(*firsts) - 1e-12
    assert 0 <= usual(*firsts) < 1
    scaled = [
        replace(
            each,
            loss=replace(each.loss, value=each.loss.value * unit, expected=0.5 * unit),
            holdout=replace(each.holdout, value=0.5 * unit, expected=0.5 * unit),
        )
        for each in firsts
    ]
    assert usual(*scaled, scale=0.5 * unit) == pytest.approx(usual(*firsts), rel=1e-6, abs=1e-9)


def judged(values, firsts=(), *, expected: float | None = 0.5):
    """The champion in force is version 9; it lost what it expected on its holdout."""
    losses = [
        BatchLoss(batch=f"b{k}", value=value, standard_error=0.01, rows=500, expected=expected)
        for k, value in enumerate(values)
    ]
    verdict = judge_staleness(
        StalenessFacts(
            losses=losses, holdout=HoldoutLoss(value=0.5, standard_error=0.01, expected=expected), trained_rows=1000,
            new_rows=(200.0,) * len(losses), cost=0.5,
            served=[BatchLoss(batch="s", value=0.5, standard_error=0.01, rows=500)], firsts=firsts, incumbent=9,
            available_rows=1000,
        )
    )  # fmt: skip
    assert verdict is not None
    return verdict


def test_a_model_that_is_as_bad_as_new_ones_are_is_not_retrained():
    """A quarter beyond expectation, as each champion before it from its first batch on."""
    alike = [first(version, 0.125) for version in range(1, 7)]
    assert judged([0.625] * 12).fired
    told = judged([0.625] * 12, alike)
    assert (told.fired, told.debt) == (False, 0)
    assert told.usual == pytest.approx(0.25 * 6 / 7)


def test_it_is_retrained_when_it_becomes_worse_than_that():
    alike = [first(version, 0.125) for version in range(1, 7)]
    assert judged([0.625] * 4 + [0.95] * 4, alike).fired


def test_without_an_expectation_nothing_is_learned_from_them():
    """Of a regression: a hard first batch and what new models lose would be one and the same."""
    firsts = [first(version, 0.3, expected=None) for version in range(1, 7)]
    plain, told = judged([0.6] * 6, expected=None), judged([0.6] * 6, firsts, expected=None)
    assert told == plain
    assert (told.usual, told.informed) == (0, False)
