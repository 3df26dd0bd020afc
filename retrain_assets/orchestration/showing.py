"""Single values as Dagster shows them: numbers that are plotted, tables, figures, links and times."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from retrain_assets.policy.decision import TriggerState

MAX_FIGURE_BYTES = 400_000
"""A figure lies in the event log; a larger one would make every page of the asset slow."""


def day(value: datetime) -> str:
    """A time in a table, in UTC; without its hour where that is midnight.

    >>> day(datetime(2013, 1, 8, tzinfo=UTC)), day(datetime(2013, 1, 8, 6, tzinfo=UTC))
    ('2013-01-08', '2013-01-08 06:00')
    """
    midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
    return f"{value:%Y-%m-%d}" if midnight else f"{value:%Y-%m-%d %H:%M}"


def table(rows: Iterable[Mapping[str, Any]]) -> dg.MetadataValue:
    """A table; empty ones are said in words, because Dagster shows a table without rows as nothing at all.

    Few columns, and texts that can be broken: on a page what is wider than half of it is cut off, and with it the
    values above and below.
    """
    records = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(records) if records else dg.MetadataValue.text("none")


def number(name: str, value: float | None) -> dict[str, float]:
    """A number that the UI plots; a missing or undefined one leaves a gap instead of a false zero."""
    return {} if value is None or value != value else {name: rounded(value)}  # noqa: PLR0124 - only nan differs from itself


def rounded(value: float, digits: int = 6) -> float:
    """As many significant digits as a person reads.

    >>> rounded(0.8251136903408153), rounded(2.0947869335682245e-120, 3)
    (0.825114, 2.09e-120)
    """
    return float(f"{value:.{digits}g}")


def estimate(value: float | None, lower: float | None, upper: float | None, rows: int) -> str:
    """A metric, its interval and what it rests on, in one cell: columns of their own would not fit a narrow page.

    >>> estimate(0.20541, 0.1951, 0.2152, 1500)
    '0.2054 (0.195 to 0.215), 1,500 rows'
    """
    ends = interval(lower, upper)
    said = "unknown" if value is None else f"{value:.4g}"
    return f"{said}{'' if ends is None else f' ({ends})'}, {rows:,} rows"


def interval(lower: float | None, upper: float | None) -> str | None:
    """Both ends of an interval in one cell.

    >>> interval(-0.01257, 0.002606)
    '-0.0126 to 0.00261'
    """
    return None if lower is None or upper is None else f"{lower:.3g} to {upper:.3g}"


def short(content_hash: str) -> str:
    """The beginning of a hash; the whole one is the data version of the asset, and would push a table off the page."""
    return content_hash[:16]


def figure(name: str, png: bytes | None) -> dict[str, dg.MetadataValue]:
    """A small picture inside the event log; a large one stays where the report is."""
    if png is None or len(png) > MAX_FIGURE_BYTES:
        return {}
    data = base64.b64encode(png).decode("ascii")
    return {name: dg.MetadataValue.md(f"![{name}](data:image/png;base64,{data})")}


def link(url: str, text: str) -> dg.MetadataValue:
    """A link where there is a server to open it, else what to look for.

    An address has no spaces to break at: shown itself, it would push all values beside it off the page.
    """
    return dg.MetadataValue.md(f"[{text}]({url})") if _is_served(url) else dg.MetadataValue.text(text)


def document(where: str, text: str) -> dg.MetadataValue:
    """A link where there is a server to open it, the Markdown itself where this machine can read it, else the path.

    What is shown has happened: a file that cannot be read must not fail the page of it.

    Args:
        where: address or path; a page has its Markdown beside it, of the same name.
        text: of the link.
    """
    if _is_served(where):
        return link(where, text)
    try:
        return dg.MetadataValue.md(Path(where).with_suffix(".md").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return dg.MetadataValue.path(where)


def _is_served(where: str) -> bool:
    return where.startswith(("http://", "https://"))


def shown(value: float | None, kind: str) -> str | float | None:
    """A summary of a column in its own unit; times are kept as seconds since 1970.

    >>> shown(1704067200.0, "datetime"), shown(2.5, "numeric")
    ('2024-01-01 00:00', 2.5)
    """
    if value is None or kind != "datetime":
        return value
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M}"


def moment(value: datetime) -> dg.MetadataValue:
    """A time, shown in the reader's zone."""
    return dg.MetadataValue.timestamp(value)


def version_text(version: int | None) -> str:
    """A version, or that there is none yet."""
    return "bootstrapping: none yet" if version is None else f"v{version}"


def truth(trigger: TriggerState) -> str:
    """Whether a trigger fired; three values and one more."""
    return truth_text(trigger.fired, applicable=trigger.applicable, true="fired", false="did not fire")


def truth_text(value: bool | None, *, applicable: bool = True, true: str = "passed", false: str = "not passed") -> str:
    """The four states in words.

    >>> truth_text(None)
    'unknown'
    """
    if not applicable:
        return "not applicable"
    return "unknown" if value is None else true if value else false


def _cell(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, (str, int, bool)):
        return value
    if isinstance(value, float):
        return rounded(value, 4) if value == value else None  # noqa: PLR0124 - only nan differs from itself
    return str(value)
