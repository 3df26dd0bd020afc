"""Each rule of the schema, and each field around it, changes which rows are accepted or what is split off."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from retrain_assets.data.contracts import RESERVED, Accepted
from retrain_assets.data.row_ids import ROW_ID
from retrain_assets_tests.data.contract_world import COLUMNS, clean_rows, contract, first_batch

ROWS = clean_rows(200)


def checked(frame: pd.DataFrame = ROWS, **changes: Any) -> Accepted:
    made = contract(**changes)
    return made.check([("a.csv", frame)], first_batch(made.spec))


def with_rule(column: str, **rules: Any) -> dict[str, Any]:
    """The schema with the rules of one column replaced."""
    return {**COLUMNS, column: rules}


@pytest.mark.covers("schema")
def test_the_schema_is_columns_or_a_pandera_model():
    assert "gust" in checked().accepted
    fewer = {name: rules for name, rules in COLUMNS.items() if name != "gust"}
    assert "gust" not in checked(schema=fewer).accepted
    sales = ROWS.rename(columns={"at": "day", "speed": "price", "kind": "shop", "y": "sold"})
    own = checked(
        sales,
        schema="retrain_assets_tests.authoring.user_code:Sales",
        event_time="day",
        target={"column": "sold"},
    )
    assert set(own.accepted) == {"day", "price", "shop", ROW_ID, RESERVED}


@pytest.mark.covers("schema.*.type")
def test_the_type_is_what_values_are_read_as():
    frame = ROWS.assign(code="12")
    assert checked(frame, schema=with_rule("code", type="string")).accepted["code"].tolist()[0] == "12"
    assert checked(frame, schema=with_rule("code", type="int")).accepted["code"].tolist()[0] == 12
    assert checked(schema=with_rule("code", type="int")).reasons == {"wrong_type": 200}


@pytest.mark.covers("schema.*.nullable")
def test_a_missing_value_is_refused_unless_it_may_be_missing():
    missing = int(ROWS["gust"].isna().sum())
    assert checked(schema=with_rule("gust", type="float", nullable=True)).quarantined_rows == 0
    assert checked(schema=with_rule("gust", type="float", nullable=False)).reasons == {"missing_value": missing}


@pytest.mark.covers("schema.*.required")
def test_a_missing_column_is_refused_unless_it_may_be_missing():
    frame = ROWS.drop(columns="code")
    assert checked(frame, schema=with_rule("code", type="string")).reasons == {"missing_column": 200}
    assert checked(frame, schema=with_rule("code", type="string", required=False)).quarantined_rows == 0


@pytest.mark.covers("schema.*.unique")
def test_a_repeated_value_is_refused_where_it_must_be_unique():
    assert checked(schema=with_rule("speed", type="float")).quarantined_rows == 0
    assert checked(schema=with_rule("speed", type="float", unique=True)).reasons == {"duplicated_value": 190}


@pytest.mark.covers("schema.*.min", "schema.*.max")
@pytest.mark.parametrize(
    ("limits", "refused"), [({}, 0), ({"min": 2}, 40), ({"max": 7}, 40), ({"min": 2, "max": 7}, 80)]
)
def test_limits_refuse_what_lies_outside(limits: dict[str, float], refused: int):
    for rules in ({}, {"min": 9}, {"max": 0}):
        checked(schema=with_rule("speed", type="float", **rules))
    assert checked(schema=with_rule("speed", type="float", **limits)).reasons.get("out_of_range", 0) == refused


@pytest.mark.covers("schema.*.values")
def test_values_are_the_allowed_ones():
    assert checked(schema=with_rule("kind", type="category", values=["a", "b"])).quarantined_rows == 0
    assert checked(schema=with_rule("kind", type="category", values=["a"])).reasons == {"unseen_category": 100}


@pytest.mark.covers("schema.*.pattern")
def test_a_pattern_must_match_the_whole_text():
    assert checked(schema=with_rule("code", type="string", pattern="[a-z]+")).quarantined_rows == 0
    assert checked(schema=with_rule("code", type="string", pattern="[a-z]")).reasons == {"pattern_mismatch": 200}


@pytest.mark.covers("event_time")
def test_the_event_time_must_lie_in_the_window():
    frame = ROWS.assign(other=ROWS["at"] + pd.Timedelta(days=3))
    schema = {**COLUMNS, "other": {"type": "datetime"}}
    assert checked(frame, schema=schema).quarantined_rows == 0
    late = int((frame["other"] >= pd.Timestamp("2013-01-08", tz="UTC")).sum())
    moved = checked(frame, schema=schema, event_time="other")
    assert moved.reasons.get("outside_window", 0) == late
    assert moved.accepted["other"].is_monotonic_increasing


@pytest.mark.covers("row_id")
def test_the_row_id_is_what_a_row_is_known_by():
    twice = pd.concat([ROWS, ROWS.assign(speed=1.0)], ignore_index=True)
    assert checked(twice, row_id="id").reasons == {"duplicated_id": 200}
    assert checked(twice, row_id=["id", "speed"]).quarantined_rows < 200
    assert set(checked(row_id="id").accepted[ROW_ID]) != set(checked(row_id=["id", "kind"]).accepted[ROW_ID])


@pytest.mark.covers("target.column")
def test_the_target_is_split_off():
    plain = checked()
    assert "y" not in plain.accepted
    assert plain.outcomes["y"].notna().all()
    other = checked(target={"column": "count"})
    assert "count" not in other.accepted
    assert "y" in other.accepted
    assert "count" in other.outcomes


@pytest.mark.covers("leak_columns")
def test_leak_columns_are_split_off():
    assert "gust" in checked().accepted
    hidden = checked(leak_columns=["gust"])
    assert "gust" not in hidden.accepted
    assert "gust" not in hidden.outcomes


@pytest.mark.covers("quarantine.tolerance")
def test_above_the_tolerance_the_batch_is_refused():
    frame = ROWS.assign(speed=ROWS["speed"].where(ROWS["id"] >= 20, 99.0))  # a tenth is out of range
    assert checked(frame, quarantine={"tolerance": 0.2}).refused is None
    refused = checked(frame, quarantine={"tolerance": 0.05}).refused
    assert refused is not None
    assert "10.0%" in refused


@pytest.mark.covers("reserve.share")
def test_the_share_of_the_rows_is_reserved():
    frame = clean_rows(2000)
    for share in (0.1, 0.5):
        assert checked(frame, reserve={"share": share}).accepted[RESERVED].mean() == pytest.approx(share, abs=0.03)


@pytest.mark.covers("reserve.block")
def test_equal_values_of_the_block_are_reserved_together():
    frame = clean_rows(2000).assign(speed=lambda rows: rows["id"] % 10)
    assert checked(frame).accepted.groupby("speed")[RESERVED].nunique().max() == 2
    assert checked(frame, reserve={"block": "speed"}).accepted.groupby("speed")[RESERVED].nunique().max() == 1
