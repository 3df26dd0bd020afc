"""The champion was picked because it looked bad: what the difference to it owes to the luck that is expected in that.

A comparison that a trigger asked for is not drawn at random. It takes place because the champion's loss on the newest
batches lay above its holdout by more than a threshold, or because what it lost too much came to more than a retrain
costs, and the rows by which the candidate is judged are among those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import erfc, exp, pi

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss, performance_decay
from retrain_assets.performance.scores import Values
from retrain_assets.policy.decision import Decision
from retrain_assets.policy.staleness import NewestExcess
from retrain_assets.promotion.evaluation import PairedDifference, Role
from retrain_assets.promotion.margins import name_of
from retrain_assets.promotion.measures import Measure, chosen
from retrain_assets.spec import DecaySpec

_FURTHEST = 8.0
"""Standard errors beyond its threshold at which nothing of a score is luck."""
_TOLD = 0.05
"""Standard errors of luck below which one says that there is none."""
_NO_PART = 0.001
"""Of the width of an interval: luck that no digit of it would show."""
_MILLS = 30.0
"""Standard errors from which the ratio of density and tail is computed from its continued fraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """A champion that looked bad: by `score` standard errors, of which more than `threshold` are noticed.

    The threshold is the larger of the two that `performance_decay` has, the standard errors and the floor; of
    `staleness` it is what the newest batch had to show for a retrain to pay. `rows_error` is the standard error that
    the rows of its batches alone give its mean loss there, `standard_error` that of the whole comparison. `above` says
    in words what its loss was compared with.
    """

    batches: tuple[str, ...]
    score: float
    threshold: float
    standard_error: float
    rows_error: float
    above: str = "its holdout"

    @property
    def luck(self) -> float:
        """How much of its mean loss on the rows of these batches is expected to be their chance."""
        return expected_luck(self.score, self.threshold) * self.rows_error**2 / self.standard_error


def noticed_in(
    losses: Sequence[BatchLoss], holdout: HoldoutLoss | None, spec: DecaySpec, *, holdout_batches: int
) -> Noticed | None:
    """How bad a champion looked, as `performance_decay` tells it, whatever trigger fired; None where it did not."""
    verdict = performance_decay(losses, holdout, spec, holdout_batches=holdout_batches)
    if holdout is None or not verdict.fired or verdict.excess is None or not verdict.standard_error:
        return None
    newest = losses[-spec.batches :]
    within = float(np.mean([loss.standard_error**2 for loss in newest]))
    return Noticed(
        batches=tuple(loss.batch for loss in newest),
        score=verdict.excess / verdict.standard_error,
        threshold=max(spec.standard_errors, spec.floor * abs(holdout.value) / verdict.standard_error),
        standard_error=verdict.standard_error,
        rows_error=(within / len(newest)) ** 0.5,
    )


def noticed_by(decision: Decision | None, champion: int | None) -> Noticed | None:
    """How bad a champion looked on its newest batch where `staleness` asked for the retrain; None where it did not.

    None also where the decision looked at another version, as where a rollback came between it and the training.

    What batches before it owe to chance is not looked at: had they shown enough, the trigger would have fired then.
    Where it did, and something held the retrain back, the newest batch had to show little, and little of it is luck.
    """
    if decision is None or decision.champion_version != champion or "staleness" not in decision.fired:
        return None
    newest = decision.state.get("staleness", {}).get("newest")
    return None if newest is None else noticed_on(NewestExcess(**newest))


def noticed_on(newest: NewestExcess) -> Noticed | None:
    """The same of the newest batch of a verdict on staleness; None where the champion did well on it."""
    if newest.value <= 0 or not newest.error:
        return None
    return Noticed(
        batches=(newest.batch,),
        score=newest.value / newest.error,
        threshold=newest.needed / newest.error,
        standard_error=newest.error,
        rows_error=newest.rows_error,
        above="what a new model is expected to lose",
    )


def most_luck(*found: Noticed | None) -> Noticed | None:
    """Of what several triggers noticed, that of the most luck: it is the same luck of the same rows."""
    return max(
        (each for each in found if each is not None), key=lambda each: each.luck * len(each.batches), default=None
    )


def expected_luck(score: float, threshold: float) -> float:
    """Of a normal score with unit variance that was noticed because it exceeds a threshold, the part that is chance.

    The true score d is estimated by the likelihood given that the threshold was exceeded, which is where a score is
    as large as is expected, d + phi(t - d) / (1 - Phi(t - d)); it is no less than zero. A score at the threshold may
    be all chance, one far beyond it hardly holds any. Source: S. Zoellner and J. Pritchard, American Journal of Human
    Genetics 80(4), 2007, on the winner's curse.

    >>> [round(expected_luck(score, 2.0), 2) for score in (2.1, 2.5, 3.0, 4.0, 6.0)]
    [2.1, 1.63, 0.52, 0.06, 0.0]
    """
    if threshold + _FURTHEST < score:
        return 0.0
    low, high = 0.0, max(score, 0.0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _expected(middle, threshold) < score else (low, middle)
    return score - low


def _expected(true: float, threshold: float) -> float:
    """Mean of a normal score given that it exceeds the threshold."""
    beyond = threshold - true
    if beyond > _MILLS:  # the first terms of Laplace's continued fraction: further out the tail is no number any more
        return threshold + 1 / (beyond + 2 / (beyond + 3 / beyond))
    return true + exp(-(beyond**2) / 2) / (2 * pi) ** 0.5 / (erfc(beyond / 2**0.5) / 2)


def luck_measures(
    noticed: Noticed | None,
    losses: Mapping[Role, Values],
    batches: npt.NDArray[np.object_],
    margins: Sequence[float] = (),
    *,
    version: int | None = None,
) -> Iterator[Measure]:
    """What the difference of the candidate, or of an earlier champion, to the champion owes to its expected luck.

    A row on which the champion loses one more makes the difference smaller by the slope of their regression: both
    models meet the same rows, and much of what is hard for one is for the other. So a candidate that loses more where
    the champion lost much owes less.

    Args:
        noticed: how bad the champion looked; None where nothing is owed.
        losses: of each row by the models.
        batches: batch of each row.
        margins: of the champion's loss, beyond which a difference is told as well.
        version: of the earlier champion that is compared; None for the candidate.
    """
    champion = losses.get("champion")
    if noticed is None or champion is None or len(champion) < 2:
        return
    seen, values = np.isin(batches, noticed.batches), losses["candidate" if version is None else "earlier"]
    slope, rows = _slope(values - champion, champion), int(seen.sum())
    group = "" if version is None else f"v{version}"
    for margin in (0.0, *margins):
        value = (slope - margin) * noticed.luck * float(seen.mean())
        yield Measure(kind="luck", name=name_of(margin), group=group, value=value, rows=rows, reason=_reason(noticed))


def _slope(excess: Values, champion: Values) -> float:
    variance = float(champion.var())
    return float(np.mean((excess - excess.mean()) * (champion - champion.mean()))) / variance if variance else 0.0


def _reason(noticed: Noticed) -> str:
    luck = expected_luck(noticed.score, noticed.threshold)
    count = len(noticed.batches)
    over = "the newest matured batch" if count == 1 else f"the newest {count} matured batches"
    of_it = f"{luck:.1f} of which are expected to be luck" if luck >= _TOLD else "too many to be luck"
    return f"the champion looked bad on {over}: {noticed.score:.1f} standard errors above {noticed.above}, {of_it}"


def owed_to_luck(measures: Sequence[Measure], group: str = "", margin: float = 0.0) -> Measure | None:
    """What a difference to the champion, or one beyond a margin, owes to its luck; None for nothing."""
    return next((each for each in chosen(measures, "luck", name_of(margin)) if each.group == group), None)


def without_luck(difference: PairedDifference, owed: Measure | None) -> tuple[float, str]:
    """What a difference to the champion owes to its luck, and in words what that leaves of it."""
    if owed is None or owed.value is None:
        return 0.0, ""
    if abs(owed.value) < _NO_PART * (difference.upper - difference.lower):
        return owed.value, f", none of which is put down to luck ({owed.reason})"
    value, lower, upper = (each - owed.value for each in (difference.value, difference.lower, difference.upper))
    return owed.value, (
        f"; {owed.value:+.4g} of it is put down to luck ({owed.reason}), "
        f"which leaves {value:+.4g} [{lower:+.4g}, {upper:+.4g}]"
    )
