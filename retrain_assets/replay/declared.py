"""A declared condition as the policy of a replay: the same decision, from the same facts, as in production."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from retrain_assets.data.windows import Calendar
from retrain_assets.drift.episodes import Episode, advance, superseded
from retrain_assets.drift.report import DriftReport
from retrain_assets.errors import DataError
from retrain_assets.performance.decay import BatchLoss
from retrain_assets.performance.loss_chart import ChartReading, LossChart
from retrain_assets.performance.row_errors import row_errors
from retrain_assets.performance.slice_decay import slice_excess
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decide import decide
from retrain_assets.policy.decision import Decision
from retrain_assets.policy.due import due_since
from retrain_assets.policy.first_losses import NEWEST, FirstLoss
from retrain_assets.policy.staleness import SCALE_BATCHES
from retrain_assets.promotion.luck import noticed_by
from retrain_assets.replay.clock import Moment, Rule
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.estimating import Estimates
from retrain_assets.replay.output_book import refuse_of_models
from retrain_assets.spec import ModelSpec, RetrainSpec
from retrain_assets.spec.firing import OUTPUT_TRIGGERS

DRIFT_TRIGGERS = frozenset({"drift", *OUTPUT_TRIGGERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Champion:
    version: int
    training_end: datetime


class DeclaredRule:
    """Decides by `retrain.when` of a declaration, with its cooldown, budget and state; one for each walk."""

    def __init__(self, spec: ModelSpec, drift: DriftBook) -> None:
        self._spec = spec
        asked = _of_drift(spec.retrain)
        self._drift = drift if asked else None
        if asked:
            refuse_of_models(spec)
        silent = sorted(name for name in asked - {"drift"} if name.removesuffix("_drift") not in spec.drift.outputs)
        if silent:
            raise DataError(
                f"{', '.join(silent)} cannot be replayed of model '{spec.name}': drift.outputs must name "
                f"{', '.join(name.removesuffix('_drift') for name in silent)}. Leave the trigger out of the policies"
            )
        self._calendar = Calendar(spec.batches)
        self._episodes: list[Episode] = []
        self._estimates = Estimates()
        self._excess: dict[int, Mapping[str, float]] = {}
        self._charts: dict[int, LossChart] = {}
        self._charted: dict[int, int] = {}
        self.decisions: list[Decision] = []

    def __call__(self, moment: Moment) -> bool:
        """Whether the declaration retrains now."""
        context = self._context(moment)
        made = decide(context)
        self.decisions.append(made)
        moment.noticed = noticed_by(made, made.champion_version)
        if made.verdict == "retrain" and context.episode is not None:
            self._episodes[-1] = context.episode.acknowledged(context.batch.key, context.labelled_until)
        return made.verdict == "retrain"

    def _context(self, moment: Moment) -> DecisionContext:
        book, stream, batch = moment.book, moment.book.stream, moment.book.stream.batches[moment.decided]
        report = None if self._drift is None else self._report(self._drift, moment)
        newest = moment.labelled - moment.champion
        episode = self._episode(report, moment)
        return DecisionContext(
            spec=self._spec,
            batch=batch,
            attempt=1,
            cause="batch",
            now=batch.end,
            champion=_Champion(version=moment.champion + 1, training_end=stream.batches[moment.champion].end),
            drift=report,
            episode=episode,
            losses=book.losses(moment.champion, moment.labelled),
            served=self._served(moment),
            firsts=_firsts(moment),
            estimates=self._estimates.unlabelled(moment)
            if "estimated_decay" in self._spec.retrain.expression.names()
            else (),
            holdout=book.holdout(moment.champion),
            trained_rows=len(stream.training_rows(moment.attempted)),
            trained_until=stream.batches[moment.attempted].end,
            new_labels=int(stream.rows[moment.labelled - newest + 1 : moment.labelled + 1].sum()),
            labelled_rows=len(stream.training_rows(moment.labelled)),
            labelled_until=stream.batches[moment.labelled].key,
            retrains=tuple(stream.batches[made].end for made in moment.trained),
            champion_training_hash="",
            current_training_hash="",
            slices=self._slices(moment) if "slice_decay" in self._spec.retrain.expression.names() else (),
            chart=self._chart(moment) if "loss_chart" in self._spec.retrain.expression.names() else None,
            wanted_before=self._wanted_before(),
            due_since=due_since(self.decisions, batch, lambda key: self._calendar.batch(key).start),
            rows_since_change=_rows_since_change(episode, moment),
            spent=_spent(moment),
            data_is_newer=moment.labelled > moment.attempted,
        )

    def _report(self, drift: DriftBook, moment: Moment) -> DriftReport:
        champion = moment.serving[moment.decided]
        since = min(batch for batch, model in moment.serving.items() if model == champion)
        return drift.report(moment.decided, champion, moment.book, since=since)

    def _served(self, moment: Moment) -> tuple[BatchLoss, ...]:
        """As many of the newest labelled batches as the scale of staleness asks for."""
        newest = range(max(0, moment.labelled + 1 - SCALE_BATCHES), moment.labelled + 1)
        return tuple(moment.book.loss(moment.serving[j], j) for j in newest if j in moment.serving)

    def _slices(self, moment: Moment) -> tuple[Mapping[str, float], ...]:
        """Of each labelled batch, what the declared slices lost beyond the whole as it was served."""
        book, columns = moment.book, list(self._spec.retrain.slices)
        stream = book.stream
        for j in moment.serving:
            if j <= moment.labelled and j not in self._excess:
                rows = stream.frame.iloc[stream.starts[j] : stream.starts[j + 1]]
                self._excess[j] = slice_excess(book.row_losses(moment.serving[j], j, j + 1), rows[columns])
        return tuple(self._excess[j] for j in sorted(self._excess) if self._excess[j])

    def _chart(self, moment: Moment) -> ChartReading | None:
        """Of the champion in force; it takes each of its labelled batches once."""
        book, champion, spec = moment.book, moment.champion, self._spec.retrain.chart
        regression, held = self._spec.task == "regression", book.holdout(champion)
        if regression and held is None and spec.reads != "loss":
            return None
        chart = self._charts.setdefault(champion, LossChart(spec))
        holdout = held.value if regression and held is not None else None
        # Not by what the chart counts: a batch of an unknown loss is none of its own.
        since = self._charted.get(champion, champion) + 1
        for j in range(since, moment.labelled + 1):
            self._charted[champion] = j
            errors = None
            if spec.reads != "loss":
                of_rows = book.row_losses(champion, j, j + 1) if regression else book.evidence(champion, j)
                errors = row_errors(spec.reads, np.asarray(of_rows, dtype=np.float64), holdout=holdout)
            chart.take(book.loss(champion, j), errors)
        return chart.reading

    def _wanted_before(self) -> tuple[bool, ...]:
        since = next((k for k, made in enumerate(reversed(self.decisions)) if made.verdict == "retrain"), None)
        newest = self.decisions if since is None else self.decisions[len(self.decisions) - since :]
        return tuple(made.state["wanted"] is True for made in newest)

    def _episode(self, report: DriftReport | None, moment: Moment) -> Episode | None:
        if report is None:
            return None
        champion = moment.serving[moment.decided]
        closed = {each.id: each for each in superseded(self._episodes, report)}
        self._episodes = [closed.get(each.id, each) for each in self._episodes]
        episode = advance(self._episodes, report, trained_until=moment.book.stream.batches[champion].key)
        if episode is not None:
            self._episodes = [each for each in self._episodes if each.id != episode.id] + [episode]
        return episode


def _of_drift(retrain: RetrainSpec) -> frozenset[str]:
    """The triggers of drift that are asked for; rows since a change are counted from where inputs began to drift."""
    asked = retrain.expression.names() & DRIFT_TRIGGERS
    return asked if retrain.min_rows_since_change is None else asked | {"drift"}


def _rows_since_change(episode: Episode | None, moment: Moment) -> int | None:
    """Training rows with labels since the open episode began; None without one."""
    stream = moment.book.stream
    if episode is None or episode.closed_batch is not None:
        return None
    opened = next(k for k, batch in enumerate(stream.batches) if batch.key == episode.opened_batch)
    return int((stream.training_rows(moment.labelled) >= stream.starts[opened]).sum())


def _spent(moment: Moment) -> tuple[tuple[datetime, float], ...]:
    """Each training with the processor time that one takes; nothing where no limit asks."""
    stream = moment.book.stream
    if stream.training_seconds is None:
        return ()
    return tuple((stream.batches[made].end, stream.training_seconds) for made in moment.trained)


def _firsts(moment: Moment) -> tuple[FirstLoss, ...]:
    """What the newest champions have lost on the first batch after their training."""
    book, found = moment.book, list[FirstLoss]()
    for model in moment.champions[-NEWEST:]:
        holdout = book.holdout(model)
        if holdout is not None and model < moment.labelled:
            rows = len(book.stream.training_rows(model))
            first = FirstLoss(version=model + 1, loss=book.loss(model, model + 1), holdout=holdout, trained_rows=rows)
            found.append(first)
    return tuple(found)


def declared(spec: ModelSpec, drift: DriftBook, **retrain: object) -> Callable[[], Rule]:
    """Rules of a declaration, with fields of `retrain` replaced."""
    changed = RetrainSpec.model_validate({**spec.retrain.model_dump(), **retrain})
    return lambda: DeclaredRule(spec.model_copy(update={"retrain": changed}), drift)
