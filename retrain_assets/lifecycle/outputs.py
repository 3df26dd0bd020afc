"""What a version says and what then happened, as profiles: of the reference at training, of each batch at its watch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from retrain_assets.data.labels import labels_as_of
from retrain_assets.data.profile import TableProfile
from retrain_assets.data.windows import Batch
from retrain_assets.drift.levels import output_settings_of
from retrain_assets.drift.outputs import Outputs, profile_outputs
from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.lifecycle.attributing import attributions_of
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.novel_rows import novelty_of
from retrain_assets.lifecycle.settle import labelled_scores, read_labels
from retrain_assets.lifecycle.watch import read_predictions, read_validated
from retrain_assets.performance.residuals import residuals
from retrain_assets.performance.scores import Scores
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelBundle, ModelVersion
from retrain_assets.training.importance import leading_columns, permutation_importance
from retrain_assets.training.predict import predict
from retrain_assets.training.trainer import FittedModel

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from threadpoolctl import ThreadpoolController

SCORED_ROWS = 20_000
"""Rows of a batch that are scored for its profile: its shares are then known to less than half a point."""
LOOKED_BACK = 400
"""So many batches back the newest matured labels are looked for."""


def outputs_by_batch(
    model: DeclaredModel, fitted: FittedModel, rows: pd.DataFrame, reference: ReferenceProfile
) -> dict[str, TableProfile]:
    """Outputs of a version on the reserved rows of the batches of its reference, and the labels of all their rows.

    Args:
        model: the model.
        fitted: what training made.
        rows: labelled rows of the training batches, the reserved ones among them.
        reference: with the profiles of the inputs.
    """
    shown = _shows_labels(model)
    held = rows[rows["ra_reserved"]]
    held_of, rows_of = (frame.groupby("ra_batch").indices for frame in (held, rows))
    made: dict[str, TableProfile] = {}
    for key in reference.profiles:
        if key in held_of:
            batch = spread(held.iloc[held_of[key]])
            scores = predict(fitted.pipeline, batch, task=model.spec.task, classes=fitted.classes)
            made[key] = profile_outputs(
                _single(scores),
                label=rows["label"].iloc[np.asarray(rows_of[key])] if shown else None,
                residual=residuals(batch["label"].to_numpy(), scores) if shown else None,
                novelty=novelty_of(model, reference, batch),
                importance=_leading(model, fitted.pipeline, fitted.classes, batch, batch["label"]) if shown else None,
                attribution=attributions_of(model, fitted.pipeline, fitted.classes, reference, batch).values,
            )
    return made


def importance_of(
    model: DeclaredModel, fitted: FittedModel, rows: pd.DataFrame, keys: Sequence[str]
) -> dict[str, float]:
    """How much a version needs each input, on reserved rows of some batches."""
    held = rows[rows["ra_reserved"] & rows["ra_batch"].isin(keys)]
    return permutation_importance(
        fitted.pipeline,
        held.drop(columns="label"),
        held["label"].to_numpy(),
        metric=model.spec.metric,
        classes=fitted.classes,
        seed=model.spec.estimator.seed,
    )


def outputs_of(
    stores: Stores, model: DeclaredModel, batch: Batch, version: ModelVersion, bundle: ModelBundle
) -> Outputs | None:
    """Outputs of the batch with their reference; None for a version that has none, as one that was trained elsewhere.

    The label and the residual are those of the newest batch after the training whose labels had matured by now.
    """
    spec = model.spec.drift
    settings = output_settings_of(spec, model.calendar.per_year)
    reference = bundle.reference.fitted_outputs(batch, model.calendar, spec.reference_batches, settings)
    rows = spread(read_validated(stores, model, batch))
    if reference is None or rows.empty:
        return None
    # So few rows lose more to waiting threads than they gain, the more so beside other runs.
    with _thread_pools().limit(limits=1):
        scores = predict(bundle.pipeline, rows, task=model.spec.task, classes=bundle.manifest.classes)
        attributed = attributions_of(model, bundle.pipeline, bundle.manifest.classes, bundle.reference, rows)
    labelled = _newest_labelled(stores, model, batch, version) if _shows_labels(model) else None
    happened = _Happened() if labelled is None else _happened(stores, model, batch, labelled, version, bundle)
    return Outputs(
        current=profile_outputs(
            _single(scores),
            label=happened.label,
            residual=happened.residual,
            novelty=novelty_of(model, bundle.reference, rows),
            importance=happened.importance,
            attribution=attributed.values,
        ),
        reference=reference,
        labelled=None if labelled is None else labelled.key,
        refused=attributed.refused,
    )


@cache
def _thread_pools() -> ThreadpoolController:
    """Those of the libraries that a loaded model brought; to look for them takes longer than to score a batch."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def spread(rows: pd.DataFrame) -> pd.DataFrame:
    """At most `SCORED_ROWS` of the rows, evenly spread over them."""
    if len(rows) <= SCORED_ROWS:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, SCORED_ROWS).astype(np.int64)]


def _shows_labels(model: DeclaredModel) -> bool:
    """A profile shows values; those of a personal target stay where the rows are."""
    return model.spec.target.column not in model.spec.personal_columns


def _single(scores: Scores) -> np.ndarray:
    return scores.values if scores.values.ndim == 1 else scores.values.max(axis=1)


def _newest_labelled(stores: Stores, model: DeclaredModel, batch: Batch, version: ModelVersion) -> Batch | None:
    commits = stores.tables.commits(model.table("labels"))
    before = model.calendar.previous(batch)
    for _ in range(LOOKED_BACK):
        if before is None or before.start < version.training_end:
            return None
        if model.matured_at(before) <= batch.as_of and before.key in commits:
            return before
        before = model.calendar.previous(before)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happened:
    """What is known of labelled rows, each of rows of its own; None where nothing is."""

    label: pd.Series | None = None
    residual: np.ndarray | None = None
    importance: pd.Series | None = None


def _happened(
    stores: Stores, model: DeclaredModel, batch: Batch, labelled: Batch, version: ModelVersion, bundle: ModelBundle
) -> _Happened:
    known = labels_as_of(read_labels(stores, model, labelled), batch.as_of)
    if known.empty:
        return _Happened()
    predictions = read_predictions(stores, model, labelled)
    own = predictions[(predictions["version"] == version.version) & predictions["mode"].isin(["served", "backscored"])]
    classes = bundle.manifest.classes
    labels, scores = labelled_scores(own, known, model, classes)
    return _Happened(
        label=known["label"],
        residual=residuals(labels, scores) if len(labels) else None,
        importance=_leading_of_labelled(stores, model, labelled, known, bundle),
    )


def _leading_of_labelled(
    stores: Stores, model: DeclaredModel, labelled: Batch, known: pd.DataFrame, bundle: ModelBundle
) -> pd.Series | None:
    if "importance" not in model.spec.drift.outputs:
        return None
    rows = read_validated(stores, model, labelled)
    labels = rows["ra_row_id"].map(known.set_index("ra_row_id")["label"])
    there = labels.notna().to_numpy()
    return _leading(model, bundle.pipeline, bundle.manifest.classes, rows[there], labels[there])


def _leading(
    model: DeclaredModel, pipeline: BaseEstimator, classes: Sequence[Any], rows: pd.DataFrame, labels: pd.Series
) -> pd.Series | None:
    """What matters most to each row; None where it is not declared, or not known."""
    spec = model.spec
    if "importance" not in spec.drift.outputs:
        return None
    return leading_columns(
        pipeline,
        rows.drop(columns="label", errors="ignore"),
        labels.to_numpy(),
        metric=spec.metric,
        classes=classes,
        seed=spec.estimator.seed,
    )
