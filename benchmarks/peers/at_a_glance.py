"""All tools in one table: false alarms, power and time, each by the defaults of the tool."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.environments import Answer, Peer
from benchmarks.peers.speed import FLOOR, journal_of, median_of
from benchmarks.rates import Rate

DAY_ROWS = 50_000
"""Of the days in the measurement of speed whose times are told: windows have twenty times as many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A cell of the table: windows of 5,000 rows against ten days of as many.

    Args:
        key: of its files.
        stream: one of the stable ones.
        columns: of a day.
        drift: planted, "" for none.
    """

    key: str
    stream: str
    columns: int
    drift: str = ""

    DAYS = 10
    ROWS = 5_000


GLANCES = (
    *(Glance(key=f"iid{columns}", stream="iid", columns=columns) for columns in (5, 20, 100)),
    Glance(key="mild20", stream="mild days", columns=20),
    Glance(key="power20", stream="iid", columns=20, drift="0.5 sd in 3"),
)
_HEAD = (
    f"**At a glance**, by the defaults of each tool. Verdicts: {Glance.ROWS:,} rows against {Glance.DAYS} days of as "
    "many, {windows} windows a cell. Times: the last run of `drift --full`, medians; the floor reads both windows of "
    f"{20 * DAY_ROWS:,} rows and profiles them once, in a process that did so before, where each tool has a fresh one."
)
_COLUMNS = (
    "false alarms on iid data, 5 / 20 / 100 columns",
    "where days differ mildly, 20 columns",
    "power for 0.5 sd in 3 of 20 columns",
    f"{20 * DAY_ROWS:,} + {20 * DAY_ROWS:,} rows against the floor",
    f"a day of {DAY_ROWS:,} rows against 30 days",
)


def at_a_glance(tools: Sequence[Peer], rates: Mapping[str, Mapping[str, Rate]], windows: int) -> list[str]:
    """As Markdown.

    Args:
        tools: a row each.
        rates: by the key of a cell, and by tool.
        windows: that were asked for of each cell.
    """
    journal = journal_of(DAY_ROWS, resume=True)
    timed = journal.known()
    floor = Answer(**timed[FLOOR][-1]).seconds if FLOOR in timed else math.nan
    lines = [f"| | {' | '.join(_COLUMNS)} |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for tool in tools:
        shares = [_share(rates[glance.key].get(tool.name)) for glance in GLANCES]
        took = {
            what: median_of(journal, tool.name, what) if f"{tool.name}: {what}" in timed else None
            for what in ("windows", "day")
        }
        cells = [" / ".join(shares[:3]), *shares[3:], _times(took["windows"], floor), _seconds(took["day"])]
        lines.append(f"| {tool.name} | {' | '.join(cells)} |")
    return [_HEAD.format(windows=windows), "\n".join(lines)]


def _share(rate: Rate | None) -> str:
    return "not measured" if rate is None else str(rate)


def _times(took: Answer | None, floor: float) -> str:
    if took is None or took.failure is not None or math.isnan(floor):
        return _seconds(took)
    return f"{took.seconds / floor:.3g}x, {took.gib:.1f} GiB"


def _seconds(took: Answer | None) -> str:
    return "-" if took is None else took.failure or f"{took.seconds:.3g} s"
