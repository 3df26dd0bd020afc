"""Few reference batches whose levels lie as far apart as the rows of one do, as those of weeks of weather."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.rates import ALPHA, Rate, rate_of, table
from benchmarks.streams import Matrix
from benchmarks.tables import Sections
from benchmarks.tasks import run_all
from retrain_assets.drift import compare, prepare

BATCHES, WANDER = (5, 7, 12, 30), (0.5, 1.0, 2.0)
"""Reference batches, and what their levels differ by, in deviations of the rows of one."""
COLUMNS, ROWS, WINDOWS = 12, 300, 5
SKEWED = "lognormal"
KINDS = ("normal", SKEWED)
"""Of the rows. The skewed ones have a sharp lower end, as prices do."""

PLANTED: Mapping[str, Callable[[Matrix], Matrix]] = {
    "stable": lambda values: values,
    "one column times 1,000": lambda values: _first(values, 1_000 * values[:, 0]),
    "5 % of one column far out": lambda values: _first(values, np.where(np.arange(ROWS) % 20 == 0, 99.0, values[:, 0])),
    "all columns 40 deviations up": lambda values: values + 40.0,
}
_HEAD = (
    f"Share of windows called drift, declared: {ALPHA:g} of stable ones. {{streams}} seeded streams a cell, of "
    f"{WINDOWS} windows; {COLUMNS} columns of {ROWS} rows a batch. Each batch has levels of its own, drawn "
    "independently for each column."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Few:
    """One seeded reference with its windows.

    Args:
        kind: of the rows, one of `KINDS`.
        batches: of the reference.
        wander: deviation of their levels.
        seed: of the stream.
    """

    kind: str
    batches: int
    wander: float
    seed: int


def measure(streams: int, *, resume: bool = False) -> Sections:
    """The table.

    Args:
        streams: seeded ones a cell.
        resume: go on from where a run was stopped.
    """
    tasks = [
        Few(kind=kind, batches=batches, wander=wander, seed=seed)
        for seed in range(streams)
        for kind in KINDS
        for wander in WANDER
        for batches in BATCHES
    ]
    answers = run_all(tasks, solve, name="few_batches", resume=resume, tell=_table)
    return Sections(sections=[_HEAD.format(streams=streams), _table(answers)])


def solve(task: Few) -> dict[str, list[bool]]:
    """The verdicts on the windows of one stream, by what is planted."""
    rng = np.random.default_rng([task.seed, task.batches, round(10 * task.wander)])
    batches = [_batch(task, rng) for _ in range(task.batches + WINDOWS)]
    past = pd.concat([_frame(values).assign(batch=place) for place, values in enumerate(batches[: task.batches])])
    reference = prepare(past, batch="batch")
    return {
        name: [
            bool(compare(reference, _frame(change(values)), joint="none", alpha=ALPHA).drifted)
            for values in batches[task.batches :]
        ]
        for name, change in PLANTED.items()
    }


def _batch(task: Few, rng: np.random.Generator) -> Matrix:
    values = rng.normal(size=(ROWS, COLUMNS))
    if task.kind == SKEWED:
        values = np.exp(values) / np.sqrt(np.e * (np.e - 1))
    return values + task.wander * rng.normal(size=COLUMNS)


def _frame(values: Matrix) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[f"c{place}" for place in range(values.shape[1])])


def _first(values: Matrix, column: Matrix) -> Matrix:
    return np.column_stack([column, values[:, 1:]])


def _table(answers: Mapping[Any, Mapping[str, list[bool]]]) -> str:
    rows: dict[str, dict[str, Rate]] = {}
    for kind in KINDS:
        for wander in WANDER:
            for batches in BATCHES:
                found = [
                    answer
                    for task, answer in answers.items()
                    if (task.kind, task.wander, task.batches) == (kind, wander, batches)
                ]
                if found:
                    name = f"{kind} rows, levels differ by {wander:g}, {batches} batches"
                    rows[name] = {planted: rate_of([answer[planted] for answer in found]) for planted in PLANTED}
    return table(rows)
