"""The year, played: files are delivered week by week, the real sensors are asked, and what they request is executed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from retrain_assets.demo.location import BIKES
from retrain_assets.demo.standing import Goal, Standing, standing
from retrain_assets.errors import RetrainAssetsError

if TYPE_CHECKING:
    from retrain_assets.demo.data import DropFolder, WeekFile
    from retrain_assets.orchestration.driver import Driver, Ran

AHEAD = 2
"""Unwatched weeks that lie in the drop folder: a file is taken for whole only a second after it was written."""


class StuckError(RetrainAssetsError):
    """Nothing has moved for a long time though there is work to do."""


class Replay:
    """Plays the batches of some goals.

    Args:
        driver: asks the sensors and executes what they request.
        goals: what is to be played, by model.
        folder: where the bike files are delivered.
        weeks: the bike files that are delivered one by one.
        patience: seconds without any progress after which it gives up.
    """

    def __init__(
        self,
        driver: Driver,
        goals: Mapping[str, Goal],
        *,
        folder: DropFolder,
        weeks: tuple[WeekFile, ...],
        patience: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._driver = driver
        self._goals = goals
        self._folder = folder
        self._weeks = weeks
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._delivered = 0

    def standings(self) -> dict[str, Standing]:
        """Where each model stands now."""
        return {name: self._standing(name) for name in self._goals}

    def play(self) -> Iterator[tuple[Ran | None, Standing]]:
        """Plays until every goal is reached; yields each run with where its model stands after it.

        Raises:
            StuckError: nothing moves though a goal is not reached.
        """
        standings = self.standings()
        moved_at = self._clock()
        while not all(each.finished for each in standings.values()):
            self._deliver(standings[BIKES].watched)
            ran = False
            for each in self._driver.tick():
                ran = True
                standings[each.model] = self._standing(each.model)
                self._deliver(standings[BIKES].watched)
                yield each, standings[each.model]
            now = self.standings()
            if ran or now != standings:
                moved_at = self._clock()
            elif self._clock() - moved_at > self._patience:
                raise StuckError(_stuck(now.values(), self._patience))
            for name, moved in now.items():
                if moved != standings[name]:
                    yield None, moved  # somebody else's run: the daemon works on the same history
            standings = now
            if not ran:
                self._sleep(0.1)

    def _standing(self, name: str) -> Standing:
        return standing(self._driver.stores, self._goals[name], now=datetime.now(UTC))

    def _deliver(self, watched: int) -> None:
        for week in self._weeks[self._delivered : watched + AHEAD]:
            self._folder.deliver(week)
            self._delivered += 1


def _stuck(standings: Iterable[Standing], patience: float) -> str:
    waiting = "; ".join(
        f"{each.model} has {each.done} of {each.total} batches, next is {each.due or 'unknown'}"
        for each in standings
        if not each.finished
    )
    return f"nothing has moved for {patience:.0f} s ({waiting}): does another process hold the model?"
