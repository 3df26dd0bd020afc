"""The card of each version in its tracking run, and the hash by which a hold names the one that persons are shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrain_assets.data.rule_words import schema_rows
from retrain_assets.errors import StoreError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.lifecycle.training_window import decision_behind
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import GateReport
from retrain_assets.reporting.card_pages import ModelCard
from retrain_assets.reporting.model_card import CARD, PAGE, model_card
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import Manifest, ModelVersion

NO_CARD = f"its run holds no {CARD}: unknown what persons were shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCard:
    """The card of a version as its run holds it; `text` is None where there is none."""

    text: str | None
    url: str

    @property
    def sha256(self) -> str | None:
        """Of the text."""
        return None if self.text is None else hashlib.sha256(self.text.encode()).hexdigest()

    def to_evidence(self) -> dict[str, Any]:
        """What a hold says of it: where it lies, and by its hash which one it was."""
        said = {"file": CARD, "url": self.url, "sha256": self.sha256}
        return said if self.text is not None else said | {"reason": NO_CARD}


def declared_schema(model: DeclaredModel) -> tuple[tuple[str, str, str, str], ...]:
    """The schema as a card shows it: of personal columns no value."""
    return tuple(schema_rows(model.contract.visible, frozenset(model.spec.personal_columns)))


def card_of(
    stores: Stores,
    model: DeclaredModel,
    frozen: TrainingSet,
    version: ModelVersion,
    manifest: Manifest,
    report: EvaluationReport | None = None,
    gates: GateReport | None = None,
    figures: Mapping[str, bytes] | None = None,
) -> ModelCard:
    """The card of a version that was trained here; without a report as it was registered."""
    decision = decision_behind(stores, model, frozen)
    return model_card(
        model.spec,
        version,
        manifest,
        report,
        gates,
        figures,
        schema=declared_schema(model),
        table_versions=frozen.table_versions,
        why="" if decision is None else decision.reason,
    )


def card_texts(card: ModelCard) -> dict[str, str]:
    """Both forms by the names under which a run keeps them."""
    return {CARD: card.to_markdown(), PAGE: card.to_html()}


def kept_card(stores: Stores, version: ModelVersion) -> KeptCard:
    """The card of a version, read from its run.

    Raises:
        StoreError: the tracking server cannot be asked.
    """
    return KeptCard(text=stores.registry.text(version.run_id, CARD), url=stores.registry.run_url(version.run_id, PAGE))


def shown_card(stores: Stores, version: ModelVersion) -> dict[str, Any]:
    """What a hold says of the card; of one that cannot be read now, why: persons are asked also in an outage."""
    try:
        return kept_card(stores, version).to_evidence()
    except StoreError as error:
        why = f"it could not be read when persons were asked: {error}"
        return {"file": CARD, "url": stores.registry.run_link(version, PAGE), "sha256": None, "reason": why}


def card_since(stores: Stores, version: ModelVersion, evidence: Mapping[str, Any]) -> str:
    """Whether the card is the one that persons were shown, in words."""
    card = evidence.get("card", {})
    shown = card.get("sha256")
    if shown is None:
        return f"unknown: {card.get('reason', 'the hold names no card')}"
    now = kept_card(stores, version).sha256
    if now is None:
        return "gone since persons were asked"
    if now != shown:
        return "another than persons were shown: the version was evaluated again since, or somebody changed it"
    return "as persons were shown it"
