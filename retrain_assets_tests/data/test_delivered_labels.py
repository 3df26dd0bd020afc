"""Labels come with the rows of their batch or by a source of their own; what cannot be used of them is counted."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from retrain_assets.data.delivered_labels import DeliveredLabels, extract_labels, join_labels, labels_of_rows
from retrain_assets.data.labels import LABEL_COLUMNS, merge_labels
from retrain_assets.data.reading import TEXT, read_part
from retrain_assets.data.tables import table_problems
from retrain_assets.errors import DataError, DeclarationError
from retrain_assets_tests.data.contract_world import COLUMNS, clean_rows, contract, first_batch


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
    assert table_problems("labels", merge_labels(None, labels, datetime(2013, 1, 10, tzinfo=UTC)).labels) == ()


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
