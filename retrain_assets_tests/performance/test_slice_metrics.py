"""Metrics of slices: those of their rows, with intervals that cover, and unknown where rows are few."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from retrain_assets.performance.metrics import metric_value
from retrain_assets.performance.scores import Scores
from retrain_assets.performance.slice_metrics import MOST_SLICES, slice_metrics, values_left_out, why_unknown


def scored(rows, seed=0):
    rng = np.random.default_rng(seed)
    chances = rng.random(rows)
    return (rng.random(rows) < chances).astype(int), Scores(chances, (0, 1)), rng


def made(names, labels, scores, rng, **columns):
    frame = pd.DataFrame(columns)
    return {each.name: each for each in slice_metrics(names, labels, scores, frame, confidence=0.95, rng=rng)}


def test_a_slice_has_the_metrics_of_its_own_rows():
    labels, scores, rng = scored(300)
    kind, day = np.array(["a"] * 100 + ["b"] * 100 + [None] * 100, dtype=object), np.tile([1, 2], 150)
    found = made(["log_loss", "accuracy", "roc_auc"], labels, scores, rng, kind=kind, day=day)
    assert list(found) == ["kind=a", "kind=b", "kind=missing", "day=1", "day=2"]
    for name, chosen in {"kind=b": kind == "b", "kind=missing": pd.isna(kind), "day=2": day == 2}.items():
        for metric in found[name].metrics:
            assert metric.value == pytest.approx(metric_value(metric.metric, labels[chosen], scores.take(chosen)))
            assert None not in (metric.lower, metric.upper)
            assert (metric.lower or 0) < (metric.value or 0) < (metric.upper or 0)
            assert metric.rows == found[name].rows == chosen.sum()


def test_the_interval_of_a_mean_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    chances = rng.random(200_000)
    labels = (rng.random(len(chances)) < chances).astype(int)
    frame = pd.DataFrame({"slice": "all"}, index=range(60))
    truth = metric_value("brier", labels, Scores(chances, (0, 1)))
    hits = 0
    for _ in range(400):
        rows = rng.integers(0, len(chances), 60)
        scores = Scores(chances[rows], (0, 1))
        (only,) = slice_metrics(["brier"], labels[rows], scores, frame, confidence=0.9, rng=rng)
        hits += (only.metrics[0].lower or 0) <= truth <= (only.metrics[0].upper or 0)
    assert 0.86 < hits / 400 < 0.94


def test_what_is_too_small_or_has_one_class_is_unknown_and_says_why():
    labels, scores, rng = scored(119)
    labels[:100] = 1
    found = made(["roc_auc", "log_loss"], labels, scores, rng, kind=["a"] * 100 + ["b"] * 19)
    area, loss = found["kind=a"].metrics
    assert (area.value, why_unknown(area)) == (None, "unknown: its 100 rows do not define it")
    assert why_unknown(loss) is None
    assert {why_unknown(each) for each in found["kind=b"].metrics} == {"unknown: 19 rows, 20 are needed"}


def test_of_a_column_with_many_values_those_with_the_most_rows_are_told():
    labels, scores, rng = scored(3000)
    values = np.concatenate([np.repeat("large", 1000), np.arange(2000).astype(str)])
    found = made(["log_loss"], labels, scores, rng, id=values)
    assert len(found) == MOST_SLICES
    assert next(iter(found)) == "id=large"
    assert values_left_out(pd.DataFrame({"id": values, "kind": "a"})) == {"id": 2001 - MOST_SLICES}


def test_the_values_that_are_left_out_take_no_mask_of_their_own():
    labels, scores, rng = scored(5000)
    values = np.arange(5000).astype(str)
    made(["log_loss"], labels, scores, rng, id=values)
    tracemalloc.start()
    made(["log_loss"], labels, scores, rng, id=values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6, "the masks of all are 25 MB"


def test_no_rows_have_no_slices():
    labels, scores, rng = scored(0)
    assert made(["log_loss"], labels, scores, rng, kind=np.array([], dtype=object)) == {}
