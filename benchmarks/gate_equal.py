"""Models of a real stream that are made equal: whoever shows one of them better, or worse, errs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.rates import Rate, rate_of
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.replay.scorebook import Scorebook

LATER, PAIRS = 12, 60
"""The fewest batches that there must be after both models, and pairs of models of a stream."""
_POSITIVE = 100.0
"""Added to every loss: the report takes losses as the absolute errors of a regression, which are not negative."""
Losses = npt.NDArray[np.float64]


class EqualPair:
    """Row losses of two models on every later batch; the candidate's are moved by what it is better or worse over all.

    Batches count alike, as they do where some of them are drawn to judge.
    """

    def __init__(self, book: Scorebook, candidate: int, champion: int) -> None:
        stream = book.stream
        self.champion: list[Losses] = []
        excess: list[Losses] = []
        for batch in range(candidate + 1, len(stream)):
            judging = stream.reserved[stream.starts[batch] : stream.starts[batch + 1]]
            mine, other = (book.row_losses(model, batch, batch + 1)[judging] for model in (candidate, champion))
            if len(other):
                self.champion.append(other)
                excess.append(mine - other)
        truth = float(np.mean([each.mean() for each in excess]))
        self.candidate = [other + each - truth for other, each in zip(self.champion, excess, strict=True)]

    def judged(self, rng: np.random.Generator, batches: int) -> EvaluationReport:
        """The evaluation by so many of the batches, drawn with replacement: as of a world that has many."""
        drawn = rng.choice(len(self.champion), batches)
        losses = {
            "candidate": np.concatenate([self.candidate[k] for k in drawn]) + _POSITIVE,
            "champion": np.concatenate([self.champion[k] for k in drawn]) + _POSITIVE,
        }
        contest = Contest(
            labels=np.zeros(len(losses["champion"])),
            batches=[f"b{place}" for place, k in enumerate(drawn) for _ in self.champion[k]],
            scores={
                "candidate": Scores(losses["candidate"]),
                "champion": Scores(losses["champion"]),
                "baseline": Scores(losses["champion"]),
            },
            versions={"candidate": 2, "champion": 1, "baseline": None},
        )
        return evaluate_models(
            contest, model="m", batch="b", attempt=1, metric="absolute_error", confidence=0.95, rng=rng,
            resamples=400,
        )  # fmt: skip


def errors_of_equals(
    book: Scorebook,
    *,
    superior: Callable[[EvaluationReport], bool],
    default: Callable[[EvaluationReport], bool],
    batches: int,
    trials: int,
    seed: int,
) -> dict[str, Rate]:
    """How often equal models are told apart: by the gate of superiority, by its rows alone, and by the default gate.

    Windows of a pair share its models, so the error of a rate is that over pairs.
    """
    rng = np.random.default_rng(seed)
    models = [model for model in book.models if book.usable(model)]
    ordered = [(late, early) for late in models for early in models if early < late < len(book.stream) - LATER]
    chosen = rng.permutation(len(ordered))[:PAIRS]
    found: dict[str, list[list[bool]]] = {"better_than_champion": [], "by rows alone": [], "default rejects": []}
    for place in chosen:
        pair = EqualPair(book, *ordered[place])
        reports = [pair.judged(rng, batches) for _ in range(trials // len(chosen))]
        found["better_than_champion"].append([superior(report) for report in reports])
        found["by rows alone"].append([_by_rows(report) for report in reports])
        found["default rejects"].append([not default(report) for report in reports])
    return {name: rate_of(verdicts) for name, verdicts in found.items()}


def _by_rows(report: EvaluationReport) -> bool:
    """Whether the interval shows the candidate better whose upper end is as far as the lower one, which rows tell."""
    difference = report.difference("candidate", "champion")
    return difference is not None and 2 * difference.value - difference.lower < 0
