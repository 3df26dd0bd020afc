"""The sensor that carries out what persons approved, and rejects what nobody answered in time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import dagster as dg

from retrain_assets.orchestration import launching, names
from retrain_assets.orchestration.jobs import promote_job
from retrain_assets.orchestration.resources import STORES_KEY, StoresResource
from retrain_assets.stores.tries import rest_until

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.promotion.approvals import ApprovalRequest
    from retrain_assets.stores.protocols import Stores

# No postponed annotations here: Dagster reads the type of the sensor's context.

SENSOR = "approvals_answered"
KINDS = ("approval_requested", "approval_answered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Where the sensor stands: the newest outbox row that was read, and the models with a hold that is not settled."""

    after: int = 0
    models: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> "Open":
        """A stored cursor; the beginning for a first tick."""
        stored = json.loads(text) if text else {}
        return cls(after=stored.get("after", 0), models=tuple(stored.get("models", ())))

    def __str__(self) -> str:
        return json.dumps({"after": self.after, "models": self.models})


def approval_sensor(models: Mapping[str, "DeclaredModel"], *, interval: int) -> dg.SensorDefinition:
    """One for the code location."""

    @dg.sensor(
        name=SENSOR,
        jobs=[promote_job(model.spec) for model in models.values()],
        description="Launches the promotion of exactly the version that was approved; rejects holds that expired.",
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={STORES_KEY},
    )
    def carry_out(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        from retrain_assets.lifecycle import in_service

        stores = cast("StoresResource", getattr(context.resources, STORES_KEY)).open()
        before = Open.parse(context.cursor)
        asked, after = _asked(stores, in_service(stores, models), before)
        requests: list[dg.RunRequest] = []
        still: list[str] = []
        unshown: str | None = None
        for name in asked:
            ready, waiting, ended = _look(stores, models[name])
            requests += _run_requests(context.instance, ready)
            if ready or waiting:
                still.append(name)
            # A tracking server that does not answer is asked once in a tick.
            if ended and unshown is None:
                unshown = _show(stores, models[name])
        if unshown is not None:
            context.log.warning(unshown)
        said = f"{len(still)} models wait for an answer." if still else "Nobody waits for an answer."
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(said),
            cursor=str(Open(after=after, models=tuple(still))),
        )

    return carry_out


def _asked(stores: "Stores", models: Mapping[str, "DeclaredModel"], before: Open) -> tuple[list[str], int]:
    """Models with news, or with a hold that was open, and the newest row that was read."""
    found = dict.fromkeys(before.models)
    after = before.after
    while rows := stores.state.outbox(after=after, kinds=KINDS, limit=launching.PAGE):
        found |= dict.fromkeys(row.model for row in rows)
        after = rows[-1].id
        if len(rows) < launching.PAGE:
            break
    return [name for name in found if name in models], after


def _look(stores: "Stores", model: "DeclaredModel") -> "tuple[list[ApprovalRequest], bool, bool]":
    """The approved holds that nobody carried out, whether others still wait, and whether one ended here.

    Expired ones are rejected here.
    """
    from retrain_assets.lifecycle.waiting import settle_requests

    before = _waiting(stores, model)
    ready = settle_requests(stores, model, now=datetime.now(UTC))
    after = _waiting(stores, model)
    return ready, bool(after), not before <= after


def _waiting(stores: "Stores", model: "DeclaredModel") -> set[int]:
    from retrain_assets.lifecycle.waiting import holds

    return {hold.request.id for hold in holds(stores.state, model) if hold.state == "pending"}


def _show(stores: "Stores", model: "DeclaredModel") -> str | None:
    """The runs of what expired say so."""
    from retrain_assets.lifecycle.approval_record import show_settled

    said = show_settled(stores, model, now=datetime.now(UTC))
    return None if said is None else f"{model.name}: {said}"


def _run_requests(instance: dg.DagsterInstance, ready: "list[ApprovalRequest]") -> Iterator[dg.RunRequest]:
    for request in ready:
        number = str(request.id)
        failed = instance.get_run_records(
            dg.RunsFilter(
                tags={names.MODEL_TAG: request.model, names.APPROVAL_TAG: number},
                statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
            )
        )
        if _rests(failed, now=datetime.now(UTC)):
            continue
        yield dg.RunRequest(
            run_key=f"{request.model}/{names.PROMOTE}/{number}.{len(failed) + 1}",
            job_name=names.promote_job_name(request.model),
            tags={
                names.MODEL_TAG: request.model,
                names.JOB_TAG: names.PROMOTE,
                names.APPROVAL_TAG: number,
                names.CAUSE_TAG: "approval",
                "dagster/max_retries": "0",
            },
        )


def _rests(failed: Sequence[dg.RunRecord], *, now: datetime) -> bool:
    """Whether a promotion that failed waits before it is tried again, as every job does: an outage does not end it."""
    if not failed:
        return False
    ended = max(record.end_time or record.update_timestamp.timestamp() for record in failed)
    return rest_until(len(failed), datetime.fromtimestamp(ended, UTC), now) is not None
