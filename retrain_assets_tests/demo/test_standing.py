"""How far a model has come is read from the ledger alone, whoever ran its jobs."""

from dataclasses import replace

from retrain_assets.demo.standing import Goal, standing
from retrain_assets_tests.lifecycle.conftest import world as world  # noqa: PLC0414 - a fixture is known by its name
from retrain_assets_tests.lifecycle.world import World


def goal(world: World, days: int) -> Goal:
    return Goal(model=world.model, batches=tuple(world.batch(day).key for day in range(days)))


def test_before_anything_ran_nothing_is_done(world: World) -> None:
    found = standing(world.stores, goal(world, 3), now=world.now)
    assert (found.done, found.total, found.batch, found.champion, found.due) == (0, 3, None, None, None)
    assert not found.finished


def test_a_batch_is_done_when_what_was_decided_for_it_has_run(world: World) -> None:
    for day in range(3):
        world.drop(day)
    done = []
    for _ in range(30):
        before = standing(world.stores, goal(world, 3), now=world.now)
        ran = world.play(limit=1)
        if not ran:
            break
        after = standing(world.stores, goal(world, 3), now=world.now)
        if after.done > before.done:
            done.append((ran[0].job, after.batch, after.verdict, after.outcome, after.champion))
    assert done == [
        ("decide", "2024-01-01", "wait", "", None),
        ("retrain", "2024-01-02", "retrain: first model", "v1 promoted", 1),
        # No label of a batch that the champion was not trained on has matured yet: whether it decays is not known.
        ("decide", "2024-01-03", "unknown: performance decay", "", 1),
    ]
    assert standing(world.stores, goal(world, 3), now=world.now).finished


def test_what_lies_behind_the_goal_neither_counts_nor_keeps_it_waiting(world: World) -> None:
    for day in range(4):
        world.drop(day)
    wanted = goal(world, 2)
    while not (found := standing(world.stores, wanted, now=world.now)).finished:
        assert world.play(limit=1), "nothing is due though the goal is not reached"
    assert (found.done, found.total, found.batch) == (2, 2, "2024-01-02")
    world.play()
    assert standing(world.stores, wanted, now=world.now) == replace(found, watched=4, champion=1)
