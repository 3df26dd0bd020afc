"""Declarations are found where Dagster finds them, and read all together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from retrain_assets.errors import DeclarationError
from retrain_assets.stores.declarations import (
    declarations_root,
    find_all,
    find_declarations,
    load_files,
    named,
    named_despite,
    read_files,
)
from retrain_assets_tests.spec.declarations import attributes


def declare(folder: Path, name: str, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "defs.yaml"
    document = {"type": "retrain_assets.RetrainedModel", "attributes": attributes(name=name, **changes)}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def test_finds_files_below_a_folder_in_order(tmp_path: Path):
    files = [declare(tmp_path / "b", "b"), declare(tmp_path / "a" / "deep", "a"), declare(tmp_path / "c", "c")]
    assert find_declarations(tmp_path) == sorted(files)


def test_a_file_is_itself(tmp_path: Path):
    file = declare(tmp_path, "sales")
    assert find_declarations(file) == [file]


@pytest.mark.parametrize("folder", [".venv", ".git", "build", "node_modules", "__pycache__", "_private"])
def test_does_not_look_into(tmp_path: Path, folder: str):
    declare(tmp_path / folder / "x", "hidden")
    assert find_declarations(tmp_path) == []


class TestRoot:
    def test_of_a_dagster_project(self, tmp_path: Path):
        (tmp_path / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "shop"\n', encoding="utf-8")
        (tmp_path / "shop" / "defs").mkdir(parents=True)
        assert declarations_root(tmp_path) == tmp_path / "shop" / "defs"

    def test_of_one_with_a_src_folder(self, tmp_path: Path):
        (tmp_path / "dg.toml").write_text('[project]\nroot_module = "shop.models"\n', encoding="utf-8")
        (tmp_path / "src" / "shop" / "models" / "defs").mkdir(parents=True)
        assert declarations_root(tmp_path) == tmp_path / "src" / "shop" / "models" / "defs"

    def test_of_one_that_has_no_defs_yet(self, tmp_path: Path):
        (tmp_path / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "shop"\n', encoding="utf-8")
        assert declarations_root(tmp_path) == tmp_path / "shop" / "defs"

    def test_of_any_other_folder_is_the_folder(self, tmp_path: Path):
        (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
        assert declarations_root(tmp_path) == tmp_path


def test_a_file_that_is_found_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file, other = declare(tmp_path / "defs" / "sales", "sales"), declare(tmp_path / "defs" / "stock", "stock")
    monkeypatch.chdir(tmp_path)
    paths = [tmp_path / "defs", file, Path("defs")]
    assert find_all(paths) == [file, other]
    assert [each.spec.name for each in load_files(paths)] == ["sales", "stock"]


def test_two_files_must_not_declare_one_name(tmp_path: Path):
    first, second = declare(tmp_path / "a", "sales"), declare(tmp_path / "b", "sales")
    _, [problem] = read_files([tmp_path])
    assert problem.file == str(second)
    assert f"'sales' is declared at {first}:" in problem.message


def test_mistakes_of_all_files_come_together(tmp_path: Path):
    for folder, name in (("a", "Bad"), ("b", "good"), ("c", "Worse")):
        declare(tmp_path / folder, name)
    with pytest.raises(DeclarationError) as caught:
        load_files([tmp_path])
    assert [Path(problem.file or "").parent.name for problem in caught.value.problems] == ["a", "c"]


def test_a_file_that_is_not_text(tmp_path: Path):
    (tmp_path / "defs.yaml").write_bytes(b"type: \xff\xfe")
    _, [problem] = read_files([tmp_path])
    assert "must be UTF-8 text (byte 6 is not)" in problem.message


def test_a_model_by_name(tmp_path: Path):
    declare(tmp_path / "a", "sales")
    declare(tmp_path / "b", "stock")
    declared = load_files([tmp_path])
    assert named(declared, "stock").spec.name == "stock"
    with pytest.raises(DeclarationError, match=r"no model 'stok' is declared\. Did you mean 'stock'\?"):
        named(declared, "stok")
    with pytest.raises(DeclarationError, match="No model is declared here"):
        named([], "stock")


def test_only_a_contradiction_that_a_model_has_a_part_in_stops_it(tmp_path: Path):
    for name, budget in (("first", "4 per week"), ("second", "2 per week"), ("third", None)):
        shared = {} if budget is None else {"retrain": {"shared_budget": {"name": "cluster", "budget": budget}}}
        declare(tmp_path / name, name, **shared)
    declare(tmp_path / "twice", "other")
    declare(tmp_path / "twice_more", "other")
    declared, problems = read_files([tmp_path])
    assert len(problems) == 2
    assert named_despite(declared, problems, "third").spec.name == "third"
    for name in ("first", "second", "other"):
        with pytest.raises(DeclarationError, match=r"must be unique(.|\n)*must be the same at all models"):
            named_despite(declared, problems, name)
