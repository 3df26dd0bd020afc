"""What was known at a moment never changes afterwards, in whatever order labels arrive."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.data.labels import (
    LABEL_COLUMNS,
    DeliveredLabels,
    extract_labels,
    join_labels,
    labels_as_of,
    labels_of_rows,
    merge_labels,
    no_labels,
    with_labels,
)
from retrain_assets.data.reading import TEXT, read_part
from retrain_assets.data.tables import table_problems
from retrain_assets.errors import DataError, DeclarationError, StoreError
from retrain_assets_tests.data.contract_world import COLUMNS, clean_rows, contract, first_batch

START = datetime(2013, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def delivery(*rows: tuple[str, int, float]) -> pd.DataFrame:
    """Labels of events at the start, known at a day: (row, label, day)."""
    return pd.DataFrame(
        {
            "ra_row_id": pd.Series([row for row, _, _ in rows], dtype="object"),
            "event_time": pd.Series([START] * len(rows), dtype="datetime64[us, UTC]"),
            "label": pd.Series([label for _, label, _ in rows], dtype="int64"),
            "available_at": pd.Series([day(known) for _, _, known in rows], dtype="datetime64[us, UTC]"),
            "revision": pd.Series(1, index=range(len(rows)), dtype="int64"),
        }
    )


def known(labels: pd.DataFrame, number: float) -> dict[str, int]:
    rows = labels_as_of(labels, day(number))
    return dict(zip(rows["ra_row_id"], rows["label"], strict=True))


def test_labels_come_with_the_rows_and_are_known_after_the_delay():
    made = contract()
    rows = clean_rows(50).astype("object")
    rows.loc[3, "y"] = ""
    rows.loc[4, "y"] = "unreadable"
    rows.loc[5, "speed"] = "x"
    frame = read_part("f", "csv", rows.to_csv(index=False).encode())
    delivered = extract_labels([("f", frame)], made, first_batch(made.spec))
    labels = delivered.labels
    assert (delivered.unreadable, delivered.unreadable_values) == (1, ("unreadable",))
    assert set(map(str, range(50))) - set(labels["ra_row_id"]) == {"3", "4", "5"}
    assert (labels["available_at"] - labels["event_time"]).unique().tolist() == [pd.Timedelta(days=1)]
    assert labels["label"].dtype == "int64"
    assert tuple(labels.columns) == LABEL_COLUMNS
    assert table_problems("labels", labels) == ()


def flawed_rows() -> pd.DataFrame:
    rows = clean_rows(50).astype("object")
    rows.loc[3, "y"] = ""
    rows.loc[4, "y"] = "unreadable"
    rows.loc[5, ["y", "speed"]] = "unreadable", "x"
    rows.loc[6, "id"] = None
    return rows


@pytest.mark.parametrize("changes", [{}, {"row_id": ()}])
@pytest.mark.parametrize("twice", [False, True])
def test_labels_of_accepted_rows_need_no_second_check(changes, twice):
    """The same labels as from checking all rows again; of two rows with one id it is the accepted one that counts."""
    made = contract(**changes)
    rows = flawed_rows()
    if twice:
        rows.loc[7, "id"] = rows.loc[5, "id"]
    # Files in another order than time, which is the order of the accepted rows.
    parts = [rows.iloc[25:], rows.iloc[:25]]
    frames = [(str(n), read_part("f", "csv", part.to_csv(index=False).encode())) for n, part in enumerate(parts)]
    batch = first_batch(made.spec)
    accepted = made.check(frames, batch).accepted
    expected = extract_labels(frames, made, batch)
    told = labels_of_rows(frames, made, batch, accepted)
    pd.testing.assert_frame_equal(told.labels, expected.labels)
    assert (told.unreadable, told.unreadable_values) == (expected.unreadable, expected.unreadable_values)
    assert len(told.labels) > 40


@pytest.mark.parametrize("rows", [clean_rows(0), clean_rows(5).drop(columns="y")])
def test_no_label_is_an_empty_history(rows):
    made = contract()
    labels = extract_labels([("f", rows)], made, first_batch(made.spec)).labels
    assert len(labels) == 0
    assert table_problems("labels", merge_labels(None, labels, day(9)).labels) == ()


def source_contract():
    """With a schema that does not name the target, as most do not."""
    labels = {"type": "files", "path": "labels/{batch}.csv"}
    columns = {name: column for name, column in COLUMNS.items() if name != "y"}
    return contract(target={"column": "y", "label_delay": "1 day", "labels": labels}, schema=columns)


def joined(text: str) -> pd.DataFrame:
    return delivered_by(text).labels


def delivered_by(*texts: str, stored: pd.Series | None = None) -> DeliveredLabels:
    made = source_contract()
    rows = made.check([("f", clean_rows(50))], first_batch(made.spec)).accepted
    frames = [("l.csv", read_part("l.csv", "csv", text.encode())) for text in texts]
    return join_labels(frames, made, rows, stored=stored)


def test_all_files_of_a_source_of_labels_are_read_as_one_type():
    """A file alone may suggest another; a label that is not of the type is told, one of an unknown row is not."""
    good = "id,y\n" + "".join(f"{row},{row % 2}\n" for row in range(20))
    made = delivered_by(good, "id,y\n30,oops\n999,what\n")
    assert (made.unreadable, made.unreadable_values) == (1, ("oops",))
    assert made.labels["label"].dtype == "int64"
    assert len(made.labels) == 20


@pytest.mark.parametrize(
    ("metric", "column", "values", "refused"),
    [
        ("log_loss", {"type": "int", "values": [0, 1]}, [0, 2, None, 1], ("2",)),
        ("log_loss", {"type": "float", "values": [0, 1]}, ["0", "1.0", "2", None], ("2",)),
        ("log_loss", {"type": "category", "values": ["no", "yes"]}, ["no", "maybe", "yes", None], ("maybe",)),
        ("log_loss", {"type": "string", "pattern": "[ab]"}, ["a", "c", None, "b"], ("c",)),
        ("log_loss", {"type": "bool"}, ["True", "False", None, "True"], ()),
        ("squared_error", {"type": "float", "min": 0}, [0.5, -1.0, None, 3.0], ("-1.0",)),
        ("squared_error", {"type": "int", "max": 9}, [0, 10, None, 3], ("10", "10.0")),
    ],
)
def test_a_label_that_breaks_a_rule_of_the_schema_is_none(
    metric: str, column: dict[str, Any], values: list[Any], refused: tuple[str, ...]
):
    """Rows of a wrong class would be learned otherwise; their features are not to blame."""
    made = contract(schema={**COLUMNS, "y": {"nullable": True, **column}}, metric=metric)
    rows = clean_rows(4).assign(y=pd.Series(values, dtype="object"))
    batch = first_batch(made.spec)
    taken = extract_labels([("f", rows)], made, batch)
    told = labels_of_rows([("f", rows)], made, batch, made.check([("f", rows)], batch).accepted)
    for delivered in (taken, told):
        assert len(delivered.labels) == 3 - bool(refused)
        assert delivered.unreadable == bool(refused)
        assert set(delivered.unreadable_values) <= set(refused)
        assert bool(delivered.unreadable_values) == bool(refused)
    assert len(made.check([("f", rows)], batch).accepted) == 4


@pytest.mark.parametrize("listed", [["no", "yes"], [0, 1]])
@pytest.mark.parametrize("by", ["type", "check"])
def test_the_classes_that_a_categorical_column_lists_hold_for_labels(by: str, listed: list[Any]):
    dtype: Any = pd.CategoricalDtype(listed if by == "type" else None)
    made = contract()
    made.schema.columns["y"] = pa.Column(dtype, pa.Check.isin(listed) if by == "check" else None, coerce=True, name="y")
    rows = clean_rows(4).assign(y=pd.Series([*listed, None, 2], dtype="object"))
    delivered = extract_labels([("f", rows)], made, first_batch(made.spec))
    assert delivered.labels["label"].tolist() == [str(each) for each in listed]
    assert (delivered.unreadable, delivered.unreadable_values) == (1, ("2",))


@pytest.mark.parametrize("dtype", [object, None])
@pytest.mark.parametrize(
    ("metric", "check", "values", "refused"),
    [
        ("log_loss", pa.Check.isin(["no", "yes"]), ["no", "maybe", None, "yes"], "maybe"),
        ("log_loss", pa.Check.isin([0, 1]), [0, 2, None, 1], "2"),
        ("log_loss", pa.Check.str_matches("^[ab]$"), ["a", "c", None, "b"], "c"),
        ("log_loss", pa.Check.le(1), [0, 2, None, 1], "2"),
        ("log_loss", pa.Check.isin([0]), [False, True, None, False], "True"),
        ("squared_error", pa.Check.ge(0), [0.5, -1.0, None, 3.0], "-1.0"),
    ],
)
def test_rules_of_a_target_that_may_hold_anything_hold_for_labels(
    dtype: Any, metric: str, check: pa.Check, values: list[Any], refused: str
):
    labels = {"type": "files", "path": "labels/{batch}.csv"}
    made = contract(target={"column": "y", "label_delay": "1 day", "labels": labels}, metric=metric)
    made.schema.columns["y"] = pa.Column(dtype, check, nullable=True, name="y")
    rows = made.check([("f", clean_rows(4).drop(columns="y"))], first_batch(made.spec)).accepted
    files = [("l.parquet", pd.DataFrame({"id": range(4), "y": pd.Series(values, dtype="object")}))]
    delivered = join_labels(files, made, rows)
    assert (len(delivered.labels), delivered.unreadable, delivered.unreadable_values) == (2, 1, (refused,))


@pytest.mark.parametrize("dtype", [object, None])
@pytest.mark.parametrize("stored", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("metric", "check", "values", "refused"),
    [
        ("log_loss", pa.Check.isin(["0", "1"]), ["0", "2", None, "1"], "2"),
        ("log_loss", pa.Check.isin([0, 1]), ["0", "2", None, "1"], "2"),
        ("log_loss", pa.Check.isin(["01", "02"]), ["01", "03", None, "02"], "03"),
        ("log_loss", pa.Check.isin(["true", "false"]), ["true", "maybe", None, "false"], "maybe"),
        ("log_loss", pa.Check.str_matches("^[01]$"), ["0", "2", None, "1"], "2"),
        ("log_loss", pa.Check.in_range(0, 1), ["0", "2", None, "1"], "2"),
        ("squared_error", pa.Check.str_matches("^[0-9]+$"), ["10", "-1", None, "12"], "-1"),
    ],
)
def test_such_rules_hold_for_labels_that_are_written_as_texts(
    dtype: Any, stored: str, metric: str, check: pa.Check, values: list[Any], refused: str
):
    labels = {"type": "files", "path": "labels/{batch}.csv"}
    made = contract(target={"column": "y", "label_delay": "1 day", "labels": labels}, metric=metric)
    made.schema.columns["y"] = pa.Column(dtype, check, nullable=True, name="y")
    rows = made.check([("f", clean_rows(4).drop(columns="y"))], first_batch(made.spec)).accepted
    texts = pd.Series(values, dtype=TEXT if stored == "csv" else "object")
    delivered = join_labels([("l", pd.DataFrame({"id": range(4), "y": texts}))], made, rows)
    assert (len(delivered.labels), delivered.unreadable, delivered.unreadable_values) == (2, 1, (refused,))


def test_a_missing_label_breaks_no_rule_and_a_rule_that_crashes_is_told():
    rows = clean_rows(3).assign(y=pd.Series([0, 1, None], dtype="Int64"))

    def delivered(check: pa.Check) -> DeliveredLabels:
        made = contract()
        made.schema.columns["y"] = pa.Column("Int64", check, nullable=True, name="y")
        return extract_labels([("f", rows)], made, first_batch(made.spec))

    assert delivered(pa.Check.ge(0, ignore_na=False)).unreadable == 0
    assert delivered(pa.Check.isin([0], ignore_na=False)).unreadable == 1
    with pytest.raises(DeclarationError, match=r"schema: the check .* of the target 'y' crashed: "):
        delivered(pa.Check.ge("a"))


def test_what_is_stored_already_says_the_type():
    text = "id,y\n7,1\n8,x\n"
    assert delivered_by(text).labels["label"].tolist() == ["1", "x"]
    later = delivered_by(text, stored=pd.Series([0, 1]))
    assert (later.labels["label"].tolist(), later.unreadable_values) == ([1], ("x",))
    assert delivered_by("id,y\n7,1\n", stored=pd.Series(["cat"])).labels["label"].tolist() == ["1"]


def test_labels_of_a_source_of_their_own_are_joined_by_typed_ids():
    labels = joined("id,y,available_at\n007,1,2013-01-05T00:00:00Z\n8.0,0,\n999,1,2013-01-05\n9,,2013-01-05\n")
    assert labels["ra_row_id"].tolist() == ["7", "8"]
    assert labels["label"].tolist() == [1, 0]
    assert labels["available_at"].tolist() == [
        pd.Timestamp("2013-01-05", tz="UTC"),
        labels["event_time"][1] + pd.Timedelta(days=1),
    ]
    assert table_problems("labels", labels) == ()


def test_nobody_knows_an_outcome_before_the_event():
    labels = joined("id,y,available_at\n7,1,2012-01-01\n")
    assert labels["available_at"].tolist() == labels["event_time"].tolist()


def test_labels_of_unknown_rows_and_of_before_their_event_are_counted():
    known = "7,1,2012-01-01\n8,0,2013-01-05\n9,0,soon\n"
    text = f"id,y,available_at\n{known}999,1,2013-01-05\n998,what,\n997,,\n996,1,\n995,0,\n"
    made = delivered_by(text, "id,y\n,1\n999,1\n")
    assert made.labels["ra_row_id"].tolist() == ["7", "8", "9"]
    assert made.undated == 1
    assert made.labels["available_at"][2] == made.labels["event_time"][2] + pd.Timedelta(days=1)
    assert (made.unknown, made.unknown_ids, made.early, made.unreadable) == (6, ("999", "998", "996"), 1, 0)
    rows = extract_labels([("f", clean_rows(50))], contract(), first_batch(contract().spec))
    assert (rows.unknown, rows.unknown_ids, rows.early) == (0, (), 0)


def test_a_plain_date_is_before_an_event_where_its_day_is():
    made = source_contract()
    rows = made.check([("f", clean_rows(50))], first_batch(made.spec)).accepted.iloc[:4]
    noon = rows[made.spec.event_time].dt.normalize() + pd.Timedelta(hours=12)
    rows = rows.assign(**{made.spec.event_time: noon})
    day_of = noon.dt.strftime("%Y-%m-%d")
    told = pd.Series([day_of[0], f"{day_of[1]}T11:59:00Z", (noon[2] - pd.Timedelta(days=1)).strftime("%Y-%m-%d"), None])
    labels = pd.DataFrame({"id": rows["ra_row_id"].to_numpy(), "y": 1, "available_at": told})
    delivered = join_labels([("l.csv", labels)], made, rows)
    assert (delivered.early, delivered.undated) == (2, 0)
    assert delivered.labels["available_at"].tolist()[:3] == noon.tolist()[:3]


@pytest.mark.parametrize("blank", ["", "  "])
def test_blank_text_is_no_date_whatever_the_labels_came_from(blank: str):
    made = source_contract()
    rows = made.check([("f", clean_rows(50))], first_batch(made.spec)).accepted
    frame = pd.DataFrame({"id": [7, 8], "y": [1, 0], "available_at": [blank, "soon"]})
    for labels in (frame, read_part("l.csv", "csv", frame.to_csv(index=False).encode())):
        delivered = join_labels([("l.csv", labels)], made, rows)
        assert (len(delivered.labels), delivered.undated) == (2, 1)


def test_a_label_file_without_its_columns_is_told():
    with pytest.raises(DataError, match=r"l\.csv: .* must have the column 'y'.*Did you mean 'yy'"):
        joined("id,yy\n7,1\n")


def test_a_correction_appends_and_changes_nothing_before_its_delivery():
    first = merge_labels(None, delivery(("a", 0, 1), ("b", 1, 2)), day(7))
    second = merge_labels(first.labels, delivery(("a", 1, 1), ("b", 1, 2)), day(14))
    assert (first.added, first.corrected, first.duplicates) == (2, 0, 0)
    assert (second.added, second.corrected, second.duplicates) == (0, 1, 1)
    assert known(second.labels, 13.9) == {"a": 0, "b": 1}
    assert known(second.labels, 14) == {"a": 1, "b": 1}
    assert second.labels.query("ra_row_id == 'a'")["revision"].tolist() == [1, 2]


def test_a_late_label_is_not_known_before_it_came():
    first = merge_labels(None, delivery(("a", 0, 1)), day(7))
    second = merge_labels(first.labels, delivery(("b", 1, 2)), day(14))
    assert known(second.labels, 13) == {"a": 0}
    assert known(second.labels, 14) == {"a": 0, "b": 1}


def test_a_label_of_the_future_waits():
    first = merge_labels(None, delivery(("a", 0, 1), ("a", 1, 9)), day(7))
    assert (first.added, first.pending) == (1, 1)
    assert known(first.labels, 30) == {"a": 0}
    second = merge_labels(first.labels, delivery(("a", 0, 1), ("a", 1, 9)), day(10))
    assert (second.corrected, second.duplicates) == (1, 1)
    assert known(second.labels, 9.9) == {"a": 0}
    assert known(second.labels, 10) == {"a": 1}


def test_within_a_delivery_the_newest_counts_in_any_order():
    for rows in ([("a", 0, 1), ("a", 1, 3)], [("a", 1, 3), ("a", 0, 1)]):
        merged = merge_labels(None, delivery(*rows), day(7))
        assert known(merged.labels, 7) == {"a": 1}
        assert (merged.added, merged.duplicates) == (1, 1)


def test_only_two_labels_for_a_row_of_one_moment_are_ambiguous():
    """What is known and is delivered again, or corrected later, is one label at a time, and so is the same twice."""
    first = merge_labels(None, delivery(("a", 0, 1), ("b", 1, 2)), day(7))
    again = merge_labels(
        first.labels, delivery(("a", 0, 1), ("b", 1, 2), ("a", 1, 8), ("c", 1, 2), ("c", 1, 2)), day(14)
    )
    twice = merge_labels(again.labels, delivery(("a", 1, 1), ("b", 1, 2), ("b", 0, 2), ("b", 0, 2)), day(21))
    assert (first.ambiguous, again.ambiguous, twice.ambiguous) == (0, 0, 1)


def test_an_empty_delivery_is_nothing_new():
    first = merge_labels(no_labels(), delivery(("a", 0, 1)), day(7))
    again = merge_labels(first.labels, delivery(), day(14))
    pd.testing.assert_frame_equal(again.labels, first.labels)
    assert len(merge_labels(None, no_labels(), day(7)).labels) == 0


DELIVERIES = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2), st.integers(0, 20)), max_size=8),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(DELIVERIES, st.lists(st.integers(1, 5), min_size=5, max_size=5))
def test_reading_as_of_a_moment_gives_the_same_whatever_comes_later(deliveries, steps):
    table, cutoff = None, 0
    histories: list[tuple[int, pd.DataFrame]] = []
    for rows, step in zip(deliveries, steps, strict=False):
        cutoff += step
        table = merge_labels(table, delivery(*rows), day(cutoff)).labels
        histories.append((cutoff, table))
    for made_at, history in histories:
        for moment in range(made_at + 1):
            assert known(history, moment) == known(histories[-1][1], moment)


@settings(deadline=None)
@given(DELIVERIES)
def test_the_same_delivery_twice_is_one_delivery_and_nothing_is_lost_of_the_past(deliveries):
    table = None
    for number, rows in enumerate(deliveries):
        once = merge_labels(table, delivery(*rows), day(10 + number))
        again = merge_labels(once.labels, delivery(*rows), day(10 + number))
        pd.testing.assert_frame_equal(once.labels, again.labels)
        assert again.corrected == again.added == 0
        assert once.added + once.corrected + once.duplicates + once.pending == len(rows)
        if table is not None:
            assert len(once.labels.merge(table)) == len(table)
        assert table_problems("labels", once.labels) == ()
        for _, found in once.labels.groupby("ra_row_id")["revision"]:
            assert sorted(found) == list(range(1, len(found) + 1))
        table = once.labels


def test_rows_get_the_label_that_was_known_at_a_moment_and_keep_their_order():
    rows = pd.DataFrame({"ra_batch": ["1", "1", "1", "2"], "ra_row_id": ["b", "a", "c", "a"]})
    labels = pd.DataFrame(
        {
            "ra_batch": ["1", "1", "1", "2"],
            "ra_row_id": ["a", "b", "b", "a"],
            "label": [10, 20, 21, 30],
            "available_at": [day(1), day(1), day(3), day(2)],
            "revision": [1, 1, 2, 1],
        }
    )
    known = [with_labels(rows, labels, day(moment)) for moment in (1, 2, 3)]
    assert [list(frame.itertuples(index=False, name=None)) for frame in known] == [
        [("1", "b", 20), ("1", "a", 10)],
        [("1", "b", 20), ("1", "a", 10), ("2", "a", 30)],
        [("1", "b", 21), ("1", "a", 10), ("2", "a", 30)],
    ]  # fmt: skip
    mixed = with_labels(rows.iloc[[3, 0, 2, 1]], labels, day(3), among=np.array([True, True, True, False]))
    assert list(mixed.itertuples(name=None)) == [(0, "2", "a", 30), (1, "1", "b", 21)]
    with pytest.raises(StoreError, match="hold a row twice"):
        with_labels(pd.concat([rows, rows]), labels, day(3))
