"""Where outputs are compared, a replay keeps what they are made of, and its losses stay the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from retrain_assets.performance.residuals import residuals
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.fitting import ScoreCache
from retrain_assets.replay.stream import Stream
from retrain_assets.spec import DriftSpec
from retrain_assets.training.predict import predict
from retrain_assets.training.trainer import train
from retrain_assets_tests.replay.streams import book, history, stream

MODEL = 8


def compared(task: str) -> tuple[Stream, Stream]:
    """A history whose outputs are not compared, and the same whose outputs are."""
    plain = stream(history(batches=11, task=task))
    drift = DriftSpec(outputs=("score",), reference_batches=6, min_rows=100)
    return plain, replace(plain, spec=plain.spec.model_copy(update={"drift": drift}))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_scores_and_residuals_are_those_of_the_model(task: str, tmp_path: Path) -> None:
    plain, shown = compared(task)
    assert shown.first_kept(MODEL) == MODEL + 1 - 6 < shown.first_scored(MODEL) == plain.first_kept(MODEL)
    assert ScoreCache.of(tmp_path, plain).folder != ScoreCache.of(tmp_path, shown).folder
    without, made = book(tmp_path, plain, MODEL)[0], book(tmp_path, shown, MODEL)[0]
    assert made.holdout(MODEL) == without.holdout(MODEL)
    assert made.mean[MODEL] == pytest.approx(without.mean[MODEL], nan_ok=True)
    assert made.loss(MODEL, MODEL + 1) == without.loss(MODEL, MODEL + 1)
    learned = plain.training_rows(MODEL)
    fitted = train(plain.spec, plain.frame.iloc[learned], plain.labels[learned])
    for batch in (shown.first_kept(MODEL), MODEL + 1):
        scores = predict(fitted.pipeline, plain.rows_of(batch), task=plain.spec.task, classes=fitted.classes)
        single = scores.values if scores.values.ndim == 1 else scores.values.max(axis=1)
        assert made.scores(MODEL, batch) == pytest.approx(single, abs=1e-6)
        assert made.residuals(MODEL, batch) == pytest.approx(residuals(plain.labels_of(batch), scores), abs=1e-6)


def test_labels_that_are_not_there_yet_are_not_compared(tmp_path: Path) -> None:
    shown = compared("binary")[1]
    scores, reports = book(tmp_path, shown, MODEL)[0], DriftBook(shown)
    assert shown.label_delay == 1
    first, second = (reports.report(batch, MODEL, scores, since=MODEL + 1) for batch in (MODEL + 1, MODEL + 2))
    assert [row.name for row in first.columns if row.name.startswith("ra_")] == ["ra_score"]
    told = {row.name: row.rows_of for row in second.columns if row.name.startswith("ra_")}
    assert told == {"ra_score": None, **dict.fromkeys(("ra_label", "ra_residual"), shown.batches[MODEL + 1].key)}
