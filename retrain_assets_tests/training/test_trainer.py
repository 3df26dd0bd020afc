"""Training: from declaration and rows to one fitted pipeline, or a clear refusal."""

import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from retrain_assets.errors import DataError, DeclarationError, InsufficientDataError
from retrain_assets.training.pipeline import build_pipeline
from retrain_assets.training.predict import predict
from retrain_assets.training.trainer import train
from retrain_assets_tests.training.samples import BUILD, make_fitted, make_labels, make_rows, make_spec

OWN = "retrain_assets_tests.training.estimators"


def test_default_features_are_all_but_row_id_event_time_and_the_platforms_own() -> None:
    assert make_fitted().features == ("flag", "kind", "x")


def test_the_event_time_that_a_transform_hands_on_is_no_feature() -> None:
    source = BUILD._replace(source="def build(rows):\n    return rows.assign(hour=rows['time'].dt.hour)\n")
    assert make_fitted(source=source).features == ("flag", "hour", "kind", "number", "x")


def test_declared_columns_choose_among_all_validated_ones() -> None:
    assert make_fitted(make_spec(features={"columns": ["x", "number"]})).features == ("x", "number")


def test_personal_columns_are_inputs_only_where_they_are_named_and_never_by_their_categories() -> None:
    assert make_fitted(make_spec(personal_columns=["kind"])).features == ("flag", "x")
    named = make_spec(personal_columns=["number"], features={"columns": ["number", "x"]})
    assert make_fitted(named).features == ("number", "x")
    with pytest.raises(DeclarationError, match="must not name kind, which personal_columns names"):
        make_fitted(make_spec(personal_columns=["kind"], features={"columns": ["kind", "x"]}))


def test_the_pipeline_is_the_estimator_on_the_matrix() -> None:
    rows = make_rows()
    labels = make_labels(rows)
    fitted = train(make_spec(features={"columns": ["x"]}), rows, labels)
    reference = LogisticRegression().fit(rows[["x"]], labels)
    np.testing.assert_allclose(
        predict(fitted.pipeline, rows, task="classification", classes=fitted.classes).values,
        reference.predict_proba(rows[["x"]])[:, 1],
    )
    assert fitted.classes == (False, True)
    assert type(fitted.classes[0]) is bool
    assert fitted.rows == 300
    assert fitted.fit_seconds > 0


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(["no", "yes"], ("no", "yes")), ([0, 1], (0, 1)), (["a", "b", "c"], ("a", "b", "c"))],
)
def test_classes_are_plain_values_in_the_estimators_order(labels: list[Any], classes: tuple[Any, ...]) -> None:
    rows = make_rows()
    truth = pd.Series([labels[position % len(labels)] for position in range(len(rows))], dtype=object)
    fitted = train(make_spec(), rows, truth)
    assert fitted.classes == classes
    assert tuple(fitted.pipeline.classes_) == classes
    scores = predict(fitted.pipeline, rows, task="classification", classes=classes)
    assert scores.values.shape == ((300,) if len(classes) == 2 else (300, 3))


def test_a_regression_has_no_classes() -> None:
    rows = make_rows()
    fitted = train(
        make_spec(metric="squared_error", estimator={"class": "sklearn.linear_model.Ridge"}), rows, rows["x"]
    )
    assert fitted.classes == ()
    assert predict(fitted.pipeline, rows, task="regression", classes=()).values.shape == (300,)


def test_the_seed_reaches_every_estimator_that_draws() -> None:
    nested = make_spec(
        estimator={"class": "sklearn.ensemble.AdaBoostClassifier", "seed": 7, "params": {"n_estimators": 3}}
    )
    assert build_pipeline(nested)[-1].get_params()["random_state"] == 7
    declared = make_spec(
        estimator={"class": "sklearn.tree.DecisionTreeClassifier", "seed": 7, "params": {"random_state": 1}}
    )
    assert build_pipeline(declared)[-1].get_params()["random_state"] == 1
    none = make_spec(estimator={"class": "sklearn.naive_bayes.GaussianNB", "seed": 7})
    assert "random_state" not in build_pipeline(none)[-1].get_params()


def test_missing_numbers_reach_an_estimator_that_takes_them() -> None:
    rows = make_rows().assign(x=lambda frame: frame["x"].where(frame["x"] > -1))
    spec = make_spec(
        features={"impute": "none"},
        estimator={"class": "sklearn.ensemble.HistGradientBoostingClassifier", "params": {"max_iter": 3}},
    )
    assert train(spec, rows, make_labels(make_rows())).rows == 300
    with pytest.raises(ValueError, match="NaN") as refused:
        train(make_spec(features={"impute": "none"}), rows, make_labels(make_rows()))
    assert any("model 'delays'" in note for note in refused.value.__notes__)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        ({"class": "sklearn.linear_model.LogisticRegresion"}, "Did you mean 'LogisticRegression'"),
        ({"class": "sklearn.linear_modell.Ridge"}, "Did you mean 'linear_model'"),
        ({"class": "sklearn.linear_model.LogisticRegression", "params": {"max_itr": 3}}, "Did you mean 'max_iter'"),
        ({"class": f"{OWN}.LabelsOnly"}, "must have predict_proba"),
        ({"class": "builtins.dict"}, "scikit-learn's conventions"),
    ],
)
def test_a_wrong_estimator_is_a_mistake_of_the_declaration(estimator: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        make_fitted(make_spec(estimator=estimator))


def test_one_class_is_not_enough() -> None:
    rows = make_rows(20)
    with pytest.raises(InsufficientDataError, match="at least two classes"):
        train(make_spec(), rows, np.zeros(20, dtype=bool))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.assign(ra_reserved=True), "must not hold reserved rows"),
        (lambda rows: rows.assign(late=True), "must not show hidden columns"),
        (lambda rows: rows.drop(columns="ra_row_id"), "must have ra_row_id"),
        (lambda rows: rows.head(5), "one label each"),
    ],
)
def test_what_no_caller_may_pass(spoil: Any, message: str) -> None:
    rows = make_rows(20)
    with pytest.raises(ValueError, match=message):
        train(make_spec(), spoil(rows), make_labels(rows))


def test_labels_of_other_rows_or_missing_ones_are_refused() -> None:
    rows = make_rows(20)
    labels = pd.Series(make_labels(rows))
    with pytest.raises(ValueError, match="on the index"):
        train(make_spec(), rows, labels.iloc[::-1])
    with pytest.raises(ValueError, match="1 missing"):
        train(make_spec(), rows, np.array([None if position == 3 else label for position, label in enumerate(labels)]))


def test_no_rows_are_insufficient() -> None:
    with pytest.raises(InsufficientDataError, match="no training rows"):
        train(make_spec(), make_rows(20).head(0), np.array([], dtype=bool))


def test_scores_must_be_finite() -> None:
    rows = make_rows(20)
    spec = make_spec(metric="squared_error", estimator={"class": f"{OWN}.BrokenRegressor"})
    fitted = train(spec, rows, rows["x"])
    with pytest.raises(DataError, match=r"1 of 20 are NaN or infinite"):
        predict(fitted.pipeline, rows, task="regression", classes=())


@pytest.mark.parametrize("raised", [ValueError, AttributeError, type("LightGBMError", (Exception,), {})])
def test_whatever_a_library_raises_it_is_the_model_that_cannot_score(raised: type[Exception]) -> None:
    """Errors that libraries derive from `Exception` itself among them; the cause is kept."""
    with pytest.raises(
        DataError, match=f"the model's predict failed with {raised.__name__}: 3 features, 4 needed"
    ) as told:
        predict(_raising(raised("3 features, 4 needed")), make_rows(5), task="regression", classes=())
    assert isinstance(told.value.__cause__, raised)


@pytest.mark.parametrize("raised", [MemoryError, OSError, KeyboardInterrupt, DeclarationError])
def test_what_is_not_the_models_fault_stays_what_it_is(raised: type[BaseException]) -> None:
    """A machine at its end or a stopped run takes no champion out of service."""
    error = DeclarationError([]) if raised is DeclarationError else raised("no more")
    with pytest.raises(raised) as told:
        predict(_raising(error), make_rows(5), task="regression", classes=())
    assert told.value is error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("can't start new thread"),
        BrokenProcessPool("A process in the process pool was terminated abruptly"),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 2 GiB"),
        type("XGBoostError", (ValueError,), {})("std::bad_alloc"),
    ],
)
def test_a_machine_at_its_end_is_told_whatever_a_library_raises(error: Exception) -> None:
    with pytest.raises(type(error)) as told:
        predict(_raising(error), make_rows(5), task="regression", classes=())
    assert told.value is error


def _raising(error: BaseException) -> Any:
    class Raising:
        def predict(self, frame: pd.DataFrame) -> Any:
            raise error

    return Raising()


def test_no_rows_have_no_scores() -> None:
    fitted = make_fitted()
    scores = predict(fitted.pipeline, make_rows().head(0), task="classification", classes=fitted.classes)
    assert (len(scores), scores.classes) == (0, (False, True))


def test_scoring_ignores_extra_columns_and_names_missing_ones() -> None:
    fitted, rows = make_fitted(), make_rows()
    scores = predict(fitted.pipeline, rows, task="classification", classes=fitted.classes)
    extra = predict(fitted.pipeline, rows.assign(more=1), task="classification", classes=fitted.classes)
    np.testing.assert_array_equal(scores.values, extra.values)
    with pytest.raises(DataError, match="missing: x"):
        predict(fitted.pipeline, rows.drop(columns="x"), task="classification", classes=fitted.classes)


def test_importing_training_loads_no_estimators() -> None:
    code = (
        "import sys\n"
        "import retrain_assets.training.trainer, retrain_assets.training.model_hash, retrain_assets.training.bundle\n"
        "import retrain_assets.training.environment, retrain_assets.training.baseline, retrain_assets.stores.plugins\n"
        "import retrain_assets.stores.registry\n"
        "print([name for name in ('sklearn', 'mlflow', 'skops', 'matplotlib') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout.strip() == "[]"
