"""May a candidate of a replay be promoted? The declared gates, on the cached losses of the reserved rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from retrain_assets.errors import DataError
from retrain_assets.performance.intervals import MetricEstimate, cluster_reach
from retrain_assets.performance.metrics import row_losses
from retrain_assets.promotion.evaluation import (
    ENOUGH_BATCHES,
    PAIRS,
    EvaluationReport,
    PairedDifference,
    Role,
    RoleEvaluation,
)
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.luck import Noticed, luck_measures, most_luck, noticed_in
from retrain_assets.promotion.margins import asks_for_proof, margin_measure, margins_of
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.power import batches_asked, carried
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.replay.stream import Stream
from retrain_assets.spec import ModelSpec
from retrain_assets.training.baseline import NaiveBaseline

JUDGED = frozenset({"not_worse_than_champion", "better_than_champion", "beats_baseline", "has_enough_rows"})
"""The gates that need the losses only."""
Losses = npt.NDArray[np.float64]


class ReplayGate:
    """The gates of the declaration for any two models; what was judged once is remembered.

    Intervals are those of the normal distribution, clustered by batch where the lifecycle resamples batches: a
    bootstrap of every pair of models would take minutes and, on the rows that a gate needs, says the same.
    """

    def __init__(self, book: Scorebook) -> None:
        _require_judgeable(book.stream.spec)
        self._book = book
        self._judged: dict[tuple[int, int, Noticed | None], bool] = {}

    def passes(self, candidate: int, champion: int, noticed: Noticed | None = None) -> bool:
        """Whether the candidate may replace the champion; unknown does not pass."""
        if not self._book.usable(candidate):
            return False
        asked = (candidate, champion, noticed)
        if asked not in self._judged:
            spec, report = self._book.stream.spec.promote, report_of(self._book, *asked)
            self._judged[asked] = evaluate_gates(report, spec, bootstrapping=False).passed is True
        return self._judged[asked]


def report_of(
    book: Scorebook,
    candidate: int,
    champion: int,
    noticed: Noticed | None = None,
    margins: Sequence[float] | None = None,
    *,
    proof: bool | None = None,
) -> EvaluationReport:
    """The comparison on the reserved rows of the candidate's newest batches: as many as proof or a power asks for.

    `noticed` tells how bad the champion looked to the policy that asks, beside what `performance_decay` notices.
    `margins` and `proof` are by default those that the declaration asks for.
    """
    stream = book.stream
    proof = asks_for_proof(stream.spec.promote) if proof is None else proof
    margins = margins_of(stream.spec.promote) if margins is None else margins
    count = candidate + 1 - stream.first_scored(candidate)
    most = candidate + 1 - stream.first_judged(candidate)
    before = tuple[Measure, ...]()
    while True:
        made = _report_since(book, candidate, champion, candidate + 1 - count, noticed, margins)
        made = replace(made, measures=(*made.measures, *before))
        asked = batches_asked(made, stream.spec.promote, count=count, most=most, proof=proof)
        if asked == count:
            return made
        count, before = asked, carried(made, stream.spec.promote)


def _report_since(
    book: Scorebook, candidate: int, champion: int, first: int, noticed: Noticed | None, margins: Sequence[float]
) -> EvaluationReport:
    stream = book.stream
    low, high = stream.starts[first], stream.starts[candidate + 1]
    reserved = stream.reserved[low:high]
    paired = book.paired(candidate, champion, first)
    losses: dict[Role, Losses] = {"candidate": paired.candidate, "champion": paired.champion}
    if "beats_baseline" in stream.spec.promote.expression.names():
        losses["baseline"] = _baseline(stream, candidate, stream.labels[low:high][reserved])
    batch_of_row = np.repeat(np.arange(first, candidate + 1), stream.rows[first : candidate + 1])[reserved]
    made = _report(stream.spec.metric, losses, batch_of_row, stream.spec.promote.confidence, margins)
    known = book.losses(champion, candidate)
    decay, count = stream.spec.retrain.decay, stream.spec.window.holdout_batches
    decayed = noticed_in(known, book.holdout(champion), decay, holdout_batches=count)
    keys = np.array([batch.key for batch in stream.batches], dtype=object)
    luck = luck_measures(most_luck(decayed, noticed), losses, keys[batch_of_row], margins)
    return replace(made, measures=(*luck, *made.measures))


def _baseline(stream: Stream, candidate: int, labels: npt.NDArray[np.generic]) -> Losses:
    trained = stream.labels[stream.training_rows(candidate)]
    naive = NaiveBaseline.fit(trained, stream.spec.metric, stream.classes)
    return row_losses(stream.spec.metric, labels, naive.predict(len(labels)))


def _require_judgeable(spec: ModelSpec) -> None:
    """What a replay would judge otherwise than production does is refused, not passed over."""
    promote = spec.promote
    beside = sorted(promote.expression.names() - JUDGED)
    asked = {
        f"promote.require naming {', '.join(beside)}": bool(beside),
        "promote.recall": promote.recall > 0,
        "promote.draw_together": promote.draw_together is not None,
        "promote.holdout": promote.holdout is not None,
    }
    found = [name for name, declared in asked.items() if declared]
    if found:
        raise DataError(
            f"a replay cannot judge {'; '.join(found)} of model '{spec.name}': it knows the losses of "
            f"reserved rows alone ({', '.join(sorted(JUDGED))}). Replay a copy of the declaration without it."
        )


def _report(
    metric: str,
    losses: Mapping[Role, Losses],
    batch_of_row: npt.NDArray[np.int64],
    confidence: float,
    margins: Sequence[float],
) -> EvaluationReport:
    rows = len(batch_of_row)
    batches = np.unique(batch_of_row)
    width = float(norm.ppf(0.5 + confidence / 2))
    clusters = batch_of_row if len(batches) >= ENOUGH_BATCHES else None
    apart = np.searchsorted(batches, batch_of_row) if len(batches) > 1 else None

    def difference(a: Role, b: Role, margin: float = 0.0) -> PairedDifference:
        excess = losses[a] - (1 + margin) * losses[b]
        mean, reach = float(excess.mean()), width * _standard_error(excess, clusters)
        proven = reach if apart is None or b == "baseline" else cluster_reach(excess, apart, 0.5 + confidence / 2)
        return PairedDifference(
            a=a, b=b, metric=metric, value=mean, lower=mean - reach, upper=mean + max(reach, proven), rows=rows
        )

    return EvaluationReport(
        model="",
        batch="",
        attempt=1,
        metric=metric,
        rows=rows,
        batches=tuple(map(str, batches)),
        rows_newer_than_both=0,
        confidence=confidence,
        resampled="rows" if clusters is None else "batches",
        roles=tuple(
            RoleEvaluation(role=role, version=None, metrics=(_estimate(metric, values),))
            for role, values in losses.items()
        ),
        differences=tuple(difference(a, b) for a, b in PAIRS if rows >= 2 and a in losses and b in losses),
        measures=tuple(
            margin_measure(difference("candidate", "champion", margin), margin) for margin in margins if rows >= 2
        ),
    )


def _estimate(metric: str, losses: Losses) -> MetricEstimate:
    value = float(losses.mean()) if len(losses) else None
    return MetricEstimate(metric=metric, value=value, lower=None, upper=None, standard_error=None, rows=len(losses))


def _standard_error(excess: Losses, clusters: npt.NDArray[np.int64] | None) -> float:
    if clusters is None:
        return float(excess.std(ddof=1) / np.sqrt(len(excess)))
    sums = np.array([(excess[clusters == each] - excess.mean()).sum() for each in np.unique(clusters)])
    return float(np.sqrt(np.square(sums).sum()) / len(excess))
