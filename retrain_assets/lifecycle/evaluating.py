"""`evaluation_report`: candidate, champion, baseline and the latest earlier champions on the same reserved rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.errors import MissingUpstreamError, NotStoredError
from retrain_assets.lifecycle import earlier
from retrain_assets.lifecycle.approval_record import approval_text
from retrain_assets.lifecycle.cards import card_of, card_texts
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.compared import Rivals, compare, fitted_until
from retrain_assets.lifecycle.history import champion_losses, holdout_of
from retrain_assets.lifecycle.judged import note
from retrain_assets.lifecycle.judging import judged_rows
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.partitions import rows_of_batch
from retrain_assets.lifecycle.records import Evaluated, TrainingSet
from retrain_assets.lifecycle.training_window import decision_behind, latest_training_set, read_rows
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.promotion.evaluation import EvaluationReport, Role
from retrain_assets.promotion.gates import GateReport, evaluate_gates
from retrain_assets.promotion.judged import Judged
from retrain_assets.promotion.log import Promotion, champion_as_of
from retrain_assets.promotion.luck import Noticed, most_luck, noticed_by, noticed_in
from retrain_assets.promotion.measuring import measured
from retrain_assets.promotion.recall import left_to_a_person
from retrain_assets.reporting.card_pages import ModelCard
from retrain_assets.reporting.model_card import APPROVALS
from retrain_assets.spec.holdout import holdout_batches
from retrain_assets.stores.protocols import Stores, TableCommit
from retrain_assets.training.baseline import NaiveBaseline
from retrain_assets.training.bundle import ModelVersion


@withholding
def evaluate(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str) -> Evaluated:
    """Judges candidate, champion, baseline and earlier champions on the same rows of the newest matured batches.

    None was fitted on them. They are the reserved ones, or with `promote.holdout` all, as far as every model was
    fitted before them.
    """
    frozen = latest_training_set(stores, model, batch)
    candidate = candidate_of(stores, model, frozen)
    if candidate is None:
        raise MissingUpstreamError(f"candidate of {model.name} {batch}", f"{model.name}/candidate partition {batch}")
    incumbent = incumbent_of(stores, model, batch, frozen.attempt)
    champion = None if incumbent is None else registered(stores, model, incumbent.version)
    log = log_before(stores, model, batch, frozen.attempt)
    rivals = Rivals(
        candidate=candidate,
        champion=champion,
        baseline=baseline_of(stores, model, frozen, candidate),
        noticed=None if incumbent is None else _noticed(stores, model, incumbent, frozen),
        before=earlier.asked(stores, model, log, fitted_until=fitted_until(candidate, champion)),
    )
    compared = compare(stores, model, frozen, rivals)
    opponent = champion if "champion" in compared.scores else None  # there may be one that cannot be asked
    report, judged = compared.report, judged_rows(stores, model, candidate, opponent, compared.rows, compared.scores)
    tried = earlier.tried(stores, model, report, opponent, judged, compared.before, rivals.before.recallable)
    report = replace(report, measures=(*measured(report, judged, model.spec.promote), *report.measures, *tried))
    gates = evaluate_gates(report, model.spec.promote, bootstrapping=champion is None)
    left = left_to_a_person(report, model.spec.promote, candidate_passed=gates.passed)
    report = report if left is None else replace(report, measures=(*report.measures, left))
    commit = _write_report(stores, model, batch, report, gates, run_id=run_id)
    note(stores, report, now=now)
    figures = _figures(report, judged)
    manifest = stores.registry.load(candidate).manifest
    card = card_of(stores, model, frozen, candidate, manifest, report, gates, figures)
    _log(stores, model, candidate, report, gates, figures, card)
    return Evaluated(
        candidate=candidate,
        champion=champion,
        report=report,
        gates=gates,
        commit=commit,
        figure=figures["comparison"],
        card=card.to_markdown(),
    )


def _log(
    stores: Stores,
    model: DeclaredModel,
    candidate: ModelVersion,
    report: EvaluationReport,
    gates: GateReport,
    figures: Mapping[str, bytes],
    card: ModelCard,
) -> None:
    """What the tracking run of the candidate keeps of it."""
    stores.registry.log(
        candidate.run_id,
        metrics={
            f"{role.label}_{metric.metric}": metric.value
            for role in report.roles for metric in role.metrics if metric.value is not None
        },
        tags={"retrain_assets.gate": str(gates.passed), "retrain_assets.gate_reason": gates.reason},
        figures={f"{_FILES[name]}.png": png for name, png in figures.items()},
        texts={**card_texts(card), APPROVALS: approval_text(stores, model, candidate)},
    )  # fmt: skip


def tracking_run_of(stores: Stores, model: DeclaredModel, batch: Batch) -> str | None:
    """The tracking run of the newest candidate of a batch; None when there is none."""
    candidate = candidate_of(stores, model, latest_training_set(stores, model, batch))
    return None if candidate is None else candidate.run_id


def candidate_of(stores: Stores, model: DeclaredModel, frozen: TrainingSet) -> ModelVersion | None:
    """The newest version that was trained on a frozen training set."""
    made = [
        version
        for version in stores.state.model_versions(model.name)
        if (version.batch, version.attempt, version.data_hash) == (frozen.batch, frozen.attempt, frozen.data_hash)
    ]
    return made[-1] if made else None


def incumbent_of(stores: Stores, model: DeclaredModel, batch: Batch, attempt: int) -> Promotion | None:
    """The champion whom a candidate of this attempt challenges: in force as of the batch, before the attempt itself."""
    return champion_as_of(log_before(stores, model, batch, attempt), batch.end)


def log_before(stores: Stores, model: DeclaredModel, batch: Batch, attempt: int) -> list[Promotion]:
    """The promotions that an attempt could know: in force as of its batch, and not of its own making."""
    return [
        made
        for made in stores.state.promotions(model.name)
        if made.as_of <= batch.end and (made.batch is None or made.caused_by < (batch.key, attempt))
    ]


def _noticed(stores: Stores, model: DeclaredModel, incumbent: Promotion, frozen: TrainingSet) -> Noticed | None:
    """How bad the champion looked by the labels that the training saw; None where it did not."""
    asked = noticed_by(decision_behind(stores, model, frozen), incumbent.version)
    losses = champion_losses(stores, model, incumbent, as_of=frozen.as_of)
    declared = model.spec.retrain.decay
    decayed = noticed_in(losses, holdout_of(incumbent), declared, holdout_batches=holdout_batches(model.spec))
    return most_luck(decayed, asked)


def baseline_of(stores: Stores, model: DeclaredModel, frozen: TrainingSet, candidate: ModelVersion) -> NaiveBaseline:
    """The naive model of the training rows; fitted anew where the declared metric is another one by now."""
    manifest = stores.registry.load(candidate).manifest
    if manifest.baseline is not None and manifest.baseline.metric == model.spec.metric:
        return manifest.baseline
    labels = read_rows(stores, model, frozen, frozen.batches, reserved=False)["label"]
    return NaiveBaseline.fit(labels.to_numpy(), model.spec.metric, manifest.classes)


def _write_report(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    report: EvaluationReport,
    gates: GateReport,
    *,
    run_id: str,
) -> TableCommit:
    try:
        stored = rows_of_batch(stores, model, "evaluation_report", batch)
        stored = stored[stored["attempt"] != report.attempt]
    except NotStoredError:
        stored = None
    made = pd.concat([report.to_frame(), gates.to_frame(attempt=report.attempt)], ignore_index=True)
    table = made if stored is None or stored.empty else pd.concat([stored, made], ignore_index=True)
    return stores.tables.write(model.table("evaluation_report"), batch.key, table, run_id=run_id)


_FILES = {"comparison": "evaluation", "calibration": "calibration", "explanation": "importance"}


def _figures(report: EvaluationReport, judged: Judged) -> dict[str, bytes]:
    """The pictures of the card, by the section that each belongs to."""
    from retrain_assets.promotion.calibration import reliability
    from retrain_assets.reporting.card_figures import calibration_figure, importance_figure
    from retrain_assets.reporting.evaluation_figure import evaluation_figure

    roles: list[Role] = [role for role in ("candidate", "champion") if role in judged.scores]
    curves = {role: reliability(judged.scores[role], judged.labels) for role in roles}
    drawn = {
        "comparison": evaluation_figure(report),
        "calibration": calibration_figure(curves, regression=not judged.scores["candidate"].classes),
        "explanation": importance_figure(report.measures),
    }
    return {name: png for name, png in drawn.items() if png is not None}
