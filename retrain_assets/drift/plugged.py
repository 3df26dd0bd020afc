"""What other packages add: found by an entry point of a group, or by an import path."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import entry_points

from retrain_assets.errors import did_you_mean


def find_plugged(name: str, *, what: str, group: str, built_in: Iterable[str]) -> object:
    """What a name stands for that is not built in.

    Args:
        name: of an entry point, or an import path `module:Class`.
        what: it should be, for messages.
        group: of the entry points.
        built_in: names that might have been meant.

    Raises:
        ValueError: there is no such thing.
    """
    plugged = {point.name: point for point in entry_points(group=group)}
    module, _, attribute = name.partition(":")
    try:
        if name in plugged:
            return plugged[name].load()
        if attribute:
            return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the module of somebody else raises
        raise ValueError(f"{what} {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    names = [*built_in, *plugged]
    raise ValueError(
        f"{what} must be one of {', '.join(names)}, or an import path 'module:Class' (got {name!r})."
        f"{did_you_mean(name, names, listed=False)}"
    )
