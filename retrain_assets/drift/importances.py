"""What matters to a model, and whether the same matters to the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


def importance_shares(importance: Mapping[str, float]) -> dict[str, float]:
    """Each column's part of what all of them matter; what is below zero is chance. Nothing where nothing matters.

    >>> importance_shares({"x": 3.0, "y": 1.0, "z": -0.1})
    {'x': 0.75, 'y': 0.25, 'z': 0.0}
    """
    total = sum(max(value, 0.0) for value in importance.values())
    return {name: max(value, 0.0) / total for name, value in importance.items()} if total else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceChange:
    """The importances of two versions of a model.

    Args:
        before: shares of the champion; empty where they are not known.
        after: shares of the candidate.
    """

    before: Mapping[str, float]
    after: Mapping[str, float]

    @classmethod
    def between(cls, before: Mapping[str, float], after: Mapping[str, float]) -> ImportanceChange:
        """Of two versions, by the growth of their losses."""
        return cls(before=importance_shares(before), after=importance_shares(after))

    @property
    def moved(self) -> float | None:
        """The part of what matters that has gone to other columns: the total variation; None where a side is unknown.

        >>> ImportanceChange.between({"x": 3.0, "y": 1.0}, {"x": 1.0, "y": 1.0, "new": 2.0}).moved
        0.5
        """
        if not self.before or not self.after:
            return None
        return sum(abs(self.after.get(name, 0.0) - self.before.get(name, 0.0)) for name in self.columns) / 2

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, what matters most to the candidate first."""
        names = {**self.after, **self.before}
        return tuple(sorted(names, key=lambda name: (-self.after.get(name, 0.0), -self.before.get(name, 0.0), name)))
