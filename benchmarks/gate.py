"""`python -m benchmarks.gate [FOLDER]`: how often gates err, and what they cost.

Without a folder: seeded trials on synthetic rows, on which the true loss of both models is known. With one: replays of
the streams in it, one Parquet file each with the target in `y` and the batch in `batch`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

from benchmarks import machine
from benchmarks.gate_equal import PAIRS, errors_of_equals
from benchmarks.rates import Rate, rate_of
from benchmarks.tables import write_between_markers
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import ENOUGH_BATCHES, EvaluationReport
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.luck import Noticed, noticed_in
from retrain_assets.replay.bare_file import FileSettings, stream_of_frame
from retrain_assets.replay.clock import Course, batch_losses, walk
from retrain_assets.replay.fitting import ScoreCache
from retrain_assets.replay.gate import ReplayGate, report_of
from retrain_assets.replay.policies import every
from retrain_assets.replay.run import open_book
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.spec import DecaySpec, PromoteSpec

PAGE = Path(__file__).parents[1] / "docs" / "gate-benchmark.md"
ROWS, CHAMPION_NOISE = 2000, 0.8
PROVING, FEW = 8, 4
"""So many batches judge where something is to be proven, and where there are no more, or nothing is."""
APART = 0.3
"""Standard deviation of the part of each error in the logit that the rows of a batch share, where batches differ."""
NOISES: Mapping[str, float] = {
    "much worse": 1.1, "worse": 0.9, "equal": 0.8, "better": 0.7, "much better": 0.4,
}  # fmt: skip
"""Standard deviation of the error that the candidate makes in the logit; the champion's is 0.8."""
RIGHT = float(np.log(2))
"""A log-loss below it is a right prediction of two classes."""
MARGINS = (0.02, 0.05)
LEAST_ROWS = 50
"""As a replay of a bare file asks for."""
AHEAD = 4
"""So many batches after a decision say who was better."""
Losses = npt.NDArray[np.float64]
T = TypeVar("T")
Gate = Callable[[EvaluationReport, Losses, Losses], bool]


def declared(**promote: float) -> Gate:
    """The platform's own gate, by its declaration."""
    spec = PromoteSpec.model_validate({"require": "not_worse_than_champion", "min_rows": LEAST_ROWS, **promote})
    return lambda report, _candidate, _champion: evaluate_gates(report, spec, bootstrapping=False).passed is True


def as_seen(gate: Gate) -> Gate:
    """The same gate, were the champion's luck not taken off."""
    return lambda report, candidate, champion: gate(
        replace(report, measures=tuple(each for each in report.measures if each.kind != "luck")), candidate, champion
    )


def superior(report: EvaluationReport, _candidate: Losses, _champion: Losses) -> bool:
    """The platform's gate of superiority."""
    spec = PromoteSpec(require="better_than_champion", min_rows=LEAST_ROWS)
    return evaluate_gates(report, spec, bootstrapping=False).passed is True


GATES: Mapping[str, Gate] = {
    "not_worse_than_champion (default)": declared(),
    "not_worse_than_champion, margin 2 %": declared(margin=0.02),
    "not_worse_than_champion, margin 5 %": declared(margin=0.05),
    "better_than_champion": superior,
    "margin 2 %, luck not taken off": as_seen(declared(margin=0.02)),
    "better, luck not taken off": as_seen(superior),
    "point estimate of the log-loss": lambda _report, candidate, champion: (
        float(candidate.mean() - champion.mean()) <= 0
    ),
    "accuracy": lambda _report, candidate, champion: bool((candidate < RIGHT).mean() >= (champion < RIGHT).mean()),
    "no gate": lambda _report, _candidate, _champion: True,
}
PROOFS = frozenset(name for name in GATES if name.startswith(("not_worse_than_champion, margin", "margin", "better")))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredError:
    """What a gate promises of candidates that are worse than the champion by exactly `worse_by` of its expected loss.

    Args:
        gate: one of `GATES`.
        worse_by: 0 for a candidate that is as good.
        promoting: the error is to promote it; else to reject it.
    """

    gate: str
    worse_by: float
    promoting: bool

    def __str__(self) -> str:
        which = f"worse by {self.worse_by:.0%}" if self.worse_by else "as good, and no better"
        return f"{'promotes' if self.promoting else 'rejects'} a candidate that is {which}"


DECLARED_ERRORS = (
    DeclaredError(gate="not_worse_than_champion, margin 2 %", worse_by=0.02, promoting=True),
    DeclaredError(gate="not_worse_than_champion, margin 5 %", worse_by=0.05, promoting=True),
    DeclaredError(gate="better_than_champion", worse_by=0.0, promoting=True),
    DeclaredError(gate="not_worse_than_champion (default)", worse_by=0.0, promoting=False),
)
"""Those of the platform's own gates; the others declare none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """How `performance_decay` looks at the champion.

    Args:
        decay: its declaration.
        holdout_rows: by so many the champion's loss on its holdout is known; None for exactly.
    """

    decay: DecaySpec
    holdout_rows: int | None

    def noticed(self, rng: np.random.Generator, losses: Losses, batches: int) -> Noticed | None:
        """How bad the champion looked on its newest batches; None where it did not."""
        error = 0.0 if self.holdout_rows is None else _usual_loss()[1] / self.holdout_rows**0.5
        holdout = HoldoutLoss(value=rng.normal(_usual_loss()[0], error), standard_error=error)
        seen = [
            BatchLoss(
                batch=f"b{number}",
                value=float(own.mean()),
                standard_error=float(own.std()) / len(own) ** 0.5,
                rows=len(own),
            )
            for number, own in enumerate(losses.reshape(batches, -1))
        ]
        return noticed_in(seen, holdout, self.decay, holdout_batches=FEW)


TRIGGERS: Mapping[str, Trigger] = {
    "its defaults": Trigger(decay=DecaySpec(), holdout_rows=ROWS),
    "one batch and no floor": Trigger(decay=DecaySpec(batches=1, floor=0.0), holdout_rows=None),
}
USUAL = "its defaults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a candidate comes to be compared, and by what.

    Args:
        batches: that judge.
        trigger: one of `TRIGGERS`, which has fired for the champion by these very rows; None where none is asked.
        apart: deviation of the part of each model's error that the rows of a batch share; the error of a row is as
            large as without.
    """

    batches: int = PROVING
    trigger: str | None = None
    apart: float = 0.0


def trial(rng: np.random.Generator, noise: float, setting: Setting) -> tuple[EvaluationReport, Losses, Losses, float]:
    """One evaluation, and the true difference of the expected losses on its rows.

    Rows are drawn until the trigger of the setting fires: the champion is compared because it looked bad, and on the
    rows on which it did.
    """
    count, apart = setting.batches, setting.apart
    trigger = TRIGGERS[setting.trigger or USUAL]
    while True:
        logit, labels, said = _rows(rng, count, apart)
        noticed = trigger.noticed(rng, _log_loss(labels, said), count)
        if noticed is not None or setting.trigger is None:
            break
    truth = expit(logit)
    values = {"champion": said, "candidate": expit(logit + _errors(rng, noise, count, apart))}

    def expected(said: Losses) -> float:
        return float(-(truth * np.log(said) + (1 - truth) * np.log(1 - said)).mean())

    contest = Contest(
        labels=labels,
        scores={
            "candidate": Scores(values["candidate"], (0.0, 1.0)),
            "champion": Scores(values["champion"], (0.0, 1.0)),
            "baseline": Scores(np.full(ROWS, 0.5), (0.0, 1.0)),
        },
        versions={"candidate": 2, "champion": 1, "baseline": None},
        batches=np.repeat([f"b{number}" for number in range(count)], ROWS // count).tolist(),
        noticed=noticed,
    )
    report = evaluate_models(
        contest, model="m", batch="b", attempt=1, metric="log_loss", margins=MARGINS, confidence=0.95, rng=rng,
        resamples=400,
    )  # fmt: skip
    losses = {role: _log_loss(labels, said) for role, said in values.items()}
    return report, losses["candidate"], losses["champion"], expected(values["candidate"]) - expected(values["champion"])


def _rows(rng: np.random.Generator, batches: int, apart: float = 0.0) -> tuple[Losses, Losses, Losses]:
    """True logits, labels, and what the champion says."""
    logit = rng.normal(0, 2, ROWS)
    labels = (rng.random(ROWS) < expit(logit)).astype(float)
    return logit, labels, expit(logit + _errors(rng, CHAMPION_NOISE, batches, apart))


def _errors(rng: np.random.Generator, noise: float, batches: int, apart: float) -> Losses:
    """What a model is wrong by in the logit of each row."""
    own = rng.normal(0, (noise**2 - apart**2) ** 0.5, ROWS)
    return own + np.repeat(rng.normal(0, apart, batches), ROWS // batches) if apart else own


@cache
def _usual_loss() -> tuple[float, float]:
    """What the champion loses on a row, and the standard deviation of that."""
    rng = np.random.default_rng(0)
    losses = np.concatenate([_log_loss(*_rows(rng, 1)[1:]) for _ in range(500)])
    return float(losses.mean()), float(losses.std())


def _log_loss(labels: Losses, said: Losses) -> Losses:
    return -np.log(np.where(labels == 1, said, 1 - said))


def synthetic(trials: int, seed: int, workers: int) -> str:
    """The share of trials in which each gate promotes, by how the candidate truly compares: of all, and by trigger."""
    return "\n\n".join(
        f"{said}\n\n{_rates(trials, seed, workers, Setting(trigger=trigger))}"
        for said, trigger in (
            ("All comparisons:", None),
            *((f"Given that `performance_decay` fired, with {name}:", name) for name in TRIGGERS),
        )
    )


def _rates(trials: int, seed: int, workers: int, setting: Setting) -> str:
    found = _each(_promoted, [(noise, setting, trials, seed) for noise in NOISES.values()], workers)
    head = [f"{name} ({truth:+z.4f})" for name, (_, truth) in zip(NOISES, found, strict=True)]
    rows = [[name, *(f"{shares[name]:.1%}" for shares, _ in found)] for name in GATES]
    return table(["gate promotes a candidate that is", *head], rows)


def _promoted(noise: float, setting: Setting, trials: int, seed: int) -> tuple[dict[str, float], float]:
    """The share of candidates that each gate promotes, and the mean true difference."""
    rng = np.random.default_rng([*_seed_of(seed, setting), round(100 * noise)])
    made = [trial(rng, noise, setting) for _ in range(trials)]
    shares = {name: float(np.mean([gate(*each[:3]) for each in made])) for name, gate in GATES.items()}
    return shares, float(np.mean([each[3] for each in made]))


def _each(measure: Callable[..., T], cells: Sequence[tuple[object, ...]], workers: int) -> list[T]:
    """The measure of each cell, in so many processes."""
    if workers == 1:
        return [measure(*cell) for cell in cells]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(measure, *zip(*cells, strict=True)))


def _seed_of(seed: int, setting: Setting) -> Iterator[int]:
    yield seed
    yield setting.batches
    yield 0 if setting.trigger is None else 1 + list(TRIGGERS).index(setting.trigger)
    yield round(100 * setting.apart)


@cache
def noise_of(worse_by: float) -> float:
    """Deviation of the error in the logit that makes the expected loss worse than the champion's by so much of it."""
    rng = np.random.default_rng(0)
    logit, error = rng.normal(0, 2, 200_000), rng.normal(size=200_000)

    def loss(noise: float) -> float:
        said = logit + noise * error
        return float((expit(logit) * np.logaddexp(0, -said) + expit(-logit) * np.logaddexp(0, said)).mean())

    wanted = loss(CHAMPION_NOISE) * (1 + worse_by)
    return brentq(lambda noise: loss(noise) - wanted, 0.0, 4.0) if worse_by else CHAMPION_NOISE


COLUMNS: Mapping[str, Setting] = {
    "all comparisons": Setting(),
    "batches differ": Setting(apart=APART),
    **{f"a trigger fired, with {name}": Setting(trigger=name) for name in TRIGGERS},
    **{f"batches differ; a trigger fired, with {name}": Setting(trigger=name, apart=APART) for name in TRIGGERS},
}


def declared_errors(trials: int, seed: int, workers: int) -> str:
    """How often each gate makes the error that it declares, at the edge of what it declares it of."""
    level = (1 - PromoteSpec().confidence) / 2
    kinds = [
        (error, batches)
        for error in DECLARED_ERRORS
        for batches in ((PROVING, FEW) if error.gate in PROOFS else (FEW,))
    ]
    cells = [
        (error, replace(setting, batches=batches), trials, seed)
        for error, batches in kinds
        for setting in COLUMNS.values()
    ]
    kept = [_kept(rate, level) for rate in _each(_rate_at_edge, cells, workers)]
    lines = [
        [error.gate, str(batches), str(error), *kept[row * len(COLUMNS) : (row + 1) * len(COLUMNS)]]
        for row, (error, batches) in enumerate(kinds)
    ]
    return table(["gate", "batches that judge", "its error: it", *COLUMNS], lines)


def _kept(rate: Rate, level: float) -> str:
    held = "held" if rate.share - rate.half <= level else "**missed**"
    return f"{rate.share:.1%} ± {rate.half:.1%}, {held}"


def _rate_at_edge(error: DeclaredError, setting: Setting, trials: int, seed: int) -> Rate:
    rng = np.random.default_rng([DECLARED_ERRORS.index(error), *_seed_of(seed, setting)])
    noise, gate = noise_of(error.worse_by), GATES[error.gate]
    return rate_of([[gate(*trial(rng, noise, setting)[:3]) == error.promoting] for _ in range(trials)])


class Replayed:
    """The models of a stream, and what each gate says of each pair of them."""

    def __init__(self, book: Scorebook) -> None:
        self.book = book
        self._verdicts: dict[tuple[int, int], dict[str, bool]] = {}

    def verdicts(self, candidate: int, champion: int) -> dict[str, bool]:
        """Whether each gate promotes the candidate; a model that could not be trained is promoted by none."""
        pair = (candidate, champion)
        if pair not in self._verdicts:
            paired = self.book.paired(candidate, champion)
            # Where something is to be proven as many batches judge as that takes.
            shown, proven = (
                report_of(self.book, candidate, champion, margins=MARGINS, proof=proof) for proof in (False, True)
            )
            usable = self.book.usable(candidate)
            self._verdicts[pair] = {
                name: usable and gate(proven if name in PROOFS else shown, paired.candidate, paired.champion)
                for name, gate in GATES.items()
            }
        return self._verdicts[pair]

    def loss(self, name: str, course: Course, step: int) -> float:
        """Mean loss of the served rows with a gate and a candidate every few batches."""
        walked = walk(self.book, course, every(step)(), _Judging(self, name))
        rows = self.book.stream.rows[walked.first_served : len(self.book.stream)]
        return float(np.average(batch_losses(self.book, walked), weights=rows))

    def errors(self) -> pd.DataFrame:
        """A row for each pair of models and gate: the verdict, the truth of the batches after it, and the trigger."""
        book, rows = self.book, self.book.stream.rows
        models = [model for model in book.models if book.usable(model)]
        found: list[dict[str, object]] = []
        for champion in models:
            for candidate in (model for model in models if model > champion):
                later = slice(candidate + 1, candidate + 1 + AHEAD)
                if not len(rows[later]):
                    continue
                worse = np.average(book.mean[candidate, later] - book.mean[champion, later], weights=rows[later]) > 0
                held = book.holdout(champion)
                excess = None if held is None else book.mean[champion, candidate] - held.value
                noise = 0.0 if held is None else np.hypot(book.error[champion, candidate], held.standard_error)
                alarm = excess is not None and excess > 2 * noise
                verdicts = self.verdicts(candidate, champion)
                truth: dict[str, object] = {"worse": worse, "alarm": alarm}
                found += [truth | {"gate": name, "promoted": verdict} for name, verdict in verdicts.items()]
        return pd.DataFrame(found)


class _Judging(ReplayGate):
    """One gate of those that are compared."""

    def __init__(self, replayed: Replayed, name: str) -> None:
        super().__init__(replayed.book)
        self._replayed, self._name = replayed, name

    def passes(
        self,
        candidate: int,
        champion: int,
        noticed: Noticed | None = None,  # noqa: ARG002 - the protocol of gates, whose decision this one makes without it
    ) -> bool:
        """Whether the candidate may replace the champion."""
        return self._replayed.verdicts(candidate, champion)[self._name]


def streams(folder: Path, step: int, cache: Path, *, trials: int, seed: int) -> tuple[str, str, str]:
    """What each gate costs in log-loss, how often it errs on the pairs of all streams, and on pairs made equal."""
    costs: dict[str, list[str]] = {name: [name] for name in GATES}
    errors: list[pd.DataFrame] = []
    equals: dict[str, dict[int, dict[str, Rate]]] = {}
    files = sorted(folder.glob("*.parquet"))
    for file in files:
        frame = pd.read_parquet(file)
        settings = FileSettings(target="y", batch="batch", label_delay=1, window=None)
        stream = stream_of_frame(frame, settings)
        proving = PromoteSpec(require="better_than_champion & beats_baseline", min_rows=LEAST_ROWS)
        stream = replace(stream, spec=stream.spec.model_copy(update={"promote": proving}))
        course = Course(first=max(6, round(frame["batch"].nunique() / 8)))
        replayed = Replayed(open_book(stream, course, ScoreCache.of(cache, stream), workers=1))
        open_loss = replayed.loss("no gate", course, step)
        for name, cells in costs.items():
            loss = replayed.loss(name, course, step)
            cells.append(f"{loss:.5f} ({loss / open_loss - 1:+z.2%})")
        errors.append(replayed.errors().assign(stream=file.stem))
        equals[file.stem] = {
            batches: errors_of_equals(
                replayed.book,
                superior=lambda report: superior(report, _NONE, _NONE),
                default=lambda report: declared()(report, _NONE, _NONE),
                batches=batches,
                trials=trials,
                seed=seed,
            )
            for batches in (PROVING, FEW)
        }
        print(file.stem, {name: cells[-1] for name, cells in costs.items()}, flush=True)
    cost = table(["gate", *(file.stem for file in files)], list(costs.values()))
    return cost, _error_table(pd.concat(errors)), _equal_table(equals)


_NONE: Losses = np.empty(0)
"""The row losses, of which these gates make no use."""


def _equal_table(equals: Mapping[str, Mapping[int, Mapping[str, Rate]]]) -> str:
    level = (1 - PromoteSpec().confidence) / 2
    lines = [
        [
            stream,
            str(batches),
            _kept(rates["better_than_champion"], level),
            f"{rates['by rows alone'].share:.1%}" if batches < ENOUGH_BATCHES else "whole batches are drawn",
            f"{rates['default rejects'].share:.1%}",
        ]
        for stream, by_batches in equals.items()
        for batches, rates in by_batches.items()
    ]
    head = [
        "stream", "batches that judge", "better_than_champion promotes", "by the rows alone it would",
        "the default gate rejects",
    ]  # fmt: skip
    return table(head, lines)


def _error_table(pairs: pd.DataFrame) -> str:
    """Rates of each stream, and their mean over the streams: each counts alike, however many models it has."""

    def rate(chosen: pd.DataFrame, *, promoted: bool) -> str:
        each = (chosen["promoted"] == promoted).groupby(chosen["stream"]).mean()
        return f"{each.mean():.1%}" if len(each) else "no such pair"

    lines: list[list[str]] = []
    for name in GATES:
        own = pairs[pairs["gate"] == name]
        alarmed = own[own["alarm"]]
        lines.append(
            [
                name,
                *(rate(some[some["worse"]], promoted=True) for some in (own, alarmed)),
                *(rate(some[~some["worse"]], promoted=False) for some in (own, alarmed)),
            ]
        )
    count, alarms = len(pairs) // len(GATES), int(pairs["alarm"].sum()) // len(GATES)
    head = [
        "gate", "promoted though worse", "given a trigger", "rejected though better", "given a trigger",
    ]  # fmt: skip
    return f"{table(head, lines)}\n\n{count:,} pairs of models, of {alarms:,} a trigger fired for the champion."


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
    parser.add_argument("--workers", type=int, default=2, help="processes of the synthetic trials")
    parser.add_argument("--step", type=int, default=1, help="batches between two candidates of a replay")
    parser.add_argument("--cache", type=Path, default=Path(".replay-cache"), help="folder of scores computed before")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    where = machine.describe()
    if options.folder is None:
        said = (
            f"{options.trials:,} trials in each cell, {ROWS:,} rows in {PROVING} batches each, seed {options.seed}; in "
            "brackets the mean true difference of the expected log-loss."
        )
        edge = (
            f"Share of {options.trials:,} trials each, {ROWS:,} rows, seed {options.seed}, with two standard errors; "
            f"held where the declared share, {(1 - PromoteSpec().confidence) / 2:.1%}, is within them, or above."
        )
        made = {
            "declared": f"{declared_errors(options.trials, options.seed, options.workers)}\n\n{edge}",
            "synthetic": f"{synthetic(options.trials, options.seed, options.workers)}\n\n{said}",
        }
    else:
        said = (
            f"Mean log-loss of the served rows, and how it differs from that without a gate; a candidate every "
            f"{options.step} batches, labels one batch late."
        )
        cost, errors, equals = streams(
            options.folder, options.step, options.cache, trials=options.trials, seed=options.seed
        )
        alike = (
            f"{options.trials:,} trials of {PAIRS} pairs of models a stream, seed {options.seed}; two standard errors "
            "are over pairs."
        )
        made = {"streams": f"{cost}\n\n{said}", "errors": errors, "equals": f"{equals}\n\n{alike}"}
    for name, text in made.items():
        print(f"{text}\n\nMeasured {where}\n")
        if not options.no_write:
            write_between_markers(PAGE, name, f"{text}\n\nMeasured {where}")


if __name__ == "__main__":
    main()
