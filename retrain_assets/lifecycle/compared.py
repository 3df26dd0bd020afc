"""Candidate, champion, baseline and earlier champions on the same rows: on as many as a declared power asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from retrain_assets.lifecycle import earlier
from retrain_assets.lifecycle.earlier import Asked
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.lifecycle.training_window import read_judging_rows
from retrain_assets.lifecycle.withholding import words_of
from retrain_assets.performance.expected import expectable
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.blocks import entities_of
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport, Role
from retrain_assets.promotion.judged import inputs_of
from retrain_assets.promotion.luck import Noticed
from retrain_assets.promotion.margins import asks_for_proof, margins_of
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.power import batches_asked, carried
from retrain_assets.promotion.silent import with_silent_champion
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.baseline import NaiveBaseline
from retrain_assets.training.bundle import ModelVersion
from retrain_assets.training.predict import CANNOT_SERVE, predict


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """All models that are judged by the same rows, and how bad the champion looked before."""

    candidate: ModelVersion
    champion: ModelVersion | None
    baseline: NaiveBaseline
    before: Asked
    noticed: Noticed | None = None

    @property
    def fitted_until(self) -> datetime:
        """The newest training end of candidate and champion; no earlier champion that is asked was fitted later."""
        return fitted_until(self.candidate, self.champion)


def fitted_until(candidate: ModelVersion, champion: ModelVersion | None) -> datetime:
    """The newest training end of both."""
    return max(each.training_end for each in (candidate, champion) if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The rows that judged, what each model said of them (earlier champions by version), and what that comes to."""

    rows: pd.DataFrame
    scores: Mapping[Role, Scores]
    before: dict[int, Scores]
    report: EvaluationReport


def compare(stores: Stores, model: DeclaredModel, frozen: TrainingSet, rivals: Rivals) -> Compared:
    """Judges all by the holdout, and where proof or a declared power asks for more, by older batches of the window too.

    A declared `promote.holdout` is never mixed with rows that are not strictly newer.
    """
    every = tuple(sorted({*frozen.batches, *frozen.holdout_batches}))
    first, promote = len(frozen.holdout_batches), model.spec.promote
    most = first if promote.holdout is not None else len(every)
    count, before = first, tuple[Measure, ...]()
    while True:
        made = _compared(stores, model, frozen, rivals, every[len(every) - count :])
        report = replace(made.report, measures=(*made.report.measures, *before))
        asked = batches_asked(report, promote, count=count, most=most, proof=asks_for_proof(promote))
        if asked == count:
            return replace(made, report=report)
        count, before = asked, carried(report, promote)


def _compared(
    stores: Stores, model: DeclaredModel, frozen: TrainingSet, rivals: Rivals, batches: tuple[str, ...]
) -> Compared:
    spec, candidate, champion = model.spec, rivals.candidate, rivals.champion
    rows = read_judging_rows(stores, model, frozen, batches, fitted_until=rivals.fitted_until)
    scores: dict[Role, Scores] = {"candidate": _scores(stores, model, candidate, rows)}
    silent = None
    if champion is not None:
        try:
            scores["champion"] = _scores(stores, model, champion, rows)
        except CANNOT_SERVE as error:
            silent = words_of(error, model)
    scores["baseline"] = rivals.baseline.predict(len(rows))
    before, not_judged = earlier.scores_of(stores, model, rivals.before.versions, inputs_of(rows))
    contest = Contest(
        labels=rows["label"].to_numpy(),
        batches=rows["ra_batch"].tolist(),
        scores=scores,
        versions={
            "candidate": candidate.version,
            "champion": champion.version if champion else None,
            "baseline": None,
        },
        earlier=before,
        recallable=rivals.before.recallable,
        newer_than_both=(rows[spec.event_time] >= pd.Timestamp(rivals.fitted_until)).to_numpy(),
        noticed=rivals.noticed if silent is None else None,
        together=entities_of(rows, spec.promote),
    )
    report = evaluate_models(
        contest,
        model=model.name,
        batch=frozen.batch,
        attempt=frozen.attempt,
        metric=spec.metric,
        report_metrics=(*expectable(spec.metric), *spec.report_metrics),
        margins=margins_of(spec.promote),
        confidence=spec.promote.confidence,
        rng=np.random.default_rng([frozen.attempt, spec.estimator.seed]),
    )
    report = replace(report, measures=(*report.measures, *rivals.before.silent, *not_judged))
    if champion is not None and silent is not None:
        report = with_silent_champion(report, champion.version, silent)
    return Compared(rows=rows, scores=scores, before=before, report=report)


def _scores(stores: Stores, model: DeclaredModel, version: ModelVersion, rows: pd.DataFrame) -> Scores:
    bundle = stores.registry.load(version)
    return predict(bundle.pipeline, inputs_of(rows), task=model.spec.task, classes=bundle.manifest.classes)
