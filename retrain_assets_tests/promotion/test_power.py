"""A declared power: how many batches it asks for, and what too few rows mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.power import batches_asked, carried, holdout_evidence, newest_alone
from retrain_assets.spec import PromoteSpec
from retrain_assets_tests.promotion.test_gates import report

DECLARED = "not_worse_than_champion & beats_baseline & has_enough_rows"


def declared(detectable: float, require: str = DECLARED) -> PromoteSpec:
    return PromoteSpec.model_validate({"require": require, "limits": {"detectable": detectable}})


# With a power of 80 % these rows show a worsening by 0.0143, of a loss of 0.5: four times as many show half of it.
@pytest.mark.parametrize(
    ("detectable", "most", "asked"), [(0.03, 99, 3), (0.0286 / 2, 99, 12), (0.0286 / 2, 7, 7), (0.028, 99, 4)]
)
def test_as_many_batches_judge_as_the_power_asks_for_up_to_what_there_is(detectable: float, most: int, asked: int):
    assert batches_asked(report(), declared(detectable), count=3, most=most) == pytest.approx(asked, abs=asked > 10)


def test_without_a_declared_power_or_a_champion_the_usual_batches_judge():
    assert batches_asked(report(), declared(1e-9, "not_worse_than_champion"), count=3, most=99) == 3
    assert carried(report(), declared(0.03, "not_worse_than_champion")) == newest_alone(report())
    first = replace(report(champion=None), roles=report().roles[::2])
    assert batches_asked(first, declared(1e-9), count=3, most=99) == 3
    assert batches_asked(report(champion=None), declared(1e-9), count=3, most=99) == 6, "no two rows: twice as many"


@pytest.mark.parametrize(("most", "asked"), [(99, 8), (5, 5), (3, 3)])
def test_where_something_is_to_be_proven_as_many_judge_as_can_be_drawn_whole(most: int, asked: int):
    spec, drawn = declared(0.03, "better_than_champion"), replace(report(), resampled="rows")
    assert batches_asked(drawn, spec, count=3, most=most, proof=True) == asked
    assert batches_asked(replace(drawn, resampled="entities"), spec, count=3, most=most, proof=True) == 3
    assert batches_asked(drawn, spec, count=9, most=most, proof=True) == 9


def test_the_mean_of_the_differences_asks_for_no_more_rows():
    """Only their spread does: else rows were added until a candidate passes."""
    for champion in ((-0.21, -0.19), (0.19, 0.21)):
        assert batches_asked(report(champion=champion), declared(0.03), count=3, most=99) == 3


def test_how_many_rows_it_takes_is_decided_once():
    """An estimate that is made anew with each enlargement would stop at the first that is small."""
    spec = declared(0.0286 / 2)
    first = report()
    told = carried(first, spec)

    def later(rows: int, champion: tuple[float, float], loss: float = 0.5):
        made = report(rows=rows, champion=champion)
        roles = tuple(
            replace(role, metrics=(replace(role.metrics[0], value=loss),)) if role.role == "champion" else role
            for role in made.roles
        )
        return replace(made, roles=roles, measures=told)

    for lucky in (later(2000, (-0.001, 0.001)), later(2000, (-0.01, 0.01), loss=50.0)):
        assert batches_asked(lucky, spec, count=6, most=99) == 12
        assert carried(lucky, spec) == told
        assert evaluate_gates(lucky, spec, bootstrapping=False).passed is None
    enough = later(4100, (-0.03, 0.03))
    assert batches_asked(enough, spec, count=13, most=99) == 13
    made = {gate.name: gate for gate in evaluate_gates(enough, spec, bootstrapping=False).results}
    assert made["has_enough_rows"].passed is True
    assert "which takes about 3,997 rows by the spread on the newest batches" in made["has_enough_rows"].reason


def test_models_that_hardly_differ_take_few_rows_not_none():
    (gate,) = (
        each
        for each in evaluate_gates(report(champion=(-1e-5, 1e-5)), declared(0.03), bootstrapping=False).results
        if each.name == "has_enough_rows"
    )
    assert gate.passed is True
    assert gate.reason.endswith("is to be shown, which takes fewer than 10 rows by the spread on the newest batches")


def test_differences_that_do_not_vary_are_no_power():
    """As of few rows on which both models say the same: that does not show how they differ on others."""
    alike, spec = report(champion=(0.0, 0.0)), declared(0.03)
    assert batches_asked(alike, spec, count=3, most=99) == 6
    assert batches_asked(alike, spec, count=3, most=3) == 3
    made = evaluate_gates(alike, spec, bootstrapping=False)
    assert made.passed is None
    assert "from differences that do not vary" in made.reason
    second = replace(report(rows=2000), measures=carried(alike, spec))
    assert carried(second, spec)[:-1] == carried(alike, spec), "the first look that knows tells how many it takes"
    assert carried(second, spec)[-1].name == "rows_needed"


def test_too_few_rows_for_the_power_make_all_gates_against_the_champion_unknown():
    worse = report(champion=(0.001, 0.021))
    made = evaluate_gates(worse, declared(0.001), bootstrapping=False)
    assert {gate.name: gate.passed for gate in made.results} == {
        "not_worse_than_champion": None,
        "beats_baseline": True,
        "has_enough_rows": None,
    }
    assert made.passed is None
    reasons = {gate.name: gate.reason for gate in made.results}
    assert "1,000 rows of 1 batches" in reasons["has_enough_rows"]
    assert "takes about 817," in reasons["has_enough_rows"]
    assert "see has_enough_rows" in reasons["not_worse_than_champion"]
    assert evaluate_gates(worse, declared(0.1), bootstrapping=False).passed is False
    assert evaluate_gates(worse, declared(0.001, "not_worse_than_champion"), bootstrapping=False).passed is False


def test_decay_is_told_against_the_newest_batches_alone():
    few, many = report(), report(rows=9000)
    candidate = replace(many.roles[0], metrics=(replace(many.roles[0].metrics[0], value=0.7, standard_error=0.1),))
    wide = replace(many, roles=(candidate, *many.roles[1:]))
    plain = holdout_evidence(wide, ())
    assert plain is not None
    assert (plain["value"], plain["standard_error"], plain["expected"]) == (0.7, 0.1, None)
    alone = holdout_evidence(replace(wide, measures=newest_alone(few)), ())
    assert alone is not None
    assert (alone["value"], alone["standard_error"]) == (0.5, 0.0)
