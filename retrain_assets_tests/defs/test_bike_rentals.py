"""The second model is another task under another policy."""

from pathlib import Path

import retrain_assets
from retrain_assets.spec import load_declarations

ROOT = Path(retrain_assets.__file__).parent


def test_a_regression_on_an_endless_stream_is_retrained_for_drift_and_age_alone() -> None:
    (bikes,) = load_declarations((ROOT / "defs" / "bike_rentals" / "defs.yaml").read_text())
    assert (bikes.task, bikes.batches.end, bikes.retrain.when) == ("regression", None, "drift | freshness")


def test_its_data_come_from_one_wheel_that_is_pinned_by_its_hash() -> None:
    pinned = (ROOT.parent / "requirements" / "demo-nodeps.txt").read_text()
    assert "islp==" in pinned.lower()
    assert pinned.count("--hash=sha256:") == 1
