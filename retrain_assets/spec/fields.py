"""The fields of a declaration as a tree: what may stand where, and what each leaf means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from retrain_assets.spec.base import EnvReference, SpecModel
from retrain_assets.spec.model import ModelSpec

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafField:
    """One field that a user can write; `path` is by its YAML names.

    A kind of source stands in the path by its `type`, the rules of a schema's column under `*`:
    `source.sql.query`, `schema.*.min`. `owner` and `name` are the class that has the field, and its name there.
    """

    path: str
    info: FieldInfo
    owner: type[SpecModel]
    name: str

    @property
    def required(self) -> bool:
        """It has no default."""
        return self.info.is_required()

    @property
    def default(self) -> Any:
        """The default; None where there is none."""
        value = self.info.get_default(call_default_factory=True) if not self.required else None
        return None if value is PydanticUndefined else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an error of pydantic lies in the data as the user wrote it.

    `path` has no parts that name members of a union, `known_keys` are the keys that may stand beside the last part,
    `info` is the field itself.
    """

    path: Location
    known_keys: frozenset[str]
    info: FieldInfo | None


def _field_name(info_name: str, info: FieldInfo) -> str:
    """The name in YAML."""
    return info.alias or info_name


def leaf_fields(model: type[SpecModel] = ModelSpec, prefix: str = "") -> Iterator[LeafField]:
    """All fields that hold a value of their own, in the order of declaration.

    >>> [leaf.path for leaf in leaf_fields() if leaf.path.startswith("reserve")]
    ['reserve.share', 'reserve.block']
    """
    for name, info in model.model_fields.items():
        path = f"{prefix}{_field_name(name, info)}"
        groups = [each for each in _members(info.annotation) if _is_model(each) and each is not EnvReference]
        columns = [
            column
            for member in _members(info.annotation)
            if get_origin(member) is dict
            for column in _members(get_args(member)[1])
            if _is_model(column) and column is not EnvReference
        ]
        if not groups or path == "target.labels":  # a source again: its fields are those of `source`
            yield LeafField(path=path, info=info, owner=model, name=name)
        else:
            for group in groups:
                tag = f"{_tag(group)}." if len(groups) > 1 else ""
                yield from leaf_fields(group, f"{path}.{tag}")
        for column in columns:
            yield from leaf_fields(column, f"{path}.*.")


def place_of(location: Sequence[str | int], data: object) -> Place:
    """Follows an error's location through the data and the declared types together.

    A part that the data does not hold names a member of a union (`literal['all_history']`, the tag of a source): it
    chooses among the types and is left out of the path.
    """
    types: list[Any] = [ModelSpec]
    path: list[str | int] = []
    known: frozenset[str] = frozenset()
    info: FieldInfo | None = None
    for index, part in enumerate(location):
        is_field = any(_is_model(each) and part in _aliases(each) for each in types)
        last = index == len(location) - 1
        if _holds(data, part) or (last and is_field):
            known = frozenset[str]().union(*(_aliases(each) for each in types if _is_model(each)))
            info = next(
                (_aliases(each)[str(part)] for each in types if _is_model(each) and part in _aliases(each)),
                None,
            )
            types = [inner for each in types for inner in _inside(each, part)]
            path.append(part)
            data = _item(data, part)
        else:
            types = [each for each in types if _named(each, part)] or types
    return Place(path=tuple(path), known_keys=known, info=info)


def _members(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, SpecModel)


def _aliases(model: type[SpecModel]) -> dict[str, FieldInfo]:
    return {_field_name(name, info): info for name, info in model.model_fields.items()}


def _tag(model: type[SpecModel]) -> str | None:
    kind = model.model_fields.get("type")
    return get_args(kind.annotation)[0] if kind is not None and get_origin(kind.annotation) is Literal else None


def _named(annotation: Any, part: str | int) -> bool:
    return _is_model(annotation) and part in (_tag(annotation), annotation.__name__)


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    if _is_model(annotation):
        info = _aliases(annotation).get(str(part))
        yield from _members(info.annotation) if info is not None else ()
    elif get_origin(annotation) is dict:
        yield from _members(get_args(annotation)[1])
    elif get_origin(annotation) is tuple:
        yield from _members(get_args(annotation)[0])


def _holds(data: object, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(cast("list[object]", data))


def _item(data: Any, part: str | int) -> Any:
    return data[part] if _holds(data, part) else None
