"""Objects by import path and the text of a transform, with hints where a path is wrong."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain_assets.errors import DeclarationError
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.plugins import load_object, read_source
from retrain_assets_tests.lifecycle.world import declaration


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "ra_user_app"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("ra_user_app")]:
        del sys.modules[name]


def test_both_forms_of_a_path() -> None:
    assert load_object("pathlib:Path") is load_object("pathlib.Path") is Path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("sklearn.linear_modle:Ridge", "Did you mean 'linear_model'"),
        ("sklearn.linear_model:Rigde", "Did you mean 'Ridge'"),
        ("sklaern.linear_model:Ridge", "Did you mean 'sklearn'"),
        ("qqqqqq.zzzz:thing", "Install its package"),
    ],
)
def test_a_mistyped_path_has_a_hint(path: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message) as refused:
        load_object(path, field="estimator.class")
    assert refused.value.problems[0].field == "estimator.class"


def test_a_module_that_fails_is_told_from_one_that_is_not_there(package: Path) -> None:
    (package / "broken.py").write_text("1 / 0\n")
    (package / "needy.py").write_text("import qqqqqq_not_there\n")
    with pytest.raises(DeclarationError, match="failed with ZeroDivisionError"):
        load_object("ra_user_app.broken:f")
    with pytest.raises(DeclarationError, match=r"importing 'ra_user_app.needy' failed: .*Install what it needs"):
        load_object("ra_user_app.needy:f")


def test_the_source_is_read_as_it_stands_on_disk(package: Path) -> None:
    text = "def build(rows):\n    return rows  # Ärger\n"
    (package / "features.py").write_text(text, encoding="utf-8")
    module, function, source = read_source("ra_user_app.features:build")
    assert (module, function, source) == ("ra_user_app.features", "build", text)
    (package / "features.py").write_text(text + "\n# edited\n", encoding="utf-8")
    assert read_source("ra_user_app.features:build").source.endswith("# edited\n")


def test_a_function_is_read_where_it_is_defined(package: Path) -> None:
    (package / "features.py").write_text("def build(rows):\n    return rows\n")
    (package / "names.py").write_text("from ra_user_app.features import build\n")
    assert read_source("ra_user_app.names:build").module == "ra_user_app.features"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("build = lambda rows: rows\n", "written with def"),
        ("class build:\n    pass\n", r"written with def at the top of its module \(got type\)"),
        (
            "def make():\n    def build(rows):\n        return rows\n    return build\nbuild = make()\n",
            "written with def",
        ),
        ("from ra_user_app import names\ndef build(rows):\n    return rows\n", "must not import from its own package"),
        ("from . import names\ndef build(rows):\n    return rows\n", "must not import from its own package"),
    ],
)
def test_what_cannot_travel_with_the_model_is_refused(package: Path, text: str, message: str) -> None:
    (package / "names.py").touch()
    (package / "features.py").write_text(text)
    with pytest.raises(DeclarationError, match=message):
        read_source("ra_user_app.features:build")


@pytest.mark.parametrize("path", ["ra_user_app.schema:Rows", "ra_user_app.schema.Rows"])
def test_another_text_of_the_schema_is_another_declaration(package: Path, path: str) -> None:
    spec = ModelSpec.model_validate({**declaration(), "schema": path})
    module = package / "schema.py"
    module.write_text("raise ImportError('the text is enough')\n", encoding="utf-8")
    before = DeclaredModel(spec, package).training_hash()
    assert DeclaredModel(spec, package).training_hash() == before
    module.write_text("class Rows: ...\n", encoding="utf-8")
    assert DeclaredModel(spec, package).training_hash() != before
    module.unlink()
    with pytest.raises(DeclarationError, match="cannot be read"):
        DeclaredModel(spec, package).training_hash()
