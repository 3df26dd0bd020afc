"""The assets of one model: each body calls one function of the lifecycle and shows its record."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import dagster as dg

from retrain_assets import lifecycle
from retrain_assets.lifecycle.labelling import request_labels
from retrain_assets.lifecycle.records import Promoted
from retrain_assets.orchestration import checks, metadata, model_metadata, names
from retrain_assets.orchestration.importance import of_importance
from retrain_assets.orchestration.label_requests import of_label_requests
from retrain_assets.orchestration.mlflow_run import MLFLOW_KEY
from retrain_assets.orchestration.projection import champion_events, is_behind
from retrain_assets.orchestration.replay_report import replay_spec
from retrain_assets.orchestration.resources import STORES_KEY, StoresResource
from retrain_assets.orchestration.specs import BY_NAME, asset_specs, check_specs, registry_spec
from retrain_assets.orchestration.tables import table_check, table_faults
from retrain_assets.orchestration.work import Work, working

Made = dg.MaterializeResult[Any] | dg.AssetCheckResult
Body = Callable[[Work], Iterator[Made]]


def raw(work: Work) -> Iterator[Made]:
    """Keeps what the source delivered."""
    asset = work.key(names.RAW)
    record = lifecycle.ingest(work.stores, work.model, work.the_batch, now=work.now, run_id=work.run_id)
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata=metadata.of_ingested(record),
        check_results=list(checks.of_raw(asset, record)),
        data_version=dg.DataVersion(record.data_version),
    )


def validated_and_quarantine(work: Work) -> Iterator[Made]:
    """Splits the rows by the contract."""
    accepted, refused = work.key(names.VALIDATED), work.key(names.QUARANTINE)
    record = lifecycle.validate(work.stores, work.model, work.the_batch, now=work.now, run_id=work.run_id)
    yield dg.MaterializeResult(
        asset_key=refused,
        metadata=metadata.of_quarantine(work.stores, record),
        check_results=[table_check(work, names.QUARANTINE)],
        data_version=dg.DataVersion(record.quarantined.content_hash),
    )
    yield dg.MaterializeResult(
        asset_key=accepted,
        metadata=metadata.of_validated(work.stores, work.model.contract, record),
        check_results=[*checks.of_validated(accepted, record), table_check(work, names.VALIDATED)],
        data_version=dg.DataVersion(record.accepted.content_hash),
    )


def profile(work: Work) -> Iterator[Made]:
    """Summarizes the inputs."""
    record = lifecycle.profile(work.stores, work.model, work.the_batch, now=work.now, run_id=work.run_id)
    yield dg.MaterializeResult(
        asset_key=work.key(names.PROFILE),
        metadata=metadata.of_profile(work.stores, record),
        check_results=[table_check(work, names.PROFILE)],
        data_version=dg.DataVersion(record.commit.content_hash),
    )


def drift_report(work: Work) -> Iterator[Made]:
    """Compares the inputs with the champion's reference."""
    asset = work.key(names.DRIFT_REPORT)
    record = lifecycle.detect(work.stores, work.model, work.the_batch, now=work.now, run_id=work.run_id)
    _show_rollback(work, record.rolled_back)
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata=metadata.of_drift(work.stores, record),
        check_results=[*checks.of_drift(asset, record), table_check(work, names.DRIFT_REPORT)],
        data_version=dg.DataVersion(record.commit.content_hash),
    )


def predictions(work: Work) -> Iterator[Made]:
    """Scores with the champion as of the batch."""
    asset = work.key(names.PREDICTIONS)
    record = lifecycle.score(work.stores, work.model, work.the_batch, now=work.now, run_id=work.run_id)
    _show_rollback(work, record.rolled_back)
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata=metadata.of_predictions(work.stores, record),
        check_results=list(checks.of_predictions(asset, record, table_faults(work, names.PREDICTIONS))),
        data_version=dg.DataVersion(record.commit.content_hash),
    )


def labels(work: Work) -> Iterator[Made]:
    """Adds the outcomes that are known by the cutoff."""
    asset = work.key(names.LABELS)
    record = lifecycle.settle_labels(
        work.stores, work.model, work.the_batch, as_of=work.as_of, now=work.now, run_id=work.run_id
    )
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata=metadata.of_labels(work.stores, record),
        check_results=[*checks.of_labels(asset, record), table_check(work, names.LABELS)],
        data_version=dg.DataVersion(record.commit.content_hash),
    )


def performance(work: Work) -> Iterator[Made]:
    """Measures every version that scored the batch."""
    asset = work.key(names.PERFORMANCE)
    record = lifecycle.measure(
        work.stores, work.model, work.the_batch, as_of=work.as_of, now=work.now, run_id=work.run_id
    )
    _show_rollback(work, record.rolled_back)
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata=metadata.of_performance(work.stores, record),
        check_results=[*checks.of_performance(asset, record), table_check(work, names.PERFORMANCE)],
        data_version=dg.DataVersion(record.commit.content_hash),
    )


def retrain_decision(work: Work) -> Iterator[Made]:
    """Decides, and says why."""
    record = lifecycle.decide(
        work.stores, work.model, work.the_batch, cause=work.cause, now=work.now, run_id=work.run_id
    )
    _show_champion(work)
    yield dg.MaterializeResult(
        asset_key=work.key(names.RETRAIN_DECISION),
        metadata=model_metadata.of_decision(work.stores, record),
        check_results=[table_check(work, names.RETRAIN_DECISION)],
        data_version=dg.DataVersion(record.commit.content_hash),
    )


def label_requests(work: Work) -> Iterator[Made]:
    """Exports the rows most worth a label."""
    record = request_labels(work.stores, work.model, work.the_batch)
    yield dg.MaterializeResult(
        asset_key=work.key(names.LABEL_REQUESTS),
        metadata=of_label_requests(record),
        data_version=dg.DataVersion(record.content_hash),
    )


def training_set(work: Work) -> Iterator[Made]:
    """Freezes the window of the newest decision; by hand, records the person who asked."""
    asset = work.key(names.TRAINING_SET)
    record = lifecycle.freeze_training_set(work.stores, work.model, work.the_batch, now=work.now, run_id=work.run_id)
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata=model_metadata.of_training_set(work.stores, record),
        check_results=[*checks.of_training_set(asset, record), table_check(work, names.TRAINING_SET)],
        data_version=dg.DataVersion(record.data_hash),
    )


def candidate(work: Work) -> Iterator[Made]:
    """Fits, registers and proves one version."""
    asset = work.key(names.CANDIDATE)
    tracking = lifecycle.begin_tracking(work.stores, work.model, work.the_batch, run_id=work.run_id)
    with work.tracked(tracking) as run:
        record = lifecycle.train(
            work.stores, work.model, work.the_batch, now=work.now, run_id=work.run_id, tracking_run=tracking
        )
        run.failed = not record.loads_and_scores
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata={**model_metadata.of_candidate(work.stores, record), **of_importance(record.importance)},
        check_results=list(checks.of_candidate(asset, record)),
        data_version=dg.DataVersion(record.version.model_hash),
    )


def evaluation_report(work: Work) -> Iterator[Made]:
    """Judges candidate, champion, baseline and the latest earlier champions on the same reserved rows."""
    asset = work.key(names.EVALUATION_REPORT)
    with work.tracked(lifecycle.tracking_run_of(work.stores, work.model, work.the_batch)):
        record = lifecycle.evaluate(work.stores, work.model, work.the_batch, now=work.now, run_id=work.run_id)
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata=model_metadata.of_evaluation(work.stores, record),
        check_results=[*checks.of_evaluation(asset, record), table_check(work, names.EVALUATION_REPORT)],
        data_version=dg.DataVersion(record.commit.content_hash),
    )


def champion(work: Work) -> Iterator[Made]:
    """Promotes what passed; only a promotion is a materialization, so that nothing else makes the champion fresh."""
    asset = work.key(names.CHAMPION)
    if work.batch is None:
        record = lifecycle.assert_champion(work.stores, work.model, now=work.now, run_id=work.run_id)
    else:
        with work.tracked(lifecycle.tracking_run_of(work.stores, work.model, work.batch)):
            record = lifecycle.promote(work.stores, work.model, work.batch, now=work.now, run_id=work.run_id)
    found = list(checks.of_champion(asset, record))
    shown = model_metadata.of_champion(work.stores, record)
    if record.promotion is None:
        work.context.log_event(dg.AssetObservation(asset, metadata=shown))
        yield from found
        return
    work.context.log_event(dg.AssetObservation(work.key(names.REGISTRY), metadata=shown))
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata=shown,
        check_results=found,
        data_version=dg.DataVersion(f"v{record.promotion.version}"),
    )


def _show_champion(work: Work) -> None:
    """Who serves, where a crash kept the newest promotion from the page of `champion`; a job's run alone looks."""
    history = work.stores.state.promotions(work.model.name)
    if work.of_the_job and is_behind(work.context.instance, history):
        _show_rollback(
            work,
            Promoted(promotion=history[-1], current=history[-1], reason=history[-1].reason, history=tuple(history)),
        )


def _show_rollback(work: Work, record: Promoted | None) -> None:
    """A rollback that a watch or a settling made changes who is champion, in a run that does not make `champion`."""
    if record is not None and record.promotion is not None:
        for event in champion_events(work.stores, record):
            work.context.log_event(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Assets that are made in one step of a job, in this order."""

    name: str
    job: names.Job
    bodies: Mapping[tuple[str, ...], Body]

    @property
    def assets(self) -> tuple[str, ...]:
        """All assets of the step."""
        return tuple(asset for made in self.bodies for asset in made)


STEPS: tuple[Step, ...] = (
    Step(name="raw", job="watch", bodies={(names.RAW,): raw}),
    Step(
        name="validated_and_quarantine",
        job="watch",
        bodies={(names.VALIDATED, names.QUARANTINE): validated_and_quarantine},
    ),
    Step(
        name="profile_to_predictions",
        job="watch",
        # The score is the last word on a batch: with it the batch counts as watched.
        bodies={(names.PROFILE,): profile, (names.DRIFT_REPORT,): drift_report, (names.PREDICTIONS,): predictions},
    ),
    Step(
        name="labels_and_performance", job="settle", bodies={(names.LABELS,): labels, (names.PERFORMANCE,): performance}
    ),
    Step(name="retrain_decision", job="decide", bodies={(names.RETRAIN_DECISION,): retrain_decision}),
    Step(name="label_requests", job="decide", bodies={(names.LABEL_REQUESTS,): label_requests}),
    Step(name="training_set", job="retrain", bodies={(names.TRAINING_SET,): training_set}),
    Step(name="candidate", job="retrain", bodies={(names.CANDIDATE,): candidate}),
    Step(name="evaluation_report", job="retrain", bodies={(names.EVALUATION_REPORT,): evaluation_report}),
    Step(name="champion", job="retrain", bodies={(names.CHAMPION,): champion}),
)


def model_assets(model: lifecycle.DeclaredModel) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The whole graph of a model."""
    steps = [step for step in STEPS if names.declared(model.spec, step.assets)]
    return [*(_step_assets(model, step) for step in steps), registry_spec(model.spec), replay_spec(model.spec)]


def _step_assets(model: lifecycle.DeclaredModel, step: Step) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{model.name}__{step.name}",
        specs=asset_specs(model.spec, step.assets),
        check_specs=check_specs(model.spec, step.assets),
        can_subset=True,
        required_resource_keys={STORES_KEY, MLFLOW_KEY} if step.job == "retrain" else {STORES_KEY},
    )
    def work_through(context: dg.AssetExecutionContext) -> Iterator[Made]:
        resource: StoresResource = getattr(context.resources, STORES_KEY)
        with working(context, resource, model, step.job) as work:
            for assets, body in step.bodies.items():
                if any(work.key(asset) in context.selected_asset_keys for asset in assets):
                    yield from _selected(work, body(work))

    return work_through


def _selected(work: Work, results: Iterable[Made]) -> Iterator[Made]:
    """What a person selected of what a body made; a blocking check that failed ends the job here."""
    wanted = {(key.asset_key, key.name) for key in work.context.selected_asset_check_keys}
    for made in results:
        if isinstance(made, dg.AssetCheckResult):
            if (made.asset_key, made.check_name) in wanted:
                yield made
            continue
        asset = cast("dg.AssetKey", made.asset_key)  # every body names the assets that it made
        for result in made.check_results or ():
            if not result.passed and result.check_name in BY_NAME[asset.path[-1]].blocking:
                work.note_failure(str(result.description))
        found = [result for result in made.check_results or () if (asset, result.check_name) in wanted]
        if asset in work.context.selected_asset_keys:
            yield dg.MaterializeResult(
                asset_key=asset, metadata=made.metadata, check_results=found, data_version=made.data_version
            )
        else:
            yield from found
