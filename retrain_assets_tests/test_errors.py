"""The tree of errors is drawn as it is, and nothing in it is there for nobody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrain_assets import errors

ROOT = Path(errors.__file__).parent


def all_errors(of: type[errors.RetrainAssetsError] = errors.RetrainAssetsError) -> list[str]:
    below = [each for each in of.__subclasses__() if each.__module__ == errors.__name__]
    return [of.__name__, *(name for each in below for name in all_errors(each))]


def test_the_drawing_shows_each_of_them() -> None:
    assert sorted(re.findall(r"\b[A-Z]\w*Error\b", (errors.__doc__ or "").split("```")[1])) == sorted(all_errors())


@pytest.mark.parametrize("name", [name for name in all_errors() if name != "RetrainAssetsError"])
def test_each_is_used_somewhere(name: str) -> None:
    sources = [path for path in ROOT.rglob("*.py") if path.name != "errors.py"]
    assert any(re.search(rf"\b{name}\(", path.read_text(encoding="utf-8")) for path in sources)
