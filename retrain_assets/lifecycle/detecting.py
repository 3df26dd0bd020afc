"""`drift_report` of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from retrain_assets.data.profile import TableProfile, merge_tables
from retrain_assets.data.windows import Batch
from retrain_assets.drift.carrying import carried
from retrain_assets.drift.conclusion import drifted_inputs
from retrain_assets.drift.detect import detect_drift
from retrain_assets.drift.episodes import advance, superseded
from retrain_assets.drift.levels import settings_of
from retrain_assets.drift.report import DriftReport
from retrain_assets.lifecycle.champions import champion_version
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.outgrown import why_outgrown
from retrain_assets.lifecycle.outputs import outputs_of
from retrain_assets.lifecycle.records import Detected
from retrain_assets.lifecycle.together import joint_of
from retrain_assets.lifecycle.watch import read_drift, read_profile, step_back
from retrain_assets.lifecycle.way_out import telling_way_out
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.predict import CANNOT_SERVE


@withholding
def detect(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str) -> Detected:
    """Compares the batch with the reference of the champion as of the batch, and carries the drift episode on.

    Where a champion that is still watched cannot score it, and the one before can, that one is back in force. Where
    another declaration trained it, and nobody can score, only the inputs are compared.
    """
    try:
        return _detect(stores, model, batch, run_id=run_id)
    except CANNOT_SERVE as error:
        champion = champion_version(stores, model, batch.start)
        back = None if champion is None else step_back(stores, model, batch, champion, error, now=now)
        if back is None:
            if champion is not None and why_outgrown(model, champion, error) is not None:
                return _detect(stores, model, batch, run_id=run_id, scored=False)
            with telling_way_out(stores, model):
                raise
        return replace(_detect(stores, model, batch, run_id=run_id), rolled_back=back)


def _detect(stores: Stores, model: DeclaredModel, batch: Batch, *, run_id: str, scored: bool = True) -> Detected:
    current = read_profile(stores, model, batch)
    champion = champion_version(stores, model, batch.start)
    if champion is None:
        report, reference, trained_until = _bootstrapping(model, batch), None, None
    else:
        bundle = stores.registry.load(champion)
        trained_until = max(bundle.manifest.training_batches, default=None)
        spec, per_year = model.spec.drift, model.calendar.per_year
        settings = settings_of(spec, per_year)
        reference = bundle.reference.fitted(batch, model.calendar, spec.reference_batches, settings)
        report = detect_drift(
            model=model.name,
            batch=batch.key,
            champion_version=champion.version,
            current=current,
            reference=reference,
            spec=spec,
            checks_per_year=per_year,
            previous=carried(_earlier(stores, model, batch)),
            outputs=outputs_of(stores, model, batch, champion, bundle) if scored else None,
            importance=bundle.reference.importance,
            joint=joint_of(stores, model, batch, bundle, current, reference),
        )
    episodes = stores.state.episodes(model.name)
    episode = advance(episodes, report, trained_until=trained_until)
    for changed in (*superseded(episodes, report), *([episode] if episode is not None else [])):
        stores.state.save_episode(changed)
    frame = report.to_frame().assign(episode=None if episode is None else episode.id)
    commit = stores.tables.write(model.table("drift_report"), batch.key, frame, run_id=run_id)
    figure = _drift_figure(report, current, () if reference is None else reference.batches)
    return Detected(report=report, episode=episode, commit=commit, figure=figure)


def _earlier(stores: Stores, model: DeclaredModel, batch: Batch) -> Iterator[DriftReport | None]:
    """Reports of the batches before, the newest first; None of one that is missing or refused."""
    before = model.calendar.previous(batch)
    while before is not None:
        yield read_drift(stores, model, before)
        before = model.calendar.previous(before)


def _bootstrapping(model: DeclaredModel, batch: Batch) -> DriftReport:
    return DriftReport(
        model=model.name,
        batch=batch.key,
        champion_version=None,
        verdict="not_applicable",
        reason="bootstrapping: there is no champion whose reference the batch could be compared with",
        score=None,
        columns=(),
    )


def _drift_figure(report: DriftReport, current: TableProfile, reference: Sequence[TableProfile]) -> bytes | None:
    """A picture where the table has drifted, or any input by itself: of an output alone there is no shape to show."""
    if not reference or not (report.verdict == "drift" or drifted_inputs(report.columns)):
        return None
    from retrain_assets.reporting.drift_figure import drift_figure

    return drift_figure(report, current, merge_tables(reference))
