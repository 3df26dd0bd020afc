"""Jobs by which a person tells a model something: that a held retrain may go on or not, that something happened."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, cast

import dagster as dg
from pydantic import Field

from retrain_assets.errors import RefusedError, RetrainAssetsError
from retrain_assets.orchestration import names
from retrain_assets.orchestration.resources import STORES_KEY, StoresResource

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.stores.protocols import Stores

# No postponed annotations here: Dagster reads the type of each op's config. Blank defaults: see `person_jobs`.


class HoldConfig(dg.Config):
    """What the launchpad asks for before an answer to a held retrain."""

    answer: Literal["", "resume", "reject"] = Field(
        default="", description="resume lets it go on; reject takes its drift as seen."
    )
    person: str = Field(default="", description="Who you are. The UI has no login: this name is taken on trust.")
    reason: str = Field(default="", description="Why; it stands in the decision.")


class EventConfig(dg.Config):
    """What the launchpad asks for before an event."""

    text: str = Field(default="", description="What happened; it stands in the decision.")


def hold_job(model: "DeclaredModel") -> dg.JobDefinition:
    """Answers the retrain that `retrain.hold_beyond` holds."""

    @dg.op(name=f"{model.name}__answer_hold", required_resource_keys={STORES_KEY})
    def answer_hold(context: dg.OpExecutionContext, config: HoldConfig) -> None:
        from retrain_assets.lifecycle.holding import answer_hold as record
        from retrain_assets.lifecycle.reasons import named_person

        with failing():
            if config.answer == "":
                raise unsaid("answer", "resume", "reject")
            held = record(
                _stores(context),
                model,
                config.answer,
                person=named_person(config.person),
                reason=config.reason,
                now=datetime.now(UTC),
            )
        context.log.info("%s: %s of what %s decided; the next decision sees it", model.name, config.answer, held.batch)

    return job_of(model, "hold", "Resume or reject the retrain that is held for a person.", answer_hold)


def event_job(model: "DeclaredModel") -> dg.JobDefinition:
    """Records a business event."""

    @dg.op(name=f"{model.name}__record_event", required_resource_keys={STORES_KEY})
    def record_event(context: dg.OpExecutionContext, config: EventConfig) -> None:
        from retrain_assets.lifecycle import record_event as record

        # A run that is tried again tells of the same event.
        with failing():
            record(_stores(context), model, "event", config.text, now=datetime.now(UTC), key=f"run:{context.run_id}")
        context.log.info("%s: recorded the event; the next decision sees it", model.name)
        if "event" not in model.spec.retrain.expression.names():
            context.log.warning("%s: its retrain.when does not name `event`, so that nothing comes of it", model.name)

    return job_of(model, "event", "Tell of a business event: the trigger `event` of the next decision.", record_event)


def job_of(model: "DeclaredModel", name: str, description: str, op: dg.OpDefinition) -> dg.JobDefinition:
    """A job of one op that a person starts: in process, and not tried again."""

    @dg.job(
        name=f"{model.name}__{name}",
        description=description,
        tags={names.MODEL_TAG: model.name, "dagster/max_retries": "0"},
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        op()

    return job


@contextmanager
def failing() -> Generator[None]:
    """Errors of ours are failures that are not retried."""
    try:
        yield
    except RetrainAssetsError as error:
        raise dg.Failure(
            description=str(error), metadata={"error": type(error).__name__}, allow_retries=False
        ) from error


def unsaid(field: str, *choices: str) -> RefusedError:
    """What a person did not choose."""
    return RefusedError(f"{field} must be {' or '.join(choices)} (got ''): nothing was done")


def _stores(context: dg.OpExecutionContext) -> "Stores":
    return cast("StoresResource", getattr(context.resources, STORES_KEY)).open()
