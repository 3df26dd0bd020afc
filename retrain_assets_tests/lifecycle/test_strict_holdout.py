"""A holdout that is strictly newer than what any model was fitted on, declared by `promote.holdout`."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.lifecycle.training_window import read_judging_rows, stored_training_sets
from retrain_assets_tests.lifecycle.champions import DECLARED
from retrain_assets_tests.lifecycle.world import World, make_world

STRICT: dict[str, Any] = {
    "retrain": {"when": "new_labels", "min_new_labels": 1, "cooldown": "2 days"},
    "promote": {"min_rows": 50, "holdout": "2 days"},
    "window": {"min_rows": 200},
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = make_world(tmp_path_factory.mktemp("strict"), **STRICT)
    for day in range(6):
        world.drop(day)
    world.play()
    return world


@pytest.mark.covers("promote.holdout")
def test_no_model_is_fitted_on_the_rows_that_judge_it_and_all_of_them_do(strict: World, promoted: World):
    made = stored_training_sets(strict.stores, strict.model)
    assert len(made) >= 2
    ends = [frozen.training_end for frozen in made]
    for frozen, before in zip(made, [None, *ends], strict=False):
        assert set(frozen.batches).isdisjoint(frozen.holdout_batches)
        assert frozen.training_end <= strict.model.calendar.batch(frozen.holdout_batches[0]).start
        report = read_evaluation(strict.stores, strict.model, strict.model.calendar.batch(frozen.batch), frozen.attempt)
        assert report.rows == report.rows_newer_than_both == frozen.reserved_rows == 800
        assert report.batches == frozen.holdout_batches
        # Of two trainings one after the other none is judged by rows that picked the other.
        assert before is None or strict.model.calendar.batch(frozen.holdout_batches[0]).start >= before
    judged = [set(frozen.holdout_batches) for frozen in made]
    assert all(a.isdisjoint(b) for a, b in itertools.pairwise(judged)), "rows judge once"

    usual = stored_training_sets(promoted.stores, promoted.model)[-1]
    assert set(usual.holdout_batches) <= set(usual.batches)
    log = strict.stores.state.promotions("tiny")
    assert "on 800 rows newer than all training" in log[-1].reason
    assert "reserved rows" in promoted.stores.state.promotions("tiny")[-1].reason


def test_of_batches_on_which_a_champion_of_before_was_fitted_the_reserved_rows_judge(promoted: World):
    """The holdout is declared when there is a champion who has learned from everything."""
    usual = stored_training_sets(promoted.stores, promoted.model)[-1]
    learned, newer = usual.batches[-2:]
    frozen = replace(usual, batches=usual.batches[:-2], holdout_batches=(learned, newer))
    calendar = promoted.model.calendar
    counts = {
        until: read_judging_rows(
            promoted.stores, promoted.model, frozen, frozen.holdout_batches, fitted_until=calendar.batch(key).start
        )
        .groupby(["ra_batch", "ra_reserved"])
        .size()
        .to_dict()
        for until, key in (("before both", learned), ("before the newer", newer))
    }
    reserved = {key: counts["before both"][key, True] for key in (learned, newer)}
    assert counts["before both"] == {
        (key, held): 400 - reserved[key] if not held else reserved[key]
        for key in (learned, newer)
        for held in (False, True)
    }
    assert counts["before the newer"] == {
        (learned, True): reserved[learned], (newer, False): 400 - reserved[newer], (newer, True): reserved[newer],
    }  # fmt: skip
    rows = read_judging_rows(
        promoted.stores, promoted.model, frozen, frozen.holdout_batches, fitted_until=calendar.batch(newer).end
    )
    assert rows["ra_reserved"].all()


def test_a_changed_holdout_is_a_changed_declaration():
    from retrain_assets.spec import ModelSpec
    from retrain_assets_tests.lifecycle.world import declaration

    usual = ModelSpec.model_validate(declaration(**DECLARED))
    strict = ModelSpec.model_validate(declaration(**STRICT))
    longer = ModelSpec.model_validate(
        declaration(**STRICT | {"retrain": {"cooldown": "3 days"}, "promote": {"holdout": "3 days"}})
    )
    unset = ModelSpec.model_validate(declaration(**STRICT | {"promote": {"min_rows": 50}, "window": DECLARED_WINDOW}))
    assert len({usual.training_hash(), strict.training_hash(), longer.training_hash()}) == 3
    assert unset.training_hash() == usual.training_hash()


DECLARED_WINDOW = {"min_rows": 200, "holdout_batches": 3}
