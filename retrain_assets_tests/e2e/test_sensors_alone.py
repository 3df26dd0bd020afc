"""A file that is dropped into a folder becomes the next champion, with no further hand."""

from __future__ import annotations

from retrain_assets_tests.e2e.conftest import Shop

MODEL = "fraud"


def test_sensors_alone_replace_a_champion(drifted: Shop):
    server = drifted.server
    champions = server.materializations(MODEL, "champion")
    assert [(made.metadata["version"], made.metadata["candidate_partition"]) for made in champions] == [
        (1, "2024-01-02"),
        (2, "2024-01-03"),
    ]
    by_sensor = {run.id for run in server.runs(MODEL) if run.by_sensor}
    assert [made.run in by_sensor for made in champions] == [False, True]
    gates = server.checks(MODEL, "evaluation_report", "not_worse_than_champion")
    assert [gate.passed for gate in gates] == [True, True]
    assert gates[0].description.startswith("not applicable")
    scores = server.materializations(MODEL, "evaluation_report")[-1].metadata
    assert scores["candidate/log_loss"] < scores["baseline/log_loss"]


def test_every_job_ran_once_in_its_order_launched_by_its_sensor(drifted: Shop):
    runs = [run for run in drifted.server.runs(MODEL) if run.by_sensor]
    assert [run.step for run in runs] == [
        "settle 2024-01-02",
        "watch 2024-01-03",
        "decide 2024-01-03",
        "retrain 2024-01-03",
        "settle 2024-01-03",
    ]
    launched = {run.step.split()[0]: run.sensor for run in runs}
    assert launched == {
        "watch": "new_batches",
        "settle": "matured_labels",
        "decide": "decisions_due",
        "retrain": "retrains_decided",
    }


def test_every_batch_ends_in_one_decision(drifted: Shop):
    decisions = drifted.server.materializations(MODEL, "retrain_decision")
    assert [(made.partition, made.metadata["verdict"]) for made in decisions] == [
        ("2024-01-01", "wait"),
        ("2024-01-02", "retrain"),
        ("2024-01-03", "retrain"),
    ]
