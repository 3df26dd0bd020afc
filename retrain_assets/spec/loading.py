"""Declarations from the text of a `defs.yaml`: every mistake at once, each with its file and line."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from retrain_assets.errors import DeclarationError, Problem, did_you_mean
from retrain_assets.spec.fields import Location
from retrain_assets.spec.model import ModelSpec
from retrain_assets.spec.problems import Finding, dotted, findings, undotted

COMPONENT_TYPE = "retrain_assets.RetrainedModel"
_OWN_TYPES = (
    COMPONENT_TYPE,
    "retrain_assets.orchestration.RetrainedModel",
    "retrain_assets.orchestration.component.RetrainedModel",
)
_STAND_INS = {
    "name": "stand_in",
    "batches": {"every": "day", "start": "2000-01-01"},
    "source": {"type": "python", "load": "stand:in"},
    "schema": "stand:in",
    "event_time": "<event time>",
    "target": {"column": "<target>"},
    "estimator": {"class": "stand:in"},
    "metric": "log_loss",
}
_DOCUMENT_KEYS = ("type", "attributes", "template_vars_module", "requirements", "post_processing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One declared model and where it stands; `lines` has the line of every field that is written there."""

    spec: ModelSpec
    file: str
    line: int
    lines: Mapping[str, int]

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
    spec, found = _validated(attributes)
    if spec is None:
        raise DeclarationError(Problem(field=dotted(each.path), message=each.message, file=file) for each in found)
    return spec


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
    """The models that could be read, and all mistakes of the others."""
    declared: list[Declaration] = []
    nodes, problems = _compose(text, file)
    for node in nodes:
        document = _Document(node, file)
        declaration = document.read()
        problems += document.problems
        if declaration is not None:
            declared.append(declaration)
    return declared, sorted([*problems, *duplicate_names(declared)], key=lambda problem: problem.line or 0)


def duplicate_names(declared: Sequence[Declaration]) -> list[Problem]:
    """Two models of one name would share their assets, their tables and their champion."""
    first: dict[str, Declaration] = {}
    problems: list[Problem] = []
    for each in declared:
        other = first.setdefault(each.spec.name, each)
        if other is not each:
            place = f"{other.file}:{other.lines.get('name', other.line)}"
            problems.append(each.problem("name", f"must be unique: '{each.spec.name}' is declared at {place} already"))
    return problems


def _compose(text: str, file: str) -> tuple[list[Node], list[Problem]]:
    nodes: list[Node] = []
    try:
        composed = cast("Iterator[Node | None]", yaml.compose_all(text, Loader=yaml.SafeLoader))
        nodes.extend(node for node in composed if node is not None)  # an empty document has no node
    except yaml.YAMLError as error:
        return nodes, [_syntax_problem(error, file)]
    return nodes, []


def _syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(field="", message=f"is not valid YAML: {error}", file=file, line=1)
    mark = error.problem_mark or error.context_mark
    said = " ".join(part for part in (error.context, error.problem) if part)
    if "found character '\\t'" in said:
        said += " (YAML is indented by spaces, not by tabs)"
    column = f", column {mark.column + 1}" if mark is not None else ""
    return Problem(field="", message=f"is not valid YAML: {said}{column}", file=file, line=_line(mark))


def _line(mark: Any) -> int:
    return mark.line + 1 if mark is not None else 1


class _Constructor(yaml.constructor.SafeConstructor):
    """Values as YAML reads them; a date that does not exist stays a text, so that its field says what it must be."""

    def construct_yaml_timestamp(self, node: ScalarNode) -> Any:
        """A date, a time, or the text that looks like one."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


# The table of constructors holds functions, so that an overriding method has to be entered by itself.
_Constructor.yaml_constructors = {
    **yaml.constructor.SafeConstructor.yaml_constructors,
    "tag:yaml.org,2002:timestamp": _Constructor.construct_yaml_timestamp,
}


def _values(node: Node) -> Any:
    constructor: Any = _Constructor()
    return constructor.construct_document(copy.deepcopy(node))


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
            for field, message, line in _duplicate_keys(self._node)
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
        if written.startswith("retrain_assets."):
            self._tell("type", f"must be '{COMPONENT_TYPE}' (got '{written}')", node)
        return False

    def _validated(self, key: Node, node: Node) -> Declaration | None:
        lines = {dotted(path): line for path, line in _lines(node)}
        try:
            data = _values(node)
        except yaml.constructor.ConstructorError as error:
            self.problems.append(_syntax_problem(error, self._file))
            return None
        if not isinstance(data, Mapping):
            self._tell("attributes", "must be a mapping: the declaration of the model", key)
            return None
        attributes = cast("Mapping[str, Any]", data)
        templates = _templates(attributes)
        spec, found = _validated(attributes)
        filled_in = {each.path for each in templates}
        found = [*templates, *(each for each in found if each.path not in filled_in)]
        start = key.start_mark.line + 1
        for each in found:
            known = (lines.get(dotted(each.path[:length])) for length in range(len(each.path), 0, -1))
            line = next((line for line in known if line is not None), start)
            self.problems.append(Problem(field=dotted(each.path), message=each.message, file=self._file, line=line))
        if spec is None or self.problems:
            return None
        return Declaration(spec=spec, file=self._file, line=start, lines=lines)

    def _tell(self, field: str, message: str, node: Node) -> None:
        self.problems.append(Problem(field=field, message=message, file=self._file, line=_line(node.start_mark)))


def _lines(node: Node, path: Location = (), seen: tuple[int, ...] = ()) -> Iterator[tuple[Location, int]]:
    """The line of each key, and of each item of a list."""
    if id(node) in seen:  # an alias inside its own anchor
        return
    if isinstance(node, MappingNode):
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            scalar = isinstance(value, ScalarNode)
            yield (*path, name), _line(value.start_mark if scalar else key.start_mark)
            yield from _lines(value, (*path, name), (*seen, id(node)))
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), _line(item.start_mark)
            yield from _lines(item, (*path, index), (*seen, id(node)))


def _duplicate_keys(node: Node, path: Location = (), seen: tuple[int, ...] = ()) -> Iterator[tuple[str, str, int]]:
    """YAML itself lets the last of two equal keys win in silence."""
    if id(node) in seen:
        return
    inner = (*seen, id(node))
    if isinstance(node, MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            here = path if path == () and name == "attributes" else (*path, name)
            if name in first and name != "<<":
                message = f"is written twice, first at line {first[name]}: only one of them can count"
                yield dotted(here) or name, message, _line(key.start_mark)
            first.setdefault(name, _line(key.start_mark))
            yield from _duplicate_keys(value, here, inner)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _duplicate_keys(item, (*path, index), inner)


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


def _validated(data: Mapping[str, Any]) -> tuple[ModelSpec | None, list[Finding]]:
    try:
        return ModelSpec.model_validate(data), []
    except ValidationError as error:
        found = findings(error.errors(include_url=False), data)
    if any(each.contradicts for each in found):
        return None, found
    return None, [*found, *_contradictions_beside(found, data)]


def _contradictions_beside(found: Sequence[Finding], data: Mapping[str, Any]) -> list[Finding]:
    """Fields are compared with each other only when each is right by itself, so the wrong ones are taken out first.

    What is required gets a stand-in. A contradiction that one of the wrong fields takes part in is not told: it may
    vanish with it.
    """
    rest = copy.deepcopy(dict(data))
    wrong = [_removed(rest, each.path) for each in found]
    _fill(rest, _STAND_INS)
    try:
        ModelSpec.model_validate(rest)
    except ValidationError as error:
        again = [each for each in findings(error.errors(include_url=False), rest) if each.contradicts]
        return [each for each in again if not any(_touches(each, path) for path in wrong)]
    return []


def _removed(data: Any, path: Location) -> Location:
    """Takes the value out, or the group that holds it where that cannot be without it; returns what was taken out."""
    whole = next((index + 1 for index, part in enumerate(path) if part in ("source", "schema", "labels")), len(path))
    path = path[:whole]
    groups: list[dict[str | int, Any]] = []
    for part in path:
        if not isinstance(data, dict):
            break
        groups.append(cast("dict[str | int, Any]", data))
        data = groups[-1].get(part)
    path = path[: len(groups)]
    if path:
        groups[-1].pop(path[-1], None)
    return path


def _fill(data: dict[str, Any], stand_ins: Mapping[str, Any]) -> None:
    for key, value in stand_ins.items():
        inner = data.setdefault(key, copy.deepcopy(value))
        if isinstance(inner, dict) and isinstance(value, dict) and key not in ("source", "schema"):
            _fill(cast("dict[str, Any]", inner), cast("dict[str, Any]", value))


def _touches(finding: Finding, path: Location) -> bool:
    fields = [finding.path, *(undotted(each) for each in finding.involves)]
    return any(field[: len(path)] == path or path[: len(field)] == field for field in fields)
