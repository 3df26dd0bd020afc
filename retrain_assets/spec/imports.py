"""What an import path of a declaration stands for."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from retrain_assets.errors import DeclarationError, Problem, did_you_mean

_MISTYPED = 0.8
"""So much alike are a mistyped name and one of all the modules that happen to be installed."""


def _split_import_path(path: str) -> tuple[str, str]:
    """Module and name of `package.module:name` or `package.module.name`.

    >>> _split_import_path("sklearn.linear_model.Ridge")
    ('sklearn.linear_model', 'Ridge')
    """
    module, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    return module, name


def load_object(path: str, *, field: str = "") -> Any:
    """Imports the module and returns the object.

    Args:
        path: An import path.
        field: The field of the declaration that holds the path, for the message.

    Raises:
        DeclarationError: there is no such module or name, or the module cannot be imported.
    """
    module_name, name = _split_import_path(path)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(error.name + ".")):
            raise _problem(field, f"importing '{module_name}' failed: {error}. Install what it needs.") from error
        raise _problem(field, _no_such_module(module_name, error.name)) from None
    except Exception as error:
        raise _problem(
            field, f"importing '{module_name}' failed with {type(error).__name__}: {error}. Mend that module."
        ) from error
    if not hasattr(module, name):
        public = [known for known in dir(module) if not known.startswith("_")]
        hint = did_you_mean(name, public) if len(public) <= 20 or _close(name, public) else ""
        raise _problem(field, f"module '{module_name}' must have a '{name}' (it has none).{hint}")
    return getattr(module, name)


def _no_such_module(module_name: str, missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    if parent:
        package = importlib.import_module(parent)
        known = [module.name for module in pkgutil.iter_modules(getattr(package, "__path__", []))]
        return f"there is no module '{missing}' in '{parent}'.{did_you_mean(last, known)}"
    hint = did_you_mean(missing, [module.name for module in pkgutil.iter_modules()], cutoff=_MISTYPED)
    shown = hint if "Did you mean" in hint else " Install its package or put its folder on the Python path."
    return f"there is no module '{missing}' (of '{module_name}').{shown}"


def _close(name: str, known: list[str]) -> bool:
    return "Did you mean" in did_you_mean(name, known)


def _problem(field: str, message: str) -> DeclarationError:
    return DeclarationError([Problem(field=field, message=message)])
