"""The naive model of an evaluation is that of the rows that the candidate was trained on."""

from __future__ import annotations

import pytest

from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.evaluating import baseline_of, candidate_of
from retrain_assets.lifecycle.training_window import read_rows, stored_training_sets
from retrain_assets.spec import ModelSpec
from retrain_assets.training.baseline import NaiveBaseline
from retrain_assets_tests.lifecycle.champions import DECLARED
from retrain_assets_tests.lifecycle.world import World, declaration


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
def test_the_baseline_is_fitted_for_the_metric_that_is_declared_now(promoted: World, metric: str):
    """The candidate carries one for the metric of its training; another metric asks for another."""
    spec = ModelSpec.model_validate(declaration(**DECLARED, metric=metric))
    model = DeclaredModel(spec=spec, root=promoted.root)
    frozen = stored_training_sets(promoted.stores, model)[-1]
    candidate = candidate_of(promoted.stores, model, frozen)
    assert candidate is not None
    trained = read_rows(promoted.stores, model, frozen, frozen.batches, reserved=False)
    expected = NaiveBaseline.fit(trained["label"], metric, promoted.stores.registry.load(candidate).manifest.classes)
    assert baseline_of(promoted.stores, model, frozen, candidate) == expected
