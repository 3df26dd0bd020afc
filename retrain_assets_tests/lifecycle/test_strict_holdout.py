"""A holdout that is strictly newer than what any model was fitted on, declared by `promote.holdout`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from retrain_assets.lifecycle.evaluating import evaluate
from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.lifecycle.training_window import stored_training_sets
from retrain_assets_tests.lifecycle.champions import DECLARED, copied
from retrain_assets_tests.lifecycle.world import World, make_world

STRICT: dict[str, Any] = {
    "retrain": {"when": "new_labels", "min_new_labels": 1, "cooldown": "2 days"},
    "promote": {"min_rows": 50, "holdout": "2 days"},
    "window": {"min_rows": 200},
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = make_world(tmp_path_factory.mktemp("strict"), **STRICT)
    for day in range(7):
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


def test_by_rows_on_which_a_champion_of_before_was_fitted_only_the_reserved_ones_judge(promoted: World, tmp_path: Path):
    """The holdout is declared when there is a champion who has learned from everything."""
    world = copied(promoted, tmp_path / "w", **STRICT)
    for day in range(4, 9):
        world.drop(day)
    world.play()
    first = next(frozen for frozen in stored_training_sets(world.stores, world.model) if not _overlaps(frozen))
    batch = world.model.calendar.batch(first.batch)
    report = read_evaluation(world.stores, world.model, batch, first.attempt)
    champion = report.role("champion")
    assert champion is not None
    trained = next(v for v in world.stores.state.model_versions("tiny") if v.version == champion.version).training_end
    newer = [key for key in first.holdout_batches if world.model.calendar.batch(key).start >= trained]
    assert report.rows_newer_than_both == 400 * len(newer)
    assert report.rows > report.rows_newer_than_both or len(newer) == len(first.holdout_batches)
    again = evaluate(world.stores, world.model, batch, now=world.now, run_id="again").report
    assert again.rows == report.rows


def _overlaps(frozen: Any) -> bool:
    return bool(set(frozen.holdout_batches) & set(frozen.batches))


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
