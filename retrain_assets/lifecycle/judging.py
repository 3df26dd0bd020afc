"""What the gates beyond the losses are judged by: the candidate itself, asked again, and elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.probe import memory, servability
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.evaluation import Role
from retrain_assets.promotion.judged import Judged, inputs_of
from retrain_assets.promotion.measures import Measure
from retrain_assets.spec.imports import load_object
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.importance import permutation_importance
from retrain_assets.training.predict import predict


def judged_rows(
    stores: Stores,
    model: DeclaredModel,
    candidate: ModelVersion,
    champion: ModelVersion | None,
    rows: pd.DataFrame,
    scored: Mapping[Role, Scores],
) -> Judged:
    """The reserved rows with the scores, and how to ask the candidate for more."""
    bundle = stores.registry.load(candidate)
    classes = bundle.manifest.classes
    path = model.spec.promote.worth.function
    inputs = inputs_of(rows)

    def score(asked: pd.DataFrame) -> Scores:
        return predict(bundle.pipeline, asked, task=model.spec.task, classes=classes)

    def served() -> Measure:
        golden = golden_rows(inputs)
        return servability(stores.registry, candidate, golden, score(golden))

    return Judged(
        rows=rows,
        scores=scored,
        score=score,
        pipeline=bundle.pipeline,
        event_time=model.spec.event_time,
        rng=np.random.default_rng([candidate.attempt, model.spec.estimator.seed, 1]),
        personal=frozenset(model.spec.personal_columns),
        optional=_optional(model),
        importances=_importances(stores, model, {"candidate": candidate, "champion": champion}, rows),
        served=served,
        memory=lambda asked: memory(stores.registry, candidate, asked),
        worth=None if path is None else load_object(path, field="promote.worth.function"),
    )


def _importances(
    stores: Stores, model: DeclaredModel, versions: Mapping[Role, ModelVersion | None], rows: pd.DataFrame
) -> dict[Role, dict[str, float]]:
    """By permutation: of both on the same reserved rows where a gate compares them, else as measured at training."""
    if "keeps_explanation" not in model.spec.promote.expression.names():
        candidate = versions["candidate"]
        stored = {} if candidate is None else dict(stores.registry.load(candidate).reference.importance)
        return {"candidate": stored} if stored else {}
    found: dict[Role, dict[str, float]] = {}
    for role, version in versions.items():
        if version is None or rows.empty:
            continue
        bundle = stores.registry.load(version)
        made = permutation_importance(
            bundle.pipeline,
            inputs_of(rows),
            rows["label"].to_numpy(),
            metric=model.spec.metric,
            classes=bundle.manifest.classes,
            seed=model.spec.estimator.seed,
        )
        if made:
            found[role] = made
    return found


def _optional(model: DeclaredModel) -> tuple[str, ...]:
    """Input columns that the schema lets be missing."""
    columns = model.contract.visible.columns
    return tuple(
        str(name)
        for name, column in columns.items()
        if not column.regex and (column.nullable or not column.required) and name != model.spec.event_time
    )
