"""Rates over seeded streams, with what chance leaves open, and their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ALPHA = 0.05
"""The declared rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share of so many windows, with two standard errors."""

    share: float
    half: float
    windows: int

    def __str__(self) -> str:
        return f"{self.share:.2f} ± {self.half:.2f} of {self.windows:,}"


def rate_of(streams: Sequence[Sequence[bool]]) -> Rate:
    """The share over all windows.

    Windows of a stream share its reference, so the error is that over streams; but never less than that of so many
    independent windows, with one more of either verdict than were seen (Agresti and Coull 1998): no alarm in twenty
    windows is no proof that there are none.
    """
    shares = np.array([np.mean(windows) for windows in streams])
    windows = sum(len(verdicts) for verdicts in streams)
    alarms = sum(sum(verdicts) for verdicts in streams)
    likely = (alarms + 2) / (windows + 4)
    least = likely * (1 - likely) / (windows + 4)
    over_streams = float(shares.var(ddof=1)) / len(shares) if len(shares) > 1 else 0.0
    return Rate(share=alarms / windows, half=2 * max(over_streams, least) ** 0.5, windows=windows)


def held(rate: Rate) -> bool:
    """Whether the declared rate is within what chance leaves open, or above it."""
    return rate.share - rate.half <= ALPHA


def table(
    rows: Mapping[str, Mapping[str, Rate]],
    holds: Callable[[str, str], bool | None] | None = None,
    methods: Sequence[str] = (),
) -> str:
    """A row for each cell, a column for each method; what was not measured is said to be so.

    Args:
        rows: rates by cell and method.
        holds: whether a method holds the declared rate on a cell's stream: others stand in brackets, and those of
            which it is not known (None) in square ones.
        methods: those that have a column also where nothing of them was measured.
    """
    methods = list(dict.fromkeys([*methods, *(method for rates in rows.values() for method in rates)]))
    lines = [f"| stream | {' | '.join(methods)} |", "|---" * (len(methods) + 1) + "|"]
    for name, rates in rows.items():
        cells = [_cell(rates.get(method), holds is None or holds(name, method)) for method in methods]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(rate: Rate | None, plain: bool | None) -> str:
    if rate is None:
        return "not measured"
    return f"[{rate}]" if plain is None else str(rate) if plain else f"({rate})"
