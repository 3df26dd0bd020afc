"""Earlier champions beside the candidate: which are asked, what they answer, and whether one may be recalled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from retrain_assets.errors import StoreError
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
from retrain_assets.training.predict import CANNOT_SERVE, predict


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The latest earlier champions, the latest first; which of them a recall may put in force; and who cannot be asked.

    Args:
        versions: those that are judged.
        recallable: numbers of those of them that may take over.
        silent: of each that cannot be judged, why.
    """

    versions: tuple[ModelVersion, ...] = ()
    recallable: frozenset[int] = frozenset()
    silent: tuple[Measure, ...] = ()


def asked(
    stores: Stores, model: DeclaredModel, log: Sequence[Promotion], *, fitted_until: datetime | None = None
) -> Asked:
    """The latest earlier champions that are judged: none that was rolled back, nor the same model again.

    Args:
        stores: all stores.
        model: its `promote.earlier` and `promote.recall` say how many.
        log: the promotions before the attempt that is judged.
        fitted_until: the newest training end of candidate and champion: the rows that judge are newer than this, or
            reserved, and one that was fitted later may have seen some of them.
    """
    promote = model.spec.promote
    wanted = max(promote.earlier, promote.recall)
    if not wanted or not log:
        return Asked()
    hashes = {registered(stores, model, log[-1].version).model_hash, *barred(stores, model)}
    versions: list[ModelVersion] = []
    may: set[int] = set()
    silent: list[Measure] = []
    for made in earlier_champions(log):
        if len(versions) + len(silent) == wanted:
            break
        if stage_of(stores, model, made.version) == "rolled_back":
            continue
        try:
            version = registered(stores, model, made.version)
        except StoreError as error:  # what somebody changed or deleted must not keep the candidate from its judgement
            silent.append(not_judged(made.version, words_of(error, model)))
            continue
        if version.model_hash in hashes:
            continue
        hashes.add(version.model_hash)
        if fitted_until is not None and version.training_end > fitted_until:
            said = (
                f"it was fitted on rows up to {version.training_end:%Y-%m-%d %H:%M}, later than candidate and champion"
            )
            silent.append(not_judged(version.version, said))
            continue
        if len(versions) + len(silent) < promote.recall:
            may.add(version.version)
        versions.append(version)
    return Asked(versions=tuple(versions), recallable=frozenset(may), silent=tuple(silent))


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
        except (*CANNOT_SERVE, StoreError) as error:
            silent.append(not_judged(version.version, words_of(error, model)))
    return scores, silent


def tried(
    stores: Stores,
    model: DeclaredModel,
    report: EvaluationReport,
    champion: ModelVersion | None,
    asked_of: Judged,
    scores: Mapping[int, Scores],
    recallable: Collection[int],
) -> list[Measure]:
    """The declared gates on the most promising one that may take over, in the candidate's place; empty for none."""
    number = most_promising(report, recallable)
    if number is None:
        return []
    version = registered(stores, model, number)
    scored: dict[Role, Scores] = {**asked_of.scores, "candidate": scores[number]}
    own = judged_rows(stores, model, version, champion, asked_of.rows, scored)
    placed = in_candidates_place(report, number)
    placed = replace(placed, measures=(*placed.measures, *measured(placed, own, model.spec.promote)))
    return list(judged(number, evaluate_gates(placed, model.spec.promote, bootstrapping=False)))
