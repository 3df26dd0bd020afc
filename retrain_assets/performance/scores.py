"""What a model says about a set of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
SMALLEST = 1e-15
"""A smaller probability of the true class, or mean of a count, counts as this."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Predicted values or probabilities, one row for each row that was scored.

    `values` is (n,) for a regression and for two classes, where it is the probability of `classes[1]`; it is (n, k) for
    k classes, in the order of `classes`. A regression has no classes.

    Raises:
        ValueError: the shape does not fit the classes.
    """

    values: Values
    classes: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "classes", tuple(self.classes))
        k = len(self.classes)
        fits = k in (0, 2) if values.ndim == 1 else values.ndim == 2 and values.shape[1] == k
        if not fits:
            raise ValueError(
                f"scores must be (n,) for a regression or two classes, or (n, {k}) for these {k} classes "
                f"(got shape {values.shape}, classes {self.classes})"
            )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def probabilities(self) -> Values:
        """(n, k) probabilities in the order of `classes`.

        >>> Scores(np.array([0.25]), ("no", "yes")).probabilities
        array([[0.75, 0.25]])
        """
        if not self.classes:
            raise ValueError("a regression has no probabilities")
        return self.values if self.values.ndim == 2 else np.column_stack([1 - self.values, self.values])

    def take(self, rows: npt.NDArray[Any]) -> Scores:
        """The scores of some rows, by position or by mask."""
        return Scores(self.values[rows], self.classes)

    def over(self, classes: Sequence[Any]) -> Scores:
        """The same probabilities over more classes: one that the model does not know gets probability 0.

        Raises:
            ValueError: a class of the model is missing among `classes`.
        """
        wanted = tuple(classes)
        if wanted == self.classes:
            return self
        missing = [name for name in self.classes if name not in wanted]
        if missing:
            raise ValueError(f"classes must hold all of {self.classes} (missing: {missing})")
        spread = np.zeros((len(self), len(wanted)))
        spread[:, [wanted.index(name) for name in self.classes]] = self.probabilities
        return Scores(spread[:, 1] if len(wanted) == 2 else spread, wanted)


def classes_of(models: Iterable[Scores]) -> tuple[Any, ...]:
    """Every class that one of some models knows: what all are spread over before they are compared.

    >>> classes_of([Scores(np.array([0.5]), ("a", "b")), Scores(np.array([0.5]), ("b", "c"))])
    ('a', 'b', 'c')
    """
    return tuple(dict.fromkeys(name for scored in models for name in scored.classes))
