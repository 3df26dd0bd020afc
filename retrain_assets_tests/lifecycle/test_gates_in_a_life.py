"""Every gate in a life: measured on real scores, stored, read again, and shown as a check of its own."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.promotion.gates import GateReport
from retrain_assets.spec import GATES
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World
from retrain_assets_tests.orchestration.test_person_jobs import over

ALL = {
    "require": " & ".join(GATES),
    "min_rows": 50,
    "limits": {
        "metrics": {"log_loss": 0.9},
        "slices": ["kind", "x"],
        "find_slices": 2,
        "groups": ["kind"],
        "detectable": 1.0,
        "selection_gap": 0.9,
        "error_gap": 0.9,
        "calibration_error": 0.5,
        "milliseconds": 60_000,
    },
}


def test_every_gate_is_measured_stored_and_shown(three_champions: World, tmp_path: Path):
    world = copied(three_champions, tmp_path / "w", promote=ALL)
    with dg.DagsterInstance.ephemeral() as instance:
        installed = over(world, instance)
        world.drop(4)
        installed.drive()
        shown = {gate: installed.check("evaluation_report", gate).metadata["state"].value for gate in GATES}
    assert shown.pop("better_than_champion") == "failed", "a day more does not make it shown better"
    assert set(shown.values()) == {"passed"}, shown
    assert world.stores.state.promotions("tiny")[-1].version == 3
    batch = world.batch(4)
    report = read_evaluation(world.stores, world.model, batch, 1)
    assert {measure.kind for measure in report.measures} == {
        "change", "calibration", "test", "slice", "fairness", "cost", "leakage",
    }  # fmt: skip
    stored = world.stores.tables.read("tiny/evaluation_report", [batch.key])
    assert {gate.name for gate in GateReport.from_frame(stored).results} == set(GATES)
    assert "x" in {measure.group for measure in report.measures if measure.kind == "leakage"}
    assert "at" not in {measure.group for measure in report.measures if measure.kind == "leakage"}
