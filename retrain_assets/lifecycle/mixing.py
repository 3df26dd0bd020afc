"""The last champions in service together: who they are, what each counts, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.history import holdout_of, losses_of_version
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.versions import stage_of
from retrain_assets.policy.mixture import mixture_weights, overlap
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion

MEMBER = "member"
"""Mode of the scores that a champion would have served alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Registered versions, the champion first, and their weights, which add up to 1."""

    versions: tuple[ModelVersion, ...]
    weights: tuple[float, ...]

    @property
    def alone(self) -> bool:
        """The champion serves alone."""
        return len(self.versions) == 1

    def record(self) -> dict[str, float]:
        """Weights by version, for the ledger."""
        return {str(each.version): weight for each, weight in zip(self.versions, self.weights, strict=True)}


def mixture_of(stores: Stores, model: DeclaredModel, champion: ModelVersion, *, as_of: datetime) -> Mixture:
    """Who serves from a moment on: the champion, and of those before it as many as `serve.members` allows.

    A member was champion, was not rolled back, and is made by the same declaration with the same classes: others could
    not score the same rows. Weights rest on the labelled batches that were measured by the moment.
    """
    if model.spec.serve.members == 1:
        return Mixture(versions=(champion,), weights=(1.0,))
    log = [promotion for promotion in stores.state.promotions(model.name) if promotion.as_of <= as_of]
    versions = (champion, *_before(stores, model, champion, log)[: model.spec.serve.members - 1])
    manifests = [stores.registry.load(version).manifest for version in versions]
    losses = [
        {
            _position(model, loss.batch): loss.value
            for loss in losses_of_version(stores, model, version.version, version.training_end, as_of=as_of)
        }
        for version in versions
    ]
    trained = [manifest.training_batches for manifest in manifests]
    rows = [manifest.training_rows for manifest in manifests]
    held = [_held(model, version, batches, log) for version, batches in zip(versions, trained, strict=True)]
    weights = mixture_weights(losses, rows, overlap=overlap(trained), held=held)
    return Mixture(versions=versions, weights=tuple(weights.tolist()))


def _held(
    model: DeclaredModel, version: ModelVersion, trained: Sequence[str], log: Sequence[Promotion]
) -> dict[int, float]:
    """The loss on the reserved rows by which a version was promoted, on each of their batches.

    With `promote.holdout` these come after its training, and its losses there are measured as on any other.
    """
    promoted = next((made for made in log if made.version == version.version), None)
    holdout = None if promoted is None else holdout_of(promoted)
    if holdout is None or model.spec.promote.holdout is not None:
        return {}
    judging = sorted(trained)[-model.spec.window.holdout_batches :]
    return {_position(model, batch): holdout.value for batch in judging}


def _before(
    stores: Stores, model: DeclaredModel, champion: ModelVersion, log: Sequence[Promotion]
) -> list[ModelVersion]:
    earlier = dict.fromkeys(promotion.version for promotion in reversed(log))
    classes = stores.registry.load(champion).manifest.classes
    return [
        version
        for version in (registered(stores, model, number) for number in earlier if number != champion.version)
        if version.training_hash == champion.training_hash
        and stage_of(stores, model, version.version) != "rolled_back"
        and stores.registry.load(version).manifest.classes == classes
    ]


def _position(model: DeclaredModel, batch: str) -> int:
    """Of a batch among all, so that weights fade with time and not with the number of measurements."""
    window = model.calendar.batch(batch)
    return round((window.start - model.calendar.first.start) / max(window.end - window.start, timedelta(seconds=1)))


def mixed(mixture: Mixture, own: tuple[pd.DataFrame, ...]) -> pd.DataFrame:
    """What is served: the weighted mean of the members' predictions, under the champion's version.

    Args:
        mixture: who they are.
        own: what each says, in the same order and about the same rows.
    """
    served = own[0].copy()
    if mixture.alone or served.empty:
        return served
    if served["probabilities"].isna().all():
        served["score"] = np.average([each["score"] for each in own], axis=0, weights=mixture.weights)
        return served
    stacked = [np.vstack(each["probabilities"].tolist()) for each in own]
    probabilities = np.average(stacked, axis=0, weights=mixture.weights)
    served["probabilities"] = pd.Series(list(probabilities), index=served.index)
    served["score"] = probabilities.max(axis=1)
    return served


def with_members(stored: pd.DataFrame, own: tuple[pd.DataFrame, ...]) -> pd.DataFrame:
    """The stored predictions and, of each member, those of rows that it had none of yet."""
    frames = [stored] if len(stored) else []
    for scored in own:
        own_rows = stored[(stored["mode"] == MEMBER) & stored["version"].isin(scored["version"].unique())]
        new = scored[~scored["ra_row_id"].isin(own_rows["ra_row_id"])]
        if len(new):
            frames.append(new.assign(mode=MEMBER))
    return pd.concat(frames, ignore_index=True) if frames else stored
