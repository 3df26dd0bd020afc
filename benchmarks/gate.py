"""`python -m benchmarks.gate [FOLDER]`: how often gates err, and what they cost.

Without a folder: seeded trials on synthetic rows, on which the true loss of both models is known. With one: replays of
the streams in it, one Parquet file each with the target in `y` and the batch in `batch`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from benchmarks import machine
from benchmarks.tables import write_between_markers
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.replay.bare_file import FileSettings, stream_of_frame
from retrain_assets.replay.clock import Course, batch_losses, walk
from retrain_assets.replay.fitting import ScoreCache
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.policies import every
from retrain_assets.replay.run import open_book
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.spec import PromoteSpec

PAGE = Path(__file__).parents[1] / "docs" / "gate-benchmark.md"
ROWS, BATCHES, CHAMPION_NOISE = 2000, 4, 0.8
NOISES: Mapping[str, float] = {
    "much worse": 1.1, "worse": 0.9, "equal": 0.8, "better": 0.7, "much better": 0.4,
}  # fmt: skip
"""Standard deviation of the error that the candidate makes in the logit; the champion's is 0.8."""
RIGHT = float(np.log(2))
"""A log-loss below it is a right prediction of two classes."""
Losses = npt.NDArray[np.float64]
Gate = Callable[[EvaluationReport, Losses, Losses], bool]


def declared(**promote: float) -> Gate:
    """The platform's own gate, by its declaration."""
    spec = PromoteSpec.model_validate({"require": "not_worse_than_champion", **promote})
    return lambda report, _candidate, _champion: evaluate_gates(report, spec, bootstrapping=False).passed is True


def superior(report: EvaluationReport, _candidate: Losses, _champion: Losses) -> bool:
    """The platform's gate of superiority."""
    spec = PromoteSpec(require="better_than_champion")
    return evaluate_gates(report, spec, bootstrapping=False).passed is True


GATES: Mapping[str, Gate] = {
    "not_worse_than_champion": declared(),
    "not_worse_than_champion, margin 2 %": declared(margin=0.02),
    "better_than_champion": superior,
    "point estimate of the log-loss": lambda _report, candidate, champion: (
        float(candidate.mean() - champion.mean()) <= 0
    ),
    "accuracy": lambda _report, candidate, champion: bool((candidate < RIGHT).mean() >= (champion < RIGHT).mean()),
    "no gate": lambda _report, _candidate, _champion: True,
}


def trial(rng: np.random.Generator, noise: float) -> tuple[EvaluationReport, Losses, Losses, float]:
    """One evaluation, and the true difference of the expected losses on its rows."""
    logit = rng.normal(0, 2, ROWS)
    labels = (rng.random(ROWS) < expit(logit)).astype(int)
    says = {"champion": CHAMPION_NOISE, "candidate": noise}
    values = {role: expit(logit + rng.normal(0, scale, ROWS)) for role, scale in says.items()}
    truth = expit(logit)

    def expected(said: Losses) -> float:
        return float(-(truth * np.log(said) + (1 - truth) * np.log(1 - said)).mean())

    scores = {role: Scores(said, (0, 1)) for role, said in values.items()}
    scores["baseline"] = Scores(np.full(ROWS, 0.5), (0, 1))
    report = evaluate_models(
        model="m", batch="b", attempt=1, labels=labels,
        scores={"candidate": scores["candidate"], "champion": scores["champion"], "baseline": scores["baseline"]},
        versions={"candidate": 2, "champion": 1, "baseline": None},
        batches=np.repeat([f"b{number}" for number in range(BATCHES)], ROWS // BATCHES).tolist(), metric="log_loss",
        confidence=0.95, rng=rng, resamples=400,
    )  # fmt: skip
    losses = {role: -np.log(np.where(labels == 1, said, 1 - said)) for role, said in values.items()}
    return report, losses["candidate"], losses["champion"], expected(values["candidate"]) - expected(values["champion"])


def synthetic(trials: int, seed: int) -> str:
    """The share of trials in which each gate promotes, by how the candidate truly compares."""
    rows: dict[str, list[float]] = {name: [] for name in GATES}
    truths: list[float] = []
    for position, noise in enumerate(NOISES.values()):
        rng = np.random.default_rng([seed, position])
        promoted = dict.fromkeys(GATES, 0)
        differences: list[float] = []
        for _ in range(trials):
            report, candidate, champion, difference = trial(rng, noise)
            differences.append(difference)
            for name, gate in GATES.items():
                promoted[name] += gate(report, candidate, champion)
        truths.append(float(np.mean(differences)))
        for name, count in promoted.items():
            rows[name].append(count / trials)
    head = [f"{name} ({truth:+.4f})" for name, truth in zip(NOISES, truths, strict=True)]
    return table(["gate promotes a candidate that is", *head], [[n, *(f"{v:.1%}" for v in s)] for n, s in rows.items()])


@dataclass(frozen=True, slots=True)
class Judging(ReplayGate):
    """A gate of the replay that judges by the paired losses alone."""

    book: Scorebook
    judge: Callable[[Losses, Losses], bool]

    def passes(self, candidate: int, champion: int) -> bool:
        """Whether the candidate may replace the champion."""
        if not self.book.usable(candidate):
            return False
        paired = self.book.paired(candidate, champion)
        return self.judge(paired.candidate, paired.champion)


JUDGES: Mapping[str, Callable[[Losses, Losses], bool]] = {
    "point estimate of the log-loss": lambda candidate, champion: float(candidate.mean() - champion.mean()) <= 0,
    "accuracy": lambda candidate, champion: bool((candidate < RIGHT).mean() >= (champion < RIGHT).mean()),
    "no gate": lambda _candidate, _champion: True,
}


def streams(folder: Path, step: int, cache: Path) -> str:
    """Mean log-loss of what was served with each gate, a candidate every few batches; the best in hindsight is bold."""
    found: dict[str, dict[str, float]] = {}
    files = sorted(folder.glob("*.parquet"))
    for file in files:
        frame = pd.read_parquet(file)
        settings = FileSettings(target="y", batch="batch", label_delay=1, window=None)
        stream = stream_of_frame(frame, settings)
        course = Course(first=max(6, round(frame["batch"].nunique() / 8)))
        book = open_book(stream, course, ScoreCache.of(cache, stream), workers=1)
        gates: dict[str, ReplayGate] = {"declared default": ReplayGate(book)}
        gates |= {name: Judging(book, judge) for name, judge in JUDGES.items()}
        for name, gate in gates.items():
            walked = walk(book, course, every(step)(), gate)
            rows = stream.rows[walked.first_served : len(stream)]
            found.setdefault(name, {})[file.stem] = float(np.average(batch_losses(book, walked), weights=rows))
        print(file.stem, {name: round(losses[file.stem], 5) for name, losses in found.items()}, flush=True)
    lines = [[name, *(f"{losses[file.stem]:.5f}" for file in files)] for name, losses in found.items()]
    return table(["gate", *(file.stem for file in files)], lines)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Measures what was asked for, and writes it into the documentation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="streams to replay; by default the synthetic trials")
    parser.add_argument("--trials", type=int, default=1000, help="seeded trials of each kind of candidate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", type=int, default=1, help="batches between two candidates of a replay")
    parser.add_argument("--cache", type=Path, default=Path(".replay-cache"), help="folder of scores computed before")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    where = machine.describe()
    made = (
        synthetic(options.trials, options.seed)
        if options.folder is None
        else streams(options.folder, options.step, options.cache)
    )
    said = (
        f"{options.trials} trials in each column, {ROWS} rows each, seed {options.seed}; in brackets the mean true "
        "difference of the expected log-loss."
        if options.folder is None
        else f"Mean log-loss of the served rows; a candidate every {options.step} batches, labels one batch late."
    )
    text = f"{made}\n\n{said}\n\nMeasured {where}"
    print(text)
    if not options.no_write:
        write_between_markers(PAGE, "synthetic" if options.folder is None else "streams", text)


if __name__ == "__main__":
    main()
