"""The code that a declaration names, and what is told of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from retrain_assets.errors import DeclarationError
from retrain_assets.stores.plugins import load_object

Told = Iterator[tuple[str, str]]
"""Field and message of each mistake."""


def loaded(field: str, path: str, told: list[tuple[str, str]]) -> Any:
    """What is at an import path; None where that cannot be loaded, and `told` says why."""
    try:
        return load_object(path)
    except DeclarationError as error:
        told.extend((field, problem.message) for problem in error.problems)
        return None


def any_keyword(signature: inspect.Signature) -> bool:
    """Whether a callable takes arguments of any name."""
    return any(each.kind is inspect.Parameter.VAR_KEYWORD for each in signature.parameters.values())


def kind_of(found: Any) -> str:
    """What is there, in words for a message."""
    return f"the class {found.__name__}" if inspect.isclass(found) else type(found).__name__
