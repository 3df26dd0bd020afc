"""What counts as drift, as it is declared or handed to `compare`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

Significance = Literal["batches", "rows"]
Correction = Literal["holm", "benjamini_hochberg"]
MIN_SMOOTHING, MAX_SMOOTHING = 1e-100, 1e100
"""Products of shares that are made with it are doubles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How two sides are compared; nothing in it is chosen by the data.

    Args:
        distance: name of the distance that measures the effect.
        effect_floor: a smaller distance is not drift, however significant.
        alpha: the rate of false alarms of one comparison over all its columns together.
        correction: how `alpha` is shared: `holm` keeps the probability of any false column below it,
            `benjamini_hochberg` the expected share of false ones among the columns found.
        significance: `batches`: a difference counts when it exceeds how much the batches of the reference differ from
            each other; `rows`: rows are taken for independent draws, as the formulas of textbooks do.
        min_batches: with fewer reference batches of enough rows there is no telling how much batches differ: then rows
            are taken for independent, and the report says so.
        min_rows: fewer rows than this on either side give `unknown`.
        bins: quantile bins of a number, or categories told apart.
        smoothing: pseudo-count added to each cell before shares are taken.
        correlation_floor: a smaller change of a correlation is not drift, however significant.
        separability_floor: a domain classifier that tells the windows apart less well than this area above one half has
            found no drift.
    """

    distance: str = "jensen_shannon"
    effect_floor: float = 0.01
    alpha: float = 0.05
    correction: Correction = "holm"
    significance: Significance = "batches"
    min_batches: int = 5
    min_rows: int = 30
    bins: int = 20
    smoothing: float = 0.5
    correlation_floor: float = 0.05
    separability_floor: float = 0.02

    def __post_init__(self) -> None:
        ends = f"between {MIN_SMOOTHING:g} and {MAX_SMOOTHING:g}"
        for name, kind, needed in _TYPES:
            value = getattr(self, name)
            if not isinstance(value, kind) or isinstance(value, bool):
                raise TypeError(f"{name} must be {needed} (got {value!r})")
        limits = (
            ("effect_floor", 0 <= self.effect_floor < math.inf, ">= 0 and finite"),
            ("alpha", 0 < self.alpha < 1, "between 0 and 1"),
            ("min_batches", self.min_batches >= 3, ">= 3: two batches do not tell how much batches differ"),
            ("min_rows", self.min_rows >= 2, ">= 2"),
            ("bins", 2 <= self.bins <= 256, "between 2 and 256"),
            (
                "smoothing",
                MIN_SMOOTHING <= self.smoothing <= MAX_SMOOTHING,
                f"{ends}: an empty cell makes some distances infinite without it, too much makes all of them zero",
            ),
            ("correlation_floor", 0 <= self.correlation_floor <= 2, "between 0 and 2, the largest change there is"),
            (
                "separability_floor",
                0 <= self.separability_floor <= 0.5,
                "between 0 and 0.5: an area is at most 1, which is so much above one half",
            ),
            ("correction", self.correction in ("holm", "benjamini_hochberg"), "'holm' or 'benjamini_hochberg'"),
            ("significance", self.significance in ("batches", "rows"), "'batches' or 'rows'"),
        )
        for name, good, needed in limits:
            if not good:
                raise ValueError(f"{name} must be {needed} (got {getattr(self, name)!r})")
        for name, kind, _ in _TYPES[1:]:
            # A number of numpy is one too, and a report of it is written as JSON.
            object.__setattr__(self, name, int(getattr(self, name)) if kind is Integral else float(getattr(self, name)))


_TYPES = (
    ("distance", str, "a name or an import path"),
    *((name, Integral, "a whole number") for name in ("min_batches", "min_rows", "bins")),
    *(
        (name, Real, "a number")
        for name in ("effect_floor", "alpha", "smoothing", "correlation_floor", "separability_floor")
    ),
)
