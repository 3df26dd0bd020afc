"""The proof that a version can serve: loaded from the registry, past any cache, it scores."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pandas as pd

from retrain_assets.errors import IntegrityError, MissingUpstreamError, NotStoredError, StoreError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.protocols import ModelRegistry, Stores
from retrain_assets.training.bundle import ModelBundle, ModelVersion
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.predict import predict


def prove(
    stores: Stores,
    model: DeclaredModel,
    version: ModelVersion,
    rows: pd.DataFrame,
    *,
    expected: ModelBundle | None = None,
    in_an_outage: bool = False,
) -> tuple[bool, str]:
    """Loads a version from the registry, past any cache, and scores rows as the fitted pipeline does.

    Args:
        stores: all stores.
        model: the declared model.
        version: the version.
        rows: what it must be able to score, of which it gets what the schema has now: no new batch brings the rest.
        expected: what was fitted, where the version was registered a moment ago.
        in_an_outage: of a registry that cannot be asked the files answer: who goes back must not wait for it, and waits
            seconds for each answer. Nobody is promoted so.

    Raises:
        StoreError: the registry cannot be asked.
        NotStoredError: its files are gone, or its entry in the registry was deleted.
        IntegrityError: its files are not what was registered, or its entry in the registry names others.
        DataError: it needs columns that the rows or the schema of now do not have.
    """
    bundle = stores.registry.load(version, cached=False)
    if expected is None:  # else it was registered a moment ago
        _require_registered(stores.registry, version, in_an_outage=in_an_outage)
    classes = bundle.manifest.classes
    rows = rows.drop(columns=model.undeclared(rows.columns))
    scores = predict(bundle.pipeline, rows, task=model.spec.task, classes=classes).values
    if expected is not None:
        fitted = predict(expected.pipeline, rows, task=model.spec.task, classes=classes).values
        if not np.array_equal(scores, fitted):
            return False, f"{version} scores {len(rows)} rows otherwise than the pipeline that was fitted"
    return True, f"{version} was loaded from the registry and scored {len(rows)} rows"


def require_place(version: ModelVersion, place: str | None) -> None:
    """Whoever asks the registry for a version, by its number or alias, must get the files that are loaded here.

    Args:
        version: as it is recorded.
        place: where the registry says that its files lie.

    Raises:
        NotStoredError: nowhere: its entry was deleted.
        IntegrityError: elsewhere.
    """
    if place is None:
        raise NotStoredError(
            f"{version} was deleted in the registry by hand: restore it there, or name another version"
        )
    if place != version.uri:
        raise IntegrityError(
            f"the registry's entry of {version} must name the files that were registered, {version.uri} (got {place}): "
            "whoever loads it by that entry gets another model. Put it right in MLflow"
        )


def newest_rows(stores: Stores, model: DeclaredModel) -> pd.DataFrame:
    """Some rows of the newest batch that was watched: what a version must be able to score now.

    Raises:
        MissingUpstreamError: no batch has validated rows.
    """
    from retrain_assets.lifecycle.watch import read_validated  # watch itself rolls back

    done = [step.batch for step in stores.state.steps(model.name) if step.job == "watch" and step.outcome == "done"]
    keys = sorted(set(done), reverse=True) or sorted(stores.tables.commits(model.table("validated")), reverse=True)
    for key in keys:
        rows = read_validated(stores, model, model.calendar.batch(key))
        if len(rows):
            return golden_rows(rows)
    raise MissingUpstreamError(f"validated rows of {model.name}", f"{model.name}/validated")


def _require_registered(registry: ModelRegistry, version: ModelVersion, *, in_an_outage: bool) -> None:
    try:
        with registry.briefly() if in_an_outage else nullcontext():
            place = registry.place(version)
    except StoreError:
        if in_an_outage:
            return
        raise
    require_place(version, place)
