"""Any asset can be materialized from the UI; what is missing for it is named."""

from __future__ import annotations

from retrain_assets_tests.e2e.conftest import Shop

MODEL = "fraud"


def test_one_partition_of_one_asset(drifted: Shop):
    before = drifted.server.materializations(MODEL, "profile")
    run = drifted.server.materialize(MODEL, "profile", partition="2024-01-02")
    assert run.status == "SUCCESS"
    after = drifted.server.materializations(MODEL, "profile")
    assert [made.run for made in after[len(before) :]] == [run.id]
    assert after[-1].partition == "2024-01-02"
    # The same rows, the same profile: nothing downstream is out of date by it.
    first = next(made for made in before if made.partition == "2024-01-02")
    assert after[-1].metadata["dagster/row_count"] == first.metadata["dagster/row_count"]
    assert after[-1].metadata["content_hash"] == first.metadata["content_hash"]


def test_a_missing_upstream_is_an_error_with_the_selection_to_launch(shop: Shop):
    run = shop.server.materialize(MODEL, "profile", partition="2024-01-20")
    assert run.status == "FAILURE"
    (said, *_) = shop.server.failures(run.id)
    assert f"{MODEL}/validated" in said
    assert "2024-01-20" in said


def test_an_asset_of_the_project_itself_runs_beside_the_models(shop: Shop):
    assert shop.server.materialize("opening_hours").status == "SUCCESS"
