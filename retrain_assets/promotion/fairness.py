"""Whether groups are treated alike: selection rates, and the errors that each group bears.

Demographic parity: the share of positive predictions is the same in each group. Equalized odds: the true and the false
positive rates are (Hardt, Price and Srebro, NIPS 2016). The positive class is the second one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.measures import Measure

RATES = {"selection_rate": "selection_gap", "true_positive_rate": "error_gap", "false_positive_rate": "error_gap"}
_RESAMPLES = 1000


def fairness_measures(
    scores: Scores,
    labels: npt.ArrayLike,
    groups: pd.Series,
    *,
    min_rows: int,
    confidence: float,
    rng: np.random.Generator,
) -> Iterator[Measure]:
    """The rates of each group and the largest gap of each rate, with bootstrap intervals within the groups.

    A share of k in n is resampled as a binomial draw, which is what drawing rows within the group comes to.
    """
    column = str(groups.name)
    if len(scores.classes) != 2:
        for name in RATES:
            yield Measure(
                kind="fairness", name=f"{name}_gap", group=column, value=None, reason="two classes are needed"
            )
        return
    positive = np.asarray(labels, dtype=object) == scores.classes[1]
    selected = scores.probabilities[:, 1] > 0.5
    among = {
        "selection_rate": np.ones(len(positive), bool),
        "true_positive_rate": positive,
        "false_positive_rate": ~positive,
    }
    named = groups.astype("object").where(groups.notna(), "missing").astype(str).to_numpy()
    values, counts = np.unique(named, return_counts=True)
    judged = values[counts >= min_rows]
    left_out = values[counts < min_rows]
    tail = 50 * (1 - confidence)
    for name, rows in among.items():
        shares: list[npt.NDArray[np.float64]] = []
        points: list[float] = []
        for value in judged:
            inside = rows & (named == value)
            n, k = int(inside.sum()), int((inside & selected).sum())
            points.append(k / n if n else float("nan"))
            if n:
                shares.append(rng.binomial(n, k / n, _RESAMPLES) / n)
            yield _rate(name, f"{column}={value}", k, n, shares[-1] if n else None, tail)
        yield _gap(name, column, points, shares, tail, list(left_out))


def _rate(name: str, group: str, k: int, n: int, drawn: npt.NDArray[np.float64] | None, tail: float) -> Measure:
    if drawn is None:
        return Measure(kind="fairness", name=name, group=group, value=None, reason="no row that it counts")
    lower, upper = np.percentile(drawn, [tail, 100 - tail])
    return Measure(kind="fairness", name=name, group=group, value=k / n, lower=float(lower), upper=float(upper), rows=n)


def _gap(
    name: str,
    column: str,
    points: list[float],
    shares: list[npt.NDArray[np.float64]],
    tail: float,
    left_out: list[str],
) -> Measure:
    said = f"groups of too few rows were left out: {', '.join(left_out)}" if left_out else ""
    if len(points) < 2 or np.isnan(points).any():
        why = "fewer than two groups have enough rows" if len(points) < 2 else f"{name} is not defined in a group"
        return Measure(
            kind="fairness", name=f"{name}_gap", group=column, value=None, reason="; ".join(filter(None, [why, said]))
        )
    drawn = np.ptp(np.stack(shares), axis=0)
    lower, upper = np.percentile(drawn, [tail, 100 - tail])
    return Measure(
        kind="fairness", name=f"{name}_gap", group=column, value=max(points) - min(points), lower=float(lower),
        upper=float(upper), reason=said,
    )  # fmt: skip
