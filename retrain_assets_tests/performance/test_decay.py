"""Decay is told from noise and from a hard week, at the stated rate of false alarms."""

import numpy as np
import pytest

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss, performance_decay
from retrain_assets.spec import DecaySpec

SPEC = DecaySpec(batches=3, standard_errors=2.0, floor=0.02)


def losses(values, error=0.005):
    return [
        BatchLoss(batch=f"2013-01-{k + 1:02}", value=float(v), standard_error=error, rows=5000)
        for k, v in enumerate(values)
    ]


HOLDOUT = HoldoutLoss(value=0.5, standard_error=0.005)


def test_a_lasting_rise_is_decay_and_the_reason_has_its_numbers():
    verdict = performance_decay(losses([0.53, 0.532, 0.531]), HOLDOUT, SPEC, metric="log_loss")
    assert verdict.fired is True
    assert verdict.excess == pytest.approx(0.031)
    assert verdict.reason == (
        "champion's log_loss over 3 matured batches is 0.531, 6.2% above its holdout 0.5: 5.4 standard errors; "
        "batches are taken to differ no more than their rows explain (by its own 3, those that are judged among them)"
    )


def test_the_reason_tells_from_which_batches_it_knows_what_batches_differ_by():
    """Two looks at the same batches, one of which knows of earlier champions, may come to other verdicts."""
    own, before = losses([0.50, 0.53, 0.50, 0.53, 0.531]), losses([0.4, 0.6, 0.4])
    of_both = performance_decay(own, HOLDOUT, DecaySpec(batches=3), before=[before])
    assert of_both.reason.endswith("differ by 0.116 beyond their rows (by 5 older ones, 3 of champions before it)")
    alone = performance_decay(own, HOLDOUT, DecaySpec(batches=1))
    assert alone.reason.endswith("differ by 0.02062 beyond their rows (by 4 older ones of its own)")


def test_one_hard_week_among_good_ones_is_not_decay():
    verdict = performance_decay(losses([0.50, 0.50, 0.59]), HOLDOUT, SPEC)
    assert verdict.fired is False
    assert "more than 2 standard errors count" in verdict.reason


def test_weeks_that_always_differ_make_the_same_excess_less_telling():
    calm = performance_decay(losses([0.50] * 8 + [0.53] * 3), HOLDOUT, SPEC)
    restless = performance_decay(losses([0.45, 0.55] * 4 + [0.53] * 3), HOLDOUT, SPEC)
    assert calm.fired is True
    assert restless.fired is False


def test_a_slow_rise_does_not_hide_itself_in_the_spread_of_the_batches():
    assert performance_decay(losses(np.linspace(0.50, 0.58, 20)), HOLDOUT, SPEC).fired is True


def test_an_excess_below_the_floor_does_not_count_however_certain():
    verdict = performance_decay(losses([0.505] * 3, error=1e-5), HoldoutLoss(value=0.5, standard_error=1e-5), SPEC)
    assert verdict.fired is False
    assert "at least 2.0% counts" in verdict.reason


def test_only_the_newest_batches_count():
    assert performance_decay(losses([0.7] * 3 + [0.5] * 3), HOLDOUT, SPEC).fired is False


def test_a_better_champion_has_not_decayed():
    verdict = performance_decay(losses([0.4] * 3), HOLDOUT, SPEC)
    assert verdict.fired is False
    assert "below its holdout" in verdict.reason


@pytest.mark.parametrize(
    ("made", "holdout", "reason"),
    [
        (losses([0.6, 0.6]), HOLDOUT, "matured batches after the champion's training end: 2; needed: 3"),
        (losses([0.6] * 3), None, "on its holdout is not recorded"),
    ],
)
def test_too_little_to_go_by_is_unknown(made, holdout, reason):
    verdict = performance_decay(made, holdout, SPEC)
    assert verdict.fired is None
    assert verdict.excess is None
    assert reason in verdict.reason


def test_losses_without_any_noise_still_give_a_verdict():
    exact = performance_decay(losses([0.6] * 3, error=0.0), HoldoutLoss(value=0.5, standard_error=0.0), SPEC)
    none = performance_decay(losses([0.0] * 3, error=0.0), HoldoutLoss(value=0.0, standard_error=0.0), SPEC)
    assert (exact.fired, none.fired) == (True, False)


def test_a_single_batch_tells_a_sudden_rise_from_weeks_that_differ():
    """It is no part of what it is compared with: else the rise were its own excuse."""
    alone = DecaySpec(batches=1, standard_errors=2.0, floor=0.02)
    assert performance_decay(losses([0.50, 0.52, 0.50, 0.48, 0.57]), HOLDOUT, alone).fired is True
    assert performance_decay(losses([0.45, 0.55, 0.46, 0.54, 0.60]), HOLDOUT, alone).fired is False
    # With fewer than four before nobody knows how much weeks differ.
    assert performance_decay(losses([0.50, 0.49, 0.57]), HOLDOUT, alone).fired is False


@pytest.mark.parametrize(
    ("newest", "batches", "between", "at_most"),
    [(3, 3, 0.0, 0.03), (3, 3, 3.0, 0.11), (3, 6, 3.0, 0.075), (3, 20, 3.0, 0.05),
     (1, 5, 0.0, 0.03), (1, 5, 3.0, 0.11), (1, 20, 3.0, 0.05)],
)  # fmt: skip
def test_false_alarms_on_a_champion_that_has_not_decayed(newest, batches, between, at_most):
    """Seeded nulls, 3,000 decisions each: the rates that the docstring states, with three binomial errors to spare."""
    rng = np.random.default_rng(2013)
    spec = DecaySpec(batches=newest, standard_errors=2.0, floor=0.0)
    spread = float(np.hypot(1.0, between))
    alarms = 0
    for _ in range(3000):
        holdout = HoldoutLoss(value=100 + rng.normal(0, spread / 2), standard_error=0.5)
        made = losses(100 + rng.normal(0, spread, batches), error=1.0)
        alarms += performance_decay(made, holdout, spec, holdout_batches=4).fired is True
    assert alarms / 3000 <= at_most
