"""Who agreed to a promotion, beside the model card."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from retrain_assets.errors import NotStoredError, StoreError
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.mirroring import compare_heads
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.versions import show_challenger, show_stage
from retrain_assets.lifecycle.waiting import holds
from retrain_assets.promotion.stages import stages
from retrain_assets.reporting.card_pages import markdown_text
from retrain_assets.reporting.model_card import APPROVALS
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion

ANSWERS_TAG = "answers"
"""Of the registered model: how many answers its runs show."""


def approval_text(stores: Stores, model: DeclaredModel, version: ModelVersion) -> str:
    """What was asked about a version and what each person answered, as Markdown."""
    own = [hold for hold in holds(stores.state, model) if hold.request.version == version.version]
    lines = [f"# Approval of {version}", "", *([] if own else ["No person was asked about it."])]
    for hold in own:
        request = hold.request
        lines += [
            f"Asked on {request.requested_at:%Y-%m-%d %H:%M} UTC: {markdown_text(request.reason)}. It is {hold.state}.",
            f"For the model {request.model_hash}, files {request.artifact_hash}, {_shown_card(request.evidence)}.",
            "",
        ]
        lines += [
            markdown_text(
                f"- {given.verdict} by {given.person} on {given.answered_at:%Y-%m-%d %H:%M} UTC ({given.shown_proof}): "
                f"{given.reason}"
            )
            for given in hold.answers
        ]
    return "\n".join([*lines, ""])


def show_answers(stores: Stores, model: DeclaredModel, tags: Mapping[str, str]) -> dict[str, str]:
    """Tells held versions that were rejected, expired or void since, and their runs; returns the tag that says so.

    An answer does not wait for the tracking server: where that was down, their runs say `held` until here.

    Args:
        stores: the promotion log, and the runs.
        model: whose versions were held, whether it has a champion or not.
        tags: of the registered model; they tell how many answers were shown before.
    """
    answers, tag = stores.state.answers(model.name), tags.get(ANSWERS_TAG, "0")
    if tag == str(len(answers)):
        return {}
    # A tag that was changed by hand says nothing: all are told again.
    news = {given.approval_id for given in answers[int(tag) if tag.isdecimal() else 0 :]}
    champions = {promotion.version for promotion in stores.state.promotions(model.name)}
    standing = stages(stores.state.stage_moves(model.name))
    newest = {hold.request.version: hold for hold in holds(stores.state, model)}
    for number, hold in newest.items():
        if hold.open or number in champions or hold.request.id not in news:
            continue
        version, last = registered(stores, model, number), hold.answers[-1]
        show_stage(stores, model.name, number, standing[number])
        outcome = {"outcome": "rejected", "reason": f"{hold.state}: {last.person}: {last.reason}"}
        # Of a run that was deleted by hand there is nothing to tell.
        with suppress(NotStoredError):
            stores.registry.log(
                version.run_id,
                tags={f"retrain_assets.{name}": value for name, value in outcome.items()},
                texts={APPROVALS: approval_text(stores, model, version)},
            )
    return {ANSWERS_TAG: str(len(answers))}


def show_settled(stores: Stores, model: DeclaredModel, *, now: datetime) -> str | None:
    """Tells the runs of versions that were rejected, expired or void a moment ago, without a lease; why not, or None.

    The record has it already: a server that does not answer is given up after seconds, and the next retrain or
    `reconcile` tells them.
    """
    try:
        with stores.registry.briefly():
            seen = stores.registry.shown(model.name)
            if said := compare_heads(stores, model.name, seen.tags, now=now):
                return said
            show_challenger(stores, model, shown=seen)
            if answers := show_answers(stores, model, seen.tags):
                stores.registry.tag_model(model.name, answers)
    except StoreError as error:
        return f"the registry does not show it yet: the next retrain will, or `retrain-assets reconcile`: {error}"
    return None


def _shown_card(evidence: Mapping[str, Any]) -> str:
    """By its hash which card persons were shown."""
    shown = evidence.get("card", {}).get("sha256")
    return "card unknown" if shown is None else f"card {shown}"
