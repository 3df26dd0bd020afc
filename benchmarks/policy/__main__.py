"""`python -m benchmarks.policy FOLDER`: retraining policies on streams of one's own, one Parquet file each.

Each file has the target in `y` and the batch in `batch`. Nothing is tuned on the stream that it is judged on: step of
the calendar and limit of the CUSUM chart are those that were best on the other streams, for each window and cost.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pandas as pd

from benchmarks import machine
from benchmarks.policy.mixtures import mix_all
from benchmarks.policy.replays import WINDOWS, Results, replay_all, units
from benchmarks.policy.report import (
    cost_table,
    estimator_table,
    loss_table,
    mixture_table,
    rival_stream_table,
    rival_table,
    skill_table,
    stationary_table,
    stream_table,
)
from benchmarks.policy.variants import BATCH, OTHER_TARGETS, VARIANTS
from benchmarks.tables import write_between_markers
from retrain_assets.replay.bare_file import ESTIMATORS
from retrain_assets.replay.fitting import one_thread
from retrain_assets.spec import DriftSpec

PAGE = Path(__file__).parents[2] / "docs" / "policy-benchmark.md"


def _names(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        names = tuple(each for each in text.split(",") if each)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise argparse.ArgumentTypeError(f"must be of {', '.join(known)} (got {text!r})")
        return names

    return read


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(",") if each)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="of the Parquet files")
    parser.add_argument("--tasks", type=_names(VARIANTS), default=("as_it_is",), help=", ".join(VARIANTS))
    parser.add_argument(
        "--estimators", type=_names(ESTIMATORS), default=tuple(ESTIMATORS), help=f"of {', '.join(ESTIMATORS)}"
    )
    parser.add_argument("--windows", type=_names(WINDOWS), default=WINDOWS[:2], help=f"of {', '.join(WINDOWS)}")
    parser.add_argument("--seeds", type=_numbers, default=(0,), help="of models, and of the rows that are drawn")
    parser.add_argument("--delays", type=_numbers, default=(1, 3), help="of labels, in batches")
    parser.add_argument("--starts", type=_numbers, default=(0, 4), help="batches that the first model trains on more")
    parser.add_argument("--rows", type=int, default=300, help="most rows of a batch, drawn by the seed; 0 for all")
    parser.add_argument("--shuffled", action="store_true", help="without drift: count retrains")
    parser.add_argument("--mixtures", action="store_true", help="only: dates and weights of a mixture, on kept models")
    parser.add_argument("--cache", type=Path, default=Path(".retrain_assets/replay"), help="of scores and results")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--no-write", action="store_true", help="print only")
    return parser.parse_args()


def main() -> None:
    """Measures and writes the tables; what was interrupted goes on where it was."""
    options, where = _options(), machine.describe()
    files = sorted(options.folder.glob("*.parquet"))
    if not files:
        raise SystemExit(f"no Parquet files in {options.folder}")
    work = units(
        files, options.tasks, options.estimators, options.seeds, delays=options.delays, starts=options.starts,
        windows=options.windows, rows=options.rows, shuffled=options.shuffled, cache=options.cache,
    )  # fmt: skip
    if options.mixtures:
        one_thread()
        name, tables = "mixtures", [mixture_table(mix_all(work))]
    else:
        name, tables = _tables(options, replay_all(work, options.workers))
    told = " ".join([_settings(options, len(files)), too_small(files, options.rows)])
    text = "\n\n".join([*tables, told, f"Measured {where}"])
    print(f"\n{text}")
    if not options.no_write:
        write_between_markers(PAGE, name, text)


def _tables(options: argparse.Namespace, results: Results) -> tuple[str, list[str]]:
    """The place on the page that they belong to, and the tables."""
    if options.shuffled:
        return "stationary", [stationary_table(results)]
    tables = [skill_table(results), stream_table(results), estimator_table(results), cost_table(results)]
    if len({case.stream for case in results}) > 1:
        tables += [rival_table(results), rival_stream_table(results)]
    if len(options.windows) > 1 and WINDOWS[0] in options.windows:
        tables.append(loss_table(results))
    return _place(options.tasks), tables


def too_small(files: Sequence[Path], most: int) -> str:
    """Of which streams drift is unknown because their batches, thinned to so many rows, are too small."""
    least, found = int(DriftSpec().min_rows), list[str]()
    for file in files:
        sizes = pd.read_parquet(file, columns=[BATCH]).groupby(BATCH).size().clip(upper=most or None)
        if (sizes < least).any():
            found.append(f"{(sizes < least).sum()} of {len(sizes)} of {file.stem}")
    if not found:
        return f"No batch has fewer than the {least} rows that a drift report takes."
    return f"Drift is unknown of batches of fewer than {least} rows: {', '.join(found)}."


def _place(tasks: Collection[str]) -> str:
    if tuple(tasks) == ("as_it_is",):
        return "policy"
    return "other" if OTHER_TARGETS.issuperset(tasks) else "targets"


def _settings(options: argparse.Namespace, streams: int) -> str:
    rows = f"at most {options.rows} rows" if options.rows else "all rows"
    return (
        f"{streams} streams; targets {', '.join(options.tasks)}; estimators {', '.join(options.estimators)}; seeds "
        f"{', '.join(map(str, options.seeds))}; {rows} of a batch; first models of {len(options.starts)} lengths."
    )


if __name__ == "__main__":
    main()
