"""Earlier champions beside the candidate: which are asked, what they answer, and whether one may be recalled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from retrain_assets.errors import DataError, StoreError
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.judging import judged_rows
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.versions import barred, stage_of
from retrain_assets.lifecycle.withholding import words_of
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.evaluation import EvaluationReport, Role
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.judged import Judged
from retrain_assets.promotion.log import Promotion, earlier_champions
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.measuring import measured
from retrain_assets.promotion.recall import in_candidates_place, judged, most_promising, not_judged
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion
from retrain_assets.training.predict import predict


def asked(stores: Stores, model: DeclaredModel, log: Sequence[Promotion]) -> list[ModelVersion]:
    """The latest earlier champions that may be recalled: none that was rolled back, nor the same model again.

    Args:
        stores: all stores.
        model: its `promote.recall` is how many.
        log: the promotions before the attempt that is judged.
    """
    if not model.spec.promote.recall or not log:
        return []
    hashes = {registered(stores, model, log[-1].version).model_hash, *barred(stores, model)}
    found: list[ModelVersion] = []
    for made in earlier_champions(log):
        version = registered(stores, model, made.version)
        if version.model_hash in hashes or stage_of(stores, model, version.version) == "rolled_back":
            continue
        hashes.add(version.model_hash)
        found.append(version)
    return found[: model.spec.promote.recall]


def scores_of(
    stores: Stores, model: DeclaredModel, versions: Sequence[ModelVersion], inputs: pd.DataFrame
) -> tuple[dict[int, Scores], list[Measure]]:
    """What they say about the rows; of one that cannot be asked (a column is gone, its files changed) the reason."""
    scores: dict[int, Scores] = {}
    silent: list[Measure] = []
    for version in versions:
        try:
            bundle = stores.registry.load(version)
            scores[version.version] = predict(
                bundle.pipeline, inputs, task=model.spec.task, classes=bundle.manifest.classes
            )
        except (DataError, StoreError) as error:
            silent.append(not_judged(version.version, words_of(error, model)))
    return scores, silent


def tried(
    stores: Stores,
    model: DeclaredModel,
    report: EvaluationReport,
    champion: ModelVersion | None,
    asked_of: Judged,
    scores: dict[int, Scores],
) -> list[Measure]:
    """The declared gates on the most promising one in the candidate's place; empty where none is shown better."""
    number = most_promising(report)
    if number is None:
        return []
    version = registered(stores, model, number)
    scored: dict[Role, Scores] = {**asked_of.scores, "candidate": scores[number]}
    own = judged_rows(stores, model, version, champion, asked_of.rows, scored)
    placed = in_candidates_place(report, number)
    placed = replace(placed, measures=(*placed.measures, *measured(placed, own, model.spec.promote)))
    return list(judged(number, evaluate_gates(placed, model.spec.promote, bootstrapping=False)))
