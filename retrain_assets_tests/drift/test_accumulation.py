"""Evidence from check to check: it falls while nothing happens; what has drifted lasts until checks are calm."""

from collections.abc import Mapping

import numpy as np
import pytest
from scipy.special import ndtr

from retrain_assets.drift.accumulation import HELD, Accumulation, Carried
from retrain_assets.drift.evidence_limit import EvidenceLimit

LIMIT = EvidenceLimit(columns=8, batches=30, checks_per_year=365, false_alarms_per_year=1)


def followed(
    p_values: list[float], before: float = 0.0, drifted: Mapping[str, float] | None = None, distance: float = 0.1
) -> list[Carried]:
    """One column through checks with these p-values."""
    found: list[Carried] = []
    for p_value in p_values:
        step = Accumulation(limit=LIMIT, before={"x": before}, drifted=drifted or {})
        found.append(step.add("x", p_value, distance))
        before = step.after["x"]
    return found


def test_evidence_falls_back_to_zero_and_never_runs_away() -> None:
    assert [each.evidence for each in followed([0.5, 0.9, 1.0])] == [0, 0, 0]
    assert followed([0.0] * 50)[-1].evidence == LIMIT.value + HELD


def test_what_has_added_up_stands_until_checks_are_calm_for_long_and_then_starts_afresh() -> None:
    """In the middle of what chance gives, 24 checks take away what is held; a single calm one takes hardly anything."""
    calm = followed([0.5] * 30, before=LIMIT.value + HELD)
    assert [each.enough for each in calm] == [True] * 24 + [False] * 6
    assert calm[24].evidence == 0
    assert followed([1.0], before=LIMIT.value + HELD)[0].enough


def test_what_was_clear_at_once_stands_for_as_long_as_it_was_clear() -> None:
    stands: list[int] = []
    for p_value in (1e-3, 1e-5, 0.0):
        step = Accumulation(limit=LIMIT)
        step.add("x", p_value, 0.3)
        evidence = step.clear("x", p_value)
        assert step.standing == {"x"}
        stands.append(sum(each.enough for each in followed([0.5] * 40, before=evidence)))
    assert stands == [9, 14, 21]


def test_three_calm_checks_of_a_third_of_the_distance_end_what_stood_and_one_does_not() -> None:
    before = LIMIT.value + HELD
    fallen, less, unusual = (
        [each.enough for each in followed([p_value] * 3, before, {"x": 0.3}, distance)]
        for p_value, distance in ((0.5, 0.09), (0.5, 0.11), (0.1, 0.09))
    )
    assert fallen == [True, True, False]
    assert less == unusual == [True, True, True]


def test_a_drift_that_lasts_needs_half_of_the_floor() -> None:
    new, lasting = (Carried(evidence=9, limit=8, lasting=lasting) for lasting in (False, True))
    assert [new.drifted(distance, 0.1) for distance in (0.1, 0.09)] == [True, False]
    assert [lasting.drifted(distance, 0.1) for distance in (0.1, 0.06, 0.04)] == [True, True, False]
    assert not Carried(evidence=7, limit=8, lasting=True).drifted(0.2, 0.1)
    assert lasting.reason(0.06, 0.1) == (
        "the distance 0.06 is above 0.05, half of the floor that it reached before, and the evidence of this and "
        "earlier checks, 9, reaches 8"
    )


def test_rows_that_were_seen_before_say_nothing_new() -> None:
    step = Accumulation(limit=LIMIT, before={"x": 2.0}, seen=frozenset({"x"}))
    assert step.add("x", 1e-9, 0.5).evidence == 2.0


def test_batches_that_resemble_the_one_before_count_less_the_more_they_do() -> None:
    weights = [LIMIT.weight(resemblance) for resemblance in (0.0, 0.1, 0.3, 0.5, 0.7)]
    assert weights[0] == 1
    assert weights == sorted(weights, reverse=True)
    assert 0.15 < weights[-1] < 0.45
    half = Accumulation(limit=LIMIT).add("x", 0.01, 0.1, resemblance=0.5).evidence
    assert half == pytest.approx(weights[3] * Accumulation(limit=LIMIT).add("x", 0.01, 0.1).evidence)


@pytest.mark.parametrize(("shift", "most"), [(1.5, 1.2), (2.0, 1.05), (3.0, 1.0)])
def test_a_constant_shift_alarms_once_in_half_a_year(shift: float, most: float) -> None:
    """Of location, beside the other aspects that a column is tested for; the smallest one barely suffices."""
    alarms: list[int] = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        aspects = np.array([2 * ndtr(-np.abs(rng.normal(shift, 1, size=180))), rng.random(180)])
        checks = (1 - (1 - aspects) ** np.array([[1 / 0.44], [1 / 0.56]])).min(axis=0)
        enough = np.array([False, *(each.enough for each in followed(checks.tolist()))])
        alarms.append(int((np.diff(enough.astype(int)) == 1).sum()))
    found = [each for each in alarms if each]
    assert len(found) / len(alarms) > (0.6 if shift == 1.5 else 0.98)
    assert np.mean(found) <= most


def test_limits_of_few_checks_are_above_zero_and_weights_are_numbers() -> None:
    """Where more false alarms are allowed than checks are made."""
    few = EvidenceLimit(columns=1, batches=30, checks_per_year=2, false_alarms_per_year=1)
    assert few.value == 1.0
    assert [few.weight(resemblance) for resemblance in (0.0, 0.5, 0.95)] == [1, 1, 1]
    step = Accumulation(limit=few)
    step.add("x", 0.4, 0.1)
    assert step.clear("x", 0.4) >= few.value
