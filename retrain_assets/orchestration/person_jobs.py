"""Jobs that a person starts from the launchpad: what the command line does, in the UI."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import dagster as dg
from pydantic import Field

from retrain_assets.errors import RetrainAssetsError
from retrain_assets.orchestration import names
from retrain_assets.orchestration.projection import champion_events
from retrain_assets.orchestration.resources import STORES_KEY, StoresResource

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.stores.protocols import Stores

# No postponed annotations here: Dagster reads the type of each op's config.


class RollbackConfig(dg.Config):
    """What the launchpad asks for before a rollback."""

    reason: str = Field(description="Why; it stands in the promotion log.")
    person: str = Field(description="Who you are. The UI has no login: this name is taken on trust.")
    to_version: int | None = Field(default=None, description="The version; by default the champion before this one.")
    as_of: str | None = Field(default=None, description="Or the champion as of this moment of batch time (ISO, UTC).")


def person_jobs(model: "DeclaredModel") -> list[dg.JobDefinition]:
    """All of them for one model."""
    return [_rollback_job(model)]


def _rollback_job(model: "DeclaredModel") -> dg.JobDefinition:
    @dg.op(name=f"{model.name}__roll_back", required_resource_keys={STORES_KEY})
    def roll_back(context: dg.OpExecutionContext, config: RollbackConfig) -> None:
        from retrain_assets import lifecycle

        with _held(context, model) as stores:
            record = lifecycle.roll_back(
                stores,
                model,
                to=config.to_version,
                as_of=None if config.as_of is None else _moment(config.as_of),
                reason=config.reason,
                actor=f"person:{config.person}",
                now=datetime.now(UTC),
            )
            for event in champion_events(record):
                context.log_event(event)

    @dg.job(
        name=f"{model.name}__rollback",
        description="Put an earlier champion back in force, and ask for a new decision.",
        tags={names.MODEL_TAG: model.name, "dagster/max_retries": "0"},
        executor_def=dg.in_process_executor,
    )
    def rollback() -> None:
        roll_back()

    return rollback


@contextmanager
def _held(context: dg.OpExecutionContext, model: "DeclaredModel") -> "Generator[Stores]":
    """The stores while this run holds the model; errors of ours are failures that are not retried."""
    resource = cast("StoresResource", getattr(context.resources, STORES_KEY))
    try:
        resource.hold(model.name, owner=context.run_id)
        yield resource.open()
    except RetrainAssetsError as error:
        raise dg.Failure(
            description=str(error), metadata={"error": type(error).__name__}, allow_retries=False
        ) from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
