"""How far a candidate's answers lie from the champion's on the same rows, whichever of them is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.intervals import percentile_interval, resampled_means, units_of
from retrain_assets.performance.scores import Scores, Values, classes_of
from retrain_assets.promotion.evaluation import ENOUGH_UNITS
from retrain_assets.promotion.measures import Measure
from retrain_assets.spec.approval import LargeChangeSpec

SHARES = ("churn", "negative_flips")
_RESAMPLES = 1000


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
    return _change(_of_rows(candidate, champion, labels))


def change_measures(
    candidate: Scores,
    champion: Scores,
    labels: npt.ArrayLike,
    *,
    blocks: npt.NDArray[np.intp] | None,
    confidence: float | None,
    rng: np.random.Generator,
) -> Iterator[Measure]:
    """The same with bootstrap intervals of a confidence, by rows or `blocks`; none from fewer than `ENOUGH_UNITS`.

    A share of none or all of the rows has the interval of Jeffreys' prior: resamples of these never differ.
    """
    rows = _of_rows(candidate, champion, labels)
    change, units = _change(rows), units_of(len(candidate), blocks)
    known = [name for name, values in rows.items() if np.isfinite(values).all()]
    drawn: dict[str, Values] = {}
    if confidence is not None and known and units >= ENOUGH_UNITS:
        columns = np.column_stack([rows[name] for name in known])
        drawn = dict(zip(known, resampled_means(columns, _RESAMPLES, rng=rng, blocks=blocks).T, strict=True))
    for name in (*SHARES, "score_shift"):
        value: float | None = getattr(change, name)
        lower = upper = value if value == np.inf else None
        if confidence is not None and value is not None and name in drawn:
            lower, upper = (
                _of_none_or_all(value, confidence, units)
                if name in SHARES and value in (0.0, 1.0)
                else percentile_interval(drawn[name], confidence, units=units)
            )
        yield Measure(kind="change", name=name, value=value, lower=lower, upper=upper, rows=len(candidate))


def _of_none_or_all(value: float, confidence: float, units: int) -> tuple[float, float]:
    """Source: Brown, Cai and DasGupta, Statistical Science 16(2), 2001."""
    from scipy.special import betaincinv

    beyond = float(betaincinv(0.5, units + 0.5, (1 + confidence) / 2))
    return (0.0, beyond) if value == 0 else (1 - beyond, 1.0)


def _change(rows: Mapping[str, Values]) -> Change:
    shift = rows.get("score_shift")
    return Change(
        churn=float(rows["churn"].mean()) if "churn" in rows else None,
        negative_flips=float(rows["negative_flips"].mean()) if "negative_flips" in rows else None,
        score_shift=None if shift is None else round(float(shift.mean()), 12),
    )


def _of_rows(candidate: Scores, champion: Scores, labels: npt.ArrayLike) -> dict[str, Values]:
    """What each row counts for, by the name of the measure: (n,) each; nothing without rows."""
    if len(candidate) == 0:
        return {}
    if not candidate.classes:
        return {"score_shift": _standardized(candidate, champion)}
    classes = classes_of((candidate, champion))
    new, old = candidate.over(classes).probabilities, champion.over(classes).probabilities
    names = np.asarray(classes, dtype=object)
    said, said_before = names[new.argmax(axis=1)], names[old.argmax(axis=1)]
    truth = np.asarray(labels, dtype=object)
    return {
        "churn": (said != said_before).astype(np.float64),
        "negative_flips": ((said_before == truth) & (said != truth)).astype(np.float64),
        "score_shift": np.abs(new - old).sum(axis=1) / 2,
    }


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


def _standardized(candidate: Scores, champion: Scores) -> Values:
    distance = np.abs(candidate.values - champion.values)
    spread = float(champion.values.std())
    if spread == 0:
        return np.where(distance == 0, 0.0, np.inf)
    return distance / spread
