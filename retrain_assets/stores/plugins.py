"""The user's code: objects by import path, and the text of their modules."""

from __future__ import annotations

import inspect
from importlib.util import find_spec
from typing import Any

from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.spec.imports import load_object
from retrain_assets.training.source import TransformSource

__all__ = ["load_object", "read_source"]


def read_source(import_path: str, *, field: str = "features.transform") -> TransformSource:
    """The module that defines a transform, as it stands on disk now.

    A function that was only imported into the named module is read where it is defined.

    Raises:
        DeclarationError: there is no such function, its source cannot be read, or its module imports siblings, which
            would not travel with the model.
    """
    function: Any = load_object(import_path, field=field)
    if not inspect.isfunction(function) or function.__name__ == "<lambda>" or "." in function.__qualname__:
        raise _problem(
            field,
            f"'{import_path}' must be a function written with def at the top of its module "
            f"(got {type(function).__name__}).",
        )
    path = inspect.getsourcefile(function)
    try:
        with open(path or "", encoding="utf-8") as file:  # noqa: PTH123 - an empty name is an error like any other
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise _problem(field, f"the source of '{import_path}' cannot be read: {error}.") from error
    source = TransformSource(function.__module__, function.__name__, text)
    try:
        siblings = source.sibling_imports()
    except SyntaxError as error:
        raise _problem(field, f"the source of '{import_path}' is no Python: {error}.") from error
    if siblings:
        raise _problem(
            field,
            f"module '{source.module}' must not import from its own package (it imports {', '.join(siblings)}): only "
            "this module travels with the model. Move what the transform needs into it, or into an installed package.",
        )
    return source


def text_of_module(import_path: str, *, field: str) -> str:
    """The text of the module of an import path, as it stands on disk now; the module itself is not imported.

    Raises:
        DeclarationError: there is no such module, or its source cannot be read.
    """
    module = import_path.partition(":")[0] if ":" in import_path else import_path.rpartition(".")[0]
    try:
        found = find_spec(module)
        path = "" if found is None else found.origin or ""
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - an empty name is an error like any other
            return file.read()
    except (ImportError, ValueError, OSError, UnicodeDecodeError) as error:
        raise _problem(field, f"the source of '{import_path}' cannot be read: {error}.") from error


def _problem(field: str, message: str) -> DeclarationError:
    return DeclarationError([Problem(field=field, message=message)])
