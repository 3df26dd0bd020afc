"""Each field of features, estimator and search changes the fitted model, or what may be stored of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.stores.model_files import serialize
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import model_hash
from retrain_assets.training.source import TransformSource
from retrain_assets.training.trainer import FittedModel, train
from retrain_assets_tests.training.samples import BUILD, make_labels, make_rows, make_spec

ROWS = make_rows(300)
FOREST = "sklearn.ensemble.RandomForestClassifier"


LABELS = make_labels(ROWS)


def fitted(rows: pd.DataFrame = ROWS, *, source: TransformSource | None = None, **changes: Any) -> FittedModel:
    labels = LABELS if len(rows) == len(LABELS) else make_labels(rows)
    return train(make_spec(**changes), rows, labels, source=source)


def matrix(rows: pd.DataFrame = ROWS, **features: Any) -> Any:
    """What the estimator sees."""
    return np.asarray(fitted(rows, features=features).pipeline.named_steps["features"].transform(rows))


def hash_of(model: FittedModel) -> str:
    return model_hash(model.pipeline, golden=golden_rows(ROWS), classes=model.classes)


def logistic(**params: Any) -> dict[str, Any]:
    return {"class": "sklearn.linear_model.LogisticRegression", "params": params}


@pytest.mark.covers("features.transform")
def test_the_transform_makes_the_features():
    assert fitted().features == ("flag", "kind", "x")
    assert fitted(source=BUILD, features={"transform": BUILD.path}).features == ("hour", "kind", "x")


@pytest.mark.covers("features.columns")
def test_the_columns_are_chosen():
    assert fitted(features={"columns": ["x"]}).features == ("x",)
    assert fitted().features == ("flag", "kind", "x")


@pytest.mark.covers("features.impute")
def test_missing_numbers_are_filled_as_declared():
    holes = ROWS.assign(x=ROWS["x"].where(ROWS.index % 3 > 0))
    assert holes["x"].isna()[0]
    median, mean = (matrix(holes, impute=how, columns=["x"])[0, 0] for how in ("median", "mean"))
    assert median == pytest.approx(holes["x"].median())
    assert mean == pytest.approx(holes["x"].mean())
    forest = {"class": "sklearn.ensemble.HistGradientBoostingClassifier", "params": {"max_iter": 2}}
    model = fitted(holes, features={"impute": "none", "columns": ["x"]}, estimator=forest)
    assert np.isnan(model.pipeline.named_steps["features"].transform(holes).iloc[0, 0])


@pytest.mark.covers("features.encode")
def test_categories_are_encoded_as_declared():
    assert matrix(encode="ordinal", columns=["kind"]).shape[1] == 1
    assert matrix(encode="one_hot", columns=["kind"]).shape[1] > 1


@pytest.mark.covers("features.scale")
def test_numbers_are_scaled_as_declared():
    wide = ROWS.assign(x=ROWS["x"] * 100 + 7)
    assert matrix(wide, scale=True, columns=["x"]).std() == pytest.approx(1, abs=0.01)
    assert matrix(wide, scale=False, columns=["x"]).std() > 50


@pytest.mark.covers("estimator.class", "estimator.params")
def test_class_and_params_make_the_estimator():
    assert type(fitted().pipeline.named_steps["estimator"]).__name__ == "LogisticRegression"
    forest = fitted(estimator={"class": FOREST, "params": {"n_estimators": 3}})
    assert len(forest.pipeline.named_steps["estimator"].estimators_) == 3
    assert hash_of(fitted(estimator=logistic(C=0.01))) != hash_of(fitted())


@pytest.mark.covers("estimator.seed")
def test_the_seed_decides_what_is_random():
    one, again, other = (
        hash_of(fitted(estimator={"class": FOREST, "params": {"n_estimators": 3}, "seed": seed})) for seed in (1, 1, 2)
    )
    assert one == again != other


@pytest.mark.covers("estimator.search.params", "estimator.search.draws", "estimator.search.folds")
def test_a_search_tries_the_draws_over_the_folds():
    for values, draws, folds in (([0.01, 1.0], 2, 2), ([0.1, 1.0, 10.0], 3, 4)):
        search = {"params": {"C": values}, "draws": draws, "folds": folds}
        model = fitted(make_rows(600), estimator={**logistic(), "search": search})
        assert len(model.draws) == draws
        assert {draw.params["C"] for draw in model.draws} == set(values)
        assert {len(draw.losses) for draw in model.draws} == {folds}
        assert model.params["C"] == model.draws[0].params["C"]


@pytest.mark.covers("estimator.trusted_types")
def test_trusted_types_let_skops_store_what_it_would_refuse():
    own = "retrain_assets_tests.training.estimators.ShareClassifier"
    declared = [make_spec(estimator={"class": own, "trusted_types": types}) for types in ((), (own,))]
    formats = []
    for spec in declared:
        model = train(spec, ROWS, make_labels(ROWS))
        formats.append(serialize(model.pipeline, trusted_types=spec.estimator.trusted_types).format)
    assert formats == ["cloudpickle", "skops"]


@pytest.mark.covers("metric")
def test_the_metric_tells_the_task_and_so_what_is_fitted():
    regression = make_spec(metric="squared_error", estimator={"class": "sklearn.linear_model.Ridge"})
    assert train(regression, ROWS, np.arange(len(ROWS))).classes == ()
    assert train(make_spec(), ROWS, make_labels(ROWS)).classes == (False, True)
