"""A column that tells one class of many is a leak; what could not be measured is named, and does not pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.leakage import LEAST_OF_CLASS, MOST_CLASSES, leakage_measures
from retrain_assets.promotion.measures import Measure
from retrain_assets.spec import PromoteSpec
from retrain_assets_tests.promotion.test_gates import report


def measured(rows: pd.DataFrame, labels: np.ndarray, *, regression: bool = False) -> dict[str, Measure]:
    made = leakage_measures(rows, labels, regression=regression, ignored=frozenset())
    return {each.group: each for each in made}


def verdict(made: dict[str, Measure]) -> tuple[bool | None, str]:
    spec = PromoteSpec.model_validate({"require": "has_no_leak"})
    (gate,) = evaluate_gates(replace(report(), measures=tuple(made.values())), spec, bootstrapping=False).results
    return gate.passed, gate.reason


@pytest.fixture
def world() -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(0)
    return rng.choice(["common", "usual", "rare"], 4000, p=[0.7, 0.25, 0.05]), rng


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_column_that_tells_a_rare_class_of_several_is_a_leak(world: tuple, kind: str):
    labels, rng = world
    refund = np.where(labels == "rare", 1.0, 0.0)
    column = refund + rng.normal(0, 0.01, len(labels)) if kind == "number" else np.where(refund > 0, "yes", "no")
    made = measured(pd.DataFrame({"refund": column, "x": rng.normal(size=len(labels))}), labels)
    assert made["refund"].value == 1.0
    assert (made["x"].value or 0) < 0.6
    passed, reason = verdict(made)
    assert passed is False
    assert "refund alone predicts with 1 (class rare against the others, 3 of 3 classes judged)" in reason


@pytest.mark.parametrize("ties", [False, True])
def test_the_area_is_that_of_the_textbook(world: tuple, ties: bool):
    labels, rng = world
    x = rng.normal(size=len(labels)) + 0.5 * (labels == "usual")
    x = x.round() if ties else x
    odd = np.arange(len(labels)) % 2 == 1
    areas = [roc_auc_score(labels[odd] == name, x[odd]) for name in np.unique(labels)]
    expected = max(max(area, 1 - area) for area in areas)
    assert measured(pd.DataFrame({"x": x}), labels)["x"].value == pytest.approx(expected)
    codes = pd.Series(x.round().astype(int)).map(lambda number: f"c{number}")
    shares = {name: pd.Series(labels == name)[~odd].groupby(codes[~odd]).mean() for name in np.unique(labels)}
    areas = [roc_auc_score(labels[odd] == name, codes[odd].map(share).fillna(0)) for name, share in shares.items()]
    made = measured(pd.DataFrame({"code": codes}), labels)["code"]
    assert made.value == pytest.approx(max(max(area, 1 - area) for area in areas), abs=1e-3)


def test_the_commonest_classes_are_judged_and_those_of_enough_rows():
    rng = np.random.default_rng(1)
    many = rng.integers(0, 100, 20_000)
    reason = measured(pd.DataFrame({"x": rng.normal(size=20_000)}), many)["x"].reason
    assert f"{MOST_CLASSES} of 100 classes judged" in reason
    few = np.r_[np.zeros(300, int), np.ones(300, int), np.full(LEAST_OF_CLASS, 2)]  # half of these are odd rows
    made = measured(pd.DataFrame({"x": (few == 2).astype(float)}), few)["x"]
    assert "2 of 3 classes judged" in made.reason
    assert (made.value or 1) < 0.6


def test_an_identifier_tells_no_class_by_itself(world: tuple):
    labels, _ = world
    codes = pd.DataFrame({"id": [f"c{number}" for number in range(len(labels))]})
    assert measured(codes, labels)["id"].value == 0.5


@pytest.mark.parametrize(("regression", "nothing"), [(False, 0.5), (True, 0.0)])
def test_a_column_of_one_value_or_none_predicts_nothing(regression: bool, nothing: float):
    rng = np.random.default_rng(2)
    labels = rng.normal(size=200) if regression else rng.integers(0, 3, 200)
    rows = pd.DataFrame({"one": 1, "none": np.nan, "text": "a", "void": None, "spread": rng.normal(size=200)})
    made = measured(rows, labels, regression=regression)
    assert [made[name].value for name in ("one", "none", "text", "void")] == [nothing] * 4
    assert verdict(made)[0] is True


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float64", "timedelta64[ns]", "datetime64[ns, UTC]", "category"])
@pytest.mark.parametrize("regression", [False, True])
def test_every_type_of_column_can_be_measured(dtype: str, regression: bool):
    labels = np.random.default_rng(3).integers(0, 2, 400)
    column = pd.Series(labels).astype(pd.api.types.pandas_dtype(dtype))
    column[::50] = None
    made = measured(pd.DataFrame({"leak": column}), labels, regression=regression)["leak"]
    assert (made.value or 0) > 0.9, made


def test_a_column_that_cannot_be_measured_is_named_and_unknown():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 400)
    rows = pd.DataFrame({"x": rng.normal(size=400), "wave": rng.normal(size=400) * 1j})
    made = measured(rows, labels)
    passed, reason = verdict(made)
    assert passed is None
    assert "wave (its values are neither numbers nor categories: TypeError); of the others x alone" in reason
    leaking = measured(rows.assign(paid=labels), labels)
    assert verdict(leaking)[0] is False, "a leak that is seen stays one"


def test_labels_that_do_not_vary_show_nothing():
    made = measured(pd.DataFrame({"x": np.arange(100.0)}), np.ones(100, dtype=int))
    assert made["x"].value is None
    assert verdict(made) == (None, "no column could be measured: x (the label does not vary)")


def test_an_answer_that_is_no_number_is_unknown_and_hides_no_leak():
    rng = np.random.default_rng(5)
    labels = rng.normal(size=400)
    holes = np.where(np.arange(400) % 9, labels, np.nan)
    made = measured(pd.DataFrame({"x": rng.normal(size=400)}), holes, regression=True)
    assert made["x"].value is None
    passed, reason = verdict(made)
    assert (passed, "x (what it predicts is no number" in reason) == (None, True), reason


def test_an_easy_class_is_told_with_the_limit_that_admits_it(world: tuple):
    """Of an honest column that tells one class of three, nobody but a person can know that it is no leak."""
    labels, rng = world
    passed, reason = verdict(measured(pd.DataFrame({"x": rng.normal(size=4000) + 9 * (labels == "rare")}), labels))
    assert passed is False
    assert "or the class is easy to tell, which looks the same, raise promote.limits.single_column" in reason
