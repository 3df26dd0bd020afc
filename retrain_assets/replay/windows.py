"""Windows of training as they are written on a command line."""

from __future__ import annotations

from typing import Literal

SINCE_CHANGE: Literal["since_change"] = "since_change"
Window = int | Literal["since_change"] | None
"""Newest batches, those since the newest change, or (None) all history."""
LEAST_ROWS = 500
"""Of a window since the newest change, as `window.min_rows` has it in a declaration."""


def parse_window(text: str) -> tuple[Window, int]:
    """`all_history`, `rolling:N` for the newest N batches, or `since_change:ROWS`; and the least rows.

    >>> parse_window("rolling:12"), parse_window("since_change:2000")
    ((12, 10), ('since_change', 2000))

    Raises:
        ValueError: none of them.
    """
    kind, _, number = text.partition(":")
    if text == "all_history":
        return None, 10
    if text == SINCE_CHANGE:
        return SINCE_CHANGE, LEAST_ROWS
    if kind == "rolling" and number.isdecimal() and int(number) >= 1:
        return int(number), 10
    if kind == SINCE_CHANGE and number.isdecimal() and int(number) >= 10:
        return SINCE_CHANGE, int(number)
    raise ValueError(
        "must be 'all_history', 'rolling:N' with N batches, or 'since_change:ROWS' with at least 10 rows "
        f"(got {text!r})"
    )


def window_text(window: Window) -> str:
    """As it was written.

    >>> [window_text(each) for each in (None, 3, "since_change")]
    ['all_history', 'rolling:3', 'since_change']
    """
    if window is None:
        return "all_history"
    return f"rolling:{window}" if isinstance(window, int) else window
