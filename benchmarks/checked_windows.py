"""Windows that are no single day like those of the reference: a week, a month, a day of thirty times the rows."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.checked import OURS, Checked, Verdicts
from benchmarks.rates import ALPHA, Rate, held, rate_of, table
from benchmarks.streams import RESEMBLING

WINDOWS: Mapping[str, tuple[int, int]] = {"7 days": (7, 1), "30 days": (30, 1), "one day of 30 times the rows": (1, 30)}
"""Days of a window, and how many times the rows of a reference day each has."""
SIZES = ((500, 5), (500, 20), (50_000, 20))
"""Rows of a reference day, and columns."""
STREAMS = ("iid", "mild days", "shared days", "strong cycles", RESEMBLING)
"""Not a trend that has ended: the month after it is another one than the month of it."""
PLANTED_ROWS, PLANTED_COLUMNS, PLANTED_STREAM = 500, 20, "mild days"
PLANTED = ("0.1 sd in 1", "0.2 sd in 1", "0.3 sd in 1", "correlation 0 to 0.2", "2 % missing", "1 % unseen category")

_FALSE_ALARMS = (
    f"**Other windows than a day**, false alarms of one check, declared: {ALPHA:g}. {{streams}} seeded streams a cell "
    "of {days} reference days and {windows} windows; a column for each kind of window. {verdict}"
)
_POWER = (
    f"The same windows with a planted drift, {PLANTED_COLUMNS} columns of {PLANTED_ROWS} rows a day, {PLANTED_STREAM}: "
    "share that is called drift."
)


def window_tasks(streams: int) -> list[Checked]:
    """One seeded stream each."""
    made: list[Checked] = []
    for rows, columns in SIZES:
        for stream in STREAMS:
            planted = (rows, columns, stream) == (PLANTED_ROWS, PLANTED_COLUMNS, PLANTED_STREAM)
            for batches, larger in WINDOWS.values():
                made += [
                    Checked(
                        stream=stream, rows=rows, columns=columns, drifts=("", *(PLANTED if planted else ())),
                        seed=seed, batches=batches, larger=larger,
                    )
                    for seed in range(streams)
                ]  # fmt: skip
    return made


def window_section(answers: Mapping[Checked, Verdicts]) -> list[str]:
    """As Markdown; nothing of no answers."""
    if not answers:
        return []
    cells = {
        f"{stream}, {columns} columns, {rows:,} rows a day": (rows, columns, stream)
        for rows, columns in SIZES
        for stream in STREAMS
    }
    stable = {name: _rates(answers, *cell, "") for name, cell in cells.items()}
    planted = {drift: _rates(answers, PLANTED_ROWS, PLANTED_COLUMNS, PLANTED_STREAM, drift) for drift in PLANTED}
    known = [rate for rates in stable.values() for rate in rates.values()]
    said = _FALSE_ALARMS.format(
        streams=max(task.seed for task in answers) + 1,
        days=Checked.DAYS,
        windows=Checked.WINDOWS,
        verdict=f"retrain_assets holds it in {sum(map(held, known))} of {len(known)} cells.",
    )
    shown = [{name: rates for name, rates in each.items() if rates} for each in (stable, planted)]
    return [said, table(shown[0]), *([_POWER, table(shown[1])] if shown[1] else [])]


def _rates(answers: Mapping[Checked, Verdicts], rows: int, columns: int, stream: str, drift: str) -> dict[str, Rate]:
    """By kind of window."""
    found = {
        name: [
            answer[drift][OURS]
            for task, answer in answers.items()
            if (task.rows, task.columns, task.stream) == (rows, columns, stream)
            and (task.batches, task.larger) == kind
            and drift in answer
        ]
        for name, kind in WINDOWS.items()
    }
    return {name: rate_of(verdicts) for name, verdicts in found.items() if verdicts}
