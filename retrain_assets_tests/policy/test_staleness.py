"""A retrain pays when what staleness has cost outweighs it, and a hard week alone is not staleness."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.policy.champion_staleness import champion_staleness
from retrain_assets.policy.decide import decide
from retrain_assets.policy.staleness import StalenessFacts, judge_staleness
from retrain_assets_tests.policy.conftest import START


def losses(*values, rows=1000):
    return tuple(
        BatchLoss(batch=f"2013-02-{5 + 7 * k:02}", value=value, standard_error=0.01, rows=rows)
        for k, value in enumerate(values)
    )


def judged(values, *, served=(0.5,) * 8, trained=5000, new=1000.0, cost=0.15, unlabelled=2):
    verdict = judge_staleness(
        StalenessFacts(
            losses=losses(*values), holdout=HoldoutLoss(value=0.5, standard_error=0.005), served=served,
            trained_rows=trained, new_rows=(new,) * len(values), unlabelled=unlabelled, cost=cost,
        )
    )  # fmt: skip
    assert verdict is not None
    return verdict


def test_a_decayed_model_is_retrained_and_a_good_one_is_not():
    quiet, decayed = judged([0.5] * 4), judged([0.6] * 4)
    assert (quiet.fired, decayed.fired) == (False, True)
    assert quiet.debt == pytest.approx(0, abs=0.01)
    # Nothing varied from batch to batch: what was observed is the debt, 20 % a batch with the two that have no labels.
    assert decayed.debt == pytest.approx(6 * 0.2, abs=0.01)
    assert decayed.gain == pytest.approx(0.2, abs=0.01)


def test_where_batches_differ_much_an_excess_says_less():
    steady = judged([0.6] * 4)
    hard = judged([0.6] * 4, served=(0.3, 0.7) * 4)
    assert hard.debt_error > 5 * steady.debt_error
    assert abs(hard.debt - 1.2) > 10 * abs(steady.debt - 1.2)


def test_where_losses_say_nothing_the_growth_of_the_data_decides():
    wild = (0.1, 0.9) * 8
    early = judged([0.5] * 10, served=wild, trained=2000)
    late = judged([0.5] * 10, served=wild, trained=200_000)
    assert (early.fired, late.fired) == (True, False)


def test_the_verdict_tells_gain_uncertainty_and_what_would_change_it():
    assert judged([0.55] * 4).reason == (
        "staleness has cost 0.6 +- 0.053 batches' worth of loss since the last training, at least the 0.43 from "
        "which a retrain pays (it costs 0.15; new rows are 80% of the training's); a retrain is expected to save "
        "10.0% +- 0.9% of each batch's loss"
    )


def test_without_new_rows_no_debt_is_enough():
    verdict = judged([0.9] * 4, new=0.0)
    assert not verdict.fired
    assert "any (there are no new rows to train on)" in verdict.reason
    assert verdict.record()["limit"] is None


def test_what_cannot_be_judged_is_none():
    facts = StalenessFacts(
        losses=(), holdout=HoldoutLoss(value=0.5, standard_error=0.0), served=(), trained_rows=10, new_rows=(),
        unlabelled=1, cost=0.1,
    )  # fmt: skip
    assert judge_staleness(facts) is None
    assert judge_staleness(replace(facts, losses=losses(0.5), new_rows=(1.0,), trained_rows=0)) is None
    assert judge_staleness(replace(facts, losses=losses(0.5), new_rows=(1.0,), served=(0.0,))) is None


@given(
    values=st.lists(st.floats(0.01, 3), min_size=1, max_size=12),
    worse=st.floats(0, 1),
    cost=st.floats(0.01, 1),
    dearer=st.floats(1, 10),
)
@settings(max_examples=60, deadline=None)
def test_a_worse_model_owes_no_less_and_a_dearer_retrain_fires_no_sooner(values, worse, cost, dearer):
    served = tuple(np.linspace(0.4, 0.6, 10))
    one, other = judged(values, served=served, cost=cost), judged([v + worse for v in values], served=served, cost=cost)
    assert other.debt >= one.debt - 1e-9
    assert one.fired or not judged(values, served=served, cost=cost * dearer).fired


def test_independent_batches_around_the_holdout_rarely_pay():
    """With a growth of 20 %, cost .15 and batches that differ by a tenth, an unchanged world retrains in few weeks."""
    rng = np.random.default_rng(3)
    fired = [
        judged(0.5 * np.exp(0.1 * rng.normal(size=4)), served=tuple(0.5 * np.exp(0.1 * rng.normal(size=20))),
               trained=20_000).fired
        for _ in range(200)
    ]  # fmt: skip
    assert np.mean(fired) < 0.02


@pytest.fixture
def stale(facts):
    """Week 10, trained on five weeks; the four labelled ones since then are 20 % worse."""

    def build(**changes):
        values = {
            "retrain": {"when": "staleness"}, "losses": losses(0.6, 0.6, 0.6, 0.6), "served": losses(*[0.5] * 8),
            "trained_rows": 5000, "trained_until": START + timedelta(weeks=5), **changes,
        }  # fmt: skip
        return facts(**values)

    return build


def test_the_trigger_goes_through_the_decision_and_leaves_its_state(stale):
    made = decide(stale())
    assert made.verdict == "retrain"
    assert made.reason.startswith("staleness: staleness has cost 1.4")
    assert made.state["staleness"]["debt"] == pytest.approx(1.4, abs=0.01)  # four labelled weeks and three without
    assert decide(stale(losses=losses(*[0.5] * 4))).verdict == "wait"


def test_what_was_lost_before_a_refused_candidate_counts_no_more(stale):
    """A training that ended in no promotion could not mend it either."""
    tried = stale(trained_until=START + timedelta(weeks=8), trained_rows=8000)
    verdict = champion_staleness(tried)
    assert verdict is not None
    assert verdict.debt < 1.0


def test_staleness_of_an_adopted_model_is_unknown(stale):
    assert decide(stale(holdout=None)).verdict == "unknown"
    assert decide(stale(trained_rows=None)).verdict == "unknown"


def test_before_there_are_labels_it_waits(stale):
    assert decide(stale(losses=())).verdict == "wait"


@pytest.mark.covers("retrain.cost.retrain")
def test_a_dearer_retrain_waits_longer(stale):
    for cost, verdict in ((0.15, "retrain"), (2.0, "wait")):
        assert decide(stale(retrain={"when": "staleness", "cost": {"retrain": cost}})).verdict == verdict


@pytest.mark.covers("retrain.cost.unit_loss")
def test_costs_can_be_declared_in_money(stale):
    """1000 rows of loss .5: a batch costs 500 where a unit of loss costs 1."""
    for unit, verdict in ((1.0, "retrain"), (0.01, "wait")):
        cost = {"retrain": 75.0, "unit_loss": unit}
        made = decide(stale(retrain={"when": "staleness", "cost": cost}))
        assert made.verdict == verdict
        assert made.state["staleness"]["cost"] == pytest.approx(0.15 / unit)
