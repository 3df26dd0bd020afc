"""The user's feature transform as text: what is bundled and executed."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import NamedTuple


class TransformSource(NamedTuple):
    """The text of the module that holds the declared transform; `function` is the transform's name in it.

    >>> TransformSource("app.features", "build", "def build(rows): return rows").path
    'app.features:build'
    """

    module: str
    function: str
    source: str

    @property
    def path(self) -> str:
        """The import path that was declared."""
        return f"{self.module}:{self.function}"

    def sibling_imports(self) -> tuple[str, ...]:
        """Modules of the user's own package that the text imports, which therefore are not in the bundle.

        >>> TransformSource("app.features", "build", "from app import names").sibling_imports()
        ('app',)
        """
        return _sibling_imports(self.source, self.module.rpartition(".")[0])


@lru_cache(maxsize=64)
def _sibling_imports(text: str, package: str) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.append("." * node.level + (node.module or ""))
        elif isinstance(node, ast.ImportFrom):
            found.extend(_within(package, [node.module or ""]))
        elif isinstance(node, ast.Import):
            found.extend(_within(package, [alias.name for alias in node.names]))
    return tuple(dict.fromkeys(found))


def _within(package: str, names: list[str]) -> list[str]:
    return [name for name in names if package and (name == package or name.startswith(package + "."))]
