"""What a run failed of is written down without the password that a user's own code put into its message."""

from __future__ import annotations

from retrain_assets import lifecycle
from retrain_assets_tests.lifecycle.world import World


def test_the_ledger_keeps_no_password(world: World) -> None:
    batch, said = world.batch(0), "no answer from https://joe:hunter2@api/x?token=hunter2"
    lifecycle.record_failure(world.stores, world.model, batch, "watch", reason=said, now=world.now, run_id="1")
    (step,) = world.stores.state.steps("tiny", batch.key)
    assert step.detail["reason"] == "no answer from https://joe:***@api/x?token=***"
