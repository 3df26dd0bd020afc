"""The user's transform: what trained is what scores, and each row stands for itself."""

import sys

import numpy as np
import pandas as pd
import pytest

from retrain_assets.errors import DataError, DeclarationError
from retrain_assets.training.source import TransformSource
from retrain_assets.training.transform import SourceTransform
from retrain_assets_tests.training.samples import make_rows


def transform(text: str) -> SourceTransform:
    return SourceTransform(source=text, function="build", module="app.features")


def test_it_returns_the_features_on_the_same_index() -> None:
    rows = make_rows(20).set_index(np.arange(100, 120))
    features = transform("def build(rows):\n    return rows[['x']] * 2\n").fit_transform(rows)
    pd.testing.assert_frame_equal(features, rows[["x"]] * 2)


def test_bulk_and_single_rows_agree() -> None:
    rows = make_rows(50)
    step = transform("def build(rows):\n    return rows[['x']].assign(hour=rows['time'].dt.hour)\n").fit(rows)
    single = pd.concat([step.transform(rows.iloc[[position]]) for position in range(len(rows))])
    pd.testing.assert_frame_equal(single, step.transform(rows))


@pytest.mark.parametrize(
    "body",
    [
        "rows[['x']] - rows[['x']].mean()",
        "rows[['x']].rank()",
        "rows[['x']].shift(1)",
        "__import__('pandas').get_dummies(rows[['kind']])",
    ],
)
def test_features_that_depend_on_other_rows_are_refused(body: str) -> None:
    with pytest.raises(DeclarationError, match="depend on that row alone"):
        transform(f"def build(rows):\n    return {body}\n").fit(make_rows(50))


@pytest.mark.parametrize("body", ["rows[rows['x'] > 0][['x']]", "rows[['x']].reset_index(drop=True)", "rows.head(3)"])
def test_rows_may_not_be_dropped_or_renumbered(body: str) -> None:
    rows = make_rows(50).set_index(np.arange(7, 57))
    with pytest.raises(DataError, match="one row for each row"):
        transform(f"def build(rows):\n    return {body}\n").fit(rows)


def test_it_must_return_a_frame() -> None:
    with pytest.raises(DataError, match=r"must return a DataFrame \(got Series\)"):
        transform("def build(rows):\n    return rows['x']\n").fit(make_rows(5))


def test_the_platforms_own_columns_are_out_of_reach_and_dropped() -> None:
    step = transform(
        "def build(rows):\n    assert 'ra_row_id' not in rows\n    return rows[['x']].assign(ra_extra=1)\n"
    )
    assert list(step.fit_transform(make_rows(5)).columns) == ["x"]


def test_columns_that_training_did_not_see_are_not_shown() -> None:
    rows = make_rows(5)
    step = transform("def build(rows):\n    return rows[[c for c in rows if c in ('x', 'new')]]\n").fit(rows)
    assert list(step.transform(rows.assign(new=1)).columns) == ["x"]


def test_a_missing_column_is_named() -> None:
    rows = make_rows(5)
    step = transform("def build(rows):\n    return rows[['x']]\n").fit(rows)
    with pytest.raises(DataError, match=r"app.features:build.*KeyError.*these rows do not: x"):
        step.transform(rows.drop(columns="x"))


def test_the_callers_rows_stay_as_they_are() -> None:
    rows = make_rows(20)
    before = rows.copy(deep=True)
    transform(
        "def build(rows):\n    rows['x'] = 0.0\n    rows.loc[rows.index[0], 'flag'] = True\n    return rows[['x']]\n"
    ).fit(rows)
    pd.testing.assert_frame_equal(rows, before)


def test_nothing_runs_before_rows_are_transformed() -> None:
    step = transform("raise SystemError('ran')\n")
    assert step.get_params()["function"] == "build"
    with pytest.raises(DeclarationError, match="does not run: SystemError: ran"):
        step.fit(make_rows(5))
    # A text that failed is not left behind half-made.
    assert not [name for name in sys.modules if name.startswith("_retrain_assets") and sys.modules[name] is None]
    with pytest.raises(DeclarationError, match="does not run"):
        step.fit(make_rows(5))


def test_a_missing_function_is_named() -> None:
    with pytest.raises(DeclarationError, match="must define the function 'build'"):
        transform("def other(rows):\n    return rows\n").fit(make_rows(5))


def test_two_texts_of_one_module_live_side_by_side() -> None:
    rows = make_rows(5)
    old = transform("FACTOR = 2\ndef build(rows):\n    return rows[['x']] * FACTOR\n").fit(rows)
    new = transform("FACTOR = 3\ndef build(rows):\n    return rows[['x']] * FACTOR\n").fit(rows)
    assert np.allclose(old.transform(rows)["x"] * 3, new.transform(rows)["x"] * 2)


def test_a_module_may_hold_dataclasses() -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Limits:\n    low: float = 0.0\n"
        "def build(rows):\n    return rows[['x']].clip(Limits().low)\n"
    )
    assert transform(text).fit_transform(make_rows(5)).min().item() >= 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from . import names", (".",)),
        ("from .names import A", (".names",)),
        ("from app.names import A", ("app.names",)),
        ("import app.names as names", ("app.names",)),
        ("import application", ()),
        ("def build(rows):\n    from app import names", ("app",)),
        ("import numpy as np", ()),
    ],
)
def test_imports_of_siblings_are_found(text: str, found: tuple[str, ...]) -> None:
    assert TransformSource("app.features", "build", text).sibling_imports() == found
