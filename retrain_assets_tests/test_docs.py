"""The generated pages say what the code says, and links within the documentation lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.cli import main
from retrain_assets.drift import compare
from retrain_assets.spec.fields import leaf_fields

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", ["declaration.md", "cli.md", "tables.md", "distances.md", "declaration.schema.json", "graph.svg"]
)
def test_generated_pages_are_up_to_date(generate: ModuleType, name: str):
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == generate.pages()[DOCS / name], "run `python docs/generate.py`"


def test_every_field_is_described():
    page = (DOCS / "declaration.md").read_text(encoding="utf-8")
    for leaf in leaf_fields():
        assert leaf.info.description, f"{leaf.path} has no description"
        assert f"`{leaf.path}`" in page


def test_every_command_is_there():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert all(f"\n## {command}\n" in page for command in main.commands)


def test_the_picture_shows_every_asset(generate: ModuleType):
    from retrain_assets.orchestration.specs import NODES

    picture = (DOCS / "graph.svg").read_text(encoding="utf-8")
    assert all(f">{node.name}</text>" in picture for node in NODES)


PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(DOCS)) for page in PAGES])
def test_links_lead_somewhere(page: Path):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_yaml_of_the_pages_is_a_declaration():
    """Blocks that are whole declarations are valid; a `# ...` marks one that is not."""
    from retrain_assets.spec import load_declarations

    found = [
        block
        for page in PAGES
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        if block.startswith("type:") and "# ..." not in block
    ]
    assert found
    for block in found:
        assert load_declarations(block)


@pytest.mark.parametrize("heading", ["Drift, as a library", "Profiles instead of rows"])
def test_what_the_page_on_drift_tells_to_write_is_quiet_on_a_quiet_day(heading: str):
    """Numbered days: a recipe that takes the day's number for data alarms long after those of the reference."""
    page = (DOCS / "drift.md").read_text(encoding="utf-8")
    recipe = re.search(rf"^#+ {heading}\n\n```python\n(.*?)```", page, flags=re.DOTALL | re.MULTILINE)
    assert recipe is not None
    rows = pd.DataFrame({"day": np.arange(12_400) // 400, "x": np.random.default_rng(0).normal(size=12_400)})
    past, today = rows[rows["day"] < 30], rows[rows["day"] == 30].assign(day=90)
    given: dict[str, Any] = {"compare": compare, "reference": past, "history": past, "today": today}
    exec(recipe[1], given)
    assert given["report"].drifted is False, given["report"].reason
