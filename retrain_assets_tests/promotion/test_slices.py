"""A slice is judged by as many independent units as its rows have, and what was searched on does not judge."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport, Role
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.judged import Judged
from retrain_assets.promotion.measures import Measure, chosen
from retrain_assets.promotion.measuring import measured
from retrain_assets.promotion.slice_condition import NoSliceRegression
from retrain_assets.promotion.slices import LEAST_BLOCKS, Slice, slice_measures, slice_metrics
from retrain_assets.promotion.weak_slices import found_slices
from retrain_assets.spec import PromoteSpec
from retrain_assets_tests.promotion.test_gates import report as report_of
from retrain_assets_tests.stores.state.records import NOW

BLOCKS, ROWS = 12, 60


def judged(excess: np.ndarray, blocks: np.ndarray | None, rows: np.ndarray):
    """The difference on one slice."""
    (first, *_) = slice_measures(
        [Slice(name="promo=yes", rows=rows)], excess, np.ones(len(excess)),
        blocks=blocks, confidence=0.95, number=1, min_rows=50,
    )  # fmt: skip
    return first


@pytest.mark.parametrize("blocks_of_slice", [1, LEAST_BLOCKS - 1])
def test_a_slice_within_too_few_batches_is_not_judged(blocks_of_slice: int) -> None:
    blocks = np.repeat(np.arange(BLOCKS), ROWS)
    made = judged(np.ones(len(blocks)) + 1e-9 * blocks, blocks, blocks < blocks_of_slice)
    assert (made.value, made.lower) == (None, None)
    assert f"{blocks_of_slice} batches or entities, too few" in made.reason


@pytest.mark.parametrize("blocks_of_slice", [LEAST_BLOCKS, BLOCKS])
def test_equal_models_are_shown_worse_on_a_slice_as_often_as_declared(blocks_of_slice: int) -> None:
    rng = np.random.default_rng(0)
    blocks = np.repeat(np.arange(BLOCKS), ROWS)
    trials = 1000
    worse = 0
    for _ in range(trials):
        excess = rng.normal(0, 0.3, BLOCKS)[blocks] + rng.normal(size=len(blocks))
        made = judged(excess, blocks, blocks < blocks_of_slice)
        assert made.lower is not None
        worse += made.lower > 0
    # 2.5 % on each side, and three standard errors of the simulation.
    assert worse / trials <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / trials)


def sliced(group: str, lower: float | None, rows: int = 200) -> Measure:
    """The difference of a slice, unknown where no lower bound is given."""
    value, upper = (None, None) if lower is None else (lower + 0.01, lower + 0.02)
    reason = "its rows lie in 2 batches or entities" if lower is None else ""
    return Measure(
        kind="slice", name="difference", group=group, value=value, lower=lower, upper=upper, rows=rows, reason=reason
    )


def found_parts(number: float | None) -> Measure:
    return Measure(kind="slice", name="searched", value=number, rows=100, reason="too few rows to search")


NO_CURVE = Measure(
    kind="slice", name="roc_auc", group="a=1", value=None, rows=200, reason="its rows do not define roc_auc"
)
FINE, WORSE, DARK, TINY = sliced("a=1", -0.01), sliced("a=2", 0.01), sliced("a=3", None), sliced("a=(rare)", None, 5)


@pytest.mark.parametrize(
    ("measures", "limits", "passed", "said"),
    [
        (
            [FINE, TINY],
            {},
            True,
            "shown worse in none of 1 slices; of fewer than 50 rows, and not judged: a=(rare) (5)",
        ),
        ([TINY], {}, None, "no slice has enough rows"),
        ([FINE, NO_CURVE], {}, True, "shown worse in none of 1 slices"),
        ([FINE, DARK], {}, None, "unknown of a=3: its rows lie in 2 batches or entities; shown worse in none of 1"),
        ([WORSE, DARK], {}, False, "shown worse in 1 of 1 slices: a=2"),
        ([FINE], {"slices": ["a", "b"]}, None, "the slices of b, which were not measured"),
        ([FINE], {"find_slices": 2}, None, "weak slices, which were not looked for"),
        ([FINE, found_parts(None)], {"find_slices": 2}, None, "weak slices: too few rows to search"),
        ([FINE, found_parts(0.0)], {"find_slices": 2}, True, "none of 1 slices"),
        ([WORSE, found_parts(None)], {"find_slices": 2}, False, "shown worse in 1 of 1"),
        ([], {}, None, "no slice has enough rows"),
    ],
)
def test_what_is_not_known_of_a_slice_is_not_told_as_good(
    measures: list[Measure], limits: dict[str, Any], passed: bool | None, said: str
) -> None:
    """A slice of few rows binds nobody; one of many that cannot be judged, or was not looked at, is unknown."""
    spec = PromoteSpec.model_validate({"require": "no_slice_regression", "limits": limits})
    (gate,) = evaluate_gates(replace(report_of(), measures=tuple(measures)), spec, bootstrapping=False).results
    assert (gate.passed, said in gate.reason) == (passed, True), gate.reason


def test_a_difference_that_no_number_holds_is_unknown() -> None:
    made = judged(np.full(200, 1e200), None, np.ones(200, dtype=bool))
    assert (made.value, made.reason) == (None, "the difference is beyond what numbers hold")


def metrics_of(blocks: np.ndarray | None, labels: np.ndarray, metric: str) -> Measure:
    """A metric of the slice that is all rows, of scores that are off by as much for all rows of a block."""
    off = np.random.default_rng(0).normal(0, 1, 12)[np.arange(len(labels)) % 12]
    scores = Scores(1 / (1 + np.exp(-off)), (0, 1))
    (made,) = slice_metrics(
        [Slice(name="all", rows=np.ones(len(labels), dtype=bool))], labels, scores, [metric], blocks=blocks,
        confidence=0.95, rng=np.random.default_rng(1), resamples=400, min_rows=50,
    )  # fmt: skip
    return made


@pytest.mark.parametrize("number", [1200, 24_000])
def test_intervals_of_a_slices_metrics_draw_what_varies_together(number: int) -> None:
    labels = np.ones(number, dtype=int)
    of_rows = metrics_of(None, labels, "log_loss")
    of_blocks = metrics_of(np.arange(number) % 12, labels, "log_loss")
    assert of_rows.value == of_blocks.value
    widths = [(each.upper or 0) - (each.lower or 0) for each in (of_rows, of_blocks)]
    assert widths[1] > 4 * widths[0] > 0
    few = metrics_of(np.arange(number) % (LEAST_BLOCKS - 1), labels, "log_loss")
    assert (few.value, few.lower, few.upper) == (of_rows.value, None, None)
    assert "4 batches or entities" in few.reason


def test_a_metric_that_a_slice_does_not_define_is_told_as_unknown() -> None:
    made = metrics_of(None, np.ones(100, dtype=int), "roc_auc")
    assert (made.value, made.reason) == (None, "its rows do not define roc_auc")


@pytest.mark.parametrize("number", [8, 9, 12, 31])
def test_a_search_leaves_enough_batches_to_judge_by(number: int) -> None:
    rng = np.random.default_rng(number)
    blocks = np.repeat(np.arange(number), 100)
    for _ in range(50):
        _, judges = found_slices(
            pd.DataFrame({"x": rng.normal(size=len(blocks))}), rng.normal(size=len(blocks)), most=1, min_rows=50,
            rng=rng, blocks=blocks,
        )  # fmt: skip
        assert number - 1 > len(np.unique(blocks[judges])) >= max(LEAST_BLOCKS, number // 2)


@pytest.mark.parametrize("seed", range(5))
def test_a_part_of_a_few_batches_is_judged_with_what_is_around_it(seed: int) -> None:
    """Worse in two batches of twenty alone, which a column of time tells: no half of two batches could be judged."""
    rng = np.random.default_rng(seed)
    blocks = np.repeat(np.arange(20), 200)
    excess = np.where(np.isin(blocks, [3, 4]), 1.0, 0.0) + rng.normal(0, 0.1, len(blocks))
    rows = pd.DataFrame({"day": blocks + rng.normal(0, 0.1, len(blocks)), "x": rng.normal(size=len(blocks))})
    slices, judges = found_slices(rows, excess, most=16, min_rows=50, rng=rng, blocks=blocks)
    assert slices is not None
    for each in slices:
        assert len(np.unique(blocks[each.rows & judges])) >= LEAST_BLOCKS, each.name
        assert (each.rows & judges).sum() >= 50
    made = slice_measures(
        slices, excess, np.ones(len(excess)), judged=judges, blocks=blocks, confidence=0.95, number=len(slices),
        min_rows=50,
    )  # fmt: skip
    assert all(each.value is not None for each in made)


def searched_by_month(seed: int, weeks: int, worse: float) -> tuple[bool | None, str]:
    """The gate on weeks of which the last third is worse by that, and the others are better by nearly as much."""
    rng = np.random.default_rng(seed)
    week = np.repeat(np.arange(weeks), 200)
    late = week >= 0.6 * weeks
    excess = np.where(late, worse, -0.8 * worse) + rng.normal(0, 0.05, weeks)[week] + rng.normal(0, 0.3, len(week))
    rows = pd.DataFrame({"month": np.where(late, 12, 11 - 3 * week // weeks), "x": rng.normal(size=len(week))})
    slices, judges = found_slices(rows, excess, most=3, min_rows=50, rng=rng, blocks=week)
    assert slices is not None
    made = slice_measures(
        slices, excess, np.ones(len(excess)), judged=judges, blocks=week, confidence=0.95,
        number=max(len(slices), 1), min_rows=50,
    )  # fmt: skip
    measures = (found_parts(float(len(slices))), *made)
    spec = PromoteSpec.model_validate({"require": "no_slice_regression", "limits": {"find_slices": 3}})
    (gate,) = evaluate_gates(replace(report_of(), measures=measures), spec, bootstrapping=False).results
    return gate.passed, gate.reason


def test_a_better_neighbour_does_not_hide_a_part_that_cannot_be_judged() -> None:
    told = [searched_by_month(seed, 8, 0.3) for seed in range(40)]
    passed = [reason for passed, reason in told if passed]
    # Where chance leaves all late weeks to the half that judges, the search does not see them: in 10 of 56 halves.
    assert len(passed) <= 12, len(passed)
    assert any("which looks worse (+0.3" in reason and "as part of all rows" in reason for _, reason in told)
    equal = [searched_by_month(seed, 8, 0.0) for seed in range(100)]
    assert sum(passed is True for passed, _ in equal) >= 88
    assert any("not beyond chance, and judged with what is around" in reason for passed, reason in equal if passed)
    assert not any("no part" in reason and "looked worse" in reason for _, reason in equal)


def test_rows_of_one_entity_are_searched_or_judged_never_both() -> None:
    rng = np.random.default_rng(1)
    entities = np.repeat(np.arange(150), 30)
    rows = pd.DataFrame({"size": rng.normal(size=150)[entities]})
    _, judges = found_slices(
        rows, rng.normal(size=len(rows)), most=3, min_rows=50, rng=np.random.default_rng(2), blocks=entities
    )
    shares = pd.Series(judges).groupby(entities).mean()
    assert set(shares) == {0.0, 1.0}


def found(rows: pd.DataFrame, worse: np.ndarray) -> str:
    """The name of the worst slice."""
    excess = np.where(worse, 1.0, 0.0) + np.random.default_rng(3).normal(0, 0.01, len(rows))
    slices, _ = found_slices(rows, excess, most=1, min_rows=50, rng=np.random.default_rng(4))
    assert slices
    return slices[0].name


@pytest.mark.parametrize("declared", [[], ["x"]])
@pytest.mark.parametrize(("number", "passed"), [(4000, True), (60, None)])
def test_a_search_that_finds_no_worse_part_passes_and_one_of_too_few_rows_is_unknown(
    number: int, passed: bool | None, declared: list[str]
) -> None:
    """A candidate that is better on every row leaves nothing to judge, and declared slices do not stand in for it."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, number)
    scores: dict[Role, Scores] = {
        "candidate": Scores(np.where(labels == 1, 0.8, 0.2), (0, 1)),
        "champion": Scores(np.full(number, 0.5), (0, 1)),
    }
    batches = [f"b{k % 10}" for k in range(number)]
    rows = pd.DataFrame({"x": np.arange(number) // (number - 5), "at": NOW, "label": labels, "ra_batch": batches})
    contest = Contest(labels=labels, batches=batches, scores=scores, versions={"candidate": 2, "champion": 1})
    report = evaluate_models(
        contest, model="m", batch="b9", attempt=1, metric="log_loss", confidence=0.95, rng=rng, resamples=20
    )
    judged = Judged(
        rows=rows, scores=scores, score=lambda _: scores["candidate"], pipeline=None, event_time="at", rng=rng
    )
    limits = {"find_slices": 3, "slices": declared}
    spec = PromoteSpec.model_validate({"require": "no_slice_regression", "min_rows": 2, "limits": limits})
    found = replace(report, measures=measured(report, judged, spec))
    assert [each.lower is not None for each in chosen(found.measures, "slice", "difference")] == [
        False, True,
    ][: 2 * len(declared)]  # fmt: skip
    assert evaluate_gates(found, spec, bootstrapping=False).passed is passed


def test_no_slice_is_told_by_ids() -> None:
    """Where they are numbered in the order of the rows, a range of them would be a piece of time under other names."""
    rng = np.random.default_rng(5)
    late = np.arange(2000) >= 1400
    rows = pd.DataFrame({
        "ticket": [f"t-{number:04d}" for number in range(2000)],
        "region": rng.choice(["north", "south"], 2000, p=[0.7, 0.3]),
    })  # fmt: skip
    excess = np.where(late, 1.0, 0.0) + np.where(rows["region"] == "south", 0.5, -0.2) + rng.normal(0, 0.1, 2000)
    slices, _ = found_slices(rows, excess, most=3, min_rows=50, rng=rng)
    assert slices is not None
    assert {each.name for each in slices} == {"region=north", "region=south"}


def test_a_found_slice_is_told_by_values_that_a_person_knows() -> None:
    rng = np.random.default_rng(5)
    shop = rng.choice(["east", "north", "south", "west"], 4000)
    z = np.where(rng.random(4000) < 0.3, np.nan, rng.normal(size=4000))
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 2, 4000), unit="D")
    rows = pd.DataFrame({"shop": shop, "z": z, "day": day})
    assert found(rows[["shop"]], shop == "south") == "shop=south"
    assert found(rows[["z"]], np.isnan(z)) == "z missing"
    assert found(rows[["shop", "z"]], np.isnan(z) & (shop == "south")) in (
        "z missing and shop=south",
        "shop=south and z missing",
    )
    assert found(rows[["day"]], rows["day"].to_numpy() >= np.datetime64("2024-01-02")) == (
        "2024-01-02T00:00:00 <= day <= 2024-01-02T00:00:00"
    )
    name = found(rows[["z"]], z > 1)
    assert re.fullmatch(r"([\d.]+ < )?z (> |<= )[\d.]+", name), name


def judged_by_size(
    labels: np.ndarray, scores: dict[Role, Scores], spec: PromoteSpec, *, metric: str
) -> EvaluationReport:
    """The report with what the gates asked for, of rows of two sizes in turn."""
    rows = pd.DataFrame({"size": np.arange(len(labels)) % 2, "at": NOW, "label": labels, "ra_batch": "b"})
    made = evaluate_models(
        Contest(labels=labels, batches=["b"] * len(labels), scores=scores, versions={}), model="m", batch="b",
        attempt=1, metric=metric, confidence=0.95, rng=np.random.default_rng(1),
    )  # fmt: skip
    asked = Judged(
        rows=rows, scores=scores, score=lambda _: scores["candidate"], pipeline=None, event_time="at",
        rng=np.random.default_rng(2),
    )  # fmt: skip
    return replace(made, measures=measured(made, asked, spec))


def test_a_class_that_the_champion_does_not_know_is_judged_on_slices_as_in_the_comparison() -> None:
    rng = np.random.default_rng(5)
    labels = rng.choice(["a", "b", "c"], 900)
    right = np.where(labels[:, None] == np.array(["a", "b", "c"]), 0.8, 0.1)
    two = np.where(labels == "b", 0.8, 0.2)
    scores: dict[Role, Scores] = {
        "candidate": Scores(right, ("a", "b", "c")), "champion": Scores(two, ("a", "b")),
        "baseline": Scores(two, ("a", "b")),
    }  # fmt: skip
    spec = PromoteSpec.model_validate({"require": "no_slice_regression", "limits": {"slices": ["size"]}})
    made = judged_by_size(labels, scores, spec, metric="log_loss")
    assert [each.reason for each in made.measures if each.kind == "unmeasured"] == []
    passed, reason = NoSliceRegression().evaluate(made)
    assert (passed, "none of 2 slices" in reason) == (True, True), reason


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("gate", ["not_worse_than_champion", "better_than_champion", "no_slice_regression"])
def test_losses_beyond_what_numbers_hold_are_unknown(gate: str) -> None:
    """The square of one prediction overflows; inf - inf is nothing that could be shown."""
    labels = np.random.default_rng(6).normal(size=400)
    wild = np.where(np.arange(400) == 0, 1e200, labels)
    scores: dict[Role, Scores] = {
        "candidate": Scores(wild), "champion": Scores(wild.copy()), "baseline": Scores(np.zeros(400)),
    }  # fmt: skip
    spec = PromoteSpec.model_validate({"require": gate, "limits": {"slices": ["size"]}})
    made = judged_by_size(labels, scores, spec, metric="squared_error")
    assert evaluate_gates(made, spec, bootstrapping=False).passed is None
