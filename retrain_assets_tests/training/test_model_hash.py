"""The model hash: the same in every process, different for whatever makes another model."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import digest, model_hash
from retrain_assets.training.trainer import train
from retrain_assets_tests.training.samples import BUILD, make_labels, make_rows, make_spec

FOREST = {"class": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 5}, "seed": 3}
BOOSTING = {
    "class": "sklearn.ensemble.HistGradientBoostingClassifier",
    "params": {"max_iter": 5, "early_stopping": True},
    "seed": 3,
}


def hash_of(estimator: dict[str, Any], rows: pd.DataFrame | None = None) -> str:
    rows = make_rows() if rows is None else rows
    labels = make_labels(make_rows())[: len(rows)]
    fitted = train(make_spec(estimator=estimator), rows, labels, source=BUILD)
    return model_hash(fitted.pipeline, golden=golden_rows(rows), classes=fitted.classes)


@pytest.mark.parametrize("estimator", [FOREST, BOOSTING], ids=["forest", "boosting"])
def test_the_same_training_has_the_same_hash_in_another_process(estimator: dict[str, Any]) -> None:
    code = (
        "from retrain_assets_tests.training.test_model_hash import hash_of, FOREST, BOOSTING\n"
        f"print(hash_of({estimator!r}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=120
    )
    assert other.stdout.strip() == hash_of(estimator)


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    rows = make_rows()
    labels = make_labels(rows)
    order = np.random.default_rng(5).permutation(len(rows))
    spec = make_spec(estimator=BOOSTING)
    straight = train(spec, rows, labels)
    shuffled = train(spec, rows.iloc[order][rows.columns[::-1]], labels[order])
    golden = golden_rows(rows)
    pd.testing.assert_frame_equal(golden, golden_rows(rows.iloc[order]))
    assert model_hash(straight.pipeline, golden=golden, classes=straight.classes) == model_hash(
        shuffled.pipeline, golden=golden, classes=shuffled.classes
    )


def test_seed_parameters_and_data_make_another_model() -> None:
    rows = make_rows()
    changed = rows.assign(x=rows["x"].where(rows.index != 17, 0.5))
    hashes = [
        hash_of(FOREST),
        hash_of({**FOREST, "seed": 4}),
        hash_of({**FOREST, "params": {"n_estimators": 6}}),
        hash_of({**FOREST, "params": {"n_estimators": 5, "max_depth": 40}}),
        hash_of(FOREST, changed),
        hash_of(BOOSTING),
    ]
    assert len(set(hashes)) == len(hashes)


def test_the_transforms_text_is_part_of_the_model() -> None:
    rows, spec = make_rows(), make_spec()
    labels = make_labels(rows)
    commented = BUILD._replace(source=BUILD.source + "# as before\n")
    hashes = {
        model_hash(train(spec, rows, labels, source=source).pipeline, golden=golden_rows(rows), classes=(False, True))
        for source in (BUILD, commented)
    }
    assert len(hashes) == 2


class Cyclic:
    def __init__(self) -> None:
        self.me = self
        self.refit_time_ = 0.0


def test_digest_reads_values_not_identities() -> None:
    one, other = Cyclic(), Cyclic()
    other.refit_time_ = 9.0  # a timing
    assert digest(one) == digest(other)
    assert digest({"a": 1, "b": {2, 3}}) == digest({"b": {3, 2}, "a": 1})
    assert digest(np.random.default_rng(1)) == digest(np.random.default_rng(1))
    assert digest(np.random.RandomState(1)) == digest(np.random.RandomState(1))
    assert digest(np.array([1.0, np.nan])) == digest(np.array([1.0, -np.nan]))
    assert digest(pd.Series([1, 2])) == digest(pd.Series([1, 2]))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        (b"a", "a"),
        (None, "None"),
        ([1, [2]], [[1], 2]),
        (["ab"], ["a", "b"]),
        ({"a": None}, {}),
        (np.zeros(2), np.zeros(3)),
        (np.zeros((1, 2)), np.zeros((2, 1))),
        (np.zeros(2, np.float32), np.zeros(2, np.float64)),
        (np.array(["a", "bc"], object), np.array(["ab", "c"], object)),
        (np.random.default_rng(1), np.random.default_rng(2)),
        (len, max),
        (int, float),
        (float("inf"), float("-inf")),
    ],
)
def test_digest_tells_apart(left: object, right: object) -> None:
    assert digest(left) != digest(right)


def test_padding_between_fields_does_not_count() -> None:
    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    one, other = (np.frombuffer(bytearray(fill * (3 * kind.itemsize)), kind) for fill in (b"\x00", b"\xff"))
    other["a"], other["b"] = 0, 0.0  # the copy of a structured array need not copy its padding: these are views
    assert one.tobytes() != other.tobytes()
    assert digest(one) == digest(other)
