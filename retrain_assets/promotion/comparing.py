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
from retrain_assets.promotion.measures import LEVEL, Measure

AGAINST: tuple[tuple[Role, Role], ...] = (("earlier", "champion"), ("earlier", "candidate"), ("earlier", "baseline"))
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
        recallable: those of them that may take over.
        newer_than_both: rows that are newer than what either model was trained on; None for no row.
        noticed: how bad the champion looked, where that is why they are compared.
        together: entity of each row; the rows of one are drawn together. By default batches where there are enough.
    """

    labels: npt.ArrayLike
    batches: Sequence[str]
    scores: Mapping[Role, Scores]
    versions: Mapping[Role, int | None]
    earlier: Mapping[int, Scores] = field(default_factory=dict[int, Scores])
    recallable: frozenset[int] = frozenset()
    newer_than_both: npt.NDArray[np.bool_] | None = None
    noticed: Noticed | None = None
    together: npt.NDArray[Any] | None = None

    def over_all_classes(self, *further: Scores) -> dict[Role, Scores]:
        """What the models say, without earlier champions, over the union of the classes that they and further know."""
        union = classes_of([*(self.scores[role] for role in ROLES if role in self.scores), *further])
        return {role: self.scores[role].over(union) for role in ROLES if role in self.scores}

    def sharing(self, version: int) -> int:
        """How many earlier champions share the level of one: what is only told weakens nothing that may take over."""
        may = self.recallable & self.earlier.keys()
        return len(may if version in may else self.earlier)

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

    Each earlier champion is compared by draws of its own: neither the others nor it change with who else is judged.

    Args:
        contest: the models, and the rows.
        model: name of the declared model.
        batch: partition of the candidate.
        attempt: attempt of the candidate.
        metric: the declared loss, by which differences are taken.
        report_metrics: further metrics of each model.
        margins: of the champion's loss, relative to it: what is lost beyond each has an interval of its own.
        confidence: level of all intervals. That of differences to earlier champions is shared: over those that may
            take over among these, over all of them among the others.
        rng: source of the resamples.
        resamples: of the differences; the models' own intervals take 200, and of many rows as many.

    Raises:
        DataError: scores or labels that no metric can be computed from.
    """
    truth = np.asarray(contest.labels)
    names, draws = _drawn_of(contest.batches, contest.together)
    judged = _Judging(
        truth=truth,
        metrics=tuple(dict.fromkeys([metric, *report_metrics])),
        confidence=confidence,
        resamples=resamples if len(truth) >= MANY_ROWS else METRIC_RESAMPLES,
        blocks=draws.blocks,
    )
    scores = contest.over_all_classes()
    roles = tuple(judged.model(role, contest.versions.get(role), scored, rng) for role, scored in scores.items())
    paired = _Pairing.of(metric, truth, scores, confidence=confidence, resamples=resamples)
    newer = contest.newer()
    made = EvaluationReport(
        model=model, batch=batch, attempt=attempt, metric=metric, rows=len(truth), batches=names,
        rows_newer_than_both=len(newer), confidence=confidence, resampled=draws.unit, roles=roles,
        differences=(
            *paired.differences(PAIRS, np.arange(len(truth)), "reserved", rng, draws),
            *paired.differences(PAIRS, newer, "newer", rng, draws),
        ),
        measures=(*paired.luck(contest, margins), *paired.beyond(margins, rng, draws)),
    )  # fmt: skip
    for version, own in zip(contest.earlier, rng.spawn(len(contest.earlier)), strict=True):
        made = _with_earlier(made, contest, version, judged, margins, own, draws, resamples=resamples)
    return made


def _with_earlier(
    report: EvaluationReport,
    contest: Contest,
    version: int,
    judged: _Judging,
    margins: Sequence[float],
    rng: np.random.Generator,
    draws: _Draws,
    *,
    resamples: int,
) -> EvaluationReport:
    """The report with an earlier champion and its differences to the others, on all rows."""
    scored, sharing = contest.earlier[version], contest.sharing(version)
    scores = contest.over_all_classes(scored)
    scores["earlier"] = scored.over(classes_of([*scores.values(), scored]))
    level = 1 - (1 - report.confidence) / sharing
    own = _Pairing.of(report.metric, judged.truth, scores, confidence=level, resamples=resamples, version=version)
    told = Measure(kind="recall", name=LEVEL, group=f"v{version}", value=level, reason=_shared_over(sharing))
    return replace(
        report,
        roles=(*report.roles, judged.model("earlier", version, scores["earlier"], rng)),
        differences=(
            *report.differences,
            *own.differences(AGAINST, np.arange(len(judged.truth)), "reserved", rng, draws),
        ),
        measures=(*report.measures, *own.luck(contest, margins), *own.beyond(margins, rng, draws), told),
    )


def _shared_over(sharing: int) -> str:
    return f"at a level shared over {sharing} earlier champions" if sharing > 1 else "at the declared level"


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
    """The losses of each row by each model; of an earlier champion, its version."""

    metric: str
    losses: Mapping[Role, Values]
    confidence: float
    resamples: int
    version: int | None = None

    @classmethod
    def of(
        cls,
        metric: str,
        truth: npt.NDArray[Any],
        scores: Mapping[Role, Scores],
        *,
        confidence: float,
        resamples: int,
        version: int | None = None,
    ) -> _Pairing:
        """The losses of each row by each model."""
        losses: dict[Role, Values] = {role: row_losses(metric, truth, scored) for role, scored in scores.items()}
        return cls(metric=metric, losses=losses, confidence=confidence, resamples=resamples, version=version)

    def luck(self, contest: Contest, margins: Sequence[float]) -> Iterator[Measure]:
        """What the difference to the champion owes to its luck."""
        batches = np.asarray(contest.batches, dtype=object)
        return luck_measures(contest.noticed, self.losses, batches, margins, version=self.version)

    def beyond(self, margins: Sequence[float], rng: np.random.Generator, draws: _Draws) -> Iterator[Measure]:
        """What the model loses beyond (1 + margin) times the champion's loss."""
        champion = self.losses.get("champion")
        if champion is None:
            return
        every, held = np.arange(len(champion)), (PAIRS if self.version is None else AGAINST)[:1]
        for margin in margins:
            raised = replace(self, losses={**self.losses, "champion": (1 + margin) * champion})
            for made in raised.differences(held, every, "reserved", rng, draws):
                yield margin_measure(made, margin)

    def differences(
        self,
        pairs: Sequence[tuple[Role, Role]],
        rows: npt.NDArray[np.intp],
        scope: Scope,
        rng: np.random.Generator,
        draws: _Draws,
    ) -> tuple[PairedDifference, ...]:
        """Pairs of those that take part, over some rows, from the same resamples.

        Of rows in too few batches the rows themselves are drawn, which cannot tell what batches differ by, and few
        batches that are drawn tell it badly. So the upper end, which proves one model better than another, is no lower
        than that of the batches' own spread; the lower end, by which a candidate is rejected, stays. Beside the
        baseline what is drawn suffices. Of too few entities no difference is known, nor of losses beyond what numbers
        hold.
        """
        known: list[tuple[Role, Role, Values]] = []
        known.extend((a, b, self.losses[a] - self.losses[b]) for a, b in pairs if {a, b} <= self.losses.keys())
        blocks = None if draws.blocks is None else draws.blocks[rows]
        if units_of(len(rows), blocks) < ENOUGH_UNITS:
            if draws.unit == "entities":
                return ()
            blocks = None
        if len(rows) < 2 or not known:
            return ()
        excess = np.column_stack([excess[rows] for *_, excess in known])
        drawn = resampled_means(excess, self.resamples, rng=rng, blocks=blocks)
        means = excess.mean(axis=0)
        units = units_of(len(rows), blocks)
        bounds = [percentile_interval(each, self.confidence, units=units) for each in drawn.T]
        apart = draws.batches_of(rows)
        for k, (_, b, _) in enumerate(known):
            if apart is not None and b != "baseline":
                lower, upper = bounds[k]
                proven = means[k] + cluster_reach(excess[:, k], apart, (1 + self.confidence) / 2)
                bounds[k] = lower, max(upper, float(proven))
        return tuple(
            PairedDifference(
                a=a, b=b, version=self.version, metric=self.metric, value=float(mean), lower=lower, upper=upper,
                rows=len(rows), scope=scope,
            )
            for (a, b, _), mean, (lower, upper) in zip(known, means, bounds, strict=True)
            if np.isfinite([mean, lower, upper]).all()
        )  # fmt: skip


def _drawn_of(batches: Sequence[str], together: npt.NDArray[Any] | None) -> tuple[tuple[str, ...], _Draws]:
    """The names of the batches, and what the bootstrap draws."""
    batch_of_row, found = pd.factorize(np.asarray(batches, dtype=object))
    names = tuple(sorted(str(name) for name in found))
    if together is not None:
        return names, _Draws(unit="entities", blocks=together, batches=None)
    if len(names) >= ENOUGH_BATCHES:
        return names, _Draws(unit="batches", blocks=batch_of_row, batches=batch_of_row)
    return names, _Draws(unit="rows", blocks=None, batches=batch_of_row)
