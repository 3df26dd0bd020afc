"""The mission, second half: a FreshnessPolicy that fails, and nothing else, makes a new model."""

from __future__ import annotations

from retrain_assets_tests.e2e.conftest import STORY_SECONDS, Shop

MODEL = "returns"
RETRAINED = ("training_set", "candidate", "evaluation_report")


def test_a_freshness_policy_that_fails_alone_rematerializes_training_set_to_evaluation_report(shop: Shop):
    server = shop.server
    shop.wait_for_step(MODEL, "retrain 2024-01-04")
    # The policy had failed before anything was trained, and the champion that came of it is fresh.
    failed, mended = shop.freshness.result(timeout=STORY_SECONDS)[-2:]
    assert (failed.status, mended.status) == ("DEGRADED", "HEALTHY")
    assert "retrain 2024-01-04" not in failed.steps
    assert "retrain 2024-01-04" in mended.steps

    decisions = [made for made in server.materializations(MODEL, "retrain_decision") if made.partition == "2024-01-04"]
    decided = next(made for made in decisions if made.metadata["verdict"] == "retrain")
    fired = [row["trigger"] for row in decided.table("triggers") if row["says"].startswith("fired: ")]
    assert fired == ["freshness"]
    assert "FreshnessPolicy" in decided.metadata["reason"]
    assert server.checks(MODEL, "drift_report", "inputs_have_not_drifted")[-1].passed

    retrain = next(run for run in server.runs(MODEL) if run.step == "retrain 2024-01-04")
    assert retrain.sensor == "retrains_decided"
    for asset in RETRAINED:
        made = server.materializations(MODEL, asset)
        assert [each.partition for each in made] == ["2024-01-02", "2024-01-04"], asset
        assert made[-1].run == retrain.id
