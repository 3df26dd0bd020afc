"""What tests of several columns together found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retrain_assets.drift.wording import plural

JointMethod = Literal["correlation", "classifier", "location"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointDrift:
    """Drift that need not show in any column by itself.

    Args:
        method: `correlation`, `classifier`: how well a model tells the two windows apart, or `location`: of all numbers
            at once.
        drifted: None where it cannot be known.
        score: the largest change of a correlation, the classifier's area under the ROC curve, or the mean distance of
            the numbers.
        p_value: of the test; None where there was none.
        named: the pairs, or the columns, that tell the windows apart, the clearest first.
        reason: in a sentence.
        resemblance: of each batch's correlations to those of the one before, from 0 to below 1.
    """

    method: JointMethod
    drifted: bool | None
    score: float | None
    p_value: float | None
    named: tuple[str, ...]
    reason: str
    resemblance: float = 0.0

    @property
    def counted(self) -> str:
        """How the reason of a verdict begins that counts it; empty where nothing was found."""
        return f"the columns have drifted together by their {self.method}; " if self.drifted else ""

    @classmethod
    def unknown(cls, method: JointMethod, reason: str) -> JointDrift:
        """Where there is too little to tell."""
        return cls(method=method, drifted=None, score=None, p_value=None, named=(), reason=reason)


def too_few_batches(batches: int, needed: int, least: int) -> str:
    """Why a joint test has nothing to measure a difference by.

    >>> too_few_batches(3, 5, 30)
    'the reference has 3 batches of at least 30 rows, and it takes 5'
    """
    return f"the reference has {plural(batches, 'batch', 'batches')} of at least {least} rows, and it takes {needed}"


def too_few_rows(rows: int, blocks: int, least: int) -> str:
    """The same where rows are taken for independent.

    >>> too_few_rows(500, 20, 30)
    'the reference has 500 rows, and it takes 600 where rows are taken for independent: 20 blocks of 30 rows'
    """
    needed = f"it takes {blocks * least:,} where rows are taken for independent: {blocks} blocks of {least} rows"
    return f"the reference has {plural(rows, 'row', 'rows')}, and {needed}"
