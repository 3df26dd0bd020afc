"""The mission, first half: a failed drift check, and nothing else, makes a new model."""

from __future__ import annotations

from retrain_assets_tests.e2e.conftest import Shop

MODEL = "fraud"
RETRAINED = ("training_set", "candidate", "evaluation_report")


def test_a_failed_drift_check_alone_rematerializes_training_set_to_evaluation_report(drifted: Shop):
    server = drifted.server
    checks = server.checks(MODEL, "drift_report", "inputs_have_not_drifted")
    states = [(check.partition, check.passed) for check in checks]
    assert states == [("2024-01-01", True), ("2024-01-02", True), ("2024-01-03", False)]
    assert checks[-1].severity == "WARN"
    assert "(x)" in checks[-1].description

    decision = server.materializations(MODEL, "retrain_decision")[-1]
    fired = [row["trigger"] for row in decision.table("triggers") if row["says"].startswith("fired: ")]
    assert (decision.metadata["verdict"], fired) == ("retrain", ["drift"])

    (retrain,) = [run for run in server.runs(MODEL) if run.step == "retrain 2024-01-03"]
    assert retrain.sensor == "retrains_decided"
    for asset in RETRAINED:
        made = server.materializations(MODEL, asset)
        assert [each.partition for each in made] == ["2024-01-02", "2024-01-03"], asset
        assert made[-1].run == retrain.id
