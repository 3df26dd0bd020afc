"""Personal data after a whole loop: the values lie in the deliveries and the validated rows, and nowhere else.

A recognisable value is planted in each personal column; then every byte of the installation is searched: the state
database, the tables, Dagster's event log and captured output, MLflow's database and artifacts.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from retrain_assets.data.windows import Batch
from retrain_assets_tests.lifecycle.world import declaration, rows_of
from retrain_assets_tests.orchestration.installation import Installation, make_installation

PLANTED = ("planted", "555123777")  # so long that no number of something else holds it by chance
PERSONAL = ("email", "city", "phone")
KEPT = ("blobs/", "tables/tiny/validated/")
"""Where the values must lie, because from there they are read."""


def people(batch: Batch, rows: int = 400, **changes: Any) -> pd.DataFrame:
    """Rows of a day with an address as their id, a city by which they are grouped, and a number."""
    frame = rows_of(batch, rows=rows)
    number = np.arange(rows)
    frame["email"] = [f"planted{k}.{batch.key}@example.org" for k in number]
    frame["city"] = np.where(number % 3 == 0, "plantedville", "plantedburg")
    frame["phone"] = 555123777000 + number
    return frame.assign(**changes)


def installed(root: Path, instance: dg.DagsterInstance) -> Installation:
    columns = {
        "email": {"type": "string", "pattern": ".+@.+"},
        "city": {"type": "category", "values": ["plantedville", "plantedburg"], "nullable": True},
        "phone": {"type": "int", "min": 0},
    }
    return make_installation(
        root,
        instance,
        schema={**declaration()["schema"], **columns, "z": {"type": "float", "nullable": True}},
        row_id="email",
        personal_columns=list(PERSONAL),
        features={"transform": "retrain_assets_tests.orchestration.personal_features:build"},
        retrain={"when": "new_labels", "min_new_labels": 1},
        quarantine={"tolerance": 0.2},
        label_next={"path": "to_label/{batch}.csv", "rows": 20},
        promote={
            "require": "not_worse_than_champion & beats_baseline & no_slice_regression & is_fair & has_no_leak",
            "min_rows": 50,
            "limits": {
                "slices": ["city", "phone", "kind"], "find_slices": 3, "groups": ["city"], "group_min_rows": 5,
                "selection_gap": 1.0, "error_gap": 1.0,
            },
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Good days, a day with bad rows, a torn file, a row on which the transform fails."""
    root = tmp_path_factory.mktemp("personal")
    home = root / "home"
    from retrain_assets.home import Home

    Home.at(home).prepare()
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        made = installed(root, instance)
        for day in range(2):
            made.drop(day, people(made.batch(day)))
        bad = people(made.batch(2))
        bad.loc[:9, "email"] = [f"planted-without-at-{k}" for k in range(10)]
        bad["phone"] = bad["phone"].astype("object")
        bad.loc[10:14, "phone"] = "555123777-no-number"
        bad.loc[15:19, "email"] = "planted.twice@example.org"
        made.drop(2, bad)
        torn = made.drop(3, people(made.batch(3), rows=50))
        written = torn.stat()
        torn.write_text(torn.read_text() + "planted.torn@example.org,555123777999\n")
        os.utime(torn, (written.st_atime, written.st_mtime))
        failing = people(made.batch(4))
        failing.loc[7, "z"] = 999.0
        made.drop(4, failing)
        made.drive()
        yield made


def searched(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file with what it holds; compressed ones as they are read."""
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if not path.is_file() or name.startswith(KEPT):
            continue
        content = path.read_bytes()
        yield name, content
        if content.startswith(b"PAR1"):
            yield name, pq.read_table(path).to_pandas().to_csv().encode()
        elif content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for member in archive.namelist():
                    yield f"{name}!{member}", archive.read(member)


@pytest.mark.covers("personal_columns")
def test_no_value_of_a_personal_column_is_found_after_a_whole_loop(lived: Installation, tmp_path: Path):
    make_installation(tmp_path, lived.instance)  # the same model without personal columns
    home = lived.root / "home"
    files = dict.fromkeys(name for name, _ in searched(home))
    assert any(name.startswith("mlartifacts/") and name.endswith("model_card.md") for name in files)
    assert any("!" in name for name in files), "the model itself is searched"
    assert any(name.startswith("tables/tiny/quarantine") for name in files)
    assert any(name.startswith("dagster/") for name in files)
    found = {
        f"{name}: ...{content[max(content.find(planted.encode()) - 60, 0) :][:140]!r}"
        for name, content in searched(home)
        for planted in PLANTED
        if planted.encode() in content
    }
    assert not found


def test_who_labels_is_shown_the_id_of_a_row_and_nothing_else_of_a_person(lived: Installation):
    files = sorted((lived.root / "to_label").glob("*.csv"))
    assert files
    for file in files:
        asked = pd.read_csv(file)
        assert "email" in asked.columns, "without the id no answer could be joined"
        assert {"city", "phone"}.isdisjoint(asked.columns)
        assert asked["part"].str.fullmatch(r"(city|phone)=group \d+").all()
        said = asked.drop(columns="email").to_csv()
        assert not [planted for planted in PLANTED if planted in said]


def test_the_loop_did_what_it_should_and_named_the_columns(lived: Installation):
    state, tables = lived.stores.state, lived.stores.tables
    assert [made.action for made in state.promotions("tiny")][:1] == ["promote"]
    steps = {(step.batch, step.job): step for step in state.steps("tiny")}
    assert steps["2024-01-04", "watch"].outcome == "refused"
    failed = steps["2024-01-05", "watch"]
    assert failed.outcome == "failed"
    assert "DataError from ValueError at" in failed.detail["reason"]
    assert "personal columns (email, city, phone)" in failed.detail["reason"]
    quarantine = tables.read("tiny/quarantine", ["2024-01-03"])
    assert set(quarantine["column"]) == {"email", "phone"}
    assert set(quarantine["value"].dropna()) <= {"(personal)"} | set(quarantine["row_id"])
    assert set(tables.read("tiny/profile")["column"]).isdisjoint(PERSONAL)
    report = tables.read("tiny/evaluation_report")
    assert {"city=group 1", "city=group 2"} <= set(report["scope"].dropna())
    card = lived.metadata("evaluation_report")["model_card"]
    assert "## Personal data" in card
    assert "`email`, `city`, `phone`" in card


def test_ids_made_of_personal_data_still_join_labels_and_predictions(lived: Installation):
    rows = lived.stores.tables.read("tiny/validated", ["2024-01-02"])
    labels = lived.stores.tables.read("tiny/labels", ["2024-01-02"])
    assert rows["email"].str.contains("planted").all(), "the planted values were there"
    assert set(rows["ra_row_id"]) == set(labels["ra_row_id"])
    assert rows["ra_row_id"].str.fullmatch("[0-9a-f]{32}").all()
