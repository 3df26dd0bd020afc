"""`python -m benchmarks.policy FOLDER`: retraining policies on streams of one's own, one Parquet file each.

Each file has the target in `y` and the batch in `batch`. Nothing is tuned on the stream that it is judged on: step of
the calendar and limit of the CUSUM chart are those that were best on the other streams, for each window and cost.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import machine
from benchmarks.tables import write_between_markers
from retrain_assets.replay.bare_file import FileSettings, stream_of_frame
from retrain_assets.replay.clock import Course
from retrain_assets.replay.comparison import COST_RATIOS, Comparison
from retrain_assets.replay.declared import DriftBook
from retrain_assets.replay.fitting import ScoreCache
from retrain_assets.replay.policies import Policies
from retrain_assets.replay.run import open_book

PAGE = Path(__file__).parents[1] / "docs" / "policy-benchmark.md"
JUDGED = (
    "default", "default+mixture", "performance_decay", "drift", "adwin", "ddm", "page_hinkley", "cara", "upf",
)  # fmt: skip
CALENDARS = tuple(f"every:{step}" for step in (1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 45))
CHARTS = tuple(f"cusum:{limit:g}" for limit in (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 3))
COST = 0.5
"""The declared default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One replay."""

    stream: str
    window: str
    delay: int
    estimator: str
    seed: int
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of one policy in one case: skill, share of the decisions that retrained, totals relative to a calendar's."""

    skill: float | None
    share: float
    totals: Mapping[float, float]


Results = dict[Case, dict[str, Measured]]


def measure(options: argparse.Namespace) -> Results:
    """All cases, one scorebook for each stream, window, estimator and seed."""
    results: Results = {}
    files = sorted(Path(options.folder).glob("*.parquet"))
    if not files:
        raise SystemExit(f"no Parquet files in {options.folder}")
    for file, (windowed, estimator, seed) in itertools.product(files, _settings(options)):
        frame = pd.read_parquet(file)
        if options.shuffled:
            order = np.random.default_rng(seed).permutation(len(frame))
            frame = pd.concat([frame.drop(columns="batch").iloc[order].reset_index(drop=True), frame["batch"]], axis=1)
        length = max(6, round(frame["batch"].nunique() / 8))
        for delay in options.delays:
            settings = FileSettings(
                target="y", batch="batch", label_delay=delay, window=length if windowed else None,
                estimator=estimator, seed=seed,
            )  # fmt: skip
            stream = stream_of_frame(frame, settings)
            began = time.monotonic()
            book = open_book(
                stream, Course(first=length), ScoreCache.of(options.cache, stream), workers=options.workers
            )
            drift = DriftBook(stream)
            for start in options.starts:
                case = Case(
                    stream=file.stem, window="sliding" if windowed else "all history", delay=delay,
                    estimator=estimator, seed=seed, start=start,
                )  # fmt: skip
                policies = Policies(stream.spec, drift, cost=COST)
                results[case] = _case(Comparison(book, Course(first=length + start), policies), options.shuffled)
            print(f"{file.stem} {'sliding' if windowed else 'all'} delay {delay} {estimator} {seed}: "
                  f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    return results


def _settings(options: argparse.Namespace) -> list[tuple[bool, str, int]]:
    return [
        (windowed, estimator, seed)
        for windowed in (False, True)
        for estimator in options.estimators
        for seed in options.seeds
    ]


def _case(comparison: Comparison, only_default: bool) -> dict[str, Measured]:
    names = ("default",) if only_default else ("never", *JUDGED, *CALENDARS, *CHARTS)
    decisions = len(comparison.course.decisions(comparison.book.stream))
    outcomes = {name: comparison.outcome(name) for name in names}
    if not only_default:
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
        )
        for name, made in outcomes.items()
    }


def tuned_elsewhere(results: Results, names: Sequence[str], case: Case, ratio: float) -> str:
    """The policy with the least mean total on the other streams, for the case's window."""
    if len(names) == 1:
        return names[0]
    others = [each for each in results if each.stream != case.stream and each.window == case.window]

    def mean(name: str) -> float:
        return float(np.mean([np.log(results[other][name].totals[ratio]) for other in others]))

    return min(names, key=mean)


def skill_table(results: Results) -> str:
    """Skill by policy and window: cells are streams and delays, each the mean over estimators, seeds and starts."""
    lines = [
        "| policy | window | median | least | 10 % to 90 % of all replays | retrains |",
        "|---|---|---|---|---|---|",
    ]
    charts = {case: tuned_elsewhere(results, CHARTS, case, 0.2) for case in results} if _several(results) else {}
    for name, window in itertools.product((*JUDGED, "cusum"), ("all history", "sliding")):
        chosen = {
            case: made[charts[case] if name == "cusum" else name]
            for case, made in results.items()
            if case.window == window and (name != "cusum" or charts)
        }
        skills = {case: made.skill for case, made in chosen.items() if made.skill is not None}
        if not skills:
            continue
        cells = _cells(skills)
        low, high = np.quantile(list(skills.values()), [0.1, 0.9])
        share = np.mean([made.share for made in chosen.values()])
        lines.append(
            f"| {_shown(name)} | {window} | {np.median(cells):+.2f} | {min(cells):+.2f} | {low:+.2f} to {high:+.2f} | "
            f"{share:.0%} |"
        )
    return "\n".join(lines)


def cost_table(results: Results) -> str:
    """Geometric mean of total cost relative to the best calendar in hindsight of each case, by cost ratio."""
    rows: dict[str, Sequence[str]] = {
        "oracle": ("oracle",),
        "default": ("default",),
        "default+mixture": ("default+mixture",),
        "calendar of the other streams": CALENDARS,
        "CUSUM of the other streams": CHARTS,
        "never": ("never",),
        "every batch": ("every:1",),
    }
    lines = [
        f"| policy | window | {' | '.join(f'cost {ratio:g}' for ratio in COST_RATIOS)} |",
        f"|---|---|{'---|' * len(COST_RATIOS)}",
    ]
    for (name, names), window in itertools.product(rows.items(), ("all history", "sliding")):
        own = [case for case in results if case.window == window]
        cells = [_relative(results, names, own, ratio) for ratio in COST_RATIOS]
        lines.append(f"| {name} | {window} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
    return "\n".join(lines)


def _relative(results: Results, names: Sequence[str], cases: Sequence[Case], ratio: float) -> float:
    totals = [results[case][tuned_elsewhere(results, names, case, ratio)].totals[ratio] for case in cases]
    return float(np.exp(np.mean(np.log(totals))))


def stream_table(results: Results) -> str:
    """Skill of the default and of its mixture on each stream."""
    lines = ["| stream | window | delay | default | with mixture | retrains |", "|---|---|---|---|---|---|"]
    keys = sorted({(case.stream, case.window, case.delay) for case in results})
    for key in keys:
        own = [made for case, made in results.items() if (case.stream, case.window, case.delay) == key]
        plain, mixed = ([made[name].skill for made in own if made[name].skill is not None] for name in JUDGED[:2])
        share = np.mean([made["default"].share for made in own])
        lines.append(f"| {key[0]} | {key[1]} | {key[2]} | {_mean(plain)} | {_mean(mixed)} | {share:.0%} |")
    return "\n".join(lines)


def estimator_table(results: Results) -> str:
    """Skill of the default and of its mixture by estimator: cells are streams and delays, as in the first table."""
    lines = ["| estimator | window | policy | median | least | retrains |", "|---|---|---|---|---|---|"]
    for estimator, window, name in itertools.product(
        sorted({case.estimator for case in results}), ("all history", "sliding"), JUDGED[:2]
    ):
        own = {c: made[name] for c, made in results.items() if (c.estimator, c.window) == (estimator, window)}
        cells = _cells({case: made.skill for case, made in own.items() if made.skill is not None})
        if cells:
            share = np.mean([made.share for made in own.values()])
            lines.append(
                f"| {estimator} | {window} | `{name}` | {np.median(cells):+.2f} | {min(cells):+.2f} | {share:.0%} |"
            )
    return "\n".join(lines)


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):+.2f}" if known else ""


def _several(results: Results) -> bool:
    return len({case.stream for case in results}) > 1


def _cells(skills: Mapping[Case, float]) -> list[float]:
    cells: dict[tuple[str, int], list[float]] = defaultdict(list)
    for case, skill in skills.items():
        cells[case.stream, case.delay].append(skill)
    return [float(np.mean(each)) for each in cells.values()]


def _shown(name: str) -> str:
    return {"cusum": "CUSUM of the other streams"}.get(name, f"`{name}`")


def _texts(text: str) -> list[str]:
    return [each for each in text.split(",") if each]


def _numbers(text: str) -> list[int]:
    return [int(each) for each in _texts(text)]


def main() -> None:
    """Measures and writes the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy", description=main.__doc__)
    parser.add_argument("folder", help="of the Parquet files")
    parser.add_argument("--estimators", type=_texts, default=["hist_gradient_boosting"], help="comma-separated")
    parser.add_argument("--seeds", type=_numbers, default=[0], help="comma-separated")
    parser.add_argument("--delays", type=_numbers, default=[1, 3], help="of labels, in batches")
    parser.add_argument(
        "--starts", type=_numbers, default=[0, 2, 4], help="batches that the first model trains on more"
    )
    parser.add_argument("--shuffled", action="store_true", help="without drift: count the default's retrains")
    parser.add_argument("--cache", type=Path, default=Path(".retrain_assets/replay"), help="of scores")
    parser.add_argument("--workers", type=int, help="processes that fit")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    where = machine.describe()
    results = measure(options)
    notes = (
        f"{len({case.stream for case in results})} streams; estimators {', '.join(options.estimators)}; seeds "
        f"{', '.join(map(str, options.seeds))}; first models of {len(options.starts)} lengths.\n\nMeasured {where}"
    )
    if options.shuffled:
        name, text = "stationary", f"{_stationary(results)}\n\n{notes}"
    else:
        name = "policy"
        tables = [skill_table(results), stream_table(results), estimator_table(results), cost_table(results)]
        text = "\n\n".join([*tables, notes])
    print(f"\n{text}")
    if not options.no_write:
        write_between_markers(PAGE, name, text)


def _stationary(results: Results) -> str:
    lines = ["| window | delay | decisions that retrain |", "|---|---|---|"]
    for window, delay in sorted({(case.window, case.delay) for case in results}):
        shares = [m["default"].share for case, m in results.items() if (case.window, case.delay) == (window, delay)]
        lines.append(f"| {window} | {delay} | {np.mean(shares):.2%}, at most {max(shares):.2%} on one stream |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
