"""A whole replay: fit what is missing, walk every policy, compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrain_assets.errors import DataError
from retrain_assets.replay.clock import Course
from retrain_assets.replay.comparison import COST_RATIOS, Comparison, compare
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.fitting import ScoreCache, fit_missing
from retrain_assets.replay.laboratory import Scenario, noticed
from retrain_assets.replay.policies import Policies, asked
from retrain_assets.replay.recommendation import recommend
from retrain_assets.replay.report import Report
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.replay.stream import Stream
from retrain_assets.training.source import TransformSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """What is replayed.

    Args:
        policies: their names.
        first: batches that train the first model.
        lag: batches from a promotion until the new model serves.
        cost: of a retrain, in batches' worth of loss.
        every: length of a batch in the YAML.
        scenario: what was put into the history.
    """

    policies: Sequence[str]
    first: int
    lag: int = 0
    cost: float = 0.5
    every: str = "week"
    scenario: Scenario | None = None


def open_book(
    stream: Stream,
    course: Course,
    cache: ScoreCache,
    *,
    source: TransformSource | None = None,
    workers: int | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Scorebook:
    """The scores of all models of a course, those that are missing fitted first.

    Raises:
        DataError: the first model cannot be trained.
    """
    models = course.models(stream)
    _require_two_classes(stream, models[0], course)
    fit_missing(stream, models, cache, source=source, workers=workers, told=told)

    def kept(model: int) -> np.ndarray:
        evidence = cache.read(model)
        if evidence is None:
            raise DataError(f"the scores of a model have gone from {cache.path(model)}: run the replay again")
        return evidence

    book = Scorebook(stream, kept, models)
    if not book.usable(models[0]):
        raise DataError(
            f"the first {course.first} batches are too few for the declared search of the first model: give --first "
            "more of them, as long as that leaves some to be served"
        )
    return book


def _require_two_classes(stream: Stream, first: int, course: Course) -> None:
    if stream.classes and len(np.unique(stream.labels[stream.training_rows(first)])) < 2:
        raise DataError(
            f"the first {course.first} batches hold labels of one class only, and a model needs two: give --first more "
            "of them, as long as that leaves some to be served"
        )


def replay(
    stream: Stream,
    settings: ReplaySettings,
    cache_root: Path,
    *,
    source: TransformSource | None = None,
    workers: int | None = None,
    fitted: Callable[[int, int], None] | None = None,
    walked: Callable[[str], None] | None = None,
) -> Report:
    """Compares policies on a history; unknown ones are an error before anything is fitted."""
    policies = Policies(stream.spec, DriftBook(stream), cost=settings.cost)
    names = asked(settings.policies)
    policies.all_named(names)
    course = Course(first=settings.first, lag=settings.lag)
    cache = ScoreCache.of(cache_root, stream, source)
    book = open_book(stream, course, cache, source=source, workers=workers, told=fitted)
    comparison = Comparison(book, course, policies)
    outcomes = compare(comparison, names, walked)
    return Report(
        stream=stream,
        first=settings.first,
        lag=settings.lag,
        cost=settings.cost,
        loss_scale=_scale(stream, settings.first),
        outcomes=outcomes,
        calendars={ratio: comparison.tuned_calendar(ratio) for ratio in COST_RATIOS},
        recommendation=recommend(
            outcomes[:-1], comparison.rows, settings.cost, comparison.unit, np.random.default_rng(0)
        ),
        every=settings.every,
        scenario=settings.scenario,
        noticed={}
        if settings.scenario is None
        else noticed(outcomes[:-1], stream, settings.scenario, course.starts_at(stream)),
    )


def _scale(stream: Stream, first: int) -> float | None:
    """The loss of the best constant on the rows that train the first model; None for a classification."""
    if stream.spec.task == "classification":
        return None
    labels = stream.labels[: stream.starts[first]].astype(np.float64)
    if stream.spec.metric == "absolute_error":
        return float(np.abs(labels - np.median(labels)).mean()) or None
    return float(labels.var()) or None
