"""How far out values of a batch come by its level alone, where the levels of the reference batches lie apart.

The range of a few batches is that of their levels: the next one lies partly beyond it because its level is a new one,
and not because its values are. So values are taken for unusual that lie farther out than the range by a margin, and
only as far as a batch would not get by its level, with as many of its rows. A level is predicted from the reference
batches (as in `retrain_assets.drift.variation`) by a t-distribution with B - 1 degrees of freedom: Whitmore 1986,
"Prediction limits for a univariate normal observation", The American Statistician 40. Levels are means, in the units of
the column (scores of ranks end where the reference does), or the smallest values, where these differ less: those of
prices or delays do. Where levels differ by no more than their rows explain, the margin is 0.

How many rows of a batch a level would take beyond the range is told by the shapes of the reference batches, as long as
a new level leaves the shape as it is; where it is too improbable to take as many, those within the margin count too.

What location and spread leave of a shape is small as long as levels differ by less than the rows of a batch. Beyond, a
level that no reference batch has bends the shape as none of them: it is then no more unusual than the level is. Of
fewer than eight such batches none is like another, and nothing tells how heavy the tails of their shapes are: a shape
is then no rarer than the rank of one among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.data.column_profile import ColumnProfile, bin_edges, bins_of
from retrain_assets.drift.tails import TELL_TAILS, freedom_of_tails
from retrain_assets.drift.variation import Array, farthest

MARGIN = 0.95
"""Of the levels of new batches so many are within the margin, on either side."""
BENDS = 0.5
"""From so many deviations of the rows on, a level that no reference batch has changes the shape too."""
_OUTWARD = np.array([[1.0], [-1.0], [1.0]])
"""Of means, smallest and largest values: signs with which the ends of batches lie farther out the larger they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of the range of the reference batches.

    Args:
        value: the smallest one of all batches, or the largest.
        usual: how far beyond the mean level that batch lies which holds it, at least 0.
        levels: of the batches, from their mean; larger is farther out.
        error: standard deviation of a new level about the mean one; 0 where rows explain how much levels differ.
        margin: how far beyond `value` values are still usual.
    """

    value: float
    usual: float = 0.0
    levels: tuple[float, ...] = ()
    error: float = 0.0
    margin: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far beyond their range levels alone take a batch.

    Args:
        low: the lower end.
        high: the upper one.
        level: mean of the levels.
        among: the lowest and the highest level, each at least `BENDS` deviations of the rows from their mean.
        error: standard deviation of a new level about the mean one; 0 where rows explain how much levels differ.
        freedom: degrees of freedom of all errors.
        bends: `BENDS` deviations of the rows.
        least: the smallest probability that a shape can have.
        batches: of the reference, with a value each.
    """

    low: End
    high: End
    batches: Sequence[ColumnProfile] = ()
    level: float = 0.0
    among: tuple[float, float] = (-np.inf, np.inf)
    error: float = 0.0
    bends: float = 0.0
    freedom: float = 1.0
    least: float = 0.0

    @classmethod
    def of(cls, batches: Sequence[ColumnProfile]) -> Reach | None:
        """Of the numbers in some batches; None where levels explain nothing, or cannot be told.

        Args:
            batches: profiles of a numeric column, or of one of times.
        """
        from scipy.special import stdtrit

        held = [each for each in batches if each.present]
        count = len(held)
        if count < 3:
            return None
        found = [[each.mean for each in held], [each.minimum for each in held], [each.maximum for each in held]]
        summaries, rows = np.array(found, dtype=np.float64), [each.present for each in held]
        within = sum(each.m2 for each in held) / max(sum(rows) - count, 1)
        levels = summaries * _OUTWARD
        with np.errstate(over="ignore", invalid="ignore"):
            centres = levels.sum(axis=1) / count
            apart = levels - centres[:, None]
            squares = apart**2
            variances = squares.sum(axis=1) / (count - 1)
            # The farthest of few says how far they get, as in `variation`.
            usual = np.maximum(variances, squares.max(axis=1) * (count / (count - 1) / farthest(count) ** 2))
        sampling = within * sum(1 / each for each in rows) / count
        if not (usual < np.inf).all() or not sampling < np.inf:
            return None
        by_rows = variances[0] <= sampling
        errors = np.sqrt([*usual, 0.0 if by_rows else usual[0] - sampling]) * (1 + 1 / count) ** 0.5
        freedom = min(count - 1.0, freedom_of_tails(apart[:1], 1.0))
        margin, ends = float(stdtrit(freedom, MARGIN)), list[End]()
        for side, outward in ((1, -1.0), (2, 1.0)):
            place, steady = int(levels[side].argmax()), 0 < errors[side] <= errors[0]
            away = apart[side] if steady else outward * apart[0]
            error = float(errors[side] if steady else errors[3])
            value = float(summaries[side, place])
            usually = max(float(away[place]), 0.0)
            ends.append(End(value=value, usual=usually, levels=tuple(away), error=error, margin=margin * error))
        if not (errors[3] or ends[0].error or ends[1].error):
            return None
        level, bends = float(centres[0]), BENDS * within**0.5
        return cls(
            low=ends[0],
            high=ends[1],
            batches=held,
            level=level,
            among=(min(float(levels[0].min()), level - bends), max(float(levels[0].max()), level + bends)),
            error=float(errors[3]),
            bends=bends,
            freedom=freedom,
            least=1 / (count + 1) if count < TELL_TAILS and errors[3] > bends else 0.0,
        )

    def novelty(self, current: ColumnProfile, merged: int) -> tuple[int, float]:
        """So many rows lie unusually far beyond the range; and could it be by their level?

        Args:
            current: the window.
            merged: batches in it, each of which may be the one that is so far out.

        Returns:
            The rows, beyond the margin or of an improbable level, and the probability of a level that takes as many
            rows of a batch as far out as half of those are that lie beyond the range: 0 where levels explain nothing,
            1 where no row lies there.
        """
        from scipy.special import stdtr

        keys, counts = bins_of(current)
        low, high = bin_edges(current, keys)
        rows, smallest = 0, 1.0
        sides = ((self.low, -1.0, self.low.value - high), (self.high, 1.0, low - self.high.value))
        for end, outward, gaps in sides:
            beyond = counts[gaps > 0]
            gap = _median(gaps[gaps > 0], beyond)
            if not gap:
                continue
            bent = end.error > self.bends
            level = end.usual + gap if bent else self._level(end, outward, gap, beyond.sum() / counts.sum() / 2)
            p_value = float(stdtr(self.freedom, -level / end.error)) if end.error else 0.0
            explained = bent or p_value > 1 - MARGIN
            rows += int(counts[gaps > (end.margin if explained else 0.0)].sum())
            smallest = min(smallest, p_value)
        return rows, min(1.0, 2 * merged * smallest)

    def _level(self, end: End, outward: float, gap: float, share: float) -> float:
        """The nearest one, from the mean, that takes so many rows of any reference batch beyond the end by the gap.

        At least that of the largest value of the batch which holds the end.
        """
        inner = max(_farther(batch, share, outward) - own for batch, own in zip(self.batches, end.levels, strict=True))
        return max(end.usual, outward * end.value - inner) + gap

    def p_of_level(self, current: ColumnProfile) -> float:
        """Least probability of a shape: that of a level as far out, where it is not among the others or near them."""
        from scipy.special import stdtr

        if not self.error or current.mean is None or self.among[0] <= current.mean <= self.among[1]:
            return self.least
        return max(2 * float(stdtr(self.freedom, -abs(current.mean - self.level) / self.error)), self.least)


def _farther(batch: ColumnProfile, share: float, outward: float) -> float:
    """The value that so many of the rows are as far out as, times `outward`: -1 for the low end, 1 for the high one."""
    keys, counts = bins_of(batch)
    low, high = bin_edges(batch, keys)
    farthest = np.clip(high, None, batch.maximum)[::-1] if outward > 0 else -np.clip(low, batch.minimum, None)
    inward = np.cumsum(counts[::-1] if outward > 0 else counts)
    return float(farthest[np.searchsorted(inward, share * inward[-1])])


def _median(gaps: Array, counts: npt.NDArray[np.int64]) -> float:
    """Of gaps, each of so many rows; 0 of none."""
    if not len(gaps):
        return 0.0
    order = np.argsort(gaps)
    return float(gaps[order][np.searchsorted(np.cumsum(counts[order]), counts.sum() / 2)])
