"""`python -m benchmarks`: measures, prints, and writes the tables of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks import drift, engines, evaluation, false_alarms, few_batches, imports, machine, replay, sensors, year
from benchmarks.peers import verdicts
from benchmarks.tables import write_between_markers

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


class Measured(Protocol):
    """What a benchmark gives."""

    def markdown(self, machine: str) -> str:
        """Its tables and notes."""
        ...


BENCHMARKS: Mapping[str, Callable[[argparse.Namespace], Measured]] = {
    "drift": lambda options: drift.measure(
        options.rows or (1_000_000 if options.full else 100_000),
        options.runs,
        peers=options.peers,
        limit=options.limit,
        resume=options.resume,
    ),
    "engines": lambda options: engines.measure(options.rows or 1_000_000, limit=options.limit),
    "evaluation": lambda options: evaluation.measure(options.rows or 1_000_000),
    "false_alarms": lambda options: false_alarms.measure(options.streams, options.years, resume=options.resume),
    "few_batches": lambda options: few_batches.measure(options.streams, resume=options.resume),
    "imports": lambda options: imports.measure(options.runs),
    "replay": lambda options: replay.measure(options.rows),
    "sensors": lambda options: sensors.measure(options.runs),
    "side_by_side": lambda options: verdicts.side_by_side(
        options.peer_streams, limit=options.limit, resume=options.resume
    ),
    "year": lambda options: year.measure(options.weeks),
}


def main() -> None:
    """Measures what was asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; by default all")
    parser.add_argument("--runs", type=int, default=5, help="repetitions of what is cheap (default 5)")
    parser.add_argument("--weeks", type=int, help="a shorter year; its table is not written")
    parser.add_argument("--rows", type=int, help="rows of drift (default 100,000), engines, evaluation, replay")
    parser.add_argument("--full", action="store_true", help="drift: windows of 1,000,000 rows and days of 50,000")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="drift: leave other tools out")
    parser.add_argument("--peer-streams", type=int, default=4, help="seeded streams a cell of side_by_side (default 4)")
    parser.add_argument("--limit", type=float, default=100, help="seconds that a peer's run may take (default 100)")
    parser.add_argument(
        "--resume", action="store_true", help="drift, false_alarms, few_batches, side_by_side: go on from a stopped run"
    )
    parser.add_argument(
        "--streams", type=int, default=20, help="seeded streams a cell of false_alarms, few_batches (default 20)"
    )
    parser.add_argument("--years", type=int, default=10, help="simulated years of false_alarms (default 10)")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"unknown benchmark: {', '.join(unknown)} (known: {', '.join(BENCHMARKS)})")
    for name in options.names or BENCHMARKS:
        where = machine.describe()
        result = BENCHMARKS[name](options)
        text = f"{_command(name, sys.argv[1:])}\n\n{result.markdown(where)}"
        print(f"\n## {name}\n\n{text}", flush=True)
        if not options.no_write and not (name == "year" and options.weeks):
            write_between_markers(PAGE, name, text)


def _command(name: str, arguments: Sequence[str]) -> str:
    """What prints the tables again, with its parameters.

    >>> _command("drift", ["drift", "year", "--full", "--runs", "3", "--no-write"])
    'Printed by `python -m benchmarks drift --full --runs 3`:'
    """
    given = [argument for argument in arguments if argument not in {*BENCHMARKS, "--no-write"}]
    return f"Printed by `{' '.join(['python -m benchmarks', name, *given])}`:"


if __name__ == "__main__":
    main()
