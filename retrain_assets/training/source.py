"""The user's feature transform as text: what is bundled, hashed and executed."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformSource:
    """The module that holds the declared transform; `function` is the transform's name in it.

    >>> source = TransformSource(module="features", function="build", text="def build(rows):\\n    return rows")
    >>> source.path
    'features:build'
    """

    module: str
    function: str
    text: str

    @property
    def path(self) -> str:
        """The import path that was declared."""
        return f"{self.module}:{self.function}"

    @property
    def hash(self) -> str:
        """SHA-256 of the text (hex)."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def sibling_imports(self) -> tuple[str, ...]:
        """Modules of the user's own package that the text imports, which therefore are not in the bundle.

        >>> TransformSource(module="app.features", function="f", text="from app import names").sibling_imports()
        ('app',)
        """
        package = self.module.rpartition(".")[0]
        found: list[str] = []
        for node in ast.walk(ast.parse(self.text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                found.append("." * node.level + (node.module or ""))
            elif isinstance(node, ast.ImportFrom):
                found.extend(_within(package, [node.module or ""]))
            elif isinstance(node, ast.Import):
                found.extend(_within(package, [alias.name for alias in node.names]))
        return tuple(dict.fromkeys(found))


def _within(package: str, names: list[str]) -> list[str]:
    return [name for name in names if package and (name == package or name.startswith(package + "."))]
