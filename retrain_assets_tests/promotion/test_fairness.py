"""Rates and gaps between groups are those of fairlearn; intervals, too small groups and undefined rates are ours."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.fairness import RATES, fairness_measures
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.slices import LEAST_BLOCKS
from retrain_assets.spec import PromoteSpec
from retrain_assets_tests.promotion.test_gates import report


def measured(
    probabilities: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    min_rows: int = 1,
    blocks: np.ndarray | None = None,
) -> dict[tuple[str, str], Measure]:
    made = fairness_measures(
        Scores(probabilities, (0, 1)), labels, pd.Series(groups, name="sex"), blocks=blocks, min_rows=min_rows,
        confidence=0.95, rng=np.random.default_rng(0),
    )  # fmt: skip
    return {(each.name, each.group): each for each in made}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("names", [["m", "f"], ["a", "b", "c", "d"]])
def test_rates_by_group_and_their_gaps_are_fairlearns(names: list[str], seed: int):
    rng = np.random.default_rng(seed)
    groups = rng.choice(names, 400)
    labels = (rng.random(400) < 0.4).astype(int)
    probabilities = np.clip(rng.beta(2, 2, 400) + 0.15 * (groups == names[0]) + 0.2 * labels, 0, 1)
    selected = (probabilities > 0.5).astype(int)
    found = measured(probabilities, labels, groups)
    reference = fairlearn.MetricFrame(
        metrics={name: getattr(fairlearn, name) for name in RATES},
        y_true=labels, y_pred=selected, sensitive_features=groups,
    )  # fmt: skip
    for rate in RATES:
        for name in names:
            assert found[rate, f"sex={name}"].value == pytest.approx(reference.by_group.loc[name, rate])
        assert found[f"{rate}_gap", "sex"].value == pytest.approx(reference.difference()[rate])
    parity = fairlearn.demographic_parity_difference(labels, selected, sensitive_features=groups)
    odds = fairlearn.equalized_odds_difference(labels, selected, sensitive_features=groups)
    assert found["selection_rate_gap", "sex"].value == pytest.approx(parity)
    gaps = [found[f"{rate}_gap", "sex"].value for rate in ("true_positive_rate", "false_positive_rate")]
    assert max(gap for gap in gaps if gap is not None) == pytest.approx(odds)


def test_a_rate_that_no_row_of_a_group_defines_is_unknown_where_fairlearn_says_zero():
    """Without a positive label there is no true positive rate: 0 would read as the worst of treatments."""
    groups = np.array(["m"] * 6 + ["f"] * 6)
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    found = measured(np.linspace(0.1, 0.9, 12), labels, groups)
    assert found["true_positive_rate", "sex=f"].value is None
    assert fairlearn.true_positive_rate(labels[6:], np.ones(6, int)) == 0.0
    gap = found["true_positive_rate_gap", "sex"]
    assert (gap.value, gap.reason) == (None, "true_positive_rate is not defined in f")
    assert found["false_positive_rate_gap", "sex"].value is not None


@pytest.mark.parametrize("missed", [True, False])
@pytest.mark.parametrize("units", ["rows", "entities"])
def test_of_few_positive_labels_that_fare_alike_no_small_gap_is_known(units: str, missed: bool):
    """Six of each group: a resample of them shows no difference, and the next six may."""
    row = np.arange(1200)
    labels, groups = (row < 12).astype(int), np.where(row % 2 == 0, "m", "f")
    chances = np.where(row < 12, 0.1 if missed else 0.9, (row % 3 == 0).astype(float))
    found = measured(chances, labels, groups, blocks=row // 2 if units == "entities" else None)
    rate, gap = found["true_positive_rate", "sex=m"], found["true_positive_rate_gap", "sex"]
    assert (rate.value, gap.value, gap.lower) == (0.0 if missed else 1.0, 0.0, 0.0)
    assert rate.value in (rate.lower, rate.upper)
    assert (gap.upper or 0) > 0.2
    apart = measured(np.where(groups == "m", 0.9, 0.1), labels, groups)["true_positive_rate_gap", "sex"]
    assert (apart.value, apart.upper) == (1.0, 1.0)
    assert 0.2 < (apart.lower or 0) < 0.9


def of_blocks(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """1,200 rows of blocks whose predictions are the same for a group; every label and group is in each of them."""
    rows = np.arange(1200)
    blocks = rows % count
    groups = np.where(rows // count % 2 == 0, "m", "f")
    chances = np.random.default_rng(0).random((count, 2))
    return chances[blocks, (groups == "f").astype(int)], rows // (2 * count) % 2, groups, blocks


@pytest.mark.parametrize("rate", RATES)
def test_gaps_between_groups_draw_what_varies_together(rate: str):
    probabilities, labels, groups, blocks = of_blocks(40)
    alone, together = (
        measured(probabilities, labels, groups, blocks=drawn)[f"{rate}_gap", "sex"] for drawn in (None, blocks)
    )
    assert alone.value == together.value
    widths = [(each.upper or 0) - (each.lower or 0) for each in (alone, together)]
    assert widths[1] > 2 * widths[0] > 0


def test_rates_of_blocks_differ_by_as_much_as_they_do_from_one_world_to_the_next():
    """The interval of a rate holds what forty blocks of other chances come to, as often as it says."""
    hits, trials, rng = 0, 200, np.random.default_rng(1)
    blocks = np.repeat(np.arange(40), 20)
    groups = np.where(np.arange(800) % 2 == 0, "m", "f")
    for _ in range(trials):
        made = measured(rng.random(40)[blocks], rng.integers(0, 2, 800), groups, blocks=blocks)
        found = made["selection_rate", "sex=m"]
        hits += (found.lower or 0) <= 0.5 <= (found.upper or 0)
    assert 0.90 <= hits / trials <= 0.99


@pytest.mark.parametrize("chances", [(0.4,) * 6, (0.3, 0.4, 0.4, 0.4, 0.4, 0.55)])
@pytest.mark.parametrize("units", ["rows", "entities"])
def test_the_interval_of_a_gap_holds_the_gap_and_the_true_one(chances: tuple[float, ...], units: str):
    """Of groups that are alike, too: the largest difference of a resample lay above it nearly always."""
    hits, trials, rng = 0, 100, np.random.default_rng(2)
    groups = np.repeat(np.arange(6), 60)
    blocks = np.tile(np.arange(60), 6) if units == "entities" else None
    for _ in range(trials):
        selected = rng.random(360) < np.array(chances)[groups]
        found = measured(selected.astype(float), rng.integers(0, 2, 360), groups, blocks=blocks)
        gap = found["selection_rate_gap", "sex"]
        assert gap.value is not None
        assert gap.lower is not None
        assert gap.upper is not None
        assert gap.lower <= gap.value <= gap.upper
        hits += gap.lower <= np.ptp(chances) <= gap.upper
    assert hits / trials >= 0.93


def verdict_of(
    made: dict[tuple[str, str], Measure], columns: list[str], selection_gap: float = 1.0
) -> tuple[bool | None, str]:
    limits = {"groups": columns, "selection_gap": selection_gap, "error_gap": 1.0}
    spec = PromoteSpec.model_validate({"require": "is_fair", "limits": limits})
    (gate,) = evaluate_gates(replace(report(), measures=tuple(made.values())), spec, bootstrapping=False).results
    return gate.passed, gate.reason


def test_of_three_classes_nothing_is_known_and_the_remedy_is_told():
    made = fairness_measures(
        Scores(np.full((4, 3), 1 / 3), (0, 1, 2)), [0, 1, 2, 0], pd.Series(["m", "f"] * 2, name="sex"), blocks=None,
        min_rows=1, confidence=0.95, rng=np.random.default_rng(0),
    )  # fmt: skip
    passed, reason = verdict_of({(each.name, each.group): each for each in made}, ["sex"])
    assert passed is None
    told = "selection_rate by sex is not known (is_fair compares two classes, and there are 3: leave it out of promote."
    assert reason.startswith(told)


def test_groups_within_too_few_batches_cannot_be_compared():
    probabilities, labels, groups, blocks = of_blocks(LEAST_BLOCKS - 1)
    made = measured(probabilities, labels, groups, blocks=blocks)
    passed, reason = verdict_of(made, ["sex"])
    assert passed is None
    assert "the rows of f, m lie in fewer than 5 batches or entities" in reason
    rate = made["selection_rate", "sex=m"]
    assert (rate.value is None, rate.lower) == (False, None)


def test_small_groups_are_named_and_where_no_two_are_left_nothing_is_known():
    probabilities, labels, groups, _ = of_blocks(40)
    groups = np.where(np.arange(1200) < 7, "x", groups)
    passed, reason = verdict_of(measured(probabilities, labels, groups, min_rows=50), ["sex"])
    assert passed is True
    assert "left out of sex, as of fewer than 50 rows: x" in reason
    alone = np.where(groups == "f", "m", groups)
    passed, reason = verdict_of(measured(probabilities, labels, alone, min_rows=50), ["sex"])
    assert passed is None
    assert "fewer than two groups have enough rows; left out of sex, as of fewer than 50 rows: x" in reason


def test_of_many_small_groups_the_first_are_named_once():
    probabilities, labels, groups, _ = of_blocks(40)
    groups = np.where(np.arange(1200) < 90, (np.arange(1200) % 30 + 100).astype(str), groups)
    passed, reason = verdict_of(measured(probabilities, labels, groups, min_rows=50), ["sex"])
    assert passed is True
    assert reason.count("100, 101, 102, 103, 104 and 25 more") == reason.count("100") == 1
    assert "105" not in reason


@pytest.mark.parametrize(
    ("rows", "limit", "expected"), [(8000, 0.1, True), (8000, 0.02, False), (200, 0.1, None), (200, 0.04, None)]
)
def test_a_gap_is_judged_with_the_whole_of_its_interval(rows: int, limit: float, expected: bool | None):
    """Of a gap of 0.06, which 200 rows do not tell from either limit."""
    row = np.arange(rows)
    groups, place = np.where(row % 2 == 0, "m", "f"), row // 2 % 50
    selected = place < np.where(groups == "m", 20, 23)
    made = measured(selected.astype(float), row // 4 % 2, groups)
    assert made["selection_rate_gap", "sex"].value == pytest.approx(0.06)
    passed, reason = verdict_of(made, ["sex"], selection_gap=limit)
    assert passed is expected
    assert ("so few rows cannot tell" in reason) is (expected is None)


def test_a_column_that_was_declared_after_the_evaluation_is_unknown():
    probabilities, labels, groups, _ = of_blocks(40)
    passed, reason = verdict_of(measured(probabilities, labels, groups), ["sex", "age"])
    assert (passed, "the groups of age were not measured" in reason) == (None, True)


def test_of_very_many_entities_whole_ones_are_put_together() -> None:
    """What is held does not grow with groups times entities, and an interval is as wide as that of the entities."""
    rng = np.random.default_rng(0)
    number = 100_000
    chances = rng.random(number)
    groups = rng.integers(0, 60, number).astype(str)
    labels = rng.integers(0, 2, number)
    once = measured(chances, labels, groups)["selection_rate", "sex=0"]
    entities = np.tile(np.arange(number), 2)
    tracemalloc.start()
    try:
        made = measured(chances[entities], labels[entities], groups[entities], blocks=entities)[
            "selection_rate", "sex=0"
        ]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 150e6
    assert (made.value, made.rows) == (once.value, 2 * once.rows)
    widths = [(each.upper or 0) - (each.lower or 0) for each in (once, made)]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)
