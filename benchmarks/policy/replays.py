"""The replays of the benchmark: each unit of work by itself, in a process of its own, kept as soon as it is there."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

import retrain_assets
from benchmarks.policy.variants import BATCH, VARIANTS, shuffled, thinned
from retrain_assets.replay.bare_file import FileSettings, stream_of_frame
from retrain_assets.replay.clock import Course
from retrain_assets.replay.comparison import COST_RATIOS, Comparison
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.fitting import ScoreCache, one_thread
from retrain_assets.replay.policies import Policies
from retrain_assets.replay.run import open_book
from retrain_assets.replay.windows import SINCE_CHANGE, Window

JUDGED = (
    "default", "default+mixture", "performance_decay", "drift", "adwin", "ddm", "page_hinkley", "cara", "upf",
    "debt_growth",
)  # fmt: skip
UNPROVOKED = ("default", "performance_decay", "drift", "page_hinkley", "adwin", "ddm")
"""Whose retrains are counted where nothing drifts."""
CALENDARS = tuple(f"every:{step}" for step in (1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 45))
CHARTS = tuple(f"cusum:{limit:g}" for limit in (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 3))
WINDOWS = ("all history", "sliding", "since the change")
LEAST_ROWS = 1000
"""Of a window since the change."""
COST = 0.5
"""The declared default."""
WALKED_BY = ("drift", "performance", "policy", "promotion", "replay", "spec")
"""Packages whose source decides what a policy does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One replay."""

    stream: str
    task: str
    window: str
    delay: int
    estimator: str
    seed: int
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of one policy in one case: skill, share of the decisions that retrained, totals by those of the `best`."""

    skill: float | None
    share: float
    totals: Mapping[float, float]
    best: Mapping[float, float]


Results = dict[Case, dict[str, Measured]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is fitted together: a stream and how its models are made, for all delays and starts."""

    file: Path
    task: str
    window: str
    estimator: str
    seed: int
    delays: tuple[int, ...]
    starts: tuple[int, ...]
    rows: int
    shuffled: bool
    cache: Path

    def __str__(self) -> str:
        return f"{self.file.stem} {self.task} {self.window} {self.estimator} seed {self.seed}"

    def kept(self) -> Path:
        """Where its results are kept: by its settings, by the file's bytes and by the code that walks."""
        settings = json.dumps({**asdict(self), "file": _digest(self.file), "cache": ""}, sort_keys=True)
        return self.cache / "policy-benchmark" / f"{_hash(settings + _walked_by())}.json"


def units(files: Sequence[Path], tasks: Sequence[str], estimators: Sequence[str], seeds: Sequence[int],
          windows: Sequence[str] = WINDOWS[:2], *, delays: tuple[int, ...], starts: tuple[int, ...], rows: int,
          shuffled: bool, cache: Path) -> list[Unit]:  # fmt: skip
    """All units, those that tell most first."""
    return [
        Unit(
            file=file,
            task=task,
            window=window,
            estimator=estimator,
            seed=seed,
            delays=delays,
            starts=starts,
            rows=rows,
            shuffled=shuffled,
            cache=cache,
        )
        for seed, task, estimator, file, window in itertools.product(seeds, tasks, estimators, files, windows)
    ]


def replay_all(work: Sequence[Unit], workers: int) -> Results:
    """The results of all units, from disk where they are kept; tells of each as it comes."""
    results: Results = {}
    open_work = []
    for unit in work:
        if unit.kept().exists():
            results.update(_read(unit.kept()))
        else:
            open_work.append(unit)
    print(f"{len(work) - len(open_work)} of {len(work)} kept from before", flush=True)
    began = time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        futures = {pool.submit(replay_unit, unit): unit for unit in open_work}
        for done, future in enumerate(as_completed(futures), start=1):
            made = future.result()
            results.update(made)
            told = [each["default"].skill for each in made.values() if each["default"].skill is not None]
            mean = f"{sum(told) / len(told):+z.2f}" if told else "   "
            print(f"{time.monotonic() - began:5.0f} s  {done}/{len(open_work)}  {mean}  {futures[future]}", flush=True)
    return results


def replay_unit(unit: Unit) -> Results:
    """Fits what is missing, walks every policy from every start, and keeps what came of it."""
    results = dict(_replays(unit))
    kept = unit.kept()
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(".part")
    part.write_text(json.dumps([{"case": asdict(case), "made": {name: asdict(each) for name, each in made.items()}}
                                for case, made in results.items()]), encoding="utf-8")  # fmt: skip
    part.replace(kept)
    return results


def _replays(unit: Unit) -> Iterator[tuple[Case, dict[str, Measured]]]:
    for case, comparison in comparisons(unit):
        yield case, _measured(comparison, only_unprovoked=unit.shuffled)


def comparisons(unit: Unit) -> Iterator[tuple[Case, Comparison]]:
    """Each case of a unit, its models fitted."""
    frame = thinned(pd.read_parquet(unit.file), unit.rows, unit.seed)
    length = max(6, round(frame[BATCH].nunique() / 8))
    frame = VARIANTS[unit.task](frame, length)
    frame = shuffled(frame, unit.seed) if unit.shuffled else frame
    for delay in unit.delays:
        settings = FileSettings(
            target="y", batch=BATCH, label_delay=delay, window=_window(unit.window, length), least_rows=LEAST_ROWS,
            estimator=unit.estimator, seed=unit.seed,
        )  # fmt: skip
        stream = stream_of_frame(frame, settings)
        book = open_book(stream, Course(first=length), ScoreCache.of(unit.cache, stream), workers=1)
        drift = DriftBook(stream)
        for start in unit.starts:
            case = Case(
                stream=unit.file.stem, task=unit.task, window=unit.window, delay=delay, estimator=unit.estimator,
                seed=unit.seed, start=start,
            )  # fmt: skip
            yield case, Comparison(book, Course(first=length + start), Policies(stream.spec, drift, cost=COST))


def _window(called: str, length: int) -> Window:
    if called == "sliding":
        return length
    return SINCE_CHANGE if called == "since the change" else None


def _measured(comparison: Comparison, *, only_unprovoked: bool) -> dict[str, Measured]:
    names = UNPROVOKED if only_unprovoked else ("never", *JUDGED, *CALENDARS, *CHARTS)
    decisions = len(comparison.course.decisions(comparison.book.stream))
    outcomes = {name: comparison.outcome(name) for name in names}
    if not only_unprovoked:
        outcomes["oracle"] = comparison.hindsight_outcome()
    best = {
        ratio: min((outcomes[name].totals[ratio] for name in outcomes if name in (*CALENDARS, "never")), default=1.0)
        for ratio in COST_RATIOS
    }
    return {
        name: Measured(
            skill=made.skill,
            share=len(made.retrains) / decisions,
            totals={ratio: total / best[ratio] for ratio, total in made.totals.items()},
            best=best,
        )
        for name, made in outcomes.items()
    }


def _read(path: Path) -> Results:
    return {
        Case(**each["case"]): {
            name: Measured(
                skill=made["skill"],
                share=made["share"],
                totals={float(ratio): total for ratio, total in made["totals"].items()},
                best={float(ratio): total for ratio, total in made["best"].items()},
            )
            for name, made in each["made"].items()
        }
        for each in json.loads(path.read_text(encoding="utf-8"))
    }


@cache
def _walked_by() -> str:
    """Hash of the source that a walk depends on; the models' scores are kept by what they depend on themselves."""
    root = Path(retrain_assets.__file__).parent
    sources = [Path(__file__), *(path for package in WALKED_BY for path in sorted((root / package).rglob("*.py")))]
    return _hash("".join(path.read_text(encoding="utf-8") for path in sources))


@cache
def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
