"""Estimates without labels hold where calibration does, and say so where it does not."""

import numpy as np
import pytest

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.estimation import estimate_loss, estimated_decay
from retrain_assets.performance.expected import expected_losses
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores
from retrain_assets.spec import DecaySpec

SPEC = DecaySpec()


def batch(rng, *, rows=400, hardness=0.0, turned=False):
    """Loss and expectation of a calibrated model on one batch; a hard one has probabilities near a half."""
    signal = rng.normal(0, 2 * np.exp(-hardness), rows)
    probability = 1 / (1 + np.exp(-signal))
    labels = (rng.random(rows) < (1 - probability if turned else probability)).astype(int)
    scores = Scores(probability, (0, 1))
    lost = row_losses("log_loss", labels, scores)
    return BatchLoss(
        batch="b", value=float(lost.mean()), standard_error=float(lost.std() / np.sqrt(rows)), rows=rows,
        expected=float(expected_losses("log_loss", scores).mean()),
    )  # fmt: skip


def estimated(coming, start, known):
    assert coming.expected is not None
    made = estimate_loss("b", coming.expected, start, known, holdout_batches=4)
    assert made is not None
    return made


def holdout(rng):
    held = batch(rng, rows=320)
    return HoldoutLoss(value=held.value, standard_error=held.standard_error, expected=held.expected)


@pytest.mark.parametrize("labelled", [0, 1, 6])
def test_the_interval_covers_what_the_labels_say_later(labelled):
    """Also where batches differ in how hard they are: 95 % of 600, give or take."""
    rng = np.random.default_rng(labelled)
    held = []
    for _ in range(600):
        known = [batch(rng, hardness=rng.normal(0, 0.3)) for _ in range(labelled)]
        coming = batch(rng, hardness=rng.normal(0, 0.3))
        made = estimated(coming, holdout(rng), known)
        held.append(made.held(coming.value))
    assert 0.88 < np.mean(held) <= 1


@pytest.mark.parametrize("labelled", [3, 8])
def test_the_interval_covers_too_where_batches_differ_by_more_than_their_rows(labelled):
    """A few gaps tell their variance badly: with the normal distribution's width too few are covered."""
    rng, covered = np.random.default_rng(labelled), 0
    for _ in range(600):
        *gaps, coming = rng.normal(0, 0.1, labelled + 1)
        start = HoldoutLoss(value=0.5 + rng.normal(0, 0.05), standard_error=0.02, expected=0.5)
        known = [BatchLoss(batch="b", value=0.5 + g, standard_error=0.02, rows=400, expected=0.5) for g in gaps]
        made = estimate_loss("b", 0.5, start, known, holdout_batches=4)
        assert made is not None
        covered += made.held(0.5 + coming)
    assert covered / 600 > 0.93


def test_no_loss_is_estimated_below_zero():
    start = HoldoutLoss(value=0.1, standard_error=0.2, expected=0.3)
    made = estimate_loss("b", 0.1, start, [], holdout_batches=4)
    assert made is not None
    assert (made.value, made.lower) == (0.0, 0.0)


def test_a_hard_batch_is_seen_before_its_labels_come_and_a_usual_one_is_left_alone():
    rng = np.random.default_rng(0)

    def warns(hardness):
        start, known = holdout(rng), [batch(rng) for _ in range(6)]
        made = estimated(batch(rng, hardness=hardness), start, known)
        return estimated_decay([made], start, SPEC).fired is True

    warned = {hardness: np.mean([warns(hardness) for _ in range(100)]) for hardness in (0.0, 1.0)}
    assert warned[1.0] > 0.9
    assert warned[0.0] < 0.1


def test_a_changed_relation_refutes_the_estimate_as_soon_as_labels_show_it():
    rng = np.random.default_rng(1)
    start = holdout(rng)
    known = [batch(rng) for _ in range(4)] + [batch(rng, turned=True) for _ in range(4)]
    assert estimated(batch(rng), start, known[:4]).trusted
    sure = estimated(batch(rng), start, [batch(rng, turned=True) for _ in range(4)])
    assert not sure.trusted
    assert "not calibrated any more" in sure.reason
    assert estimated_decay([sure], start, SPEC).fired is None
    # While old and new batches are mixed the interval has grown as wide as the doubt, and the newest tell.
    mixed = estimated(batch(rng), start, known)
    assert mixed.standard_error > 5 * estimated(batch(rng), start, known[:4]).standard_error
    assert not mixed.trusted


@pytest.mark.parametrize(("usual", "least"), [(4, 0.6), (8, 0.95)])
def test_a_relation_that_turns_refutes_the_estimate_from_its_first_labels_on(usual, least):
    """The mean of eight batches, and how much they differ, would hide a turn in two or three of them."""
    rng = np.random.default_rng(usual)
    refuted = np.zeros((40, 8), dtype=bool)
    for each in refuted:
        start, known = holdout(rng), [batch(rng) for _ in range(usual)]
        for turned in range(8):
            known.append(batch(rng, turned=True))
            each[turned] = not estimated(batch(rng), start, known).trusted
    assert refuted.mean(axis=0).min() > least


@pytest.mark.parametrize(("labelled", "hardness"), [(4, 0.0), (8, 0.0), (5, 0.3), (8, 0.3)])
def test_a_calibrated_model_is_trusted(labelled, hardness):
    rng = np.random.default_rng(labelled)
    doubted = []
    for _ in range(400):
        known = [batch(rng, hardness=rng.normal(0, hardness)) for _ in range(labelled)]
        doubted.append(not estimated(batch(rng), holdout(rng), known).trusted)
    assert np.mean(doubted) < 0.03


def test_without_what_it_rests_on_there_is_no_estimate():
    assert estimate_loss("b", 0.5, None, [], holdout_batches=4) is None
    assert estimate_loss("b", 0.5, HoldoutLoss(value=0.5, standard_error=0.01), [], holdout_batches=4) is None
    assert estimated_decay([], None, SPEC).fired is None
    known = HoldoutLoss(value=0.5, standard_error=0.01, expected=0.5)
    assert estimated_decay([], known, SPEC).fired is False


def test_a_fixed_gap_is_taken_over_from_the_holdout():
    known = HoldoutLoss(value=0.6, standard_error=0.01, expected=0.5)
    made = estimate_loss("b", 0.4, known, [], holdout_batches=4)
    assert made is not None
    assert made.value == pytest.approx(0.5)
    assert "no labelled batch has tested" in made.reason
