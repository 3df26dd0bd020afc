"""Score, label and residual stand in the drift report beside the inputs, ranked by what these mean to the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.drift.accumulation import Accumulation
from retrain_assets.drift.evidence_limit import EvidenceLimit
from retrain_assets.drift.outputs import judge_outputs
from retrain_assets.drift.report import DriftReport
from retrain_assets.errors import DataError
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.outputs import outputs_of
from retrain_assets.lifecycle.watch import read_drift, read_predictions, read_validated
from retrain_assets.orchestration.importance import of_importance
from retrain_assets.training.bundle import ModelBundle
from retrain_assets_tests.lifecycle.world import World, make_world, rows_of

LEARNED = 9


def played(root: Path, when: str = "event", **drift: object) -> World:
    """Nine days, of which a model is trained, and one that is like them."""
    world = make_world(
        root,
        window={"min_rows": 8 * 300, "holdout_batches": 3},
        retrain={"when": when},
        drift={"min_rows": 100, **drift},
    )
    for day in range(LEARNED + 1):
        world.drop(day)
    world.play()
    return world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return played(tmp_path_factory.mktemp("outputs"))


class Refusing:
    """A model of batches as they are, and of no others."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._asked = 0

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        self._asked += 1
        if self._asked > 2:  # the scores, and those of the rows whose attributions are wanted
            raise DataError("no such row: ...") from ValueError("...")
        return self._pipeline.predict_proba(frame)


def report(world: World, day: int) -> DriftReport:
    found = read_drift(world.stores, world.model, world.batch(day))
    assert found is not None
    return found


def serving(world: World) -> ModelBundle:
    return world.stores.registry.load(world.stores.state.model_versions("tiny")[-1])


def verdicts(found: DriftReport) -> dict[str, str]:
    return {column.name: column.verdict for column in found.columns}


def test_the_reference_of_a_version_holds_its_outputs_and_what_its_inputs_matter(world: World) -> None:
    reference = serving(world).reference
    assert set(reference.outputs) == set(reference.profiles)
    first = next(iter(reference.outputs.values()))
    assert first.names == ("ra_score", "ra_label", "ra_residual")
    assert 50 < first["ra_score"].rows < 110  # the reserved fifth of 400 rows
    assert first["ra_label"].rows == 400
    assert abs(first["ra_residual"].mean or 0.0) < 0.2
    importance = reference.importance
    assert set(importance) == {"id", "at", "x", "z", "kind"}
    assert importance["x"] > 0.1
    assert all(abs(value) < importance["x"] / 5 for name, value in importance.items() if name != "x")


def test_a_calm_batch_is_calm_in_its_outputs(world: World) -> None:
    calm = report(world, LEARNED)
    assert verdicts(calm) == dict.fromkeys(("x", "z", "kind", "ra_score", "ra_label", "ra_residual"), "stable")
    assert calm.evidence.keys() == {"x", "z", "kind", "ra_score", "ra_label", "ra_residual"}
    told = {column.name: column.rows_of for column in calm.columns if column.rows_of is not None}
    assert told == dict.fromkeys(("ra_label", "ra_residual"), world.batch(LEARNED - 1).key)


def test_a_relation_that_turns_round_shows_in_residual_and_importance_alone(tmp_path: Path) -> None:
    """The inputs stay as they are; with labels one day late the report of the second day knows of the first."""
    world = played(tmp_path, "residual_drift", outputs=["residual", "importance"], false_alarms_per_year=10)
    for day in range(LEARNED + 1, LEARNED + 3):
        world.drop(day, flip=True)
    world.play()
    before, after = report(world, LEARNED + 1), report(world, LEARNED + 2)
    assert (verdicts(before)["ra_residual"], verdicts(before)["ra_importance"]) == ("stable", "stable")
    assert before.verdict == "stable"
    assert verdicts(after) == {
        **dict.fromkeys(("x", "z", "kind", "ra_score", "ra_label"), "stable"),
        **dict.fromkeys(("ra_residual", "ra_importance"), "drift"),
    }  # fmt: skip
    row = next(column for column in after.columns if column.name == "ra_residual")
    assert row.reason.startswith(f"labels of {world.batch(LEARNED + 1).key}: the distance ")
    assert after.verdict == "drift"
    assert after.reason.startswith("the residual and the importance have drifted; 0 of 3 columns drifted; ")
    importance = next(column for column in after.columns if column.name == "ra_importance")
    assert after.score == max(row.score or 0, importance.score or 0)
    # What led is what misleads now.
    led, leads = (float(told.partition("x ")[2].partition(" %")[0]) for told in (importance.before, importance.after))
    assert led > 50 > leads
    assert after.evidence["ra_residual"] > before.evidence["ra_residual"]
    # What the report told is what it was stored as, and no episode is opened by a row that does not count.
    (episode,) = world.stores.state.episodes("tiny")
    assert episode.opened_batch == world.batch(LEARNED + 2).key
    # The output's own trigger asks for the retrain, once.
    calm, asked = world.stores.state.decisions("tiny")[-2:]
    assert (calm.verdict, asked.verdict, asked.fired) == ("wait", "retrain", ("residual_drift",))
    assert row.reason in asked.reason
    assert episode.acknowledged_batch == asked.batch


def test_an_input_that_matters_leads_and_moves_the_score(world: World) -> None:
    day = LEARNED + 1
    rows = rows_of(world.batch(day), shift=1.2)
    world.drop(day, rows.assign(z=rows["z"] + 5))
    world.play()
    moved = report(world, day)
    found = verdicts(moved)
    assert (found["x"], found["z"], found["ra_score"]) == ("drift", "drift", "drift")
    x, z = (next(column for column in moved.columns if column.name == name) for name in ("x", "z"))
    assert (z.score or 0) > (x.score or 0)
    assert (x.importance or 0) > 0.8
    assert moved.drifted == ("x", "ra_score", "z")
    assert "the score has drifted, which drift.outputs does not name" in moved.reason


def test_predictions_tell_of_no_novelty_where_it_is_not_declared(world: World) -> None:
    assert "novelty" not in read_predictions(world.stores, world.model, world.batch(LEARNED))


def added(after: DriftReport, before: Mapping[str, float]) -> float:
    """The evidence of `x` that a report makes of what was before."""
    column = next(column for column in after.columns if column.name == "x")
    assert column.p_value is not None
    assert column.score is not None
    far = EvidenceLimit(columns=1000, batches=30, checks_per_year=365, false_alarms_per_year=1)
    return Accumulation(limit=far, before=before).add("x", column.p_value, column.score).evidence


def test_evidence_outlasts_batches_that_are_missing_refused_or_too_small(tmp_path: Path) -> None:
    """A steady shift that no day shows adds up over the days that can be compared."""
    world = played(tmp_path)
    world.drop(LEARNED + 1, shift=0.2)
    world.drop(LEARNED + 2, rows=50)
    world.put(LEARNED + 3, b"no,such,columns\n1,2,3\n")
    world.drop(LEARNED + 5, shift=0.2)
    world.play()
    before, small, after = (report(world, LEARNED + day) for day in (1, 2, 5))
    assert (small.verdict, small.evidence) == ("unknown", {})
    assert read_drift(world.stores, world.model, world.batch(LEARNED + 3)) is None
    assert before.evidence["x"] > 0
    assert after.evidence["x"] == pytest.approx(added(after, before.evidence))


@pytest.mark.parametrize("unknown", [30, 31])
def test_evidence_outlasts_thirty_batches_in_which_a_column_alone_is_unknown(tmp_path: Path, unknown: int) -> None:
    world = played(tmp_path)
    world.drop(LEARNED + 1, shift=0.2)
    world.play()
    before, table = report(world, LEARNED + 1), world.model.table("drift_report")
    columns = tuple(replace(c, verdict="unknown") if c.name == "x" else c for c in before.columns)
    for day in range(LEARNED + 2, LEARNED + 2 + unknown):
        batch = world.batch(day).key
        stored = replace(before, batch=batch, columns=columns).to_frame().assign(episode=None)
        world.stores.tables.write(table, batch, stored, run_id="test")
    day = LEARNED + 2 + unknown
    world.drop(day, shift=0.2)
    world.play()
    after = report(world, day)
    assert before.evidence["x"] > 0
    assert after.evidence["x"] == pytest.approx(added(after, before.evidence if unknown == 30 else {}))


def test_an_adopted_version_has_no_outputs_to_compare_with(world: World) -> None:
    version = world.stores.state.model_versions("tiny")[-1]
    bundle = serving(world)
    bare = replace(bundle, reference=replace(bundle.reference, outputs={}))
    assert outputs_of(world.stores, world.model, world.batch(LEARNED), version, bare) is None


def test_what_an_input_adds_to_the_scores_is_drift_where_attributions_are_declared(tmp_path: Path) -> None:
    """The values of `x` are ten times as close together: they no longer say much, and of the others all stays."""
    world = played(tmp_path, outputs=["attribution"])
    calm, day = report(world, LEARNED), LEARNED + 1
    of = {f"ra_attribution:{name}" for name in ("x", "z", "kind")}
    assert {name: verdict for name, verdict in verdicts(calm).items() if name in of} == dict.fromkeys(of, "stable")
    rows = rows_of(world.batch(day))
    world.drop(day, rows.assign(x=rows["x"] * 0.1))
    world.play()
    moved = report(world, day)
    assert {name for name in of if verdicts(moved)[name] == "drift"} == {"ra_attribution:x"}
    assert moved.reason.startswith("the attribution of x has drifted; ")
    row = next(column for column in moved.columns if column.name == "ra_attribution:x")
    assert row.aspect in ("spread", "shape")
    assert moved.score is not None
    assert row.score is not None
    assert moved.score >= row.score
    # Rows that the model refuses are no drift, and said to be unknown; so is a champion whose reference has none.
    bundle, version = serving(world), world.stores.state.model_versions("tiny")[-1]
    refusing = replace(bundle, pipeline=Refusing(bundle.pipeline))
    found = outputs_of(world.stores, world.model, world.batch(day), version, refusing)
    assert found is not None
    spec, per_year = world.model.spec.drift, world.model.calendar.per_year
    unknown = judge_outputs(found, spec, checks_per_year=per_year)[-1]
    assert (unknown.name, unknown.verdict) == ("ra_attribution", "unknown")
    assert unknown.reason == "the model refuses rows in which a value is replaced by one of the reference (ValueError)"
    before = {key: replace(p, columns=p.columns[:3]) for key, p in bundle.reference.outputs.items()}
    older = replace(bundle, reference=replace(bundle.reference, outputs=before))
    found = outputs_of(world.stores, world.model, world.batch(day), version, older)
    assert found is not None
    unknown = judge_outputs(found, spec, checks_per_year=per_year)[-1]
    assert (unknown.verdict, unknown.reason[:46]) == ("unknown", "the reference of the champion has none: it was")


@pytest.mark.slow
def test_inputs_that_begin_to_hang_together_are_drift_where_the_joint_test_is_declared(tmp_path: Path) -> None:
    world = played(tmp_path, joint="correlation")
    calm = next(column for column in report(world, LEARNED).columns if column.name == "ra_joint")
    assert (calm.verdict, calm.distance) == ("stable", "correlation")
    day = LEARNED + 1
    rows = rows_of(world.batch(day))
    hanging = 0.9 * rows["x"] + 0.436 * rows["z"]
    world.drop(day, rows.assign(z=hanging.where(rows["z"].notna())))
    world.play()
    moved = report(world, day)
    assert verdicts(moved) == {**dict.fromkeys(("x", "z", "kind", "ra_score", "ra_label", "ra_residual"), "stable"),
                               "ra_joint": "drift"}  # fmt: skip
    assert moved.verdict == "drift"
    assert moved.reason.startswith("the columns have drifted together by their correlation; ")
    assert moved.drifted == ("ra_joint",)


@pytest.mark.slow
@pytest.mark.parametrize("joint", ["correlation", "classifier"])
def test_a_reference_of_which_no_rows_are_left_leaves_the_joint_test_unknown(tmp_path: Path, joint: str) -> None:
    world = played(tmp_path, joint=joint)
    table, batch = world.model.table("validated"), world.batch(LEARNED)
    for day in range(LEARNED):
        key = world.batch(day).key
        rows = world.stores.tables.read(table, [key])
        world.stores.tables.write(table, key, rows.iloc[:0], run_id="again")
    found = lifecycle.detect(world.stores, world.model, batch, now=world.now, run_id="again").report
    row = next(column for column in found.columns if column.name == "ra_joint")
    assert (found.verdict, row.verdict) == ("stable", "unknown")
    assert row.reason == "all batches of the reference were delivered again, without any rows"
    rows = world.stores.tables.read(table, [batch.key])
    world.stores.tables.write(table, batch.key, rows.iloc[:0], run_id="again")
    world.stores.tables.write(table, world.batch(0).key, rows.assign(ra_batch=world.batch(0).key), run_id="again")
    found = lifecycle.detect(world.stores, world.model, batch, now=world.now, run_id="again").report
    assert next(column for column in found.columns if column.name == "ra_joint").verdict == "unknown"


@pytest.mark.slow
def test_rows_that_are_unlike_the_reference_are_drift_where_novelty_is_declared(tmp_path: Path) -> None:
    world = played(tmp_path, outputs=["novelty"])
    calm = next(column for column in report(world, LEARNED).columns if column.name == "ra_novelty")
    assert calm.verdict == "stable"
    day = LEARNED + 1
    rows = rows_of(world.batch(day))
    usual = rows.index % 4 > 0
    world.drop(day, rows.assign(z=rows["z"].where(usual, 40.0)))
    world.play()
    moved = next(column for column in report(world, day).columns if column.name == "ra_novelty")
    assert moved.verdict == "drift"
    assert "% of the rows as novel as 1% of the reference, with a novelty above " in moved.after
    share = float(moved.after.split("; ")[1].split("%")[0])
    assert 15 < share < 35
    # Each row has its own in the predictions, and it is those rows that the report tells of.
    stored = read_predictions(world.stores, world.model, world.batch(day))
    limit = float(moved.after.rpartition(" ")[2])
    assert 100 * (stored["novelty"] > limit).mean() == pytest.approx(share, abs=0.5)
    odd = read_validated(world.stores, world.model, world.batch(day)).set_index("ra_row_id")["z"] == 40.0
    own = stored.set_index("ra_row_id")["novelty"]
    assert own[odd[odd].index].min() > own.median()
    assert (own[odd[odd].index] > limit).mean() > 0.5
    assert "the novelty has drifted" in report(world, day).reason


@pytest.mark.slow
def test_the_importances_of_a_candidate_are_told_beside_those_of_the_champion(tmp_path: Path) -> None:
    """A second model learns from days on which `z` decides, too."""
    world = played(tmp_path)
    for day in range(LEARNED + 1, LEARNED + 4):
        rows = rows_of(world.batch(day))
        world.drop(day, rows.assign(y=(rows["z"].fillna(0) > 0).astype(int)))
    world.play()
    last = world.batch(LEARNED + 3)
    common: dict[str, Any] = {"now": world.now, "run_id": "by-hand"}
    with lifecycle.lease(world.stores, world.model, owner="by-hand", now=world.now):
        lifecycle.freeze_training_set(world.stores, world.model, last, **common)
        made = lifecycle.train(world.stores, world.model, last, **common)
    assert made.importance is not None
    change = made.importance
    assert change.columns[0] == "x"
    assert change.before["x"] > 0.9
    assert change.after["z"] > 0.05 > change.before["z"]
    assert change.moved == pytest.approx(change.after["z"] - change.before["z"], abs=0.05)
    shown = of_importance(change)
    assert shown["importance_moved"] == pytest.approx(change.moved, abs=1e-5)
    assert of_importance(None) == {}


def test_of_a_personal_target_neither_label_nor_residual_is_profiled(world: World) -> None:
    """A profile shows values. That a classification has no such target is refused elsewhere; here it stands in."""
    spec = world.model.spec
    personal = DeclaredModel(spec=spec.model_copy(update={"personal_columns": (spec.target.column,)}), root=world.root)
    version = world.stores.state.model_versions("tiny")[-1]
    shown, withheld = (
        outputs_of(world.stores, model, world.batch(LEARNED), version, serving(world))
        for model in (world.model, personal)
    )
    assert shown is not None
    assert withheld is not None
    assert shown.current.names == ("ra_score", "ra_label", "ra_residual")
    assert withheld.current.names == ("ra_score",)
