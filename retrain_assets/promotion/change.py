"""How far a candidate's answers lie from the champion's on the same rows, whichever of them is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.scores import Scores
from retrain_assets.spec.approval import LargeChangeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Churn and flips are None for a regression, which predicts no classes; all are None without rows.

    Args:
        churn: share of the rows whose predicted class is another one.
        negative_flips: share of the rows that the champion got right and the candidate gets wrong.
        score_shift: mean total variation distance of the probabilities; for a regression the mean distance of the
            predictions, in standard deviations of the champion's.
    """

    churn: float | None
    negative_flips: float | None
    score_shift: float | None


def change_of(candidate: Scores, champion: Scores, labels: npt.ArrayLike) -> Change:
    """The change between two models that were asked about the same rows.

    >>> change_of(Scores(np.array([0.9, 0.2]), (0, 1)), Scores(np.array([0.7, 0.6]), (0, 1)), [1, 1])
    Change(churn=0.5, negative_flips=0.5, score_shift=0.3)

    Source of negative flips: Yan et al., Positive-Congruent Training, CVPR 2021.
    """
    if len(candidate) == 0:
        return Change(churn=None, negative_flips=None, score_shift=None)
    if not candidate.classes:
        return Change(churn=None, negative_flips=None, score_shift=_standardized(candidate, champion))
    classes = tuple(dict.fromkeys((*candidate.classes, *champion.classes)))
    new, old = candidate.over(classes).probabilities, champion.over(classes).probabilities
    names = np.asarray(classes, dtype=object)
    said, said_before = names[new.argmax(axis=1)], names[old.argmax(axis=1)]
    truth = np.asarray(labels, dtype=object)
    return Change(
        churn=float(np.mean(said != said_before)),
        negative_flips=float(np.mean((said_before == truth) & (said != truth))),
        score_shift=round(float(np.abs(new - old).sum(axis=1).mean() / 2), 12),
    )


def large(change: Change, spec: LargeChangeSpec) -> str | None:
    """Why a change counts as large; None for a small one. What cannot be known counts as large."""
    if change.score_shift is None:
        return "the change against the champion is unknown"
    said: list[str] = []
    if change.churn is not None and change.churn > spec.churn:
        said.append(f"{change.churn:.1%} of the rows get another class (large above {spec.churn:.1%})")
    if change.score_shift > spec.score_shift:
        said.append(f"the scores lie {change.score_shift:.3g} apart (large above {spec.score_shift:.3g})")
    return " and ".join(said) or None


def _standardized(candidate: Scores, champion: Scores) -> float:
    distance = float(np.abs(candidate.values - champion.values).mean())
    spread = float(champion.values.std())
    if spread == 0:
        return 0.0 if distance == 0 else float("inf")
    return distance / spread
