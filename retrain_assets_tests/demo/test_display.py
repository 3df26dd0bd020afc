"""What a person sees: bars that fit a terminal, plain lines for a log."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from retrain_assets.demo.display import display
from retrain_assets.demo.standing import Standing

BEGUN = Standing(
    model="flight_delay", done=0, total=52, watched=0, batch=None, verdict="", outcome="", champion=None, due="watch"
)
WAITING = replace(BEGUN, done=1, watched=1, batch="2013-01-01", verdict="wait")
DECIDED = replace(BEGUN, done=1, watched=2, batch="2013-01-08", verdict="retrain: performance decay", due="retrain")
PROMOTED = replace(DECIDED, done=2, outcome="v1 promoted", champion=1, due="watch")
FINISHED = replace(PROMOTED, done=52, watched=52, batch="2013-12-24", verdict="wait", outcome="", due=None)


def shown(width: int, *standings: Standing, terminal: bool) -> str:
    console = Console(file=StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False)
    with display(console, {BEGUN.model: standings[0]}) as what:
        for standing in standings:
            what.show(standing, 134.0)
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("width", [80, 120])
def test_a_bar_shows_batch_verdict_champion_and_time_left_on_one_line(width: int) -> None:
    text = shown(width, PROMOTED, terminal=True)
    line = next(line for line in text.splitlines() if "2013-01-08" in line)
    for said in ("flight_delay", "2/52", "v1", "retrain", "2:14", "━"):
        assert said in line
    assert "…" not in text


def test_a_retrain_is_told_once_above_the_bars() -> None:
    text = shown(100, WAITING, DECIDED, PROMOTED, PROMOTED, terminal=True)
    assert text.count("v1 promoted") == 1
    assert "retrain: performance decay" in text


def test_what_was_promoted_before_this_start_is_not_told_again() -> None:
    assert "promoted" not in shown(100, PROMOTED, PROMOTED, FINISHED, terminal=True)


def test_what_is_done_needs_no_more_time() -> None:
    assert "done" in shown(80, FINISHED, terminal=True)


def test_a_log_has_one_plain_line_for_each_batch_that_is_done() -> None:
    text = shown(80, BEGUN, WAITING, DECIDED, PROMOTED, PROMOTED, terminal=False)
    assert text.splitlines() == [
        "flight_delay 2013-01-01 (1/52): wait; no champion yet; 2:14 left",
        "flight_delay 2013-01-08 (2/52): retrain: performance decay; v1 promoted; champion v1; 2:14 left",
    ]
