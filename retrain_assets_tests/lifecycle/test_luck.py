"""A champion that looked bad on the newest batches: evaluation, gates and model card tell so."""

from __future__ import annotations

from pathlib import Path

from retrain_assets import lifecycle
from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.promotion.luck import owed_to_luck
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World


def test_what_the_difference_owes_to_luck_is_told(three_champions: World, tmp_path: Path):
    world = copied(
        three_champions,
        tmp_path / "w",
        retrain={"when": "new_labels", "min_new_labels": 1, "decay": {"batches": 1}},
        promote={"min_rows": 50, "require": "not_worse_than_champion", "margin": 0.5},
    )
    world.drop(4, flip=True)
    world.drop(5)
    world.play()
    usual, turned = (read_evaluation(world.stores, world.model, world.batch(day), 1) for day in (4, 5))
    assert owed_to_luck(usual.measures) is None, "its batches before were like its holdout"
    owed = owed_to_luck(turned.measures)
    assert owed is not None
    assert "the champion looked bad on the newest matured batch: " in owed.reason
    assert owed.reason.endswith(" standard errors above its holdout, too many to be luck")

    step = next(step for step in world.stores.state.steps("tiny", world.batch(5).key) if step.job == "retrain")
    assert f", none of which is put down to luck ({owed.reason}): " in str(step.detail["reason"])
    again = lifecycle.evaluate(world.stores, world.model, world.batch(5), now=world.now, run_id="again")
    assert "## What the difference to the champion owes to its luck" in again.card
    assert "| because | new_labels: " in again.card
