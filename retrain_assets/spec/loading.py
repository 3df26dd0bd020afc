"""Declarations from the text of a `defs.yaml`: every mistake at once, each with its file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from retrain_assets.errors import DeclarationError, Problem, did_you_mean
from retrain_assets.spec.budgets import unequal_budgets
from retrain_assets.spec.drafts import Draft, draft_of
from retrain_assets.spec.fields import Location
from retrain_assets.spec.model import ModelSpec
from retrain_assets.spec.problems import Finding, dotted, undotted
from retrain_assets.spec.yaml_nodes import compose, duplicate_keys, line_of, lines, syntax_problem, values

COMPONENT_TYPE = "retrain_assets.RetrainedModel"
_OWN_TYPES = (
    COMPONENT_TYPE,
    "retrain_assets.orchestration.RetrainedModel",
    "retrain_assets.orchestration.component.RetrainedModel",
)
_DOCUMENT_KEYS = ("type", "attributes", "template_vars_module", "requirements", "post_processing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One declared model and where it stands; `lines` has the line of every field that is written there."""

    draft: Draft
    file: str
    line: int
    lines: Mapping[str, int]

    @property
    def spec(self) -> ModelSpec:
        """The model, of a declaration without mistakes.

        Raises:
            DeclarationError: it has some.
        """
        if self.draft.spec is None or not self.draft.valid:
            raise DeclarationError(self.problem(dotted(each.path), each.message) for each in self.draft.findings)
        return self.draft.spec

    def problem(self, field: str, message: str) -> Problem:
        """A mistake of this declaration at the line of the field, or of the nearest group that is written."""
        path = undotted(field)
        known = (self.lines.get(dotted(path[:length])) for length in range(len(path), 0, -1))
        line = next((line for line in known if line is not None), self.line)
        return Problem(field=field, message=message, file=self.file, line=line)


def spec_from(attributes: Mapping[str, Any], *, file: str | None = None) -> ModelSpec:
    """A declaration from values that are already read.

    Raises:
        DeclarationError: all mistakes, without lines.
    """
    draft = draft_of(attributes)
    if draft.spec is None or draft.findings:
        raise DeclarationError(
            Problem(field=dotted(each.path), message=each.message, file=file) for each in draft.findings
        )
    return draft.spec


def load_declarations(text: str, file: str = "<declaration>") -> list[ModelSpec]:
    """The models declared in the text of a `defs.yaml`; documents of other component types are left alone.

    Raises:
        DeclarationError: all mistakes of all documents.
    """
    declared, problems = read_declarations(text, file)
    if problems:
        raise DeclarationError(problems)
    return [each.spec for each in declared]


def read_declarations(text: str, file: str = "<declaration>") -> tuple[list[Declaration], list[Problem]]:
    """All declared models, those with mistakes as drafts, and all mistakes."""
    declared: list[Declaration] = []
    nodes, problems = compose(text, file)
    for node in nodes:
        document = _Document(node, file)
        declaration = document.read()
        problems += document.problems
        if declaration is not None:
            declared.append(declaration)
    return declared, sorted(
        [*problems, *duplicate_names(declared), *unequal_shared_budgets(declared)],
        key=lambda problem: problem.line or 0,
    )


def duplicate_names(declared: Sequence[Declaration]) -> list[Problem]:
    """Two models of one name would share their assets, their tables and their champion."""
    first: dict[str, Declaration] = {}
    problems: list[Problem] = []
    for each in declared:
        name = None if each.draft.spec is None or each.draft.rests_on_wrong(("name",)) else each.draft.spec.name
        other = each if name is None else first.setdefault(name, each)
        if other is not each:
            place = f"{other.file}:{other.lines.get('name', other.line)}"
            problems.append(each.problem("name", f"must be unique: '{name}' is declared at {place} already"))
    return problems


def unequal_shared_budgets(declared: Sequence[Declaration]) -> list[Problem]:
    """A budget that models share must be the same at all of them."""
    read = [each for each in declared if each.draft.spec is not None and not each.draft.rests_on_wrong(("retrain",))]
    by_name = {each.draft.spec.name: each for each in read if each.draft.spec is not None}
    found = unequal_budgets(each.draft.spec for each in read if each.draft.spec is not None)
    return [by_name[spec.name].problem("retrain.shared_budget", message) for spec, message in found]


def _nearly_ours(written: str) -> bool:
    """Whether a type is ours but for a slip: that of a package that is there is somebody's own."""
    package, _, rest = written.partition(".")
    if not rest:
        return bool(get_close_matches(written, (*_OWN_TYPES, COMPONENT_TYPE.rpartition(".")[2]), n=1, cutoff=0.9))
    try:
        there = package.isidentifier() and find_spec(package) is not None
    except ValueError:  # of a module that has no spec, as a script's
        there = True
    return not there and bool(get_close_matches(written, _OWN_TYPES, n=1, cutoff=0.9))


class _Document:
    """One YAML document: its node tree keeps the lines, its values are validated."""

    def __init__(self, node: Node, file: str) -> None:
        self._node = node
        self._file = file
        self.problems: list[Problem] = []

    def read(self) -> Declaration | None:
        """The declaration, or None with the problems told; a document of another type has neither."""
        if not isinstance(self._node, MappingNode):
            self._tell("", "must be a mapping with `type` and `attributes`", self._node)
            return None
        keys = {key.value: (key, value) for key, value in self._node.value if isinstance(key, ScalarNode)}
        if not self._is_ours(keys):
            return None
        for name, (key, _) in keys.items():
            if name not in _DOCUMENT_KEYS:
                self._tell(name, f"is not a known key.{did_you_mean(name, _DOCUMENT_KEYS)}", key)
        self.problems += [
            Problem(field=field, message=message, file=self._file, line=line)
            for field, message, line in duplicate_keys(self._node)
        ]
        if "attributes" not in keys:
            self._tell("attributes", "must be set: the declaration of the model", self._node)
            return None
        return self._validated(*keys["attributes"])

    def _is_ours(self, keys: Mapping[str, tuple[Node, Node]]) -> bool:
        if "type" not in keys:
            self._tell("type", f"must be set: '{COMPONENT_TYPE}' for a model", self._node)
            return False
        node = keys["type"][1]
        written = node.value if isinstance(node, ScalarNode) else ""
        if written in _OWN_TYPES:
            return True
        if written.startswith("retrain_assets.") or _nearly_ours(written):
            self._tell("type", f"must be '{COMPONENT_TYPE}' (got '{written}')", node)
        return False

    def _validated(self, key: Node, node: Node) -> Declaration | None:
        written = {dotted(path): line for path, line in lines(node)}
        try:
            data = values(node)
        except yaml.constructor.ConstructorError as error:
            self.problems.append(syntax_problem(error, self._file))
            return None
        if not isinstance(data, Mapping):
            self._tell("attributes", "must be a mapping: the declaration of the model", key)
            return None
        attributes = cast("Mapping[str, Any]", data)
        templates = _templates(attributes)
        draft = draft_of(attributes)
        filled_in = {each.path for each in templates}
        found = [*templates, *(each for each in draft.findings if each.path not in filled_in)]
        start = key.start_mark.line + 1
        declaration = Declaration(draft=draft, file=self._file, line=start, lines=written)
        self.problems += [declaration.problem(dotted(each.path), each.message) for each in found]
        return declaration

    def _tell(self, field: str, message: str, node: Node) -> None:
        self.problems.append(Problem(field=field, message=message, file=self._file, line=line_of(node.start_mark)))


def _templates(value: object, path: Location = ()) -> list[Finding]:
    """Dagster alone fills in its templates; everything else that reads a declaration would see the braces."""
    if isinstance(value, str) and "{{" in value:
        message = f"must not be a template (got {value!r}): write the value, or {{env: NAME}} where a text is asked for"
        return [Finding(path=path, message=message)]
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return [each for key, inner in items for each in _templates(inner, (*path, str(key)))]
    if isinstance(value, list):
        inners = cast("list[object]", value)
        return [each for index, inner in enumerate(inners) for each in _templates(inner, (*path, index))]
    return []
