"""What a comparison costs beside reading the rows and profiling them once: the floor of any engine with sketches."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.speed import LONG, speed
from benchmarks.tables import Figure, Result

COLUMNS = 20
_LONG_RUNS = 3


def measure(rows: int, runs: int, *, peers: bool = True, limit: float = 600, resume: bool = False) -> Result:
    """All figures, each the median of `runs`; that of the long window, of ten times as many rows, of at most three.

    Args:
        rows: of either window; a day has a twentieth of it.
        runs: repetitions.
        peers: whether other tools are measured too, on the same files and as often.
        limit: seconds after which a peer's run is ended.
        resume: whether what peers took in a run that was stopped counts.
    """
    day_rows = rows // 20
    with tempfile.TemporaryDirectory() as folder:
        files = [
            write_window(Path(folder) / f"{name}.parquet", rows, seed) for seed, name in enumerate(("before", "after"))
        ]
        floor, whole, in_memory = _in_turn([_floor, _whole, _in_memory], files, runs)
        long = _apart(write_window(Path(folder) / "long.parquet", 10 * rows, 2), files[1], min(runs, _LONG_RUNS))
        side_by_side = (
            speed(files, day_rows=day_rows, limit=limit, floor=floor, runs=runs, resume=resume) if peers else ""
        )
    read = _day_against_stored(30, day_rows, runs)
    day, longer = (_day_against_prepared(days, day_rows, runs) for days in (30, 120))
    wide = {columns: _wide(columns, runs) for columns in (250, 1_000)}
    begun = _fresh("from retrain_assets.drift import compare")
    ratio = "times the floor"
    return Result(
        name="drift",
        figures=[
            Figure(
                what=f"floor: read two windows of {rows:,} rows x {COLUMNS} columns, profile both",
                value=floor,
                unit="s",
            ),
            Figure(what="from Parquet to the full report, as streams", value=whole, unit="s"),
            Figure(what="the same over the floor", value=whole / floor, unit=ratio, target=1.5),
            Figure(what="as tables that are in memory together, over the floor", value=in_memory / floor, unit=ratio),
            Figure(what=f"{10 * rows:,} rows out of core, over the floor", value=long["ratio"], unit=ratio, target=2.0),
            Figure(what="peak memory of it", value=long["gib"], unit="GiB", target=1.0),
            Figure(
                what=f"a day of {day_rows:,} rows against 30 profiles, read from JSON",
                value=read,
                unit="s",
                target=0.15,
            ),
            Figure(what="the same against 30 prepared ones", value=day, unit="s", target=0.15),
            Figure(what="against 120 prepared ones", value=longer, unit="s", target=0.15),
            Figure(
                what="1,000 columns over 250 columns, 1,000 rows, processor time",
                value=wide[1_000] / wide[250],
                unit="times",
                target=5.0,
            ),
            Figure(what="`from retrain_assets.drift import compare`", value=begun, unit="s", target=1.5),
        ],
        notes=[
            f"Medians of {runs}, out of core of {min(runs, _LONG_RUNS)}. {_NOTE}",
            *([f"{_PEERS}\n\n{side_by_side}"] if peers else []),
        ],
    )


_NOTE = (
    'A day, profiles and many columns are compared with `joint="none"`. '
    "The floor reads the same streams and profiles them with this package's own sketch; with a slower one the ratios "
    "would look better. Tables of both windows at once take memory that the system has to find, which streams do not."
)
_PEERS = (
    "Each tool with its defaults, in an environment and a process of its own, as many times as above and in turn with "
    f"the others (once where it takes longer than {LONG:g} s); medians, in brackets times ours. Each is the first "
    "comparison of its size in a process, whose memory the system has to find yet: hence ours is slower here than "
    "above, where the process has made one before."
)


def write_window(path: Path, rows: int, seed: int) -> Path:
    """Normal, lognormal and counted numbers, and categories, in row groups of a hundred thousand."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    writer: pq.ParquetWriter | None = None
    for _ in range(0, rows, 100_000):
        size = min(100_000, rows)
        part = pa.table(
            {f"n{i}": rng.normal(size=size) for i in range(8)}
            | {f"l{i}": rng.lognormal(size=size) for i in range(4)}
            | {f"i{i}": rng.poisson(20, size) for i in range(4)}
            | {f"s{i}": rng.choice(list("abcdefgh"), size) for i in range(4)}
        )
        writer = writer or pq.ParquetWriter(path, part.schema)
        writer.write_table(part)
    if writer is not None:
        writer.close()
    return path


def _in_turn(works: Sequence[Callable[[list[Path]], object]], files: list[Path], runs: int) -> list[float]:
    """Medians of works that are compared, each run of one beside a run of the others, when all is loaded."""
    taken: list[list[float]] = [[] for _ in works]
    for run, (work, seconds) in product(range(runs + 1), zip(works, taken, strict=True)):
        began = time.perf_counter()
        work(files)
        seconds.extend([time.perf_counter() - began] if run else [])
    return [statistics.median(seconds) for seconds in taken]


def _floor(files: list[Path]) -> None:
    """The same streams, profiled and no more."""
    from benchmarks.peers.retrain_assets_compare import read
    from retrain_assets.data.arrow_profiling import profile_arrow

    for file in files:
        profile_arrow(read(str(file)))


def _whole(files: list[Path]) -> None:
    """As streams, five row groups after the other: what the page on drift names as the fastest way from a file."""
    from benchmarks.peers.retrain_assets_compare import read
    from retrain_assets.drift import compare

    compare(read(str(files[0])), read(str(files[1]))).to_json()


def _in_memory(files: list[Path]) -> None:
    """Both windows at once, as tables."""
    import pyarrow.parquet as pq

    from retrain_assets.drift import compare

    compare(pq.read_table(files[0]), pq.read_table(files[1])).to_json()


_LONG = """
import json, resource, statistics, sys, time
import pyarrow as pa
import pyarrow.parquet as pq
from retrain_assets.data.arrow_profiling import profile_arrow
from retrain_assets.drift import compare

def chunks(path):
    file = pq.ParquetFile(path, pre_buffer=False)  # which would hold the whole file
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(batch_size=500_000))

first = next(iter(chunks(sys.argv[2])))
compare(pa.Table.from_batches([first]), pa.Table.from_batches([first])).to_json()  # what a process loads once

def floor():
    for path in sys.argv[1:3]:
        profile_arrow(chunks(path))

def whole():
    compare(chunks(sys.argv[1]), chunks(sys.argv[2])).to_json()

taken = {floor: [], whole: []}
for run in range(int(sys.argv[3])):
    for work in (floor, whole) if run % 2 else (whole, floor):  # what comes first finds the files less warm
        began = time.perf_counter()
        work()
        taken[work].append(time.perf_counter() - began)
ratio = statistics.median(taken[whole]) / statistics.median(taken[floor])
print(json.dumps({"ratio": ratio, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
"""


def _apart(long: Path, after: Path, runs: int) -> dict[str, float]:
    """In a process of its own, whose memory is told; in turn with its floor, as the others."""
    command = [sys.executable, "-c", _LONG, str(long), str(after), str(runs)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT).stdout)


def _day_against_stored(days: int, rows: int, runs: int) -> float:
    """The day is profiled, the stored profiles are read and cut into cells: the first check of a process."""
    from retrain_assets.data.profile import TableProfile, profile_table
    from retrain_assets.drift import compare

    rng = np.random.default_rng(3)
    stored = [profile_table(_day(rows, rng)).to_json() for _ in range(days)]
    today = _day(rows, rng)
    return _median(
        lambda: compare([TableProfile.from_json(text) for text in stored], profile_table(today), joint="none"), runs
    )


def _day_against_prepared(days: int, rows: int, runs: int) -> float:
    """The day is profiled and compared: what each further check costs."""
    from retrain_assets.data.profile import profile_table
    from retrain_assets.drift import compare, prepare

    rng = np.random.default_rng(3)
    prepared = prepare([profile_table(_day(rows, rng)) for _ in range(days)])
    today = _day(rows, rng)
    compare(prepared, profile_table(today), joint="none")
    return _median(lambda: compare(prepared, profile_table(today), joint="none"), runs)


def _day(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(rng.normal(size=(rows, COLUMNS)), columns=[f"c{i}" for i in range(COLUMNS)])


def _wide(columns: int, runs: int) -> float:
    from retrain_assets.drift import compare

    rng = np.random.default_rng(4)
    names = [f"c{i}" for i in range(columns)]
    before, after = (pd.DataFrame(rng.normal(size=(1_000, columns)), columns=names) for _ in range(2))
    return _median(lambda: compare(before, after, joint="none"), runs, clock=time.process_time)


_ROOT = Path(__file__).parents[1]


def _fresh(code: str) -> float:
    timed = f"import time; began = time.perf_counter(); {code}; print(time.perf_counter() - began)"
    done = subprocess.run(
        [sys.executable, "-c", timed], check=True, capture_output=True, text=True, cwd=_ROOT, env=dict(os.environ)
    )
    return float(done.stdout)


def _median(work: Callable[[], object], runs: int, *, clock: Callable[[], float] = time.perf_counter) -> float:
    seconds: list[float] = []
    for _ in range(runs):
        began = clock()
        work()
        seconds.append(clock() - began)
    return statistics.median(seconds)
