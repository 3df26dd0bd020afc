"""A folder of tables gets another name, whole, wherever it lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest

from retrain_assets.errors import StoreError
from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets.stores.renaming import rename_folder

ROWS = pd.DataFrame({"x": [1, 2]})


@pytest.fixture
def memory() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/renaming", recursive=True)


def test_tables_are_read_and_written_on_under_the_new_name(tmp_path: Path):
    store = DeltaTableStore(tmp_path)
    store.write("a/rows", "p", ROWS)
    store.rename("a", "b")
    store.rename("a", "b")
    store.write("b/rows", "q", ROWS)
    assert len(store.read("b/rows")) == len(DeltaTableStore(tmp_path).read("b/rows")) == 4
    assert store.commits("b/rows")["p"].table == "b/rows"
    assert store.commits("a/rows") == {}


def test_of_a_name_that_another_had_nothing_is_remembered(tmp_path: Path):
    store = DeltaTableStore(tmp_path)
    for model, rows in (("a", ROWS), ("b", ROWS + 2)):
        store.write(f"{model}/rows", "p", rows)
        store.read(f"{model}/rows")
    store.rename("a", "c")
    store.rename("b", "a")
    assert store.read("a/rows")["x"].tolist() == [3, 4]
    assert store.read("c/rows", ["p"])["x"].tolist() == [1, 2]


def test_a_name_that_is_taken_is_refused(tmp_path: Path):
    store = DeltaTableStore(tmp_path)
    store.write("a/rows", "p", ROWS)
    store.write("b/rows", "p", ROWS)
    with pytest.raises(StoreError, match="is there already"):
        store.rename("a", "b")
    assert len(store.read("a/rows")) == 2


def test_elsewhere_files_are_moved_one_by_one_and_a_second_call_finishes(memory: Any, monkeypatch: pytest.MonkeyPatch):
    for name in ("rows/1.json", "rows/2.json", "other/1.json"):
        memory.pipe(f"/renaming/a/{name}", name.encode())
    moved = type(memory).mv

    def fails(self: Any, before: str, after: str, **kwargs: Any) -> None:
        if before.endswith("2.json"):
            raise OSError("the line is down")
        moved(self, before, after, **kwargs)

    monkeypatch.setattr(type(memory), "mv", fails)
    with pytest.raises(StoreError, match=r"the line is down\. Give the command again"):
        rename_folder("memory://renaming/a", "memory://renaming/b", is_local=False)
    monkeypatch.setattr(type(memory), "mv", moved)
    for _ in range(2):
        rename_folder("memory://renaming/a", "memory://renaming/b", is_local=False)
    assert sorted(memory.find("/renaming/b")) == [
        f"/renaming/b/{name}" for name in ("other/1.json", "rows/1.json", "rows/2.json")
    ]
    assert memory.find("/renaming/a") == []
