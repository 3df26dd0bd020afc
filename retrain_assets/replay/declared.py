"""A declared condition as the policy of a replay: the same decision, from the same facts, as in production."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.data.windows import Calendar
from retrain_assets.drift.detect import detect_drift
from retrain_assets.drift.episodes import Episode, advance, superseded
from retrain_assets.drift.reference import ReferenceProfile, reference_batches
from retrain_assets.drift.report import DriftReport
from retrain_assets.errors import DataError
from retrain_assets.performance.decay import BatchLoss
from retrain_assets.performance.slice_decay import slice_excess
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decide import decide
from retrain_assets.policy.decision import Decision
from retrain_assets.policy.due import due_since
from retrain_assets.policy.staleness import SCALE_BATCHES
from retrain_assets.replay.clock import Moment, Rule
from retrain_assets.replay.estimating import Estimates
from retrain_assets.replay.stream import Stream
from retrain_assets.spec import ModelSpec, RetrainSpec

DRIFT_TRIGGERS = frozenset({"drift", "score_drift", "label_drift", "residual_drift"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Champion:
    version: int
    training_end: datetime


class DriftBook:
    """Drift reports of a history: profiles of each batch once, and each comparison once."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._profiles: dict[int, TableProfile] = {}
        self._references: dict[int, ReferenceProfile] = {}
        self._calendar = Calendar(stream.spec.batches)
        self._reports: dict[tuple[int, int], DriftReport] = {}

    def report(self, batch: int, champion: int) -> DriftReport:
        """The batch against the reference of a champion, with the evidence of the batches that it served before."""
        previous: DriftReport | None = None
        for served in range(min(champion + 1, batch), batch + 1):
            if (served, champion) not in self._reports:
                self._reports[served, champion] = self._detect(served, champion, previous)
            previous = self._reports[served, champion]
        return self._reports[batch, champion]

    def _detect(self, batch: int, champion: int, previous: DriftReport | None) -> DriftReport:
        spec, window = self._stream.spec, self._stream.batches[batch]
        return detect_drift(
            model=spec.name,
            batch=window.key,
            champion_version=champion + 1,
            current=self._profile(batch),
            reference=self._reference(champion).for_batch(window, self._calendar, spec.drift.reference_batches),
            spec=spec.drift,
            checks_per_year=self._calendar.per_year,
            previous=previous,
        )

    def _profile(self, batch: int) -> TableProfile:
        if batch not in self._profiles:
            stream = self._stream
            rows = stream.frame.iloc[stream.starts[batch] : stream.starts[batch + 1]]
            unprofiled = [c for c in rows.columns if c.startswith("ra_") or c in stream.spec.personal_columns]
            self._profiles[batch] = profile_table(rows.drop(columns=unprofiled))
        return self._profiles[batch]

    def _reference(self, champion: int) -> ReferenceProfile:
        if champion not in self._references:
            stream = self._stream
            trained = {stream.batches[k].key: k for k in range(stream.first_trained(champion), champion + 1)}
            keys = reference_batches(stream.spec.drift, tuple(trained))
            self._references[champion] = ReferenceProfile(
                kind=stream.spec.drift.reference, profiles={key: self._profile(trained[key]) for key in keys}
            )
        return self._references[champion]


class DeclaredRule:
    """Decides by `retrain.when` of a declaration, with its cooldown, budget and state; one for each walk."""

    def __init__(self, spec: ModelSpec, drift: DriftBook) -> None:
        self._spec = spec
        asked = spec.retrain.expression.names() & DRIFT_TRIGGERS
        self._drift = drift if asked else None
        of_outputs = sorted(asked - {"drift"})
        beside = [*spec.drift.outputs, *([] if spec.drift.joint == "none" else [f"joint: {spec.drift.joint}"])]
        if of_outputs:
            raise DataError(
                f"{', '.join(of_outputs)} cannot be replayed: a replay compares inputs with their reference, and no "
                "outputs. Leave the trigger out of the policies"
            )
        if self._drift is not None and beside:
            raise DataError(
                f"drift.outputs and drift.joint of model '{spec.name}' must be empty in a replay of the trigger `drift`"
                f" (got {', '.join(beside)}): a replay compares single inputs only. Leave one of the two out."
            )
        self._calendar = Calendar(spec.batches)
        self._episodes: list[Episode] = []
        self._estimates = Estimates()
        self._excess: dict[int, Mapping[str, float]] = {}
        self.decisions: list[Decision] = []

    def __call__(self, moment: Moment) -> bool:
        """Whether the declaration retrains now."""
        context = self._context(moment)
        made = decide(context)
        self.decisions.append(made)
        if made.verdict == "retrain" and context.episode is not None:
            self._episodes[-1] = context.episode.acknowledged(context.batch.key, context.labelled_until)
        return made.verdict == "retrain"

    def _context(self, moment: Moment) -> DecisionContext:
        book, stream, batch = moment.book, moment.book.stream, moment.book.stream.batches[moment.decided]
        report = None if self._drift is None else self._drift.report(moment.decided, moment.serving[moment.decided])
        newest = moment.labelled - moment.champion
        return DecisionContext(
            spec=self._spec,
            batch=batch,
            attempt=1,
            cause="batch",
            now=batch.end,
            champion=_Champion(version=moment.champion + 1, training_end=stream.batches[moment.champion].end),
            drift=report,
            episode=self._episode(report, moment),
            losses=book.losses(moment.champion, moment.labelled),
            served=self._served(moment),
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
            wanted_before=self._wanted_before(),
            due_since=due_since(self.decisions, batch, lambda key: self._calendar.batch(key).start),
            data_is_newer=moment.labelled > moment.attempted,
        )

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


def declared(spec: ModelSpec, drift: DriftBook, **retrain: object) -> Callable[[], Rule]:
    """Rules of a declaration, with fields of `retrain` replaced."""
    changed = RetrainSpec.model_validate({**spec.retrain.model_dump(), **retrain})
    return lambda: DeclaredRule(spec.model_copy(update={"retrain": changed}), drift)
