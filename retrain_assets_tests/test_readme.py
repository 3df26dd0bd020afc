"""The README is true to the letter: what it shows runs, and what it points at is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retrain_assets.authoring.checking import check_declarations

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_declaration_passes_the_check(tmp_path: Path):
    [declaration] = blocks("yaml")
    (tmp_path / "defs.yaml").write_text(declaration, encoding="utf-8")
    assert check_declarations([tmp_path], environ={}) == []


def test_the_make_commands_are_targets_and_do_what_they_say():
    """They are not run here: `make test` is what runs this."""
    [commands] = [block for block in blocks("sh") if "make " in block]
    targets = re.findall(r"^make (\w+)", commands, flags=re.MULTILINE)
    assert targets == ["demo", "test"]
    runs = {"demo": "bin/retrain-assets demo", "test": '-m pytest .*-m "not slow"', "ui": "bin/retrain-assets ui"}
    environ = {"PATH": os.environ["PATH"]}  # without what a `make` that runs this was told
    for target in (*targets, "ui"):
        told = subprocess.run(
            ["make", "-n", target], cwd=ROOT, env=environ, check=True, capture_output=True, text=True, timeout=60
        )
        assert re.search(runs[target], told.stdout.strip().splitlines()[-1]), told.stdout


@pytest.mark.timeout(700)  # eight processes that load Dagster, on a machine that may be busy
def test_your_own_model_from_the_data_to_the_status(tmp_path: Path):
    """The Python block makes the data, the shell block takes it to a first model, and replay walks it."""
    script, _ = blocks("python")
    [shell] = [block for block in blocks("sh") if "retrain-assets" in block]
    [run] = re.findall(r"^(retrain-assets .* run orders) .*# .*; again: .* a first model$", shell, flags=re.MULTILINE)
    [replay] = re.findall(r"^`(retrain-assets replay --data .*?)`", README, flags=re.MULTILINE)
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "activate").write_text(f'export PATH="{bin_folder}:$PATH"\n', encoding="utf-8")
    command = bin_folder / "retrain-assets"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m retrain_assets.cli "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("RETRAIN_ASSETS", "DAGSTER"))}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environ, check=True, timeout=120)
    done = subprocess.run(
        ["sh", "-e", "-c", f"{shell}\n{run}\n{replay} --policies never,every:2 --estimator linear --workers 1"],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no problems in 1 file" in done.stdout
    assert re.search(r"2024-01-01  watch +ok", done.stdout)
    assert re.search(r"2024-01-01  decide +ok", done.stdout)
    assert re.search(r"orders +none +2024-01-01", done.stdout)
    assert re.search(r"2024-01-08  retrain +ok", done.stdout)
    assert "champion: v1, promoted for batch 2024-01-08" in done.stdout
    assert "6,000 rows in 9 batches" in done.stdout + done.stderr
    assert re.search(r"^ *every:2 ", done.stdout, flags=re.MULTILINE)


def test_the_python_declaration_builds_definitions():
    _, code = blocks("python")
    made: dict[str, Any] = {}
    exec(code, made)
    keys = {key.to_user_string() for key in made["defs"].resolve_asset_graph().get_all_asset_keys()}
    assert "orders/champion" in keys


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_what_it_links_to_is_there(target: str):
    assert (ROOT / target).exists()


def test_it_is_short_enough_to_be_read():
    opening = README.split("![", maxsplit=1)[0].strip().splitlines()[2:]
    assert len(opening) <= 5
    assert len(README.splitlines()) <= 130
