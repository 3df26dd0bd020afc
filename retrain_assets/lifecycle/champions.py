"""Who is champion, as the promotion log says."""

from __future__ import annotations

from datetime import datetime

from retrain_assets.errors import IntegrityError, NotStoredError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.promotion.identity import changed
from retrain_assets.promotion.log import Promotion, champion_as_of
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion


def champion(stores: Stores, model: DeclaredModel, moment: datetime) -> Promotion | None:
    """The promotion in force at a moment of batch time; None while the model is bootstrapping."""
    return champion_as_of(stores.state.promotions(model.name), moment)


def champion_version(stores: Stores, model: DeclaredModel, moment: datetime) -> ModelVersion | None:
    """The version in force at a moment of batch time."""
    promotion = champion(stores, model, moment)
    return None if promotion is None else registered(stores, model, promotion.version)


def registered(stores: Stores, model: DeclaredModel, version: int) -> ModelVersion:
    """The registered version of a number, as its newest promotion vouches for it.

    Raises:
        NotStoredError: no such version.
        IntegrityError: it was champion, and its hashes are no longer those that the promotion log names.
    """
    every = stores.state.model_versions(model.name)
    for known in every:
        if known.version == version:
            log = stores.state.promotions(model.name)
            made = next((each for each in reversed(log) if each.version == version), None)
            if made is not None and (said := changed(known, made.evidence)) is not None:
                raise IntegrityError(
                    f"{said}: somebody changed it after promotion {made.id}. Put the state database back, or go back "
                    f"to another version"
                )
            return known
    there = f"there are v{every[0].version} to v{every[-1].version}" if every else "none was registered yet"
    raise NotStoredError(f"{model.name} has no version {version}: {there}")


def newest_watched_end(stores: Stores, model: DeclaredModel, otherwise: datetime) -> datetime:
    """The end of the newest batch that was watched, or a later moment: from then on another champion may serve.

    A watch that came to no end will be tried again.
    """
    ended = [step for step in stores.state.steps(model.name) if step.outcome in ("done", "refused")]
    watched = [step.batch for step in ended if step.job == "watch"]
    return max(otherwise, model.calendar.batch(max(watched)).end) if watched else otherwise
