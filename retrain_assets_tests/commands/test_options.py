"""What stands before a command."""

from __future__ import annotations

from pathlib import Path

import yaml

from retrain_assets.commands.options import Options
from retrain_assets_tests.spec.declarations import attributes


def test_a_command_over_all_models_reads_the_declarations_once(tmp_path: Path):
    file = tmp_path / "defs.yaml"
    document = {"type": "retrain_assets.RetrainedModel", "attributes": attributes(name="sales")}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    options = Options(home=None, defs=(tmp_path,), debug=False)
    (declared,) = options.declarations()
    file.unlink()
    assert options.declared("sales") == declared
    assert options.model("sales").spec == declared.spec
