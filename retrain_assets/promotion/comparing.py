"""Candidate, champion and baseline judged by the same rows.

Two models that are judged by the same rows share most of the noise: the interval of the mean difference of their row
losses is what tells them apart, not their two intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.grouped import MANY_ROWS
from retrain_assets.performance.intervals import (
    cluster_reach,
    estimates,
    percentile_interval,
    resampled_means,
    units_of,
)
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores, Values, classes_of
from retrain_assets.promotion.evaluation import (
    ENOUGH_BATCHES,
    ENOUGH_UNITS,
    PAIRS,
    ROLES,
    EvaluationReport,
    PairedDifference,
    Role,
    RoleEvaluation,
    Scope,
    Unit,
)
from retrain_assets.promotion.luck import Noticed, luck_measures
from retrain_assets.promotion.margins import margin_measure
from retrain_assets.promotion.measures import Measure

AGAINST: tuple[Role, ...] = ("champion", "candidate", "baseline")
"""What each earlier champion is compared with."""
METRIC_RESAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Models, and the rows by which all of them are judged.

    Args:
        labels: truth of each row.
        batches: batch of each row.
        scores: of the candidate, the baseline and, unless bootstrapping, the champion. A class that a model does not
            know has probability 0 for it.
        versions: registered version of each role.
        earlier: scores of earlier champions by their versions.
        newer_than_both: rows that are newer than what either model was trained on; None for no row.
        noticed: how bad the champion looked, where that is why they are compared.
        together: entity of each row; the rows of one are drawn together. By default batches where there are enough.
    """

    labels: npt.ArrayLike
    batches: Sequence[str]
    scores: Mapping[Role, Scores]
    versions: Mapping[Role, int | None]
    earlier: Mapping[int, Scores] = field(default_factory=dict[int, Scores])
    newer_than_both: npt.NDArray[np.bool_] | None = None
    noticed: Noticed | None = None
    together: npt.NDArray[Any] | None = None

    def over_all_classes(self) -> Contest:
        """The same with all scores over the union of the classes that the models know."""
        union = classes_of([*(self.scores[role] for role in ROLES if role in self.scores), *self.earlier.values()])
        return replace(
            self,
            scores={role: scored.over(union) for role, scored in self.scores.items()},
            earlier={version: scored.over(union) for version, scored in self.earlier.items()},
        )

    def models(self) -> list[tuple[Role, int | None, Scores]]:
        """Role, version and scores of each."""
        found: list[tuple[Role, int | None, Scores]] = []
        found.extend((role, self.versions.get(role), self.scores[role]) for role in ROLES if role in self.scores)
        found.extend(("earlier", version, scored) for version, scored in self.earlier.items())
        return found

    def newer(self) -> npt.NDArray[np.intp]:
        """The places of the rows that are newer than what either model was trained on."""
        return np.flatnonzero([] if self.newer_than_both is None else self.newer_than_both)


def evaluate_models(
    contest: Contest,
    *,
    model: str,
    batch: str,
    attempt: int,
    metric: str,
    report_metrics: Sequence[str] = (),
    margins: Sequence[float] = (),
    confidence: float,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> EvaluationReport:
    """Judges all models by the same rows.

    Args:
        contest: the models, and the rows.
        model: name of the declared model.
        batch: partition of the candidate.
        attempt: attempt of the candidate.
        metric: the declared loss, by which differences are taken.
        report_metrics: further metrics of each model.
        margins: of the champion's loss, relative to it: what is lost beyond each has an interval of its own.
        confidence: level of all intervals. That of differences to earlier champions is shared over these.
        rng: source of the resamples.
        resamples: of the differences; the models' own intervals take 200, and of many rows as many.

    Raises:
        DataError: scores or labels that no metric can be computed from.
    """
    contest, truth = contest.over_all_classes(), np.asarray(contest.labels)
    names, draws = _drawn_of(contest.batches, contest.together)
    judged = _Judging(
        truth=truth,
        metrics=tuple(dict.fromkeys([metric, *report_metrics])),
        confidence=confidence,
        resamples=resamples if len(truth) >= MANY_ROWS else METRIC_RESAMPLES,
        blocks=draws.blocks,
    )
    roles = tuple(judged.model(role, version, scored, rng) for role, version, scored in contest.models())
    paired = _Pairing.of(contest, metric, confidence=confidence, resamples=resamples)
    newer = contest.newer()
    return EvaluationReport(
        model=model, batch=batch, attempt=attempt, metric=metric, rows=len(truth), batches=names,
        rows_newer_than_both=len(newer), confidence=confidence, resampled=draws.unit, roles=roles,
        differences=(
            *paired.differences(np.arange(len(truth)), "reserved", rng, draws),
            *paired.differences(newer, "newer", rng, draws),
        ),
        measures=(*paired.luck(contest, margins), *paired.beyond(margins, rng, draws)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draws:
    """What the bootstrap draws: of each row its block, None for the row itself; and its batch, None beside entities."""

    unit: Unit
    blocks: npt.NDArray[Any] | None
    batches: npt.NDArray[np.intp] | None

    def batches_of(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp] | None:
        """The batches of some rows, numbered from 0; None where these are of one, or batches are not what varies."""
        if self.batches is None:
            return None
        found, numbers = np.unique(self.batches[rows], return_inverse=True)
        return numbers if len(found) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judging:
    truth: npt.NDArray[Any]
    metrics: tuple[str, ...]
    confidence: float
    resamples: int
    blocks: npt.NDArray[Any] | None

    def model(self, role: Role, version: int | None, scores: Scores, rng: np.random.Generator) -> RoleEvaluation:
        """All metrics of one model with their intervals; too few entities make none."""
        made = estimates(
            self.metrics,
            self.truth,
            scores,
            confidence=self.confidence,
            rng=rng,
            resamples=self.resamples,
            blocks=self.blocks,
        )
        if self.blocks is not None and units_of(len(self.truth), self.blocks) < ENOUGH_UNITS:
            made = tuple(replace(each, lower=None, upper=None) for each in made)
        return RoleEvaluation(role=role, version=version, metrics=made)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairing:
    metric: str
    losses: Mapping[Role, Values]
    earlier: Mapping[int, Values]
    confidence: float
    resamples: int

    @classmethod
    def of(cls, contest: Contest, metric: str, *, confidence: float, resamples: int) -> _Pairing:
        """The losses of each row by each model."""
        truth = np.asarray(contest.labels)
        return cls(
            metric=metric,
            losses={role: row_losses(metric, truth, scored) for role, scored in contest.scores.items()},
            earlier={version: row_losses(metric, truth, scored) for version, scored in contest.earlier.items()},
            confidence=confidence,
            resamples=resamples,
        )

    def luck(self, contest: Contest, margins: Sequence[float]) -> tuple[Measure, ...]:
        """What the differences to the champion owe to its luck."""
        batches = np.asarray(contest.batches, dtype=object)
        return tuple(luck_measures(contest.noticed, self.losses, self.earlier, batches, margins))

    def beyond(self, margins: Sequence[float], rng: np.random.Generator, draws: _Draws) -> Iterator[Measure]:
        """What the candidate and earlier champions lose beyond (1 + margin) times the champion's loss."""
        champion = self.losses.get("champion")
        if champion is None:
            return
        every = np.arange(len(champion))
        for margin in margins:
            raised = replace(self, losses={"candidate": self.losses["candidate"], "champion": (1 + margin) * champion})
            for made in raised.differences(every, "reserved", rng, draws):
                if made.b == "champion":
                    yield margin_measure(made, margin)

    def differences(
        self,
        rows: npt.NDArray[np.intp],
        scope: Scope,
        rng: np.random.Generator,
        draws: _Draws,
    ) -> tuple[PairedDifference, ...]:
        """All pairs over some rows, from the same resamples; earlier champions are of interest on all rows alone.

        Of rows in too few batches the rows themselves are drawn, which cannot tell what batches differ by, and few
        batches that are drawn tell it badly. So the upper end, which proves one model better than another, is no lower
        than that of the batches' own spread; the lower end, by which a candidate is rejected, stays. Beside the
        baseline what is drawn suffices. Of too few entities no difference is known, nor of losses beyond what numbers
        hold.
        """
        pairs = self._pairs(scope)
        blocks = None if draws.blocks is None else draws.blocks[rows]
        if units_of(len(rows), blocks) < ENOUGH_UNITS:
            if draws.unit == "entities":
                return ()
            blocks = None
        if len(rows) < 2 or not pairs:
            return ()
        excess = np.column_stack([excess[rows] for *_, excess in pairs])
        drawn = resampled_means(excess, self.resamples, rng=rng, blocks=blocks)
        means = excess.mean(axis=0)
        shared = 1 - (1 - self.confidence) / max(len(self.earlier), 1)
        levels = [shared if a == "earlier" else self.confidence for a, *_ in pairs]
        units = units_of(len(rows), blocks)
        bounds = [percentile_interval(drawn[:, k], level, units=units) for k, level in enumerate(levels)]
        apart = draws.batches_of(rows)
        for k, (_, b, *_) in enumerate(pairs):
            if apart is not None and b != "baseline":
                lower, upper = bounds[k]
                proven = means[k] + cluster_reach(excess[:, k], apart, (1 + levels[k]) / 2)
                bounds[k] = lower, max(upper, float(proven))
        return tuple(
            PairedDifference(
                a=a, b=b, version=version, metric=self.metric, value=float(mean), lower=lower, upper=upper,
                rows=len(rows), scope=scope,
            )
            for (a, b, version, _), mean, (lower, upper) in zip(pairs, means, bounds, strict=True)
            if np.isfinite([mean, lower, upper]).all()
        )  # fmt: skip

    def _pairs(self, scope: Scope) -> list[tuple[Role, Role, int | None, Values]]:
        """Both roles, the version of an earlier champion, and the difference of the losses of each row."""
        known = self.losses
        earlier: Role = "earlier"
        pairs: list[tuple[Role, Role, int | None, Values]] = []
        pairs.extend((a, b, None, known[a] - known[b]) for a, b in PAIRS if a in known and b in known)
        for version, losses in self.earlier.items() if scope == "reserved" else ():
            pairs.extend((earlier, b, version, losses - known[b]) for b in AGAINST if b in known)
        return pairs


def _drawn_of(batches: Sequence[str], together: npt.NDArray[Any] | None) -> tuple[tuple[str, ...], _Draws]:
    """The names of the batches, and what the bootstrap draws."""
    batch_of_row, found = pd.factorize(np.asarray(batches, dtype=object))
    names = tuple(sorted(str(name) for name in found))
    if together is not None:
        return names, _Draws(unit="entities", blocks=together, batches=None)
    if len(names) >= ENOUGH_BATCHES:
        return names, _Draws(unit="batches", blocks=batch_of_row, batches=batch_of_row)
    return names, _Draws(unit="rows", blocks=None, batches=batch_of_row)
