"""YAML as a tree of nodes: values together with the lines they are written at."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from retrain_assets.errors import Problem
from retrain_assets.spec.fields import Location
from retrain_assets.spec.problems import dotted


def compose(text: str, file: str) -> tuple[list[Node], list[Problem]]:
    """The documents of a text, up to the mistake of syntax if there is one."""
    nodes: list[Node] = []
    try:
        composed = yaml.compose_all(text, Loader=yaml.SafeLoader)
        nodes.extend(node for node in composed if node.tag != "tag:yaml.org,2002:null")  # an empty document
    except yaml.YAMLError as error:
        return nodes, [syntax_problem(error, file)]
    return nodes, []


def syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    """What YAML itself refuses, at its line."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(field="", message=f"is not valid YAML: {error}", file=file, line=1)
    mark = error.problem_mark or error.context_mark
    said = " ".join(part for part in (error.context, error.problem) if part)
    if "found character '\\t'" in said:
        said += " (YAML is indented by spaces, not by tabs)"
    column = f", column {mark.column + 1}" if mark is not None else ""
    return Problem(field="", message=f"is not valid YAML: {said}{column}", file=file, line=line_of(mark))


def line_of(mark: Any) -> int:
    """The line of a mark, counted from 1."""
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


def values(node: Node) -> Any:
    """What a node says.

    Raises:
        ConstructorError: an unknown tag, a key that cannot be one, or a node that holds itself.
    """
    _refuse_loops(node, ())
    constructor: Any = _Constructor()
    return constructor.construct_document(copy.deepcopy(node))


def _refuse_loops(node: Node, around: tuple[Node, ...]) -> None:
    if node in around:
        raise yaml.constructor.ConstructorError(None, None, "found an alias inside its own anchor", node.start_mark)
    if isinstance(node, MappingNode):
        for pair in node.value:
            for inner in pair:
                _refuse_loops(inner, (*around, node))
    elif isinstance(node, SequenceNode):
        for inner in node.value:
            _refuse_loops(inner, (*around, node))


def lines(node: Node, path: Location = (), seen: tuple[int, ...] = ()) -> Iterator[tuple[Location, int]]:
    """The line of each key, and of each item of a list."""
    if id(node) in seen:  # an alias inside its own anchor
        return
    if isinstance(node, MappingNode):
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            scalar = isinstance(value, ScalarNode)
            yield (*path, name), line_of(value.start_mark if scalar else key.start_mark)
            yield from lines(value, (*path, name), (*seen, id(node)))
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), line_of(item.start_mark)
            yield from lines(item, (*path, index), (*seen, id(node)))


def duplicate_keys(node: Node, path: Location = (), seen: tuple[int, ...] = ()) -> Iterator[tuple[str, str, int]]:
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
                yield dotted(here) or name, message, line_of(key.start_mark)
            first.setdefault(name, line_of(key.start_mark))
            yield from duplicate_keys(value, here, inner)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from duplicate_keys(item, (*path, index), inner)
