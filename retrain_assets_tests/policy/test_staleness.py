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


def judged(values, *, trained=5000, new=1000.0, cost=0.5, holdout=0.5, error=0.01, expected=None, gap=0.0, late=0):
    """Served at the holdout loss until now; `expected` of each batch, and of the holdout `gap` less than its loss."""
    own = tuple(replace(loss, standard_error=error) for loss in losses(*values))
    if expected is not None:
        own = tuple(replace(loss, expected=each) for loss, each in zip(own, expected, strict=True))
    verdict = judge_staleness(
        StalenessFacts(
            losses=own,
            holdout=HoldoutLoss(
                value=holdout, standard_error=0.005, expected=None if expected is None else holdout - gap
            ),
            trained_rows=trained, new_rows=(new,) * len(values), cost=cost, served=losses(*[holdout] * 8),
            unlabelled=late,
        )
    )  # fmt: skip
    assert verdict is not None
    return verdict


def test_a_decayed_model_is_retrained_and_a_good_one_is_not():
    quiet, decayed = judged([0.5] * 4), judged([0.75] * 3)
    assert (quiet.fired, quiet.debt, quiet.gain) == (False, 0, 0)
    assert not judged([0.54] * 20).fired  # within the slack
    assert decayed.fired is False
    assert decayed.debt == pytest.approx(4 * (0.5 - 0.1))  # three that were served, and the one to come
    assert judged([0.8] * 4).fired
    assert decayed.gain == pytest.approx(0.5)


@pytest.mark.parametrize("late", [0, 2])
@pytest.mark.parametrize("before", [[], [0.62, 0.62], [0.9, 0.2], [0.2, 0.3]])
def test_what_the_newest_batch_had_to_show_is_where_the_verdict_turns(before, late):
    """Also where the debt of before was nothing, and where batches without labels are counted like the newest."""
    fired = judged([*before, 1.0], cost=0.05, error=0.0, late=late)
    assert fired.newest is not None
    assert (fired.newest.batch, fired.newest.value) == (losses(*before, 1.0)[-1].batch, pytest.approx(0.5))
    needed = 0.5 + fired.newest.needed
    assert 0.5 < needed < 1.0
    just, short = (judged([*before, needed + step], cost=0.05, error=0.0, late=late) for step in (1e-6, -1e-6))
    assert just.fired
    assert not short.fired
    assert short.newest is None
    assert just.debt == pytest.approx(just.limit, abs=1e-4)


def test_a_hard_batch_that_the_model_knew_to_be_hard_is_no_staleness():
    """Twice the loss, and twice the loss expected: the model knows what it does not know."""
    hard = judged([1.0] * 6, expected=[1.0] * 6)
    assert (hard.debt, hard.fired, hard.informed) == (0, False, True)
    stale = judged([1.0] * 6, expected=[0.5] * 6)
    assert stale.fired
    assert stale.debt > judged([1.0] * 6, expected=[0.8] * 6).debt > 0


def test_a_model_that_always_promises_too_much_is_not_stale_for_it():
    """A fixed gap is known from the holdout; one that widens is not."""
    assert judged([0.5] * 20, expected=[0.45] * 20, gap=0.05).debt == 0
    assert judged([0.5] * 20, expected=[0.3] * 20, gap=0.05).fired


def test_without_an_expectation_of_the_holdout_none_of_the_batches_counts():
    """Of an adopted model, or one that was promoted before expectations were recorded."""
    facts = StalenessFacts(
        losses=tuple(replace(loss, expected=0.9) for loss in losses(0.9, 0.9)),
        holdout=HoldoutLoss(value=0.5, standard_error=0.0), trained_rows=100, new_rows=(50.0, 50.0), cost=0.5,
        served=losses(0.5),
    )  # fmt: skip
    verdict = judge_staleness(facts)
    assert verdict is not None
    assert (verdict.informed, verdict.slack) == (False, 0.1)
    assert verdict.debt == pytest.approx(3 * 0.7)


def test_batches_without_labels_are_taken_to_be_as_bad_as_the_newest_with():
    assert judged([0.75] * 3, late=2).debt == pytest.approx(6 * 0.4)


def test_the_scale_is_what_batches_cost_of_late():
    """Not at promotion: a world that has become harder for whoever serves is the new measure."""
    facts = StalenessFacts(
        losses=losses(0.75, 0.75), holdout=HoldoutLoss(value=0.5, standard_error=0.0), trained_rows=100,
        new_rows=(10.0, 10.0), cost=0.5, served=losses(*[0.5] * 2, *[1.0] * 8),
    )  # fmt: skip
    verdict = judge_staleness(facts)
    assert verdict is not None
    assert verdict.gain == pytest.approx(0.25)


def test_good_batches_of_long_ago_are_little_credit():
    """None in the debt; in the rate of what is to come they fade."""
    alone = judged([0.8] * 4).debt
    assert alone > judged([0.1] * 10 + [0.8] * 4).debt > 0.8 * alone


def test_good_batches_now_take_off():
    assert judged([0.8] * 4 + [0.3] * 2).debt < judged([0.8] * 4).debt


def test_one_batch_counts_at_most_its_worth():
    assert judged([50.0]).debt == pytest.approx(2 * 0.9)
    assert not judged([50.0]).fired


def test_few_rows_widen_the_slack():
    assert judged([0.62] * 6, error=0.2).debt == 0 < judged([0.62] * 6).debt


def test_a_model_that_fails_does_not_hide_behind_its_own_errors():
    """Small loss, then ten times that with errors as large as the loss was."""
    assert judged([1.0] * 3, holdout=0.1, error=0.1).debt == pytest.approx(4 * 0.9)


def test_more_to_learn_from_fires_sooner():
    early, late = judged([0.75] * 4, trained=1500), judged([0.75] * 4, trained=200_000)
    assert (early.fired, late.fired) == (True, False)
    assert early.limit < late.limit


def test_the_limit_is_where_debt_and_growth_are_worth_the_price():
    verdict = judged([0.7] * 4)
    worth = verdict.limit**0.7 * verdict.growth**0.3
    assert worth == pytest.approx(1.95 * 0.5**0.6)


def test_the_verdict_tells_gain_uncertainty_and_what_would_change_it():
    assert judged([0.55, 0.75, 0.85]).reason == (
        "staleness has cost 1.4 +- 0.41 batches' worth of loss since the last training, no more than the 2 from "
        "which a retrain pays (it costs 0.5; new rows are 60% of the training's); a retrain is expected to save "
        "0.5 +- 0.13 of these on each batch"
    )


def test_a_loss_that_counts_no_further_is_told():
    """Else a retrain would be said to save all of each batch's loss, and hardly more or less."""
    assert judged([0.5, 5.0, 5.0]).reason.endswith("of these on each batch (no batch counts for more than 1)")


def test_without_new_rows_no_debt_is_enough():
    verdict = judged([0.9] * 4, new=0.0)
    assert not verdict.fired
    assert "any (there are no new rows to train on)" in verdict.reason
    assert verdict.record()["limit"] is None


def test_what_cannot_be_judged_is_none():
    facts = StalenessFacts(
        losses=losses(0.5), holdout=HoldoutLoss(value=0.5, standard_error=0.0), trained_rows=10, new_rows=(1.0,), cost=1
    )
    assert judge_staleness(facts) is not None
    assert judge_staleness(replace(facts, losses=(), new_rows=())) is None
    assert judge_staleness(replace(facts, trained_rows=0)) is None
    perfect = replace(facts, holdout=HoldoutLoss(value=0.0, standard_error=0.0))
    told = judge_staleness(perfect)
    assert told is not None
    assert told.debt == pytest.approx(2 * (1 - 0.1)), "whatever it loses now is excess"
    assert judge_staleness(replace(perfect, losses=losses(0.0))) is None, "nothing was lost, and nothing is a scale"


@given(
    values=st.lists(st.floats(0.01, 3), min_size=1, max_size=12),
    worse=st.floats(0, 1),
    cost=st.floats(0.01, 1),
    dearer=st.floats(1, 10),
    scale=st.floats(0.001, 1000),
)
@settings(max_examples=60, deadline=None)
def test_a_worse_model_owes_no_less_and_a_dearer_retrain_fires_no_sooner(values, worse, cost, dearer, scale):
    """And the unit of the loss does not matter: regression and classification alike."""
    one, other = judged(values, cost=cost), judged([value + worse for value in values], cost=cost)
    assert other.debt >= one.debt - 1e-9
    assert one.fired or not judged(values, cost=cost * dearer).fired
    scaled = judged([value * scale for value in values], cost=cost, holdout=0.5 * scale, error=0.01 * scale)
    assert scaled.debt == pytest.approx(one.debt, rel=1e-6, abs=1e-9)


def test_an_unchanged_world_is_left_alone():
    """Batches that differ by a tenth: a year of weeks without growth of the debt to what a retrain is worth."""
    rng = np.random.default_rng(3)
    years = [judged(0.5 * np.exp(0.1 * rng.normal(size=52)), trained=20_000, new=400.0).fired for _ in range(200)]
    assert np.mean(years) < 0.02


@pytest.fixture
def stale(facts):
    """Week 10, trained on five weeks; the four labelled ones since then are 60 % worse."""

    def build(**changes):
        values = {
            "retrain": {"when": "staleness"}, "losses": losses(0.8, 0.8, 0.8, 0.8), "trained_rows": 5000,
            "trained_until": START + timedelta(weeks=5), "served": losses(*[0.5] * 4), **changes,
        }  # fmt: skip
        return facts(**values)

    return build


def test_the_trigger_goes_through_the_decision_and_leaves_its_state(stale):
    made = decide(stale())
    assert made.verdict == "retrain"
    assert made.reason.startswith("staleness: staleness has cost 3.5 +-")
    assert made.state["staleness"]["debt"] == pytest.approx(7 * 0.5)
    assert decide(stale(losses=losses(*[0.5] * 4))).verdict == "wait"


def test_what_was_lost_before_a_refused_candidate_counts_no_more(stale):
    """A training that ended in no promotion could not mend it either."""
    tried = stale(trained_until=START + timedelta(weeks=8), trained_rows=8000)
    verdict = champion_staleness(tried)
    assert verdict is not None
    assert verdict.debt == pytest.approx(4 * 0.5)  # one batch, two without labels, and the next


def test_staleness_of_an_adopted_model_is_unknown(stale):
    assert decide(stale(holdout=None)).verdict == "unknown"
    assert decide(stale(trained_rows=None)).verdict == "unknown"


def test_before_there_are_labels_it_waits(stale):
    assert decide(stale(losses=())).verdict == "wait"


@pytest.mark.covers("retrain.cost.retrain")
def test_a_dearer_retrain_waits_longer(stale):
    for cost, verdict in ((0.5, "retrain"), (3.0, "wait")):
        assert decide(stale(retrain={"when": "staleness", "cost": {"retrain": cost}})).verdict == verdict


@pytest.mark.covers("retrain.cost.unit_loss")
def test_costs_can_be_declared_in_money(stale):
    """1000 rows of loss .5: a batch costs 500 where a unit of loss costs 1."""
    for unit, verdict in ((1.0, "retrain"), (0.01, "wait")):
        cost = {"retrain": 250.0, "unit_loss": unit}
        made = decide(stale(retrain={"when": "staleness", "cost": cost}))
        assert made.verdict == verdict
        assert made.state["staleness"]["cost"] == pytest.approx(0.5 / unit)


def grown(values, *, added=True, cost=0.5, expected=None, gap=0.0):
    """A training would have the rows of the last one, and all new ones beside them or in place of as many old ones."""
    own = losses(*values)
    own = own if expected is None else tuple(replace(loss, expected=expected) for loss in own)
    held = HoldoutLoss(value=0.5, standard_error=0.005, expected=None if expected is None else 0.5 - gap)
    verdict = judge_staleness(
        StalenessFacts(
            losses=own, holdout=held, trained_rows=2000, new_rows=(1000.0,) * len(own), cost=cost,
            served=losses(*[0.5] * 8), available_rows=2000 + 1000 * len(own) if added else 2000,
        )
    )  # fmt: skip
    assert verdict is not None
    return verdict


def test_what_a_model_of_few_rows_promises_too_much_goes_with_more_of_them():
    """Loss as on the holdout, where half of it was not expected: four times the rows would halve that."""
    replaced, added = (grown([0.5] * 6, added=each, expected=0.25, gap=0.25) for each in (False, True))
    assert replaced.debt == pytest.approx(7 * (0.125 - 0.1))
    assert added.gain > 2 * replaced.gain
    assert grown([0.5] * 30, expected=0.25, gap=0.25).fired
    assert not grown([0.5] * 30, added=False, expected=0.25, gap=0.25).fired


def test_what_a_model_promises_too_little_is_no_want_of_rows():
    alike = [grown([0.5] * 6, added=each, expected=0.55, gap=-0.05) for each in (False, True)]
    assert alike[0] == alike[1]


def test_a_cheap_retrain_that_forgets_nothing_asks_for_less_excess():
    slight = [0.54] * 12
    assert grown(slight, cost=0.5).slack == grown(slight, cost=5).slack == 0.1
    assert grown(slight, cost=0.02).slack == pytest.approx(0.1 * 1.95 * 0.02**0.6 / 1.2)
    assert grown(slight, cost=0.02).fired
    assert not grown(slight, cost=0.5).fired
    assert not grown(slight, cost=0.02, added=False).fired, "a sliding window forgets as much as it learns"
