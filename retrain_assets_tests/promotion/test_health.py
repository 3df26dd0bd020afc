"""A healthy champion is one of which it is known."""

import numpy as np
import pytest

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss, without_decay
from retrain_assets.promotion.health import champion_is_healthy
from retrain_assets.spec import DecaySpec


def losses(value, batches=3):
    return [BatchLoss(batch=f"b{k}", value=value, standard_error=0.005, rows=500) for k in range(batches)]


@pytest.mark.parametrize(("made", "healthy"), [(losses(0.5), True), (losses(0.6), False), (losses(0.5, 2), None)])
def test_healthy_is_not_decayed_and_unknown_is_neither(made, healthy):
    verdict = champion_is_healthy(made, HoldoutLoss(value=0.5, standard_error=0.005), DecaySpec())
    assert verdict.healthy is healthy
    assert verdict.reason


HOLDOUT = HoldoutLoss(value=0.5, standard_error=0.005)
ONE = DecaySpec(batches=1)


def of(*values):
    return [BatchLoss(batch=f"b{k}", value=value, standard_error=0.005, rows=500) for k, value in enumerate(values)]


def test_soon_after_a_promotion_the_batches_of_champions_before_tell_what_batches_differ_by():
    """337 % above its holdout was a healthy champion as long as the one bad batch was its own excuse."""
    own, calm, restless = of(0.5, 2.185), of(0.5, 0.51, 0.49), of(0.5, 3.0, 0.4)
    assert champion_is_healthy(own, HOLDOUT, ONE, before=[calm]).healthy is False
    assert champion_is_healthy(own, HOLDOUT, ONE, before=[restless]).healthy is True
    assert champion_is_healthy(of(0.5, 0.505), HOLDOUT, ONE, before=[calm]).healthy is True


def test_where_nobody_knows_what_batches_differ_by_health_is_unknown_and_said_to_be():
    unknown = champion_is_healthy(of(0.5, 2.185), HOLDOUT, ONE, before=[of(0.5, 0.51)])
    assert unknown.healthy is None
    assert "337.0% above its holdout 0.5: 1.3 standard errors" in unknown.reason
    said = "its rows do not explain that, and of 3 other batches nobody can tell what batches differ by"
    assert said in unknown.reason
    assert champion_is_healthy(of(0.5, 0.512), HOLDOUT, ONE).healthy is True, "its rows explain that"
    assert champion_is_healthy(of(0.6, 0.6, 0.6), HOLDOUT, DecaySpec()).healthy is False, "nothing differs, all are bad"


def test_the_decay_of_the_champion_before_does_not_excuse_that_of_the_one_that_replaced_it():
    """Neither the step from one champion's batches to the next one's, nor the batches that caused the promotion."""
    own, decayed = of(0.5, 1.2, 1.2, 1.2), of(0.5, 0.5, 0.5, 1.5, 1.6)
    assert champion_is_healthy(own, HOLDOUT, DecaySpec(), before=[decayed]).healthy is False
    sound = without_decay(decayed, HOLDOUT, DecaySpec())
    assert [loss.value for loss in sound] == [0.5, 0.5], "of the newest three, which were judged together"
    assert champion_is_healthy(own, HOLDOUT, DecaySpec(), before=[sound]).healthy is False
    assert without_decay(own[:2], None, DecaySpec()) == tuple(own[:2]), "without a holdout nothing is known of it"


def test_where_a_champions_own_batches_contradict_those_before_health_is_unknown():
    verdict = champion_is_healthy(of(0.5, 1.2, 1.2, 1.2), HOLDOUT, DecaySpec(), before=[of(0.5, 2.5, 0.5, 2.5)])
    assert verdict.healthy is None
    assert verdict.reason.endswith("what its own batches differ by does not explain that, only what those before did")


def test_champions_of_one_batch_each_tell_nothing_of_what_batches_differ_by():
    alone = [of(0.5), of(0.9), of(0.4), of(0.8)]
    assert champion_is_healthy(of(0.5, 0.9), HOLDOUT, ONE, before=alone).healthy is None


@pytest.mark.parametrize(("between", "before", "at_most"), [(0.0, 5, 0.03), (3.0, 5, 0.08), (3.0, 2, 0.09)])
def test_a_sound_champion_is_seldom_called_unhealthy_by_its_first_batches(between, before, at_most):
    """Seeded nulls, 2,000 each: of one batch, after five of champions before or two."""
    rng, spread = np.random.default_rng(2013), float(np.hypot(1.0, between))
    found = []
    for _ in range(2000):
        values = 100 + rng.normal(0, spread, before + 2)
        seen = [BatchLoss(batch=f"b{k}", value=float(v), standard_error=1.0, rows=500) for k, v in enumerate(values)]
        holdout = HoldoutLoss(value=100 + rng.normal(0, spread / 2), standard_error=0.5)
        verdict = champion_is_healthy(seen[before:], holdout, DecaySpec(batches=1, floor=0.0), before=[seen[:before]])
        found.append(verdict.healthy)
    assert found.count(False) / 2000 <= at_most
    assert (found.count(None) > 0) is (before < 3)
