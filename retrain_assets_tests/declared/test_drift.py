"""Each field of `drift` changes a score, a verdict or when it alarms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import profile_table
from retrain_assets.data.windows import Calendar
from retrain_assets.drift.detect import detect_drift
from retrain_assets.drift.episodes import Episode
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.levels import output_settings_of, settings_of
from retrain_assets.drift.outputs import Outputs, profile_outputs
from retrain_assets.drift.reference import ReferenceProfile, reference_batches
from retrain_assets.drift.report import DriftReport
from retrain_assets.policy.triggers import evaluate_triggers
from retrain_assets.spec import BatchesSpec, DriftSpec

RNG = np.random.default_rng(0)


def table(rows: int, shift: float = 0.0, moved: int = 1) -> pd.DataFrame:
    frame = pd.DataFrame({f"c{column}": RNG.normal(size=rows) for column in range(5)})
    return frame.assign(**{f"c{column}": frame[f"c{column}"] + shift for column in range(moved)})


REFERENCE, CURRENT = table(5000), table(2000, shift=0.5)


def report(
    current: pd.DataFrame = CURRENT, reference: pd.DataFrame | list[pd.DataFrame] = REFERENCE, **declared: Any
) -> DriftReport:
    return detect_drift(
        model="m",
        batch="b",
        champion_version=1,
        current=profile_table(current),
        reference=[profile_table(part) for part in (reference if isinstance(reference, list) else [reference])],
        spec=DriftSpec.model_validate(declared),
        checks_per_year=52,
    )


def score(**declared: Any) -> float:
    value = next(column.score for column in report(**declared).columns if column.name == "c0")
    assert value is not None
    return value


@pytest.mark.covers("drift.distance")
def test_the_distance_is_the_declared_one():
    scores = {name: score(distance=name) for name in ("jensen_shannon", "psi", "kolmogorov_smirnov")}
    assert len({round(value, 6) for value in scores.values()}) == 3
    assert scores["kolmogorov_smirnov"] == pytest.approx(0.2, abs=0.05)  # of two normals half a deviation apart


@pytest.mark.covers("drift.effect_floor")
def test_below_the_floor_nothing_has_drifted():
    assert report(effect_floor=0.1).verdict == "drift"
    assert report(effect_floor=0.9).verdict == "stable"


@pytest.mark.covers("drift.false_alarms_per_year")
def test_the_rate_of_false_alarms_is_what_significance_takes():
    small = table(250, shift=0.28)
    verdicts = {rate: report(small, effect_floor=0.0, false_alarms_per_year=rate).verdict for rate in (26, 1e-10)}
    assert verdicts == {26: "drift", 1e-10: "stable"}


@pytest.mark.covers("drift.correction")
def test_the_correction_shares_the_rate_over_the_columns():
    """Two columns moved alike: the second need not be as clear where shares of false ones are bounded."""
    moved = table(2000, shift=0.5, moved=4)
    adjusted = {
        correction: max(
            column.adjusted_p_value or 0.0
            for column in report(moved, correction=correction).columns
            if column.name != "c4"
        )
        for correction in ("holm", "benjamini_hochberg")
    }
    assert adjusted["holm"] > adjusted["benjamini_hochberg"]


@pytest.mark.covers("drift.significance")
def test_differences_that_the_reference_batches_have_among_themselves_are_no_drift():
    unlike = [table(2000, shift=shift, moved=5) for shift in (-0.6, -0.4, -0.1, 0.0, 0.2, 0.3, 0.6)]
    assert report(table(2000, shift=0.5), unlike, significance="rows").verdict == "drift"
    calm = report(table(2000, shift=0.5), unlike, significance="batches")
    assert calm.verdict == "stable"
    assert "the differences of the reference batches explain it" in next(
        c.reason for c in calm.columns if c.name == "c0"
    )
    assert report(table(2000, shift=4.0), unlike, significance="batches").verdict == "drift"


@pytest.mark.covers("drift.columns_share")
def test_so_many_columns_must_have_drifted():
    two = table(2000, shift=0.5, moved=2)
    assert report(two, columns_share=0.4).verdict == "drift"
    assert report(two, columns_share=0.6).verdict == "stable"


@pytest.mark.covers("drift.bins")
def test_more_bins_see_finer_differences():
    assert score(bins=2) < score(bins=50)


@pytest.mark.covers("drift.smoothing")
def test_smoothing_keeps_an_empty_bin_finite_and_counts():
    far = table(2000, shift=30.0)
    weak, strong = (report(far, distance="psi", smoothing=smoothing).score for smoothing in (0.001, 50.0))
    assert weak is not None
    assert strong is not None
    assert np.isfinite(weak)
    assert weak > 2 * strong


@pytest.mark.covers("drift.min_rows")
def test_too_few_rows_are_unknown():
    few = table(100, shift=3.0)
    assert report(few, min_rows=200).verdict == "unknown"
    assert report(few, min_rows=50).verdict == "drift"


@pytest.mark.covers("drift.columns")
def test_only_the_named_columns_are_watched():
    assert report().verdict == "drift"
    calm = report(columns=["c1", "c2"])
    assert calm.verdict == "stable"
    assert {column.name for column in calm.columns} == {"c1", "c2"}


WEEKS = Calendar(BatchesSpec(every="week", start=datetime(2012, 1, 3, tzinfo=UTC)))
KEYS = [batch.key for batch in WEEKS.until(datetime(2013, 1, 1, tzinfo=UTC))]


@pytest.mark.covers("drift.reference", "drift.reference_batches")
def test_the_reference_is_made_of_the_declared_batches():
    assert reference_batches(DriftSpec(reference="recent", reference_batches=3), KEYS) == tuple(KEYS[-3:])
    assert reference_batches(DriftSpec(reference="recent", reference_batches=8), KEYS) == tuple(KEYS[-8:])
    assert reference_batches(DriftSpec(reference="training_window"), KEYS) == tuple(KEYS)
    spec = DriftSpec(reference="same_season", reference_batches=1)
    kept = reference_batches(spec, KEYS)
    profiles = {key: profile_table(pd.DataFrame({"x": [float(number)] * 300})) for number, key in enumerate(kept)}
    days = [f"2024-01-{day:02}" for day in range(1, 29)]
    mondays = reference_batches(DriftSpec(reference="same_weekday", reference_batches=2), days)
    assert mondays == tuple(days[-14:])  # the newest two of each weekday
    seasonal = ReferenceProfile(kind=spec.reference, profiles=profiles)
    batch = WEEKS.containing(datetime(2013, 2, 5, tzinfo=UTC))
    assert batch is not None
    found = seasonal.keys_for(batch, WEEKS, spec.reference_batches)
    wider = seasonal.keys_for(batch, WEEKS, 5)
    assert (len(found), len(wider)) == (1, 5)


@pytest.mark.covers("drift.rearm_growth")
def test_an_acknowledged_episode_alarms_again_after_the_declared_growth(facts: Any, drift_report: Any):
    episode = Episode(
        model="m", id="e", champion_version=4, opened_batch="2013-03-05", last_batch="2013-03-12", score=0.3
    )
    grown = replace(episode.acknowledged("2013-03-05"), score=0.5)
    for growth, fires in ((1.5, True), (2.0, False)):
        context = facts(drift=drift_report(), episode=grown)
        declared = context.spec.model_copy(update={"drift": DriftSpec(rearm_growth=growth)})
        states = {state.name: state.fired for state in evaluate_triggers(replace(context, spec=declared))}
        assert states["drift"] is fires


@pytest.mark.covers("drift.outputs")
def test_outputs_that_are_named_are_drift_by_themselves():
    rng = np.random.default_rng(3)
    reference = [profile_outputs(rng.normal(size=300)) for _ in range(8)]
    moved = profile_outputs(rng.normal(2, 1, size=300))

    def verdict(*named: str) -> tuple[str, str]:
        spec = DriftSpec.model_validate({"outputs": list(named)})
        outputs = Outputs(current=moved, reference=FittedReference(reference, output_settings_of(spec, 52)))
        made = detect_drift(
            model="m",
            batch="b",
            champion_version=1,
            current=profile_table(table(2000)),
            reference=[profile_table(table(2000)) for _ in range(8)],
            spec=spec,
            checks_per_year=52,
            outputs=outputs,
        )
        return made.verdict, made.reason

    assert verdict("score")[0] == "drift"
    assert verdict("score")[1].startswith("the score has drifted; 0 of 5 columns drifted; it takes 1; ")
    for named in ((), ("label", "residual")):
        assert verdict(*named)[0] == "stable"
        assert verdict(*named)[1].endswith("; beside them the score has drifted, which drift.outputs does not name")


@pytest.mark.covers("drift.joint")
@pytest.mark.parametrize("method", ["correlation", "classifier"])
def test_a_joint_test_is_drift_by_itself_and_takes_its_part_of_the_false_alarms(method: Any):
    found = JointDrift(method=method, drifted=True, score=0.9, p_value=1e-9, named=("c0 ~ c1",), reason="together")
    spec = DriftSpec.model_validate({"joint": method})
    assert settings_of(spec, 52).alpha == pytest.approx(0.9 * settings_of(DriftSpec(), 52).alpha)
    made = detect_drift(
        model="m",
        batch="b",
        champion_version=1,
        current=profile_table(table(2000)),
        reference=[profile_table(table(2000)) for _ in range(8)],
        spec=spec,
        checks_per_year=52,
        joint=found,
    )
    assert (made.verdict, made.drifted) == ("drift", ("ra_joint",))
    assert made.reason.startswith(f"the columns have drifted together by their {method}; 0 of 5 columns drifted; ")
    assert made.score == pytest.approx(0.9 if method == "correlation" else 0.8)
