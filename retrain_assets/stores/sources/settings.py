"""Values of a declaration that may stand in the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from retrain_assets.errors import StoreError
from retrain_assets.spec import EnvReference

_HOME = "{home}"
# As in retrain_assets.home, which opens the stores and so cannot be imported by them.
HOME_VARIABLE = "RETRAIN_ASSETS_HOME"
DEFAULT_FOLDER = ".retrain_assets"


def resolve(value: str | EnvReference, environ: Mapping[str, str] | None) -> str:
    """A literal as it is; an environment reference looked up now.

    Raises:
        StoreError: the variable is not set.
    """
    if isinstance(value, str):
        return value
    try:
        return value.resolve(dict(os.environ if environ is None else environ))
    except LookupError as error:
        raise StoreError(str(error.args[0])) from error


def resolve_all(values: Mapping[str, str | EnvReference], environ: Mapping[str, str] | None) -> dict[str, str]:
    """Each value of a mapping resolved."""
    return {name: resolve(value, environ) for name, value in values.items()}


def located(path: str, root: Path, environ: Mapping[str, str] | None = None) -> str:
    """A URL as it is; a path as an absolute one, relative to the folder of the declaration.

    `{home}` at the beginning stands for the home of the installation.
    """
    if path.startswith(_HOME):
        values = os.environ if environ is None else environ
        home = Path(values.get(HOME_VARIABLE) or DEFAULT_FOLDER).expanduser().absolute()
        path = str(home) + path.removeprefix(_HOME)
    return path if "://" in path else str((root / Path(path).expanduser()).absolute())
