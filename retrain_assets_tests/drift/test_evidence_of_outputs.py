"""Evidence over time of what stands beside the inputs: outputs, and the joint test."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift.detect import detect_drift
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.levels import output_settings_of
from retrain_assets.drift.outputs import Outputs, judge_outputs, profile_outputs
from retrain_assets.drift.report import ColumnDrift, DriftReport
from retrain_assets.spec import DriftSpec

PER_YEAR = 52
SPEC = DriftSpec(outputs=("residual",), effect_floor=0.01, min_rows=50)


def outputs(seed: int, *, moved: float = 0.0, labelled: str = "l0", reference: FittedReference) -> Outputs:
    return Outputs(current=profile(seed, moved), reference=reference, labelled=labelled)


def profile(seed: int, moved: float = 0.0) -> TableProfile:
    rng = np.random.default_rng(seed)
    score = rng.random(400)
    label = pd.Series(rng.random(400) < score).astype(int)
    return profile_outputs(score, label=label, residual=rng.normal(moved, 1, 400))


@pytest.fixture(scope="module")
def reference() -> FittedReference:
    return FittedReference([profile(100 + day) for day in range(20)], output_settings_of(SPEC, PER_YEAR))


def following(rows: tuple[ColumnDrift, ...]) -> DriftReport:
    return DriftReport(
        model="m", batch="b", champion_version=1, verdict="stable", reason="", score=None, columns=rows
    )  # fmt: skip


def test_a_residual_that_is_a_little_off_is_drift_after_some_batches(reference: FittedReference) -> None:
    previous, verdicts, alone = None, [], []
    for week in range(25):
        made = outputs(week, moved=-0.1, labelled=f"l{week:02}", reference=reference)
        rows = judge_outputs(made, SPEC, checks_per_year=PER_YEAR, previous=previous)
        previous = following(rows)
        residual = next(row for row in rows if row.name == "ra_residual")
        verdicts.append(residual.verdict)
        assert residual.rows_of == f"l{week:02}"
        single = judge_outputs(made, SPEC, checks_per_year=PER_YEAR)
        alone.append(next(row for row in single if row.name == "ra_residual").verdict)
    first = verdicts.index("drift")
    assert 2 <= first < 20
    assert "drift" not in alone[: first + 1]  # no batch shows it by itself


def test_an_attribution_that_only_the_reference_has_is_unknown() -> None:
    spec = DriftSpec(outputs=("attribution",), min_rows=50)
    days = [
        profile_outputs(rng.random(100), attribution=pd.DataFrame(rng.normal(size=(100, 2)), columns=["x", "z"]))
        for rng in map(np.random.default_rng, range(20))
    ]
    fitted = FittedReference(days, output_settings_of(spec, PER_YEAR))
    without = replace(days[0], columns=days[0].columns[:2])
    rows = judge_outputs(Outputs(current=without, reference=fitted), spec, checks_per_year=PER_YEAR)
    assert {row.name: row.verdict for row in rows} == {
        "ra_score": "stable", "ra_attribution:x": "stable", "ra_attribution:z": "unknown"
    }  # fmt: skip
    assert rows[-1].reason.startswith("no value of the reference can stand in for those of the batch")


def test_the_same_labels_twice_are_no_more_evidence_than_once(reference: FittedReference) -> None:
    first = judge_outputs(outputs(1, moved=0.3, reference=reference), SPEC, checks_per_year=PER_YEAR)
    once = following(first)
    again = outputs(1, moved=0.3, reference=reference)
    twice = following(judge_outputs(again, SPEC, checks_per_year=PER_YEAR, previous=once))
    assert twice.evidence["ra_residual"] == once.evidence["ra_residual"] > 0
    newer = following(judge_outputs(replace(again, labelled="l1"), SPEC, checks_per_year=PER_YEAR, previous=twice))
    assert newer.evidence["ra_residual"] > twice.evidence["ra_residual"]
    # It is kept where the report is stored.
    stored = DriftReport.from_frame(twice.to_frame())
    assert [row.rows_of for row in stored.columns] == [row.rows_of for row in twice.columns] == [None, "l0", "l0"]


def test_stable_outputs_over_ten_years_keep_the_declared_number_of_alarms(reference: FittedReference) -> None:
    """A quarter of one a year over all outputs: 2.5 in ten years on average, 9 or more with a probability of 0.001."""
    alarms, previous = 0, None
    for week in range(10 * PER_YEAR):
        made = outputs(1_000 + week, labelled=str(week), reference=reference)
        rows = judge_outputs(made, SPEC, checks_per_year=PER_YEAR, previous=previous)
        before = set() if previous is None else set(previous.drifted)
        previous = following(rows)
        alarms += len(set(previous.drifted) - before)
    assert alarms <= 8


def test_a_joint_test_gathers_evidence() -> None:
    rng = np.random.default_rng(0)
    days = [profile_table(pd.DataFrame({"x": rng.normal(size=300)})) for _ in range(20)]
    spec = DriftSpec(joint="correlation", min_rows=50)
    joint = JointDrift(
        method="correlation", drifted=False, score=0.08, p_value=0.01, named=("x ~ y",), reason="a little"
    )
    previous, verdicts = None, []
    for week in range(12):
        previous = detect_drift(
            model="m", batch=f"b{week:02}", champion_version=1, current=days[0], reference=days, spec=spec,
            checks_per_year=PER_YEAR, previous=previous, joint=joint,
        )  # fmt: skip
        row = next(row for row in previous.columns if row.name == "ra_joint")
        verdicts.append((row.verdict, previous.verdict))
    assert verdicts[0] == ("stable", "stable")
    assert verdicts[-1] == ("drift", "drift")
    assert previous is not None
    assert "the evidence of this and earlier checks" in next(r for r in previous.columns if r.name == "ra_joint").reason
    small = detect_drift(
        model="m", batch="c", champion_version=1, current=days[0], reference=days, spec=spec,
        checks_per_year=PER_YEAR, previous=previous, joint=replace(joint, score=0.01),
    )  # fmt: skip
    assert small.verdict == "stable"


def test_outputs_keep_their_evidence_over_a_batch_that_does_not_know_them() -> None:
    """Attributions that were refused, and labels that are gone; what is no longer declared is forgotten."""
    spec = DriftSpec(outputs=("attribution",), min_rows=50)
    rng = np.random.default_rng(3)

    def day(moved: float = 0.0) -> TableProfile:
        added = pd.DataFrame(rng.normal(moved, 1, size=(300, 2)), columns=["x", "z"])
        return profile_outputs(rng.random(300), residual=rng.normal(moved, 1, 300), attribution=added)

    fitted = FittedReference([day() for _ in range(20)], output_settings_of(spec, PER_YEAR))
    inputs = [profile_table(pd.DataFrame({"x": rng.normal(size=300)})) for _ in range(20)]
    told, moved = day(0.3), day(0.3)

    def detected(current: TableProfile, previous: DriftReport | None, declared: DriftSpec = spec) -> DriftReport:
        found = detect_drift(
            model="m", batch="b", champion_version=1, current=inputs[0], reference=inputs, spec=declared,
            checks_per_year=PER_YEAR, previous=previous,
            outputs=Outputs(current=current, reference=fitted, labelled="l0", refused="refused"),
        )  # fmt: skip
        return DriftReport.from_frame(found.to_frame())

    first = detected(told, None)
    refused = detected(replace(told, columns=told.columns[:1]), first)
    rows = {row.name: row for row in refused.columns}
    of = ("ra_residual", "ra_attribution:x", "ra_attribution:z")
    assert {name: (rows[name].verdict, rows[name].evidence) for name in of} == {
        name: ("unknown", first.evidence[name]) for name in of
    }
    assert all(first.evidence[name] > 0 for name in of)
    assert rows["ra_attribution"].reason == "refused"
    # The labels are still those of the first report: they say nothing new.
    assert rows["ra_residual"].rows_of == "l0"
    after, expected = detected(moved, refused), detected(moved, first)
    assert {name: after.evidence[name] for name in of} == {name: expected.evidence[name] for name in of}
    undeclared = detected(replace(told, columns=told.columns[:1]), first, DriftSpec(min_rows=50))
    assert not {"ra_attribution:x", "ra_attribution"} & undeclared.evidence.keys()
