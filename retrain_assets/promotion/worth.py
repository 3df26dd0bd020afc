"""What a model is worth beyond its loss: money by a declared cost matrix or function, and the order of its scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import DataError
from retrain_assets.performance.intervals import percentile_interval, resampled_means, units_of
from retrain_assets.performance.scores import Scores, Values
from retrain_assets.promotion.measures import Measure, MeasureKind

RESAMPLES = 1000
Function = Callable[[pd.DataFrame, Values], npt.ArrayLike]


def worth_of_costs(costs: Mapping[str, Mapping[str, float]], labels: npt.NDArray[Any], scores: Scores) -> Values:
    """The worth of each row, (n,): minus the cost of what was predicted where the truth is what it is.

    >>> costs = {"1": {"0": 10.0}, "0": {"1": 1.0}}
    >>> worth_of_costs(costs, np.array([1, 1, 0]), Scores(np.array([0.9, 0.1, 0.8]), (0, 1)))
    array([ -0., -10.,  -1.])

    Raises:
        DataError: the matrix names what is no class: that would cost nothing.
    """
    names = [str(name) for name in scores.classes]
    position, truths = pd.factorize(np.array([str(label) for label in labels], dtype=object))
    known = {*names, *truths}
    strange = sorted({*costs, *(said for row in costs.values() for said in row)} - known)
    if strange:
        raise DataError(
            f"promote.worth.costs must name classes of the target ({', '.join(sorted(known))}) "
            f"(got {', '.join(strange)}): what is named otherwise would cost nothing"
        )
    matrix = np.array([[costs.get(true, {}).get(said, 0.0) for said in names] for true in truths])
    return -matrix[position, scores.probabilities.argmax(axis=1)]


def worth_of_function(function: Function, rows: pd.DataFrame, scores: Scores) -> Values:
    """The worth of each row as a declared function tells it.

    Raises:
        DataError: it does not answer one finite number for each row.
    """
    made = np.asarray(function(rows.copy(), scores.values.copy()), dtype=np.float64)
    if made.shape != (len(rows),) or not np.isfinite(made).all():
        raise DataError(
            f"promote.worth.function must answer one finite number for each of {len(rows)} rows "
            f"(got shape {made.shape})"
        )
    return made


def ndcg(relevance: Values, scores: Values) -> float | None:
    """Normalized discounted cumulative gain of one group: sum of relevance / log2(1 + rank), over the best order's.

    Rows of equal scores share their places: it is the mean over all their orders, since which of them comes first says
    nothing. None where nothing is relevant. Source: Järvelin and Kekäläinen, ACM TOIS 2002; of ties McSherry and
    Najork, ECIR 2008.

    >>> round(ndcg(np.array([0.0, 1.0]), np.array([0.9, 0.1])), 4)
    0.6309
    """
    discount = 1 / np.log2(np.arange(2, len(relevance) + 2))
    best = float((np.sort(relevance)[::-1] * discount).sum())
    if best <= 0:
        return None
    _, tie, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    reached = np.concatenate([[0.0], np.cumsum(discount)])
    last = np.cumsum(sizes)
    return float((relevance * ((reached[last] - reached[last - sizes]) / sizes)[tie]).sum()) / best


def reciprocal_rank(relevance: Values, scores: Values) -> float | None:
    """One over the rank of the first relevant row of a group; None where nothing is relevant.

    Of rows of equal scores every order counts alike, as for `ndcg`.

    >>> reciprocal_rank(np.array([0.0, 1.0, 1.0]), np.array([0.9, 0.5, 0.1]))
    0.5
    """
    relevant = relevance > 0
    if not relevant.any():
        return None
    best = scores[relevant].max()
    above, tied = int((scores > best).sum()), scores == best
    number, hits = int(tied.sum()), int((tied & relevant).sum())
    # The first hit is the k-th of the tied rows where k - 1 misses were drawn before it, without putting any back.
    misses = np.arange(number - hits)
    missed = np.concatenate([[1.0], np.cumprod((number - hits - misses) / (number - misses))])
    place = np.arange(number - hits + 1)
    return float((missed * hits / (number - place) / (above + place + 1)).sum())


def ranking_values(groups: pd.Series, labels: npt.NDArray[Any], scores: Scores) -> pd.DataFrame:
    """`ndcg` and `mrr` of each group in which something is relevant: of two classes the second, else the number.

    Raises:
        DataError: there are more classes than two, of which none is the relevant one.
    """
    if len(scores.classes) > 2:
        raise DataError(
            "ranks_not_worse needs a target of two classes, of which the second is relevant, or of numbers that are "
            f"gains (got {len(scores.classes)} classes): take it out of promote.require"
        )
    relevance = (
        (labels.astype(object) == scores.classes[1]).astype(np.float64)
        if len(scores.classes) == 2
        else np.maximum(labels.astype(np.float64), 0.0)
    )
    found: dict[Any, tuple[float, float]] = {}
    for name, rows in groups.groupby(groups.to_numpy(), sort=True).indices.items():
        gain = ndcg(relevance[rows], scores.values[rows])
        first = reciprocal_rank(relevance[rows], scores.values[rows])
        if gain is not None and first is not None:
            found[name] = (gain, first)
    return pd.DataFrame.from_dict(found, orient="index", columns=["ndcg", "mrr"])


def paired_measures(
    kind: MeasureKind,
    name: str,
    candidate: Values,
    champion: Values | None,
    *,
    confidence: float,
    rng: np.random.Generator,
    blocks: npt.NDArray[Any] | None = None,
    least: int = 2,
) -> Iterator[Measure]:
    """The means of both models, and of the difference candidate - champion: above zero the candidate is better.

    Nothing is known from fewer than `least` units.
    """
    units = units_of(len(candidate), blocks)
    if units < least:
        unit = ("rows" if kind == "worth" else "groups") if blocks is None else "batches or entities"
        reason = f"{units} {unit} are too few to judge by ({least} needed)"
        yield Measure(kind=kind, name=name, value=None, reason=reason, rows=len(candidate))
        return
    columns = {"": candidate}
    if champion is not None:
        columns |= {"champion": champion, "difference": candidate - champion}
    drawn = resampled_means(np.column_stack(list(columns.values())), RESAMPLES, rng=rng, blocks=blocks)
    for place, (group, values) in enumerate(columns.items()):
        lower, upper = percentile_interval(drawn[:, place], confidence, units=units)
        yield Measure(
            kind=kind, name=name, group=group, value=float(values.mean()), lower=lower, upper=upper, rows=len(values)
        )
