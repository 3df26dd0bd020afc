"""Which field of a declaration is held by which behavioural test.

A test marked `@pytest.mark.covers("drift.smoothing")` claims the field. The claim is held to honesty as far as can be:
the test fails unless declarations with at least two different values of the field were made while it ran. That the
difference shows in what the platform does is what the test itself asserts.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter

from retrain_assets.spec.base import SpecModel
from retrain_assets.spec.fields import LeafField, leaf_fields

LEAVES: Mapping[str, LeafField] = {leaf.path: leaf for leaf in leaf_fields()}
Seen = dict[tuple[type[SpecModel], str], set[str]]


def claims(folder: Path) -> dict[str, list[str]]:
    """Fields by name, with the tests that claim them, read from the source of all tests below a folder."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                for field in _claimed(node):
                    found[field].append(f"{file.relative_to(folder)}::{node.name}")
    return dict(found)


def _claimed(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        for call in ast.walk(decorator):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "covers":
                yield from (str(argument.value) for argument in call.args if isinstance(argument, ast.Constant))


@contextmanager
def observed() -> Generator[Seen, None, None]:
    """Notes every value of every field of the declarations that are made meanwhile."""
    seen: Seen = defaultdict(set)
    make, validate, copy = SpecModel.__init__, SpecModel.model_validate.__func__, SpecModel.model_copy
    adapt = TypeAdapter.validate_python

    def init(self: SpecModel, /, **values: Any) -> None:
        make(self, **values)
        _note(self, seen)

    def model_validate(cls: type[SpecModel], *arguments: Any, **keywords: Any) -> SpecModel:
        made = validate(cls, *arguments, **keywords)
        _note(made, seen)
        return made

    def model_copy(self: SpecModel, **keywords: Any) -> SpecModel:
        made = copy(self, **keywords)
        _note(made, seen)
        return made

    def validate_python(self: TypeAdapter[Any], *arguments: Any, **keywords: Any) -> Any:
        made = adapt(self, *arguments, **keywords)
        _note(made, seen)
        return made

    patch = pytest.MonkeyPatch()
    patch.setattr(TypeAdapter, "validate_python", validate_python)
    patch.setattr(SpecModel, "__init__", init)
    patch.setattr(SpecModel, "model_validate", classmethod(model_validate))
    patch.setattr(SpecModel, "model_copy", model_copy)
    try:
        yield seen
    finally:
        patch.undo()


def _note(value: Any, seen: Seen) -> None:
    if isinstance(value, SpecModel):
        for name in type(value).model_fields:
            inner = getattr(value, name)
            seen[type(value), name].add(_shown(inner))
            _note(inner, seen)
    elif isinstance(value, dict):
        for inner in value.values():
            _note(inner, seen)


def _shown(value: Any) -> str:
    return value.model_dump_json() if isinstance(value, BaseModel) else repr(value)


def unchanged(fields: Iterator[str], seen: Seen) -> list[str]:
    """The claimed fields of which fewer than two values were seen; a tag has but one to show."""
    return [
        field
        for field in fields
        if len(seen.get((LEAVES[field].owner, LEAVES[field].name), ())) < (1 if _is_tag(LEAVES[field]) else 2)
    ]


def _is_tag(leaf: LeafField) -> bool:
    return get_origin(leaf.info.annotation) is Literal and len(get_args(leaf.info.annotation)) == 1
