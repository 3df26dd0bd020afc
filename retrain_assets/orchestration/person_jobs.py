"""Jobs that a person starts from the launchpad: what the command line does, in the UI."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, cast

import dagster as dg
from pydantic import Field

from retrain_assets.errors import RefusedError
from retrain_assets.orchestration.projection import champion_events
from retrain_assets.orchestration.resources import STORES_KEY, StoresResource
from retrain_assets.orchestration.telling_jobs import event_job, failing, hold_job, job_of, unsaid

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.stores.protocols import Stores

# No postponed annotations here: Dagster reads the type of each op's config. Every field has a default, blank where a
# person must say something: else the launchpad would open without any of them.


class RollbackConfig(dg.Config):
    """What the launchpad asks for before a rollback."""

    reason: str = Field(default="", description="Why; it stands in the promotion log.")
    person: str = Field(default="", description="Who you are. The UI has no login: this name is taken on trust.")
    to_version: int | None = Field(default=None, description="The version; by default the champion before this one.")
    as_of: str | None = Field(default=None, description="Or the champion as of this moment of batch time (ISO, UTC).")
    may_return: bool = Field(
        default=False,
        description="Nothing is wrong with the version that leaves (its season is over): it may be recalled.",
    )


class AnswerConfig(dg.Config):
    """What the launchpad asks for before an answer."""

    version: int = Field(default=0, description="The version that waits for an answer.")
    model_hash: str = Field(
        default="", description="At least 8 digits of its hash, in quotes: the answer is worth nothing for any other."
    )
    verdict: Literal["", "approve", "reject"] = Field(default="", description="approve or reject.")
    person: str = Field(
        default="", description="Who you are. The UI has no login: without a token this is taken on trust."
    )
    reason: str = Field(default="", description="Why; it stands in the record.")
    token: str | None = Field(
        default=None, description="What `retrain-assets approval sign` printed, where names must be signed."
    )


def person_jobs(model: "DeclaredModel") -> list[dg.JobDefinition]:
    """All of them for one model."""
    return [_rollback_job(model), _answer_job(model), hold_job(model), event_job(model)]


def _rollback_job(model: "DeclaredModel") -> dg.JobDefinition:
    @dg.op(name=f"{model.name}__roll_back", required_resource_keys={STORES_KEY})
    def roll_back(context: dg.OpExecutionContext, config: RollbackConfig) -> None:
        from retrain_assets import lifecycle
        from retrain_assets.lifecycle.reasons import named_person

        with _held(context, model) as stores:
            record = lifecycle.roll_back(
                stores,
                model,
                to=config.to_version,
                as_of=None if config.as_of is None else _moment(config.as_of),
                may_return=config.may_return,
                reason=config.reason,
                actor=named_person(config.person),
                now=datetime.now(UTC),
                announce=lambda made: context.log.info("%s: v%s is champion again", model.name, made.version),
            )
            for event in champion_events(stores, record):
                context.log_event(event)

    return job_of(model, "rollback", "Put an earlier champion back in force, and ask for a new decision.", roll_back)


def _answer_job(model: "DeclaredModel") -> dg.JobDefinition:
    @dg.op(name=f"{model.name}__record_answer", required_resource_keys={STORES_KEY})
    def record_answer(context: dg.OpExecutionContext, config: AnswerConfig) -> None:
        from retrain_assets.lifecycle.approval_record import show_settled
        from retrain_assets.lifecycle.approving import answer

        stores = cast("StoresResource", getattr(context.resources, STORES_KEY)).open()
        # No lease: an answer is one row, and a retrain under way must not hold a person up.
        with failing():
            if config.verdict == "":
                raise unsaid("verdict", "approve", "reject")
            hold = answer(
                stores,
                model,
                config.version,
                verdict=config.verdict,
                model_hash=config.model_hash,
                person=config.person,
                reason=config.reason,
                token=config.token,
                now=datetime.now(UTC),
            )
        context.log.info("%s v%s is %s", model.name, config.version, hold.state)
        if hold.state == "rejected" and (said := show_settled(stores, model, now=datetime.now(UTC))) is not None:
            context.log.warning(said)

    return job_of(
        model,
        "answer",
        "Approve or reject the promotion that waits for a person; a sensor carries it out.",
        record_answer,
    )


@contextmanager
def _held(context: dg.OpExecutionContext, model: "DeclaredModel") -> "Generator[Stores]":
    """The stores while this run holds the model."""
    resource = cast("StoresResource", getattr(context.resources, STORES_KEY))
    with failing():
        resource.hold(model.name, owner=context.run_id, step=str(context.op_handle))
        yield resource.open()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefusedError(
            f"as_of must be a moment of batch time, such as 2013-06-01 or 2013-06-01T12:00 (got {text!r}): nothing was "
            "done"
        ) from None
