"""How far two models lie apart on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.change import Change, change_measures, change_of, large
from retrain_assets.spec import LargeChangeSpec


def binary(*values: float) -> Scores:
    return Scores(np.array(values), (0, 1))


def test_the_same_answers_are_no_change():
    made = change_of(binary(0.2, 0.9), binary(0.2, 0.9), [0, 1])
    assert made == Change(churn=0.0, negative_flips=0.0, score_shift=0.0)


def test_a_flip_to_the_right_class_is_churn_and_no_negative_flip():
    made = change_of(binary(0.9, 0.9), binary(0.1, 0.9), [1, 1])
    assert made == Change(churn=0.5, negative_flips=0.0, score_shift=0.4)


def test_classes_that_only_one_of_them_knows():
    new = Scores(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), ("a", "b", "c"))
    old = Scores(np.array([0.0, 0.0]), ("a", "b"))
    assert change_of(new, old, ["c", "a"]) == Change(churn=0.5, negative_flips=0.0, score_shift=0.5)


def test_a_regression_is_measured_in_deviations_of_the_champion():
    made = change_of(Scores(np.array([2.0, 4.0])), Scores(np.array([1.0, 3.0])), [0, 0])
    assert made == Change(churn=None, negative_flips=None, score_shift=1.0)
    constant = Scores(np.array([1.0, 1.0]))
    assert change_of(constant, constant, [0, 0]).score_shift == 0.0
    assert change_of(Scores(np.array([1.0, 2.0])), constant, [0, 0]).score_shift == np.inf


@pytest.mark.parametrize("seed", range(5))
def test_the_distributions_of_the_scores_lie_at_most_as_far_apart(seed: int):
    """Row by row more is seen than the distributions tell: scores that change places leave these as they were."""
    rng = np.random.default_rng(seed)
    old, new = rng.uniform(0, 1, 200), rng.beta(2, 3, 200)
    for ours, theirs in ((binary(*new), binary(*old)), (Scores(new / old.std()), Scores(old / old.std()))):
        apart = wasserstein_distance(ours.values, theirs.values)
        shift = change_of(ours, theirs, np.zeros(200)).score_shift
        assert shift is not None
        assert 0 < apart < shift
    places = change_of(binary(*old[::-1]), binary(*old), np.zeros(200)).score_shift
    assert places is not None
    assert places > 0.2


@pytest.mark.covers("promote.approval.large_change.churn", "promote.approval.large_change.score_shift")
def test_either_measure_makes_a_change_large():
    change = Change(churn=0.08, negative_flips=0.02, score_shift=0.05)
    assert large(change, LargeChangeSpec()) is None
    churned = large(change, LargeChangeSpec(churn=0.05))
    shifted = large(change, LargeChangeSpec(score_shift=0.01))
    assert churned == "8.0% of the rows get another class (large above 5.0%)"
    assert shifted == "the scores lie 0.05 apart (large above 0.01)"


def test_what_cannot_be_known_is_large():
    assert large(change_of(binary(), binary(), []), LargeChangeSpec()) == "the change against the champion is unknown"


def test_a_change_has_the_interval_that_its_rows_allow():
    rng = np.random.default_rng(0)
    old = rng.uniform(0.1, 0.9, 400)
    new, labels = np.clip(old + rng.normal(0, 0.1, 400), 0, 1), rng.integers(0, 2, 400)

    def widths(rows: int, blocks: np.ndarray | None = None) -> dict[str, tuple[float, float]]:
        made = list(
            change_measures(
                binary(*new[:rows]), binary(*old[:rows]), labels[:rows],
                blocks=blocks, confidence=0.95, rng=np.random.default_rng(1),
            )
        )  # fmt: skip
        assert [each.name for each in made] == ["churn", "negative_flips", "score_shift"]
        for each in made:
            assert each.value is not None
            assert (each.lower or 0.0) <= each.value <= (each.upper or 0.0)
        return {each.name: ((each.upper or 0.0) - (each.lower or 0.0), each.value or 0.0) for each in made}

    many, few = widths(400), widths(50)
    for name in many:
        assert few[name][0] > 1.5 * many[name][0], name
    share = many["churn"][1]
    assert many["churn"][0] == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / 400), rel=0.15)
    batches = np.arange(400) // 40
    flips = np.where(batches < 5, 0.9, 0.1)  # whole batches change at once
    together, *_ = (
        change_measures(
            binary(*flips), binary(*np.full(400, 0.4)), labels,
            blocks=batches, confidence=0.95, rng=np.random.default_rng(1),
        )
    )  # fmt: skip
    assert ((together.upper or 0.0) - (together.lower or 0.0)) > 0.6


def test_no_change_in_few_rows_is_no_proof_of_none():
    def churn(rows: int, said: float) -> tuple[float | None, float | None]:
        made = change_measures(
            binary(*np.full(rows, said)), binary(*np.full(rows, 0.7)), np.ones(rows),
            blocks=None, confidence=0.95, rng=np.random.default_rng(0),
        )  # fmt: skip
        found = next(each for each in made if each.name == "churn")
        return found.lower, found.upper

    assert churn(200, 0.8) == (0.0, pytest.approx(0.0124, abs=1e-4))
    assert churn(20, 0.8)[1] == pytest.approx(0.117, abs=1e-3)
    assert churn(20, 0.2) == (pytest.approx(0.883, abs=1e-3), 1.0)
    assert churn(7, 0.8) == (None, None), "too few to tell anything"


def test_a_champion_that_always_says_the_same_is_left_by_any_other():
    made = list(
        change_measures(
            Scores(np.arange(20.0)), Scores(np.ones(20)), np.ones(20),
            blocks=None, confidence=0.95, rng=np.random.default_rng(0),
        )
    )[-1]  # fmt: skip
    assert (made.name, made.value, made.lower, made.upper) == ("score_shift", np.inf, np.inf, np.inf)
