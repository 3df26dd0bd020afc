"""Every record that is stored respects the schema of its table, also after the store; broken ones do not."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.delivered_labels import extract_labels
from retrain_assets.data.labels import merge_labels, no_labels
from retrain_assets.data.profile import profile_table
from retrain_assets.data.stored_schemas import schema_problems, validated_schema
from retrain_assets.data.tables import TABLES, table_problems, table_schema
from retrain_assets.drift.report import ColumnDrift, DriftReport
from retrain_assets.lifecycle.decide import decisions_frame
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.lifecycle.training_window import to_row
from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.performance.report import BatchPerformance, performance_frame
from retrain_assets.performance.scores import Scores
from retrain_assets.policy.decision import Decision, TriggerState
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import Role
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.spec import PromoteSpec
from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets_tests.data.contract_world import clean_rows, contract, declared, first_batch

AS_OF = datetime(2013, 1, 15, tzinfo=UTC)


def broken_batch():
    rows = clean_rows(60).astype("object")
    rows.loc[3, "speed"] = 99.0
    rows.loc[4, "id"] = 2
    rows.loc[5, "at"] = None
    made = contract(quarantine={"tolerance": 0.5})
    return made, made.check([("part", rows)], first_batch(made.spec))


def drift_report() -> DriftReport:
    column = ColumnDrift(
        name="speed", kind="numeric", distance="psi", score=0.3, floor=0.1, p_value=0.001,
        verdict="drift", reason="far", before="mean 1", after="mean 2",
    )  # fmt: skip
    unknown = replace(column, name="gust", score=None, p_value=None, verdict="unknown")
    return DriftReport(
        model="shop", batch="2013-01-01", champion_version=2, verdict="drift", reason="1 of 2", score=0.3,
        columns=(column, unknown),
    )  # fmt: skip


def performance() -> pd.DataFrame:
    metrics = (
        MetricEstimate(metric="log_loss", value=0.5, lower=0.4, upper=0.6, standard_error=0.05, rows=100),
        MetricEstimate(metric="roc_auc", value=None, lower=None, upper=None, standard_error=None, rows=100),
    )
    record = BatchPerformance(
        model="shop",
        batch="2013-01-01",
        version=1,
        mode="served",
        label_revision=1,
        rows=100,
        as_of=AS_OF,
        metrics=metrics,
    )
    return performance_frame([record, replace(record, mode="backscored", version=2)])


def evaluation() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    chances = rng.uniform(0.1, 0.9, 600)
    labels = (rng.random(600) < chances).astype(int)
    scores: dict[Role, Scores] = {
        "candidate": Scores(chances, (0, 1)),
        "champion": Scores(np.clip(chances + 0.05, 0, 0.99), (0, 1)),
        "baseline": Scores(np.full(600, 0.5), (0, 1)),
    }
    versions: dict[Role, int | None] = {"candidate": 2, "champion": 1, "baseline": None}
    report = evaluate_models(
        Contest(labels=labels, scores=scores, versions=versions, batches=["2013-01-01"] * 600),
        model="shop", batch="2013-01-01", attempt=1, metric="log_loss", confidence=0.95, rng=rng, resamples=100,
    )  # fmt: skip
    gates = evaluate_gates(report, PromoteSpec(), False)
    return pd.concat([report.to_frame(), gates.to_frame(attempt=1)], ignore_index=True)


def decisions() -> pd.DataFrame:
    triggers = (
        TriggerState(name="drift", fired=True, reason="open"),
        TriggerState(name="performance_decay", fired=None, reason="no labels"),
    )
    decision = Decision(
        model="shop", batch="2013-01-01", attempt=1, verdict="retrain", reason="drift", cause="batch",
        triggers=triggers, as_of=AS_OF, decided_at=AS_OF, champion_version=None,
    )  # fmt: skip
    return decisions_frame([decision, replace(decision, attempt=2, champion_version=3)])


def training_set() -> pd.DataFrame:
    frozen = TrainingSet(
        model="shop", batch="2013-01-01", attempt=1, as_of=AS_OF, training_end=AS_OF, batches=("2013-01-01",),
        holdout_batches=("2013-01-01",), table_versions={"labels": 3}, rows=100, reserved_rows=20, data_hash="ab",
        cause="batch", sufficient=True, reason="enough", run_id="r",
    )  # fmt: skip
    return pd.DataFrame([to_row(frozen)])


def predictions() -> pd.DataFrame:
    _, result = broken_batch()
    frame = pd.DataFrame({"ra_row_id": result.accepted["ra_row_id"], "event_time": result.accepted["at"]})
    return frame.assign(version=1, mode="served", score=0.5, probabilities=None)


def labels() -> pd.DataFrame:
    made, _ = broken_batch()
    delivered = extract_labels([("part", clean_rows(60))], made, first_batch(made.spec)).labels
    first = merge_labels(None, delivered, AS_OF).labels
    return merge_labels(first, delivered.assign(label=1), AS_OF.replace(day=20)).labels


FRAMES: dict[str, Any] = {
    "quarantine": lambda: broken_batch()[1].quarantine,
    "profile": lambda: profile_table(broken_batch()[1].accepted).to_frame(),
    "drift_report": lambda: drift_report().to_frame().assign(episode=None),
    "predictions": predictions,
    "labels": labels,
    "performance": performance,
    "retrain_decision": decisions,
    "training_set": training_set,
    "evaluation_report": evaluation,
}


def test_there_is_a_record_for_every_table():
    assert set(FRAMES) == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_real_records_respect_their_table_before_and_after_the_store(table, tmp_path):
    frame = FRAMES[table]()
    assert table_problems(table, frame) == ()
    store = DeltaTableStore(str(tmp_path))
    store.write(f"shop/{table}", "2013-01-01", frame)
    assert table_problems(table, store.read(f"shop/{table}", ["2013-01-01"])) == ()


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_explained_and_every_table_may_be_empty(table):
    schema = table_schema(table)
    for name, column in schema.columns.items():
        assert column.description, name
        assert column.description.endswith("."), name
    assert table_problems(table, FRAMES[table]().iloc[:0]) == ()


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_column_is_told(table):
    frame = FRAMES[table]()
    first = next(iter(table_schema(table).columns))
    assert any(
        first in problem and "missing" in problem for problem in table_problems(table, frame.drop(columns=first))
    )


@pytest.mark.parametrize(
    ("table", "change", "told"),
    [
        ("quarantine", {"reason": "bad luck"}, "reason"),
        ("predictions", {"score": np.inf}, "score"),
        ("predictions", {"score": np.nan}, "score"),
        ("predictions", {"mode": "guessed"}, "mode"),
        ("predictions", {"version": 0}, "version"),
        ("predictions", {"ra_row_id": "same"}, "ra_row_id"),
        ("labels", {"revision": 0}, "revision"),
        ("labels", {"available_at": pd.Timestamp("2012-01-01", tz="UTC")}, "known after the event"),
        ("performance", {"lower": 0.9}, "lower <= value <= upper"),
        ("performance", {"standard_error": -1.0}, "standard_error"),
        ("drift_report", {"p_value": 1.5}, "p_value"),
        ("retrain_decision", {"verdict": "perhaps"}, "verdict"),
        ("training_set", {"rows": -1}, "rows"),
        ("evaluation_report", {"role": "hero"}, "role"),
    ],
)
def test_a_record_that_cannot_be_is_told_with_rows_and_value(table, change, told):
    problems = table_problems(table, FRAMES[table]().assign(**change))
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["a", "b"], ()),
        (["a", 7], ("column: dtype('str') does not hold in 1 row, for example '7'",)),
        (["a", b"b"], ("column: dtype('str') does not hold in 1 row, for example \"b'b'\"",)),
        (["a", None], ("column: not_nullable does not hold in 1 row, for example 'None'",)),
    ],
)
def test_a_column_of_texts_holds_nothing_else(values, told):
    frame = pd.concat([FRAMES["profile"]().iloc[:1]] * 2, ignore_index=True)
    schema = table_schema("profile")
    assert schema_problems(schema, frame.assign(column=pd.Series(values, dtype="object"))) == told
    assert str(schema.columns["column"].dtype) == "str"


def test_many_problems_are_cut():
    frame = FRAMES["predictions"]()
    broken = pd.DataFrame({name: ["x"] * len(frame) for name in frame.columns})
    assert 0 < len(table_problems("predictions", broken)) <= 11
    assert table_problems("quarantine", pd.DataFrame({"a": [1]}))


def test_the_validated_table_is_the_users_schema_with_two_columns_more(tmp_path):
    made, result = broken_batch()
    schema = validated_schema(made)
    assert list(schema.columns) == list(result.accepted.columns)
    assert made.columns().keys() == set(result.accepted.columns)
    store = DeltaTableStore(str(tmp_path))
    store.write("shop/validated", "2013-01-01", result.accepted)
    back = store.read("shop/validated", ["2013-01-01"])
    assert schema_problems(schema, back) == ()
    assert schema_problems(schema, back.assign(speed=99.0))
    assert schema_problems(schema, back.assign(ra_row_id="same"))


def test_empty_labels_have_the_table_of_labels():
    assert table_problems("labels", no_labels()) == ()
    assert declared().target.column not in TABLES


def test_a_slice_is_shown_as_the_text_that_it_is():
    assert table_schema("performance").columns["slice"].dtype == table_schema("performance").columns["metric"].dtype
