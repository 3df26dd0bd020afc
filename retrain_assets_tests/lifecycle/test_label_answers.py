"""What persons answered in one exported file comes back as labels of every batch that it asked about."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import DataError, RefusedError, UnreadableFileError
from retrain_assets.lifecycle.label_answers import Answered, deliver_answers
from retrain_assets.lifecycle.labelling import questions, rows_to_label
from retrain_assets.lifecycle.settle import read_labels, settle_labels
from retrain_assets.lifecycle.training_window import stored_training_sets
from retrain_assets.lifecycle.watch import read_validated
from retrain_assets_tests.lifecycle.test_labelling import DECLARED, deliver
from retrain_assets_tests.lifecycle.world import World, declaration, make_world, rows_of


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A champion, and two newer batches of which few rows have a label."""
    made = make_world(tmp_path, **DECLARED, retrain={"when": "person", "cooldown": "1 day"})
    for day in range(3):
        deliver(made, day, 400)
    made.play()
    for day in (3, 4):
        deliver(made, day, 240)
    made.play()
    return made


def asked(world: World, rows: int = 40) -> pd.DataFrame:
    """What a person is given, with every answer filled in."""
    made = rows_to_label(world.stores, world.model, rows=rows, batches=2)
    truth = {key: rows_of(world.model.calendar.batch(key)).set_index("id")["y"] for key in set(made["batch"])}
    return made.assign(y=[truth[key][row] for key, row in zip(made["batch"], made["id"], strict=True)])


def answer(world: World, frame: pd.DataFrame, *, later: int = 0) -> Answered:
    return give(world, frame.to_csv(index=False).encode(), later=later)


def give(world: World, content: bytes, *, later: int = 0) -> Answered:
    now = world.now + timedelta(seconds=later)
    made = deliver_answers(world.stores, world.model, "next.csv", content, now=now)
    for path in delivered(world):
        os.utime(path, (now.timestamp(), now.timestamp()))  # a file of this second may still be being written
    return made


def delivered(world: World) -> list[Path]:
    return sorted((world.root / "labels").glob("*-answers-*"))


def counted(world: World) -> dict[str, int]:
    return {
        world.batch(day).key: read_labels(world.stores, world.model, world.batch(day))["ra_row_id"].nunique()
        for day in (3, 4)
    }


def test_answers_are_labels_of_their_batches_before_the_retrain_that_a_person_asks_for(world: World):
    rows, before = asked(world), counted(world)
    of_each = {str(key): int(count) for key, count in rows["batch"].value_counts().items()}
    assert len(of_each) == 2, "one file asks about several batches"
    rows["y"] = rows["y"].astype("object")
    rows.loc[rows.index[0], "y"] = ""
    of_each[rows["batch"].iloc[0]] -= 1
    made = answer(world, rows)
    assert (dict(made.labels), made.blank) == (of_each, 1)
    lifecycle.record_event(world.stores, world.model, "person", "there are more labels", now=world.now)
    assert [(job.job, job.batch) for job in world.play()] == [
        ("settle", world.batch(3).key),
        ("settle", world.batch(4).key),
        ("decide", world.batch(4).key),
        ("retrain", world.batch(4).key),
    ]
    assert counted(world) == {key: count + of_each[key] for key, count in before.items()}
    frozen = stored_training_sets(world.stores, world.model)[-1]
    assert frozen.rows + frozen.reserved_rows == 3 * 400 + counted(world)[world.batch(3).key]  # the newest is not due


def test_a_later_answer_to_a_row_corrects_the_one_before_and_replaces_no_file(world: World):
    rows = asked(world, rows=2)
    answer(world, rows)
    answer(world, rows.assign(y=1 - rows["y"]), later=1)
    assert len(delivered(world)) == 2 * rows["batch"].nunique()
    world.play()
    for key, part in rows.groupby("batch"):
        labels = read_labels(world.stores, world.model, world.model.calendar.batch(str(key)))
        newest = labels.sort_values("revision").drop_duplicates("ra_row_id", keep="last").set_index("ra_row_id")
        for row, first in zip(part["id"], part["y"], strict=True):
            assert newest.loc[str(row), "label"] == 1 - first


def test_nothing_is_delivered_of_a_file_of_which_something_cannot_be_taken(world: World):
    rows = asked(world)
    with pytest.raises(DataError, match="holds no answer: the column 'y' is empty in all 40 rows"):
        answer(world, rows.assign(y=""))
    with pytest.raises(DataError, match="must have the column 'id'"):
        answer(world, rows.drop(columns="id"))
    with pytest.raises(DataError, match=r"names the batch '5\.1\.2024', which is none of tiny.*'2024-01-01'"):
        answer(world, rows.assign(batch=["5.1.2024", *rows["batch"].iloc[1:]]))
    with pytest.raises(DataError, match=r"has no accepted row of 1 ids \(9999\)"):
        answer(world, rows.assign(id=[9999, *rows["id"].iloc[1:]]))
    with pytest.raises(DataError, match=r"1 answers of batch .* are no labels of tiny, such as 'perhaps'"):
        answer(world, rows.assign(y=["perhaps", *rows["y"].iloc[1:]]))
    with pytest.raises(UnreadableFileError, match=r"next\.csv cannot be read \(malformed_csv\)"):
        give(world, b"batch,id,y\n1,2\n")
    assert delivered(world) == []


GERMAN = {"separator": ";", "decimal": ",", "encoding": "cp1252"}


def of_numbers(root: Path, ids: list[float], **form: str) -> World:
    """A regression on rows with fractions as ids, whose label files have a form of their own; nothing has a label."""
    labels = {"type": "files", "path": "labels/{batch}*.csv"} | form
    schema = declaration()["schema"] | {"id": {"type": "float"}}
    made = make_world(
        root,
        schema=schema,
        target={"column": "y", "label_delay": "1 day", "labels": labels},
        metric="squared_error",
        estimator={"class": "sklearn.linear_model.LinearRegression"},
        retrain={"when": "person"},
    )
    made.drop(0, rows_of(made.batch(0), rows=len(ids)).drop(columns="y").assign(id=ids))
    made.play()
    return made


@pytest.mark.parametrize(
    ("form", "saved", "answers"),
    [
        (GERMAN, {}, ["7,25", "7.25", "-3"]),
        (GERMAN, {"sep": ";", "encoding": "cp1252"}, ["7,25", "7,25", "-3"]),
        (GERMAN, {"sep": "\t", "encoding": "utf-16"}, ["7.25", "7.25", "-3.0"]),
        ({}, {"sep": ";", "encoding": "cp1252"}, ["7,25", "7,25", "-3"]),
        ({}, {}, ["7.25", "7.25", "-3"]),
    ],
)
def test_numbers_are_labels_however_they_were_typed_and_saved(
    tmp_path: Path, form: dict[str, str], saved: dict[str, Any], answers: list[str]
):
    world = of_numbers(tmp_path, [0.5, 1.5, 2.0], **form)
    batch = world.batch(0)
    mark = "," if answers.count("7,25") == 2 else "."  # a spreadsheet writes all numbers by its own
    given = pd.DataFrame({"batch": batch.key, "id": [f"{n}{mark}5" for n in (0, 1)] + ["2"], "y": answers, "why": "ü"})
    content = given.to_csv(index=False, sep=saved.get("sep", ",")).encode(saved.get("encoding", "utf-8"))
    give(world, content)
    settle_labels(world.stores, world.model, batch, as_of=world.batch(2).end, now=world.now, run_id="settle")
    labels = read_labels(world.stores, world.model, batch).set_index("ra_row_id")["label"]
    assert labels.to_dict() == {"0.5": 7.25, "1.5": 7.25, "2": -3.0}


@pytest.mark.parametrize("ending", [".csv.gz", ".txt", ""])
def test_answers_are_files_of_the_ending_that_is_declared(tmp_path: Path, ending: str):
    world = of_numbers(tmp_path, [0.5, 1.5], path=f"labels/{{batch}}*{ending}")
    given = pd.DataFrame({"batch": world.batch(0).key, "id": [0.5, 1.5], "y": [7.25, 2]})
    answer(world, given)
    (file,) = (tmp_path / "labels").iterdir()
    assert file.name.startswith("2024-01-01-answers-")
    assert file.name.endswith(ending)
    assert file.read_bytes().startswith(b"\x1f\x8b") == (ending == ".csv.gz")
    settled = settle_labels(
        world.stores, world.model, world.batch(0), as_of=world.batch(2).end, now=world.now, run_id="settle"
    )
    assert settled.labelled == 2


def test_an_answer_that_the_decimal_mark_makes_none_is_refused(tmp_path: Path):
    world = of_numbers(tmp_path, [0.5, 1.5])
    given = pd.DataFrame({"batch": world.batch(0).key, "id": [0.5, 1.5], "y": ["7,25", "7.25"]})
    with pytest.raises(DataError, match="1 answers of batch 2024-01-01 are no labels of tiny, such as '7,25'"):
        answer(world, given)
    assert delivered(world) == []


@pytest.mark.parametrize(("personal", "told"), [([], "has the character 'Ω' that"), (["id"], "has a character that")])
def test_what_the_declared_encoding_cannot_hold_is_refused_before_a_batch_is_written(
    tmp_path: Path, personal: list[str], told: str
):
    labels = {"type": "files", "path": "labels/{batch}*.csv", "encoding": "cp1252"}
    target = {"column": "y", "label_delay": "1 day", "labels": labels}
    world = make_world(tmp_path, target=target, personal_columns=personal, retrain={"when": "person"})
    for day in (0, 1):
        world.drop(day, rows_of(world.batch(day), rows=2).drop(columns="y"))
    world.play()
    given = pd.DataFrame({"batch": [world.batch(0).key, world.batch(1).key], "id": 0, "y": ["yes", "Ω"]})
    with pytest.raises(DataError, match=f"of batch 2024-01-02 {told} is none of cp1252, the encoding which"):
        answer(world, given)
    assert delivered(world) == []


def test_ids_and_classes_that_read_as_no_value_are_kept(tmp_path: Path):
    schema = declaration()["schema"] | {"id": {"type": "string"}}
    world = make_world(tmp_path, **DECLARED, schema=schema, retrain={"when": "person"})
    batch, ids = world.batch(0), ["NA", "None", "null", "7"]
    rows = rows_of(batch, rows=4).drop(columns="y").assign(id=ids)
    world.put(0, rows.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC).encode())
    world.play()
    validated = read_validated(world.stores, world.model, batch).set_index("id").loc[ids].reset_index()
    give(world, questions(validated.assign(batch=batch.key, y=["no", "NA", "None", ""])))
    settle_labels(world.stores, world.model, batch, as_of=world.batch(2).end, now=world.now, run_id="settle")
    labels = read_labels(world.stores, world.model, batch).set_index("ra_row_id")["label"]
    assert labels.to_dict() == {"NA": "no", "None": "NA", "null": "None"}


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (None, "labels of tiny come with the rows"),
        ({"type": "sql", "url": "sqlite:///x.db", "query": "select 1"}, "from a source of type sql"),
        ({"type": "files", "path": "labels/{batch}.csv"}, "of which a batch may have several"),
        ({"type": "files", "path": "labels/{batch}*.parquet"}, "must be CSV files"),
        ({"type": "files", "path": "*/{batch}*.csv"}, "of which a batch may have several"),
    ],
)
def test_where_no_file_can_be_added_it_is_said(world: World, labels: dict[str, Any] | None, told: str):
    target = world.model.spec.target.model_dump() | {"labels": labels}
    other = world.model.spec.model_copy(update={"target": type(world.model.spec.target).model_validate(target)})
    with pytest.raises(RefusedError, match=told):
        answer(replace(world, model=replace(world.model, spec=other)), asked(world))
