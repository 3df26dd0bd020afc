"""A champion whose files are lost or changed: what a person can do, as it stands in the error and in `reconcile`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from retrain_assets.errors import IntegrityError, NotStoredError
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.proving import newest_rows, prove
from retrain_assets.lifecycle.versions import stage_of
from retrain_assets.promotion.log import earlier_champions
from retrain_assets.stores.protocols import Stores

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def telling_way_out(stores: Stores, model: DeclaredModel) -> Generator[None]:
    """Where something fails because the champion's files are gone or others, the error says what to do.

    Raises:
        NotStoredError: they are gone.
        IntegrityError: they are not what was registered.
    """
    try:
        yield
    except (NotStoredError, IntegrityError):
        log = stores.state.promotions(model.name)
        lost: NotStoredError | IntegrityError | None = None
        # Is it the champion that is lost? Whatever else hinders the answer must not hide the error at hand.
        with suppress(Exception):
            try:
                if log:
                    stores.registry.load(registered(stores, model, log[-1].version), cached=False)
            except (NotStoredError, IntegrityError) as error:
                lost = error
        if lost is not None:
            raise type(lost)(f"{str(lost).rstrip('.')}. {way_out(stores, model)}") from lost
        raise


def way_out(
    stores: Stores, model: DeclaredModel, *, without: int | None = None, rows: pd.DataFrame | None = None
) -> str:
    """Back to the newest earlier champion to which a rollback would go, or else training another.

    Args:
        stores: all stores.
        model: the declared model.
        without: an earlier champion that is known to be no way out.
        rows: what it must be able to score; some of the newest batch that was watched by default.
    """
    for made in earlier_champions(stores.state.promotions(model.name)):
        if made.version == without or stage_of(stores, model, made.version) == "rolled_back":
            continue
        try:
            rows = newest_rows(stores, model) if rows is None else rows
            prove(stores, model, registered(stores, model, made.version), rows, in_an_outage=True)
        except Exception:  # noqa: BLE001, S112 - a model of an older library fails in any way, and is no way out
            continue
        back = f"retrain-assets rollback {model.name} --to {made.version} --reason ..."
        return f"v{made.version} loads and scores rows of now: go back to it ({back}), or {_train_another(model)}"
    return f"No earlier champion that may serve loads and scores rows of now: {_train_another(model)}"


def _train_another(model: DeclaredModel) -> str:
    """The way that needs no earlier champion."""
    return (
        f"train another, by materializing {model.name}/training_set to {model.name}/champion of the newest batch "
        "without a decision to retrain; what passes is held for `retrain-assets approve`"
    )
