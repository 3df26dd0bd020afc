"""Classical tests of two classifiers on the same rows, reported beside the bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.scores import Scores, Values, classes_of
from retrain_assets.promotion.evaluation import Unit
from retrain_assets.promotion.measures import Measure


def p_value_measures(
    candidate: Scores, champion: Scores, labels: npt.NDArray[Any], *, resampled: Unit
) -> Iterator[Measure]:
    """McNemar on right and wrong, DeLong on the areas of two classes: p-values against the champion.

    Both suppose that rows are independent; where they are not, that is said. A regression has neither.

    Args:
        candidate: scores of the rows; a class that only one of the two knows has probability 0 for the other.
        champion: the same.
        labels: shape (rows,).
        resampled: what varies together.
    """
    if not candidate.classes or not len(labels):
        return
    classes = classes_of((candidate, champion))
    ours, theirs = (scores.over(classes).probabilities for scores in (candidate, champion))
    names, truth = np.asarray(classes, dtype=object), labels.astype(object)
    right = [names[each.argmax(axis=1)] == truth for each in (ours, theirs)]
    said = "" if resampled == "rows" else f"as if the rows of the same {resampled} were independent"
    yield Measure(kind="test", name="mcnemar_p", value=mcnemar(right[0], right[1]), rows=len(truth), reason=said)
    if len(classes) == 2:
        made = delong(ours[:, 1], theirs[:, 1], truth == names[1])
        if made is not None:
            yield Measure(kind="test", name="roc_auc_difference", value=made[0], rows=len(truth))
            yield Measure(kind="test", name="delong_p", value=made[1], rows=len(truth), reason=said)


def mcnemar(candidate_right: npt.NDArray[np.bool_], champion_right: npt.NDArray[np.bool_]) -> float:
    """Two-sided exact p-value that both are right equally often (McNemar, Psychometrika 1947).

    Of the rows that only one of them gets right, half should be the candidate's.

    >>> mcnemar(np.array([True] * 9 + [False]), np.array([False] * 9 + [True])).__round__(4)
    0.0215
    """
    from scipy.stats import binomtest

    only_candidate = int((candidate_right & ~champion_right).sum())
    only_champion = int((champion_right & ~candidate_right).sum())
    if only_candidate + only_champion == 0:
        return 1.0
    return float(binomtest(only_candidate, only_candidate + only_champion).pvalue)


def delong(candidate: Values, champion: Values, positive: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
    """Difference of the areas under the curve and its two-sided p-value; None where one class has fewer than two rows.

    DeLong, DeLong and Clarke-Pearson, Biometrics 1988, by mid-ranks (Sun and Xu, IEEE SPL 2014), in O(n log n).
    """
    from scipy.stats import norm

    m, n = int(positive.sum()), int((~positive).sum())
    if m < 2 or n < 2:
        return None
    areas, over_positive, over_negative = zip(
        *(_components(scores, positive, m, n) for scores in (candidate, champion)), strict=True
    )
    covariance = np.cov(np.stack(over_positive)) / m + np.cov(np.stack(over_negative)) / n
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if variance <= 0:
        return difference, 1.0 if difference == 0 else 0.0
    return difference, float(2 * norm.sf(abs(difference) / np.sqrt(variance)))


def _components(scores: Values, positive: npt.NDArray[np.bool_], m: int, n: int) -> tuple[float, Values, Values]:
    from scipy.stats import rankdata

    everywhere = rankdata(scores)
    over_positive = (everywhere[positive] - rankdata(scores[positive])) / n
    over_negative = 1 - (everywhere[~positive] - rankdata(scores[~positive])) / m
    return float(over_positive.mean()), over_positive, over_negative
