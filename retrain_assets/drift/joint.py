"""What tests of several columns together found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class JointDrift:
    """Drift that need not show in any column by itself.

    Args:
        method: `correlation`, or `classifier`: how well a model tells the two windows apart.
        drifted: None where it cannot be known.
        score: the largest change of a correlation, or the classifier's area under the ROC curve.
        p_value: of the test; None where there was none.
        named: the pairs, or the columns, that tell the windows apart, the clearest first.
        reason: in a sentence.
    """

    method: Literal["correlation", "classifier"]
    drifted: bool | None
    score: float | None
    p_value: float | None
    named: tuple[str, ...]
    reason: str

    @classmethod
    def unknown(cls, method: Literal["correlation", "classifier"], reason: str) -> JointDrift:
        """Where there is too little to tell."""
        return cls(method=method, drifted=None, score=None, p_value=None, named=(), reason=reason)
