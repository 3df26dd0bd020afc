"""Rule 1: parsed rows = accepted rows + quarantined rows, and every quarantined row says why."""

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.data.contracts import RESERVED, Accepted, Contract
from retrain_assets.data.failures import QUARANTINE_COLUMNS, VALUE_LENGTH
from retrain_assets.data.reading import read_part
from retrain_assets.data.reasons import ROW_REASONS
from retrain_assets.data.row_ids import ROW_ID
from retrain_assets.data.stored_schemas import schema_problems, validated_schema
from retrain_assets.errors import DeclarationError
from retrain_assets_tests.data.contract_world import COLUMNS, clean_rows, contract, declared, first_batch


def as_csv(frame: pd.DataFrame) -> pd.DataFrame:
    return read_part("rows.csv", "csv", frame.to_csv(index=False).encode())


def as_parquet(frame: pd.DataFrame) -> pd.DataFrame:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return read_part("rows.parquet", "parquet", buffer.getvalue())


def checked(made: Contract, *frames: pd.DataFrame) -> Accepted:
    named = [(f"part{number}", frame) for number, frame in enumerate(frames)]
    result = made.check(named, first_batch(made.spec))
    assert_lawful(made, result, sum(len(frame) for frame in frames))
    return result


def assert_lawful(made: Contract, result: Accepted, rows: int) -> None:
    """What holds for every check of every batch."""
    quarantined = result.quarantine[["file", "row_number"]].drop_duplicates()
    assert result.parsed_rows == rows
    assert len(result.accepted) + len(quarantined) == rows
    assert result.quarantined_rows == len(quarantined)
    assert tuple(result.quarantine.columns) == QUARANTINE_COLUMNS
    assert set(result.quarantine["reason"]) <= set(ROW_REASONS)
    assert set(result.reasons) == set(result.quarantine["reason"])
    assert not set(result.accepted.columns) & set(made.spec.hidden_columns)
    assert result.accepted[ROW_ID].is_unique
    times = result.accepted[made.spec.event_time]
    assert str(times.dtype) == "datetime64[us, UTC]"
    assert times.is_monotonic_increasing
    batch = first_batch(made.spec)
    assert ((times >= batch.start) & (times < batch.end)).all()
    assert result.outcomes[ROW_ID].tolist() == result.accepted[ROW_ID].tolist()
    if len(result.accepted):
        assert schema_problems(validated_schema(made), result.accepted) == ()


@pytest.mark.parametrize("written", [as_csv, as_parquet])
def test_clean_rows_are_accepted_however_they_were_written(written):
    rows = clean_rows(500)
    result = checked(contract(), written(rows))
    assert result.refused is None
    assert result.reasons == {}
    assert list(result.accepted.columns) == [*[name for name in COLUMNS if name != "y"], ROW_ID, RESERVED]
    back = result.accepted.sort_values("id", ignore_index=True)
    pd.testing.assert_series_equal(back["speed"], rows["speed"])
    pd.testing.assert_series_equal(back["gust"], rows["gust"])
    pd.testing.assert_series_equal(back["count"], rows["count"])
    assert back["open"].dtype == "bool"
    assert back["code"].dtype == "object"


def test_ids_and_reserved_rows_do_not_depend_on_the_form_of_the_file():
    for row_id in ((), "id", ["kind", "at", "id"]):
        made = contract(row_id=row_id)
        one, other = (checked(made, written(clean_rows(300))).accepted for written in (as_csv, as_parquet))
        pd.testing.assert_frame_equal(one, other)
        assert 0.1 < one[RESERVED].mean() < 0.3


def spoiled(column: str, value: Any, *, row: int = 3, rows: int = 100) -> pd.DataFrame:
    frame = clean_rows(rows).astype("object")
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("column", "value", "reason", "shown"),
    [
        ("speed", "fast", "wrong_type", "fast"),
        ("speed", "", "missing_value", None),
        ("speed", "inf", "not_finite", "inf"),
        ("speed", "-Infinity", "not_finite", "-Infinity"),
        ("gust", "-inf", "not_finite", "-inf"),
        ("speed", "10.5", "out_of_range", "10.5"),
        ("speed", "-1", "out_of_range", "-1"),
        ("id", "1.5", "wrong_type", "1.5"),
        ("id", "", "missing_value", None),
        ("id", "99999999999999999999", "wrong_type", "99999999999999999999"),
        ("id", "2", "duplicated_id", "2"),
        ("count", "many", "wrong_type", "many"),
        ("open", "perhaps", "wrong_type", "perhaps"),
        ("open", "", "missing_value", None),
        ("kind", "c", "unseen_category", "c"),
        ("kind", "", "missing_value", None),
        ("code", "ABC", "pattern_mismatch", "ABC"),
        ("code", "x" * 500 + "!", "pattern_mismatch", "x" * VALUE_LENGTH),
        ("at", "yesterday", "wrong_type", "yesterday"),
        ("at", "01/02/2013", "wrong_type", "01/02/2013"),
        ("at", "", "missing_event_time", None),
        ("at", "2013-01-08T00:00:00Z", "outside_window", "2013-01-08T00:00:00Z"),
        ("at", "2013-01-01T00:30:00+01:00", "outside_window", "2012-12-31T23:30:00Z"),
    ],
)
def test_one_bad_value_costs_its_row_and_says_why(column, value, reason, shown):
    result = checked(contract(), as_csv(spoiled(column, value)))
    assert result.reasons == {reason: 1}
    line = result.quarantine.iloc[0]
    assert (line["row_number"], line["column"], line["file"]) == (4, column, "part0")
    assert line["value"] == shown
    assert line["rule"]
    assert len(result.accepted) == 99
    assert result.refused is None


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("speed", "missing_value"),
        ("id", "missing_value"),
        ("open", "missing_value"),
        ("at", "missing_event_time"),
        ("gust", None),
        ("count", None),
        ("y", None),
    ],
)
def test_nothing_is_missing_also_in_a_file_that_quotes_every_value(column: str, reason: str | None):
    written = spoiled(column, "").to_csv(index=False, quoting=csv.QUOTE_ALL)
    result = checked(contract(), read_part("rows.csv", "csv", written.encode()))
    assert result.reasons == ({} if reason is None else {reason: 1})
    assert result.unreadable_targets == 0


def test_of_a_personal_column_neither_the_value_nor_those_of_the_rule_are_told():
    made = contract(personal_columns=["kind", "speed"], features={"columns": ["count"]})
    rows = spoiled("kind", "c")
    rows.loc[7, "speed"] = "11.5"
    result = checked(made, as_csv(rows))
    told = result.quarantine[["column", "rule", "value"]].to_dict("records")
    assert told == [
        {"column": "kind", "rule": "isin", "value": "(personal)"},
        {"column": "speed", "rule": "less_than_or_equal_to", "value": "(personal)"},
    ]


def test_typed_values_are_judged_like_written_ones():
    rows = clean_rows(100)
    rows["speed"] = (
        rows["speed"].mask(rows.index == 3, np.nan).mask(rows.index == 4, np.inf).mask(rows.index == 5, 11.0)
    )
    rows["id"] = rows["id"].astype(float).mask(rows.index == 6, 6.5)
    result = checked(contract(), as_parquet(rows))
    found = result.quarantine.set_index("row_number")["reason"].to_dict()
    assert found == {4: "missing_value", 5: "not_finite", 6: "out_of_range", 7: "wrong_type"}


def test_a_row_with_many_faults_is_one_row():
    rows = spoiled("speed", "x")
    rows.loc[3, ["id", "kind", "at"]] = ["y", "", "z"]
    result = checked(contract(), as_csv(rows))
    assert result.quarantined_rows == 1
    assert result.reasons == {"missing_value": 1, "wrong_type": 1}
    assert set(result.quarantine["column"]) == {"speed", "id", "kind", "at"}


def test_of_rows_with_the_same_id_the_first_sound_one_stays():
    rows = clean_rows(50).astype("object")
    twin, broken = rows.loc[[7]].assign(speed="1.5"), rows.loc[[7]].assign(speed="x")
    result = checked(contract(), as_csv(pd.concat([broken, rows])), as_csv(twin))
    assert result.reasons == {"duplicated_id": 1, "wrong_type": 1}
    assert result.quarantine[["file", "row_number"]].values.tolist() == [["part0", 1], ["part1", 1]]
    assert result.accepted.set_index(ROW_ID).loc["7", "speed"] == 7.0


def test_equal_rows_without_declared_ids_are_all_kept():
    rows = pd.concat([clean_rows(20)] * 3, ignore_index=True)
    result = checked(contract(row_id=()), as_csv(rows))
    assert len(result.accepted) == 60


def test_a_missing_column_names_itself_and_refuses_the_file_alone():
    whole, lacking = clean_rows(200), clean_rows(5).drop(columns=["speed", "kind"]).assign(id=range(500, 505))
    result = checked(contract(), as_csv(whole), as_csv(lacking))
    assert result.reasons == {"missing_column": 5}
    assert set(result.quarantine["column"]) == {"speed", "kind"}
    assert result.refused is None
    alone = checked(contract(), as_csv(lacking))
    assert alone.refused is not None
    assert "missing_column 5 (speed, kind)" in alone.refused


@pytest.mark.parametrize("lacking", ["at", "id", "store"])
def test_event_time_ids_and_blocks_are_required_also_outside_the_schema(lacking):
    schema = {name: rules for name, rules in COLUMNS.items() if name != "id"}
    made = contract(schema=schema, reserve={"block": "store"})
    rows = clean_rows(30).assign(store="x")
    assert checked(made, as_csv(rows)).refused is None
    assert checked(made, as_csv(rows.drop(columns=lacking))).reasons == {"missing_column": 30}


def test_extra_columns_are_dropped_and_told():
    result = checked(contract(leak_columns=["later"]), as_csv(clean_rows(9).assign(later=1, colour="red")))
    assert result.extra_columns == ("colour",)
    assert not {"later", "colour"} & set(result.accepted.columns)


def test_a_strict_schema_refuses_extra_columns():
    made = Contract(spec=declared(), schema=pa.DataFrameSchema(dict(contract().schema.columns), strict=True))
    assert checked(made, as_csv(clean_rows(9))).refused is None
    result = checked(made, as_csv(clean_rows(9).assign(colour="red")))
    assert result.reasons == {"extra_column": 9}
    assert result.refused is not None


def test_targets_that_nobody_asks_for_are_not_read():
    rows, made = as_csv(clean_rows(40).astype("object").assign(y="garbage")), contract()
    asked = checked(made, rows)
    unasked = made.check([("part", rows)], first_batch(made.spec), targets=False)
    pd.testing.assert_frame_equal(unasked.accepted, asked.accepted)
    pd.testing.assert_frame_equal(unasked.quarantine, asked.quarantine)
    assert (asked.unreadable_targets, len(asked.outcomes)) == (40, 40)
    assert (unasked.unreadable_targets, unasked.unreadable_values, len(unasked.outcomes)) == (0, (), 0)


def test_the_target_never_reaches_the_accepted_rows_and_never_quarantines_one():
    rows = clean_rows(40).astype("object")
    rows.loc[3, "y"] = "garbage"
    rows.loc[4, "y"] = ""
    result = checked(contract(), as_csv(rows))
    assert result.quarantined_rows == 0
    assert result.unreadable_targets == 1
    assert result.outcomes["y"].isna().sum() == 2
    without = checked(contract(), as_csv(rows.drop(columns="y")))
    assert without.outcomes["y"].isna().all()
    pd.testing.assert_frame_equal(without.accepted, result.accepted)


def test_ids_from_content_ignore_target_and_leaks():
    made = contract(row_id=(), leak_columns=["later"])
    one = checked(made, as_csv(clean_rows(30).assign(later=1)))
    other = checked(made, as_csv(clean_rows(30).assign(later=2, y=0)))
    assert one.accepted[ROW_ID].tolist() == other.accepted[ROW_ID].tolist()


def test_blocks_are_reserved_together():
    rows = clean_rows(400).assign(store=lambda frame: frame["id"] % 20)
    drawn = checked(contract(reserve={"block": "store", "share": 0.5}), as_csv(rows)).accepted
    stores = drawn["id"] % 20
    assert (drawn.groupby(stores)[RESERVED].nunique() == 1).all()
    assert drawn[RESERVED].nunique() == 2


def test_nothing_and_too_much_are_refused_with_numbers():
    assert checked(contract()).refused == "the batch holds no rows"
    assert checked(contract(), as_csv(clean_rows(0))).refused == "the batch holds no rows"
    rows = clean_rows(100).astype("object")
    rows.loc[:4, "speed"] = "x"
    assert checked(contract(), as_csv(rows)).refused is None
    rows.loc[:5, "speed"] = "x"
    refused = checked(contract(), as_csv(rows)).refused
    assert refused == "6 of 100 rows (6.0%) are in quarantine and quarantine.tolerance is 5.0%: wrong_type 6 (speed)"
    assert checked(contract(quarantine={"tolerance": 0.06}), as_csv(rows)).refused is None


def test_an_optional_column_may_be_missing_in_some_files():
    schema = COLUMNS | {"gust": {"type": "float", "required": False}, "bell": {"type": "int", "required": False}}
    made = contract(schema=schema)
    with_it, without = clean_rows(20).assign(bell=1), clean_rows(20).drop(columns="gust").assign(id=range(50, 70))
    with_it["gust"] = 1.0
    result = checked(made, as_csv(with_it), as_csv(without))
    assert result.reasons == {}
    assert result.accepted["bell"].isna().sum() == 20
    assert checked(made, as_csv(without)).reasons == {}


class Shop(pa.DataFrameModel):
    """A user's class with rules about values, columns, rows and the whole."""

    at: pd.DatetimeTZDtype = pa.Field(dtype_kwargs={"unit": "ns", "tz": "UTC"})
    id: int
    speed: float = pa.Field(ge=0, le=10)
    gust: float = pa.Field(nullable=True)
    code: str = pa.Field(unique=True)
    y: pd.BooleanDtype = pa.Field(nullable=True)

    @pa.check("speed")
    def not_three(cls, values: pd.Series) -> pd.Series:  # noqa: N805
        return values != 3

    @pa.dataframe_check
    def gust_is_stronger(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805
        return frame["gust"].isna() | (frame["gust"] >= frame["speed"])


def shop_rows(rows: int) -> pd.DataFrame:
    frame = clean_rows(rows)[["at", "id", "y"]].assign(speed=1.0, gust=2.0)
    return frame.assign(code=[f"c{number}" for number in range(rows)], y=frame["y"] == 1)


def shop(**changes: Any) -> Contract:
    return Contract(spec=declared(schema=f"{__name__}:Shop", **changes), schema=Shop.to_schema())


def test_rules_of_a_users_class_name_themselves():
    rows = shop_rows(60)
    rows.loc[5, "speed"] = 3.0
    rows.loc[5, "gust"] = 4.0
    rows.loc[6, "gust"] = 0.5
    rows.loc[[7, 8], "code"] = "same"
    result = checked(shop(quarantine={"tolerance": 0.2}), as_parquet(rows))
    found = {(line.row_number, line.column, line.rule, line.reason) for line in result.quarantine.itertuples()}
    assert found == {
        (6, "speed", "not_three", "check_failed"),
        (7, "", "gust_is_stronger", "check_failed"),
        (9, "code", "unique", "duplicated_value"),
    }


def test_each_row_with_a_text_that_breaks_a_rule_is_told_however_often_the_text_is_there():
    rows = clean_rows(40)
    rows.loc[[3, 7, 20, 31], "kind"] = "spaceship"
    rows.loc[[8, 9], "kind"] = None
    result = checked(contract(quarantine={"tolerance": 0.5}), as_parquet(rows))
    broken = result.quarantine[result.quarantine["column"] == "kind"]
    assert broken.loc[broken["value"] == "spaceship", "row_number"].tolist() == [4, 8, 21, 32]


def test_a_rule_about_the_whole_column_refuses_the_whole_batch():
    columns = dict(contract().schema.columns)
    columns["speed"] = pa.Column(float, checks=pa.Check(lambda values: values.mean() < 1, name="slow_on_average"))
    made = Contract(spec=declared(), schema=pa.DataFrameSchema(columns, coerce=True))
    result = checked(made, as_csv(clean_rows(50)))
    assert result.reasons == {"check_failed": 50}
    assert set(result.quarantine["rule"]) == {"slow_on_average"}
    assert result.refused is not None


def test_a_check_that_needs_the_target_is_a_mistake_in_the_declaration():
    schema = pa.DataFrameSchema(
        dict(contract().schema.columns), checks=pa.Check(lambda frame: frame["y"] >= 0, name="y_is_known"), coerce=True
    )
    with pytest.raises(DeclarationError) as refused:
        checked(Contract(spec=declared(leak_columns=["open"]), schema=schema), as_csv(clean_rows(5)))
    assert 'crashed: KeyError("y"); it sees the columns at, id, speed, gust, kind, code, count, and never' in str(
        refused.value
    )
    assert "never 'y' and 'open' (target.column and leak_columns), split off before it" in str(refused.value)


def test_the_users_schema_is_left_as_it_was():
    schema = Shop.to_schema()
    before = repr(schema)
    Contract(spec=declared(), schema=schema)
    assert repr(schema) == before
    assert "y" in schema.columns


def test_columns_by_regular_expression_and_types_of_panderas_own():
    import decimal

    schema = pa.DataFrameSchema(
        {
            "at": pa.Column("datetime64[ns, UTC]"),
            "id": pa.Column("int32"),
            "sensor_.*": pa.Column(float, pa.Check.ge(0), regex=True),
            "level": pa.Column(pd.CategoricalDtype(["low", "high"])),
            "price": pa.Column(pa.dtypes.Decimal(10, 2)) if hasattr(pa, "dtypes") else pa.Column(object),
            "free": pa.Column(),
        },
        coerce=True,
    )
    made = Contract(spec=declared(schema=COLUMNS, drift={}), schema=schema)
    rows = clean_rows(40)[["at", "id"]].assign(sensor_1=1.0, sensor_2=2.0, level="low", price="1.25", free="x")
    rows = rows.astype({"sensor_1": "object", "id": "object"})
    rows.loc[0, "sensor_1"] = "-1"
    rows.loc[1, "level"] = "middle"
    rows.loc[2, "id"] = 2**40
    result = made.check([("part0", as_csv(rows))], first_batch(made.spec))
    found = set(zip(result.quarantine["column"], result.quarantine["reason"], strict=True))
    assert {("sensor_1", "out_of_range"), ("level", "unseen_category"), ("id", "wrong_type")} <= found
    assert len(result.accepted) + result.quarantined_rows == 40
    assert result.accepted["level"].dtype == "object"
    assert isinstance(result.accepted["price"].iloc[0], decimal.Decimal | str)


@pytest.mark.parametrize(("mark", "other"), [(",", "."), (".", ",")])
def test_exact_numbers_are_read_by_the_decimal_mark_of_the_file(mark: str, other: str):
    from pandera.engines.pandas_engine import Decimal

    columns = {"at": pa.Column("datetime64[ns, UTC]"), "id": pa.Column(int), "price": pa.Column(Decimal(10, 2))}
    source = {"type": "files", "path": "drop/{batch}.csv", "decimal": mark}
    made = Contract(
        spec=declared(schema=COLUMNS, drift={}, source=source), schema=pa.DataFrameSchema(columns, coerce=True)
    )
    rows = clean_rows(40)[["at", "id"]].assign(price=f"1200{mark}25")
    rows.loc[[3, 4], "price"] = f"12{other}5", "7"
    result = made.check([("part0", as_csv(rows))], first_batch(made.spec))
    assert result.quarantine[["column", "reason", "value"]].to_numpy().tolist() == [
        ["price", "wrong_type", f"12{other}5"]
    ]
    assert sorted(set(result.accepted["price"].astype(float))) == [7.0, 1200.25]


def test_parsers_and_defaults_of_the_schema_are_applied():
    columns = dict(contract().schema.columns)
    columns["gust"] = pa.Column(float, default=0.5, nullable=True)
    columns["code"] = pa.Column(str, parsers=pa.Parser(lambda values: values.str.upper()))
    made = Contract(spec=declared(), schema=pa.DataFrameSchema(columns, coerce=True))
    result = made.check([("part0", as_csv(clean_rows(10)))], first_batch(made.spec))
    assert result.accepted["gust"].notna().all()
    assert (result.accepted["code"] == "ABC").all()


FAULTS = {
    "at": ["", "nonsense", "2014-01-01", "2013-01-07T23:59:59.999999Z", "2013-01-08"],
    "id": ["", "x", "3", "-7", "1e3", "0.5"],
    "speed": ["", "NaN", "inf", "1e400", "11", "abc", "5"],
    "kind": ["", "a", "A", "zz"],
    "code": ["", "é", "abc", '"', ","],
    "open": ["", "2", "no", "TRUE"],
    "count": ["", "1.0", "1.5", "9" * 30],
    "y": ["", "q", "0"],
}
CORRUPTIONS = st.lists(st.tuples(st.integers(0, 39), st.sampled_from(sorted(FAULTS)), st.integers(0, 6)), max_size=60)


@settings(deadline=None)
@given(CORRUPTIONS, st.integers(0, 40), st.sampled_from([(), ("id",), ("kind", "id")]), st.booleans())
def test_no_row_is_lost_or_doubled_whatever_is_broken(corruptions, cut, row_id, twice):
    rows = clean_rows(40).astype("object")
    for row, column, choice in corruptions:
        rows.loc[row, column] = FAULTS[column][choice % len(FAULTS[column])]
    parts = [as_csv(rows.iloc[:cut]), as_csv(rows.iloc[cut:])] + ([as_csv(rows)] if twice else [])
    checked(contract(row_id=row_id, quarantine={"tolerance": 1.0}), *parts)


def test_a_hundred_thousand_failures_are_all_told():
    result = checked(contract(), as_parquet(clean_rows(100_000).assign(speed=99.0, kind="z")))
    assert result.quarantined_rows == 100_000
    assert len(result.quarantine) == 200_000


@pytest.mark.parametrize("limit", ["gt", "ge", "lt", "le"])
@pytest.mark.parametrize("values", [[1.0, 2.0], [2.0, 3.0], [1.0, 3.0], [2.0, None], [None, None], [2, 2]])
@pytest.mark.parametrize("ignore_na", [True, False])
def test_limits_hold_for_the_values_for_which_pandera_says_so(limit: str, values: list[float | None], ignore_na: bool):
    check, number = getattr(pa.Check, limit)(2, ignore_na=ignore_na), pd.Series(values, dtype="float64")
    rows = clean_rows(len(values)).assign(speed=number)
    columns = {"at": pa.Column("datetime64[us, UTC]"), "id": pa.Column(int), "code": pa.Column(str)}
    schema = pa.DataFrameSchema(columns | {"speed": pa.Column(float, check, nullable=True)})
    result = checked(Contract(spec=declared(), schema=schema), rows)
    passed = check(number).check_output.reindex(number.index, fill_value=True)
    assert result.accepted["id"].tolist() == rows["id"][passed].tolist()


@pytest.mark.parametrize("statistics", [None, {"max_value": 255}])
def test_a_check_with_the_name_of_a_limit_and_none_is_asked(statistics: dict[str, int] | None):
    named = pa.Check(lambda values: values != 1, name="less_than", error="is not one", statistics=statistics)
    columns = {"at": pa.Column("datetime64[us, UTC]"), "id": pa.Column(int, named), "code": pa.Column(str)}
    result = checked(Contract(spec=declared(), schema=pa.DataFrameSchema(columns)), clean_rows(3))
    assert result.accepted["id"].tolist() == [0, 2]


def test_the_rows_that_were_delivered_stay_as_they_are():
    delivered = clean_rows(20)
    before = delivered.copy()
    result = checked(contract(), delivered)
    result.accepted["speed"] = -1.0
    result.accepted.loc[:, "code"] = "changed"
    pd.testing.assert_frame_equal(delivered, before)


SENSORS = {"at": pa.Column("datetime64[ns, UTC]"), "id": pa.Column(int)}


def sensors(features: dict[str, Any] | None = None, *, required: bool = True) -> Contract:
    """A contract whose sensors are given by a regular expression."""
    column = pa.Column(float, nullable=True, regex=True, required=required)
    schema = pa.DataFrameSchema(SENSORS | {r"sensor_\d+": column})
    return Contract(spec=declared(features=features or {}, schema="sensors:Sensors"), schema=schema)


def measured(*names: str) -> pd.DataFrame:
    return clean_rows(10)[["at", "id", "speed"]].assign(**dict.fromkeys(names, 1.0))


def test_an_input_that_a_regular_expression_covers_must_be_delivered():
    """It passed, and scoring failed."""
    named = sensors({"columns": ["sensor_1", "sensor_2"]})
    batch = first_batch(named.spec)
    without = named.check([("f.csv", measured("sensor_1", "sensor_3"))], batch)
    assert without.reasons == {"missing_column": 10}
    assert set(without.quarantine["column"]) == {"sensor_2"}
    assert without.refused is not None
    assert named.check([("f.csv", measured("sensor_1", "sensor_2"))], batch).reasons == {}
    # Of an optional column its values are missing, as of one that is named.
    optional = sensors({"columns": ["sensor_1", "sensor_2"]}, required=False)
    filled = optional.check([("f.csv", measured("sensor_1"))], batch)
    assert filled.reasons == {}
    assert filled.accepted["sensor_2"].isna().all()
    # The names that a transform returns are none of the delivery's.
    derived = sensors({"columns": ["sensor_9"], "transform": "retrain_assets_tests.data.contract_world:clean_rows"})
    assert derived.check([("f.csv", measured("sensor_1"))], batch).reasons == {}


def test_a_regular_expression_that_no_column_matches_is_a_missing_column():
    found = sensors()
    batch = first_batch(found.spec)
    none = found.check([("f.csv", measured())], batch)
    assert none.reasons == {"missing_column": 10}
    assert set(none.quarantine["column"]) == {r"sensor_\d+"}
    assert found.check([("f.csv", measured("sensor_7"))], batch).reasons == {}
    assert sensors(required=False).check([("f.csv", measured())], batch).reasons == {}
