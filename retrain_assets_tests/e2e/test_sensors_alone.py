"""Files that are dropped into a folder become a champion, and later a better one, with no further hand."""

from __future__ import annotations

from retrain_assets_tests.e2e.conftest import Shop

MODEL = "churn"


def test_sensors_alone_make_a_champion_and_replace_it_after_the_world_turned_around(shop: Shop):
    shop.wait_for_step(MODEL, "retrain 2024-01-04")

    runs = [run for run in shop.server.runs(MODEL) if run.step != "settle 2024-01-04"]  # may still come
    assert [run.step for run in runs] == [
        "watch 2024-01-01",
        "decide 2024-01-01",
        "settle 2024-01-01",
        "watch 2024-01-02",
        "decide 2024-01-02",
        "retrain 2024-01-02",
        "settle 2024-01-02",
        "watch 2024-01-03",
        "decide 2024-01-03",
        "settle 2024-01-03",
        "watch 2024-01-04",
        "decide 2024-01-04",
        "retrain 2024-01-04",
    ]
    assert {run.sensor for run in runs} == {"new_batches", "matured_labels", "decisions_due", "retrains_decided"}
    # Every batch ends in one decision.
    decisions = shop.server.materializations(MODEL, "retrain_decision")
    assert [(made.partition, made.metadata["verdict"]) for made in decisions] == [
        ("2024-01-01", "wait"),
        ("2024-01-02", "retrain"),
        ("2024-01-03", "wait"),
        ("2024-01-04", "retrain"),
    ]
    assert decisions[2].metadata["reason"].startswith("cooldown")
    # The new champion was better on the same fresh rows.
    assert [made.metadata["version"] for made in shop.server.materializations(MODEL, "champion")] == [1, 2]
    gates = shop.server.checks(MODEL, "evaluation_report", "not_worse_than_champion")
    assert [gate.passed for gate in gates] == [True, True]
    assert gates[0].description.startswith("not applicable")
    scores = shop.server.materializations(MODEL, "evaluation_report")[-1].metadata
    assert scores["candidate/log_loss"] < scores["champion/log_loss"] / 2
