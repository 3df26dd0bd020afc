"""A schema in any form becomes pandera's; a wrong one is told where it is declared."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from retrain_assets.data.schemas import (
    as_schema,
    asks_only_for_unique,
    compile_schema,
    is_plain,
    load_schema,
    remaining_rules,
    without_columns,
)
from retrain_assets.errors import DeclarationError
from retrain_assets.spec import ColumnSpec
from retrain_assets_tests.data.contract_world import declared


class Rows(pa.DataFrameModel):
    at: pd.Timestamp
    x: float


NOT_A_SCHEMA = 5


def compiled(**rules) -> pa.Column:
    return compile_schema({"x": ColumnSpec.model_validate(rules)}).columns["x"]


@pytest.mark.parametrize(
    ("rules", "good", "bad"),
    [
        ({"type": "int", "min": 1, "max": 3}, [1, 3], [0, 4]),
        ({"type": "float", "min": 0.5}, [0.5, 9], [0.4]),
        ({"type": "string", "pattern": "a+"}, ["a", "aaa"], ["ab", "ba", "a\n", ""]),
        ({"type": "string", "pattern": "a|bc"}, ["a", "bc"], ["ac", "abc"]),
        ({"type": "category", "values": ["a", 1]}, ["a", "1"], ["b"]),
        ({"type": "int", "values": [1, 5]}, [1, 5], [2]),
        ({"type": "float", "unique": True}, [1.0, 2.0], [1.0, 1.0]),
        ({"type": "bool", "nullable": True}, [True, None], []),
    ],
)
def test_rules_in_the_declaration_are_panderas_rules(rules, good, bad):
    column = compiled(**rules)
    column.validate(pd.DataFrame({"x": good}))
    failing = [bad] if rules.get("unique") else [[value] for value in bad]
    for values in failing:
        with pytest.raises((pa.errors.SchemaError, pa.errors.SchemaErrors)):
            column.validate(pd.DataFrame({"x": values}))


def test_limits_of_a_time_are_seconds_since_1970():
    column = compiled(type="datetime", min=0)
    column.validate(pd.DataFrame({"x": pd.to_datetime(["1970-01-01"], utc=True)}))
    with pytest.raises(pa.errors.SchemaError):
        column.validate(pd.DataFrame({"x": pd.to_datetime(["1969-12-31"], utc=True)}))


def test_all_forms_of_a_schema():
    assert list(as_schema(Rows).columns) == ["at", "x"]
    schema = pa.DataFrameSchema({})
    assert as_schema(schema) is schema
    assert list(as_schema({"x": ColumnSpec(type="int")}).columns) == ["x"]
    with pytest.raises(TypeError, match="got 5"):
        as_schema(NOT_A_SCHEMA)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"{__name__}:Row", "Did you mean 'Rows'"),
        (f"{__name__}:NOT_A_SCHEMA", "got 5"),
        ("no_such_module_at_all:Rows", "cannot be imported"),
    ],
)
def test_a_wrong_path_is_a_mistake_of_the_declaration(path, told):
    with pytest.raises(DeclarationError, match=told):
        load_schema(declared(schema=path))


def test_a_path_with_a_colon_or_a_dot():
    for path in (f"{__name__}:Rows", f"{__name__}.Rows"):
        assert list(load_schema(declared(schema=path)).columns) == ["at", "x"]


def test_without_hidden_columns_nothing_of_them_is_left():
    schema = pa.DataFrameSchema(
        {"at": pa.Column(str), "x": pa.Column(int), "y": pa.Column(int)}, unique=["x", "y"], coerce=True, strict=True
    )
    visible = without_columns(schema, ["y"], event_time="at")
    assert list(visible.columns) == ["at", "x"]
    assert visible.unique == ["x"]
    assert str(visible.columns["at"].dtype) == "datetime64[us, UTC]"
    assert list(schema.columns) == ["at", "x", "y"]


def test_plain_columns_need_no_pass_of_their_own():
    assert is_plain(pa.Column(float, pa.Check.ge(0)))
    assert is_plain(pa.Column(str, [pa.Check.isin(["a"]), pa.Check.str_matches("a")], nullable=True))
    for column in (
        pa.Column(float, pa.Check(lambda values: values > 0)),
        pa.Column(float, unique=True),
        pa.Column(float, default=1.0),
        pa.Column(float, parsers=pa.Parser(abs)),
        pa.Column(object),
        pa.Column(),
    ):
        assert not is_plain(column)
    assert remaining_rules(pa.DataFrameSchema({"x": pa.Column(float, pa.Check.ge(0))})) is None
    rest = remaining_rules(pa.DataFrameSchema({"x": pa.Column(float), "z": pa.Column(float, unique=True)}))
    assert rest is not None
    assert list(rest.columns) == ["z"]
    assert asks_only_for_unique(rest)


@pytest.mark.parametrize(
    "further",
    [
        {"columns": {"x": pa.Column(float, pa.Check(lambda values: values > 0))}},
        {"columns": {"x": pa.Column(float, pa.Check.ge(0), unique=True)}},
        {"columns": {"x": pa.Column(object)}},
        {"checks": pa.Check(lambda rows: rows["x"] > 0)},
        {"unique": ["x", "z"]},
    ],
)
def test_any_other_rule_is_left_to_pandera(further: dict[str, Any]):
    columns = {"x": pa.Column(float), "z": pa.Column(float, unique=True), **further.pop("columns", {})}
    rest = remaining_rules(pa.DataFrameSchema(columns, **further))
    assert rest is not None
    assert not asks_only_for_unique(rest)
