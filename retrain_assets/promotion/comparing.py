"""Candidate, champion and baseline judged by the same rows.

Two models that are judged by the same rows share most of the noise: the interval of the mean difference of their row
losses is what tells them apart, not their two intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.grouped import MANY_ROWS
from retrain_assets.performance.intervals import estimates, percentile_interval, resampled_means, units_of
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores, Values
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

AGAINST: tuple[Role, ...] = ("champion", "candidate", "baseline")
"""What each earlier champion is compared with."""
METRIC_RESAMPLES = 200


def evaluate_models(
    *,
    model: str,
    batch: str,
    attempt: int,
    labels: npt.ArrayLike,
    scores: Mapping[Role, Scores],
    versions: Mapping[Role, int | None],
    batches: Sequence[str],
    metric: str,
    report_metrics: Sequence[str] = (),
    confidence: float,
    rng: np.random.Generator,
    newer_than_both: npt.NDArray[np.bool_] | None = None,
    earlier: Mapping[int, Scores] | None = None,
    noticed: Noticed | None = None,
    together: npt.NDArray[Any] | None = None,
    resamples: int = 1000,
) -> EvaluationReport:
    """Judges all models by the same rows.

    Args:
        model: name of the declared model.
        batch: partition of the candidate.
        attempt: attempt of the candidate.
        labels: truth of each row.
        scores: of the candidate, the baseline and, unless bootstrapping, the champion. A class that a model does not
            know has probability 0 for it.
        versions: registered version of each role.
        batches: batch of each row.
        metric: the declared loss, by which differences are taken.
        report_metrics: further metrics of each model.
        confidence: level of all intervals.
        rng: source of the resamples.
        newer_than_both: rows that are newer than what either model was trained on.
        earlier: scores of earlier champions by their versions. The level of their differences is shared over them.
        noticed: how bad the champion looked, where that is why they are compared.
        together: entity of each row; the rows of one are drawn together. By default batches where there are enough.
        resamples: of the differences; the models' own intervals take 200, and of many rows as many.

    Raises:
        DataError: scores or labels that no metric can be computed from.
    """
    truth = np.asarray(labels)
    aligned, aligned_before = _aligned(scores, dict(earlier or {}))
    newer = np.zeros(len(truth), dtype=bool) if newer_than_both is None else np.asarray(newer_than_both, dtype=bool)
    names, resampled, blocks = _units(batches, together)
    judged = _Judging(
        truth=truth,
        metrics=tuple(dict.fromkeys([metric, *report_metrics])),
        confidence=confidence,
        resamples=resamples if len(truth) >= MANY_ROWS else METRIC_RESAMPLES,
        blocks=blocks,
    )
    roles = [judged.model(role, versions.get(role), aligned[role], rng) for role in ROLES if role in aligned]
    roles += [judged.model("earlier", version, scored, rng) for version, scored in aligned_before.items()]
    paired = _Pairing(
        metric=metric,
        losses={role: row_losses(metric, truth, scored) for role, scored in aligned.items()},
        earlier={version: row_losses(metric, truth, scored) for version, scored in aligned_before.items()},
        confidence=confidence,
        resamples=resamples,
    )
    return EvaluationReport(
        model=model,
        batch=batch,
        attempt=attempt,
        metric=metric,
        rows=len(truth),
        batches=names,
        rows_newer_than_both=int(newer.sum()),
        confidence=confidence,
        resampled=resampled,
        roles=tuple(roles),
        differences=(
            *paired.differences(np.arange(len(truth)), "reserved", rng, blocks, resampled),
            *paired.differences(np.flatnonzero(newer), "newer", rng, blocks, resampled),
        ),
        measures=tuple(luck_measures(noticed, paired.losses, paired.earlier, np.asarray(batches, dtype=object))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judging:
    truth: npt.NDArray[Any]
    metrics: tuple[str, ...]
    confidence: float
    resamples: int
    blocks: npt.NDArray[Any] | None

    def model(self, role: Role, version: int | None, scores: Scores, rng: np.random.Generator) -> RoleEvaluation:
        """All metrics of one model with their intervals."""
        return RoleEvaluation(
            role=role,
            version=version,
            metrics=estimates(
                self.metrics,
                self.truth,
                scores,
                confidence=self.confidence,
                rng=rng,
                resamples=self.resamples,
                blocks=self.blocks,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairing:
    metric: str
    losses: Mapping[Role, Values]
    earlier: Mapping[int, Values]
    confidence: float
    resamples: int

    def differences(
        self,
        rows: npt.NDArray[np.intp],
        scope: Scope,
        rng: np.random.Generator,
        blocks: npt.NDArray[Any] | None,
        unit: Unit,
    ) -> tuple[PairedDifference, ...]:
        """All pairs over some rows, from the same resamples; earlier champions are of interest on all rows alone.

        Of rows in too few batches the rows themselves are drawn; of too few entities no difference is known.
        """
        pairs = self._pairs(scope)
        blocks = None if blocks is None else blocks[rows]
        if units_of(len(rows), blocks) < ENOUGH_UNITS:
            if unit == "entities":
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
        return tuple(
            PairedDifference(
                a=a, b=b, version=version, metric=self.metric, value=float(mean), lower=lower, upper=upper,
                rows=len(rows), scope=scope,
            )
            for (a, b, version, _), mean, (lower, upper) in zip(pairs, means, bounds, strict=True)
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


def _units(
    batches: Sequence[str], together: npt.NDArray[Any] | None
) -> tuple[tuple[str, ...], Unit, npt.NDArray[Any] | None]:
    """The names of the batches, what the bootstrap draws, and the unit of each row; None for the rows themselves."""
    batch_of_row, found = pd.factorize(np.asarray(batches, dtype=object))
    names = tuple(sorted(str(name) for name in found))
    if together is not None:
        return names, "entities", together
    return (names, "batches", batch_of_row) if len(names) >= ENOUGH_BATCHES else (names, "rows", None)


def _aligned(
    scores: Mapping[Role, Scores], earlier: Mapping[int, Scores]
) -> tuple[dict[Role, Scores], dict[int, Scores]]:
    """All scores over the union of the classes that the models know."""
    known = [*(scores[role] for role in ROLES if role in scores), *earlier.values()]
    union = tuple(dict.fromkeys(name for scored in known for name in scored.classes))
    return (
        {role: scored.over(union) for role, scored in scores.items()},
        {version: scored.over(union) for version, scored in earlier.items()},
    )
