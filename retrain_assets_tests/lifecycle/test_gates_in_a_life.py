"""Every gate in a life: measured on real scores, stored, read again, and shown as a check of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np

from retrain_assets.lifecycle.probe import memory, servability
from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.promotion.cost import cost_measures
from retrain_assets.promotion.gates import GateReport
from retrain_assets.promotion.measures import chosen
from retrain_assets.spec import GATES
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.predict import predict
from retrain_assets_tests.lifecycle.champions import copied, move_entry
from retrain_assets_tests.lifecycle.world import World
from retrain_assets_tests.orchestration.test_person_jobs import over
from retrain_assets_tests.tracking import put_empty_database
from retrain_assets_tests.training.samples import make_bundle, make_rows, make_spec

ALL = {
    "require": " & ".join(GATES),
    "min_rows": 50,
    "draw_together": "id",
    "worth": {"costs": {"1": {"0": 5.0}, "0": {"1": 1.0}}, "rank_within": "id"},
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
        "missing_column": 10.0,
        "rank_correlation": -1.0,
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
        "change", "calibration", "test", "slice", "fairness", "cost", "leakage", "explanation", "robustness",
        "servability", "worth", "ranking", "recall",
    }  # fmt: skip
    stored = world.stores.tables.read("tiny/evaluation_report", [batch.key])
    assert {gate.name for gate in GateReport.from_frame(stored).results} == set(GATES)
    assert "x" in {measure.group for measure in report.measures if measure.kind == "leakage"}
    assert "at" not in {measure.group for measure in report.measures if measure.kind == "leakage"}
    assert {each.group for each in chosen(report.measures, "robustness")} == {"z"}, "the one that may be missing"
    leading = chosen(report.measures, "explanation", "importance")[0]
    assert leading.group == "x"
    (served,) = chosen(report.measures, "servability")
    assert (served.value, "a fresh process loaded tiny v4" in served.reason) == (1.0, True), served.reason


HANGING = """
import os, subprocess, sys, time
child = "import sys, time; from retrain_assets.lifecycle import probe; probe.end_with(int(sys.argv[1]), every=0.05)"
command = [sys.executable, "-c", child + "; print(1, flush=True); time.sleep(600)", str(os.getpid())]
print(subprocess.Popen(command, process_group=0).pid, flush=True)
time.sleep(600)
"""


def test_a_fresh_process_that_hangs_does_not_outlive_a_run_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        said = [run.stdout.readline().strip() for _ in range(2)]
        run.kill()
        assert run.stdout.read() == "", "the last one that holds the pipe has ended"
    assert "1" in said


def test_a_version_that_a_fresh_process_cannot_load_is_not_servable(promoted: World, tmp_path: Path):
    version = promoted.stores.state.model_versions("tiny")[-1]
    rows = golden_rows(promoted.stores.tables.read("tiny/validated", [promoted.batch(0).key]).drop(columns="ra_batch"))
    bundle = promoted.stores.registry.load(version)
    expected = predict(bundle.pipeline, rows, task="classification", classes=bundle.manifest.classes)
    registry = promoted.stores.registry
    gone = memory(registry, replace(version, uri=str(tmp_path / "gone")), rows)
    assert (gone.value, "NotStoredError" in gone.reason) == (None, True), gone.reason
    move_entry(promoted, 3, to=2)
    elsewhere = servability(registry, version, rows, expected)
    assert (elsewhere.value, "IntegrityError" in elsewhere.reason) == (0.0, True), elsewhere.reason
    move_entry(promoted, 3, to=3)
    other = servability(registry, version, rows, replace(expected, values=np.nextafter(expected.values, 2)))
    assert (other.value, "otherwise" in other.reason) == (0.0, True), "one bit is another score"


def test_the_memory_is_counted_whoever_allocates_it(tmp_path: Path):
    """Neither what this process holds nor what an import takes is of the rows, but what Python knows nothing of is."""
    put_empty_database(tmp_path / "mlflow.db")
    registry, rows = MlflowRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}"), make_rows()
    held = np.ones(400_000_000, dtype=np.uint8)
    grown: list[float] = []
    for number, name in enumerate(("ShareClassifier", "ArrowClassifier")):
        bundle = make_bundle(make_spec(estimator={"class": f"retrain_assets_tests.training.estimators.{name}"}))
        run = registry.begin_run(model="delays", name=name, tags={"retrain_assets.key": str(number)})
        version = registry.register(run, bundle)
        (*_, cost) = cost_measures(
            bundle.pipeline,
            lambda asked, bundle=bundle: predict(
                bundle.pipeline, asked, task="classification", classes=bundle.manifest.classes
            ),
            rows,
            elsewhere=lambda asked, version=version: memory(registry, version, asked),
        )
        assert cost.value is not None
        grown.append(cost.value)
    assert grown[0] < 50
    assert 200 < grown[1] < 250
    assert held[-1] == 1
