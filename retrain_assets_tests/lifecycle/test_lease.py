"""One run at a time for a model: the lease outlives a long step, and not the process that held it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from retrain_assets.errors import LeaseHeldError
from retrain_assets.lifecycle.heartbeat import Heartbeat
from retrain_assets.lifecycle.ledger import LEASE_RENEWAL, LEASE_TTL, keep_lease, lease, take_lease
from retrain_assets_tests.lifecycle.world import World


class Beats:
    """A clock whose time passes from beat to beat, when the test says so."""

    def __init__(self, begin: datetime) -> None:
        self.now = begin
        self._due, self._taken = threading.Semaphore(0), threading.Semaphore(0)

    def pass_by(self, beats: int) -> None:
        """Lets beats come due, and waits until the thread has done what it does at each."""
        for _ in range(beats):
            self.now += LEASE_RENEWAL
            self._due.release()
            assert self._taken.acquire(timeout=30)

    def wait(self) -> Callable[[threading.Event], bool]:
        begun = False

        def until_due(stopped: threading.Event) -> bool:
            nonlocal begun
            if begun:
                self._taken.release()
            begun = True
            while not self._due.acquire(timeout=0.01):
                if stopped.is_set():
                    return True
            return stopped.is_set()

        return until_due


def test_a_lease_expires_soon_unless_it_is_renewed(world: World) -> None:
    take_lease(world.stores, "tiny", owner="killed", now=world.now)
    with pytest.raises(LeaseHeldError, match="worked on by run killed"):
        take_lease(world.stores, "tiny", owner="next", now=world.now + LEASE_TTL - timedelta(seconds=1))
    take_lease(world.stores, "tiny", owner="next", now=world.now + LEASE_TTL)
    assert timedelta(0) < 2 * LEASE_RENEWAL < LEASE_TTL <= timedelta(minutes=2)


def test_a_step_of_many_minutes_keeps_its_lease(world: World) -> None:
    beats = Beats(world.now)
    take_lease(world.stores, "tiny", owner="long", now=world.now)
    with keep_lease(world.stores, "tiny", owner="long", clock=lambda: beats.now, wait=beats.wait()):
        beats.pass_by(40)  # twenty minutes
        assert beats.now - world.now > 10 * LEASE_TTL
        with pytest.raises(LeaseHeldError, match="worked on by run long"):
            take_lease(world.stores, "tiny", owner="other", now=beats.now)
    assert world.stores.state.lease_owner("tiny", now=beats.now + LEASE_TTL) is None


def test_a_lease_given_back_is_not_taken_again_by_a_late_beat(world: World) -> None:
    with lease(world.stores, world.model, owner="one", now=world.now):
        assert world.stores.state.lease_owner("tiny", now=world.now) == "one"
    assert world.stores.state.lease_owner("tiny", now=world.now) is None
    assert not [each for each in threading.enumerate() if each.name == "retrain_assets.heartbeat"]


def test_a_beat_that_fails_is_followed_by_the_next(caplog: pytest.LogCaptureFixture) -> None:
    renewed: list[int] = []

    def renew() -> None:
        renewed.append(len(renewed))
        if len(renewed) == 1:
            raise ConnectionError("the database restarts")

    beats = Beats(datetime(2024, 1, 1))  # noqa: DTZ001 - only its steps count
    with Heartbeat(renew, wait=beats.wait()):
        beats.pass_by(2)
    assert renewed == [0, 1]
    assert "the database restarts" in caplog.text
