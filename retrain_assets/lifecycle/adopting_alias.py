"""An alias that was moved by hand, adopted by a person: the promotion log follows it instead of putting it back."""

from __future__ import annotations

from datetime import datetime

from retrain_assets.errors import RefusedError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reconciling import CHAMPION
from retrain_assets.lifecycle.records import Promoted
from retrain_assets.lifecycle.rolling_back import roll_back
from retrain_assets.promotion.log import earlier_champions
from retrain_assets.stores.protocols import Stores


def adopt_alias(stores: Stores, model: DeclaredModel, *, reason: str, actor: str, now: datetime) -> Promoted:
    """Makes the version champion to which somebody moved the alias, also where a run has put the alias back since.

    It is a rollback to that version, with all that belongs to one: the version is loaded and scores rows first, the
    champion that leaves is barred until a person clears it, and a decision is due.

    Raises:
        RefusedError: the alias was not moved, or to a version that never was champion: no gate vouches for it; or the
            reason is blank.
    """
    log = stores.state.promotions(model.name)
    if not log:
        raise RefusedError(f"{model.name} has no champion yet: `retrain-assets adopt` takes over a first one")
    moved = _moved_to(stores, model, log[-1].version)
    if moved is None:
        raise RefusedError(f"the alias '{CHAMPION}' of {model.name} agrees with the promotion log: nothing to adopt")
    known = [made.version for made in earlier_champions(log)]
    if moved not in known:
        raise RefusedError(
            f"the alias '{CHAMPION}' of {model.name} was moved to v{moved}, which never was champion: no gate vouches "
            f"for it. Adopted can be {', '.join(f'v{version}' for version in known) or 'no version yet'}"
        )
    return roll_back(stores, model, to=moved, reason=reason, actor=actor, now=now)


def _moved_to(stores: Stores, model: DeclaredModel, current: int) -> int | None:
    """Where the alias points against the log, or pointed when it was last put back, with no promotion since."""
    pointed = stores.registry.alias(model.name, CHAMPION)
    if pointed is not None and pointed != current:
        return pointed
    told = stores.state.outbox(model=model.name, kinds=["alias_repaired", "promotion"], limit=1_000_000)
    if told and told[-1].kind == "alias_repaired":
        return told[-1].payload["found"]
    return None
