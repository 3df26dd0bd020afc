"""How often stable data is called drift, and how often drift is found: rates over seeded streams."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from benchmarks.checked import Checked, Method, Verdicts, check
from benchmarks.checked_windows import window_section, window_tasks
from benchmarks.checked_year import MORE, Year, year, year_section, year_tasks
from benchmarks.rates import ALPHA, Rate, held, rate_of, table
from benchmarks.streams import COSTLY, DRIFTS, POWER_STREAMS, STABLE
from benchmarks.tables import Sections
from benchmarks.tasks import run_all

SIZES = dict.fromkeys((500, 5_000, 50_000, 1_000_000), (5, 20, 100, 200))
"""Columns by rows of a day."""
POWER_ROWS, POWER_COLUMNS = 5_000, 20

_FALSE_ALARMS = (
    f"**False alarms of one check**, declared: {ALPHA:g} over all columns and the joint test. {{streams}} seeded "
    "streams a cell (a quarter of them from 100 columns on) of {days} reference days and {windows} windows; ± is two "
    "standard errors over streams, and at least those of so many independent windows. Days of more than 5,000 rows are "
    "drawn as the profiles that their rows would have, without a joint test. {verdict}"
)
_POOLED = (
    "**The same over all cells** of a kind of stream, and of a number of columns: a cell has few windows, and leaves "
    "open rates of several times the declared one; these tell it more sharply."
)
_POWER = (
    "**Power**: share of windows with a planted drift that are called drift, 20 columns of 5,000 rows a day, on the "
    f"same streams (of {' and of '.join(COSTLY)} a third of them). In brackets where the method's false alarms on that "
    "stream are above the declared rate."
)


def measure(streams: int, years: int, *, resume: bool = False) -> Sections:
    """All tables.

    Args:
        streams: seeded ones a cell.
        years: simulated ones.
        resume: go on from where a run was stopped.
    """
    began = time.perf_counter()
    tasks = [*_tasks(streams), *window_tasks(streams), *year_tasks(years)]
    # By seed: so a run that is stopped has a little of everything.
    tasks.sort(key=lambda task: task.seed / (MORE * years if isinstance(task, Year) else streams))
    answers = run_all(tasks, solve, name="false_alarms", resume=resume, tell=lambda known: "\n\n".join(_told(known)))
    return Sections(sections=[*_told(answers), f"Took {time.perf_counter() - began:.0f} s."])


def solve(task: Checked | Year) -> object:
    """One piece of it, in a process of its own."""
    return year(task) if isinstance(task, Year) else check(task)


def _tasks(streams: int) -> list[Checked]:
    """One seeded stream each; planted drifts share the reference and the streams of the stable windows."""
    made: list[Checked] = []
    for rows, sizes in SIZES.items():
        for columns in sizes:
            for stream in STABLE:
                made += [
                    Checked(stream=stream, rows=rows, columns=columns, drifts=drifts, seed=seed)
                    for seed in range(streams if columns < 100 else max(streams // 4, 1))
                    for drifts in [("", *(DRIFTS if _planted(rows, columns, stream, seed, streams) else ()))]
                ]
    return made


def _planted(rows: int, columns: int, stream: str, seed: int, streams: int) -> bool:
    if (rows, columns) != (POWER_ROWS, POWER_COLUMNS) or stream not in POWER_STREAMS:
        return False
    return stream not in COSTLY or seed < max(streams // 3, 1)


def _told(answers: Mapping[Checked | Year, object]) -> list[str]:
    """The tables of what is known."""
    checked = {task: answer for task, answer in answers.items() if isinstance(task, Checked)}
    years = {task: answer for task, answer in answers.items() if isinstance(task, Year)}
    days = {task: answer for task, answer in checked.items() if (task.batches, task.larger) == (1, 1)}
    windows = {task: answer for task, answer in checked.items() if task not in days}
    return [*(_rates(days) if days else []), *window_section(windows), *year_section(years)]  # pyright: ignore[reportArgumentType]


def _rates(answers: Mapping[Checked, Verdicts]) -> list[str]:
    cells = [(rows, columns, stream) for rows, sizes in SIZES.items() for columns in sizes for stream in STABLE]
    stable = {cell: _cell(answers, *cell, "") for cell in cells}
    planted = {
        (stream, drift): _cell(answers, POWER_ROWS, POWER_COLUMNS, stream, drift)
        for stream in POWER_STREAMS
        for drift in DRIFTS
    }
    ours = {cell: rates["retrain_assets"] for cell, rates in stable.items() if rates}
    above = "; ".join(_named(*cell) for cell, rate in ours.items() if not held(rate))
    said = f"retrain_assets holds it in {sum(map(held, ours.values()))} of {len(ours)} cells"
    holding = {
        (stream, method)
        for stream in POWER_STREAMS
        for method, rate in stable[POWER_ROWS, POWER_COLUMNS, stream].items()
        if held(rate)
    }
    streams = max(task.seed for task in answers) + 1
    return [
        _FALSE_ALARMS.format(
            streams=streams,
            days=Checked.DAYS,
            windows=Checked.WINDOWS,
            verdict=f"{said}, not with {above}." if above else f"{said}.",
        ),
        table({_named(*cell): rates for cell, rates in stable.items() if rates}),
        _POOLED,
        table(pooled(answers)),
        _POWER,
        table(
            {f"{stream}: {drift}": rates for (stream, drift), rates in planted.items() if rates},
            holds=lambda row, method: (row.partition(":")[0], method) in holding,
        ),
    ]


def _cell(answers: Mapping[Checked, Verdicts], rows: int, columns: int, stream: str, drift: str) -> dict[Method, Rate]:
    """Rates by method over the seeds of a cell; empty where none is known."""
    found = [
        answer[drift]
        for task, answer in answers.items()
        if (task.rows, task.columns, task.stream) == (rows, columns, stream) and drift in answer
    ]
    return {method: rate_of([verdicts[method] for verdicts in found]) for method in (found[0] if found else ())}


def pooled(answers: Mapping[Checked, Verdicts]) -> dict[str, dict[Method, Rate]]:
    """Rates of stable windows over the cells that have something in common, for the methods that all of them have."""
    groups: dict[str, list[Mapping[Method, Sequence[bool]]]] = {}
    for task, answer in answers.items():
        for name in (task.stream, f"{task.columns} columns", f"{task.rows:,} rows a day"):
            groups.setdefault(name, []).append(answer[""])
    return {
        name: {
            method: rate_of([verdicts[method] for verdicts in found])
            for method in found[0]
            if all(method in verdicts for verdicts in found)
        }
        for name, found in sorted(groups.items())
    }


def _named(rows: int, columns: int, stream: str) -> str:
    return f"{stream}, {columns} columns, {rows:,} rows a day"
