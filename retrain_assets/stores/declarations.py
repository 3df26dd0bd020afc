"""Declarations as files: where they are, and what they say all together."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from retrain_assets.errors import DeclarationError, Problem, did_you_mean
from retrain_assets.spec.loading import Declaration, duplicate_names, read_declarations, unequal_shared_budgets

_NAMES = ("defs.yaml", "defs.yml")
_NOT_SEARCHED = {"node_modules", "build", "dist", "__pycache__", "site-packages"}


def declarations_root(folder: Path) -> Path:
    """Where the declarations of a project lie: the `defs` of its Dagster root module, else the folder itself.

    >>> declarations_root(Path("/nowhere")).as_posix()
    '/nowhere'
    """
    module = _root_module(folder)
    if module is None:
        return folder
    found = [base.joinpath(*module.split("."), "defs") for base in (folder / "src", folder)]
    return next((each for each in found if each.is_dir()), found[-1])


def is_dagster_project(folder: Path) -> bool:
    """Dagster's own commands find the code location from the folder's settings."""
    return _root_module(folder) is not None or bool(_settings(folder / "pyproject.toml", "tool", "dagster"))


def _root_module(folder: Path) -> str | None:
    project = _settings(folder / "dg.toml", "project") or _settings(folder / "pyproject.toml", "tool", "dg", "project")
    return project.get("root_module")


def _settings(file: Path, *table: str) -> dict[str, Any]:
    section: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for key in table:
        section = section.get(key, {})
    return section


def find_declarations(root: Path) -> list[Path]:
    """All `defs.yaml` files below a folder (or the file itself), sorted; hidden and built folders are not searched."""
    if root.is_file():
        return [root]
    return sorted(_walk(root))


def _walk(root: Path) -> Iterator[Path]:
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if name[0] not in "._" and name not in _NOT_SEARCHED)
        yield from (Path(folder) / name for name in files if name in _NAMES)


def find_all(paths: Iterable[Path]) -> list[Path]:
    """The same for several files and folders: each file once, also where one folder is given twice or holds another."""
    found: dict[Path, Path] = {}
    for file in (file for path in paths for file in find_declarations(path)):
        found.setdefault(file.resolve(), file)
    return list(found.values())


def read_files(paths: Iterable[Path]) -> tuple[list[Declaration], list[Problem]]:
    """All models declared in files and folders, and all mistakes in them."""
    declared: list[Declaration] = []
    problems: list[Problem] = []
    for file in find_all(paths):
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            problems.append(
                Problem(field="", message=f"must be UTF-8 text (byte {error.start} is not)", file=str(file), line=1)
            )
            continue
        found, wrong = read_declarations(text, str(file))
        problems += wrong
        declared += found
    across = [each for each in (*duplicate_names(declared), *unequal_shared_budgets(declared)) if each not in problems]
    return declared, [*problems, *across]


def load_files(paths: Iterable[Path]) -> list[Declaration]:
    """All models declared in files and folders.

    Raises:
        DeclarationError: all mistakes of all files.
    """
    declared, problems = read_files(paths)
    if problems:
        raise DeclarationError(problems)
    return declared


def named_despite(declared: Iterable[Declaration], problems: Sequence[Problem], name: str) -> Declaration:
    """The model of that name among what `read_files` gave; mistakes in the files of other models do not stop it.

    Raises:
        DeclarationError: no such model is declared, its own file has mistakes, or it does not agree with another model
            (the name twice, a shared budget of two sizes).
    """
    declared = list(declared)
    sound = [each for each in declared if each.draft.valid and each.draft.spec is not None]
    mine = [each for each in sound if each.spec.name == name]
    files, tied = {each.file for each in mine}, _tied(declared, mine)
    across = [*duplicate_names(tied), *unequal_shared_budgets(tied)]
    if any(each.file in files or each in across for each in problems):
        raise DeclarationError(problems)
    if problems and not mine:
        raise DeclarationError([*problems, *_unless_drafted(declared, name)])
    return named(sound, name)


def _tied(declared: Iterable[Declaration], mine: Iterable[Declaration]) -> list[Declaration]:
    """Those that must agree with a model: they have its name, or draw on its budget."""
    wanted = {key for each in mine for key in _shares(each)}
    return [each for each in declared if wanted & _shares(each)]


def _shares(declared: Declaration) -> set[tuple[str, str]]:
    spec = declared.draft.spec
    if spec is None:
        return set()
    shared = spec.retrain.shared_budget
    return {("name", spec.name), *([] if shared is None else [("budget", shared.name)])}


def _unless_drafted(declared: Iterable[Declaration], name: str) -> list[Problem]:
    """That no model has that name, unless one has it whose declaration is wrong."""
    drafts = [each.draft for each in declared]
    known = [each.spec.name for each in drafts if each.spec is not None and not each.rests_on_wrong(("name",))]
    if name in known:
        return []
    message = f"no model '{name}' is declared in what can be read.{did_you_mean(name, known)}"
    return [Problem(field="", message=message)]


def named(declared: Iterable[Declaration], name: str) -> Declaration:
    """The model of that name.

    Raises:
        DeclarationError: no such model is declared; with a hint.
    """
    known = {each.spec.name: each for each in declared}
    if name not in known:
        hint = did_you_mean(name, known) or " No model is declared here."
        raise DeclarationError([Problem(field="", message=f"no model '{name}' is declared.{hint}")])
    return known[name]
