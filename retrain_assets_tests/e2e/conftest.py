"""One `dagster dev` for all tests of this folder: a start costs half a minute, and its models live side by side."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from retrain_assets_tests.e2e.project import ShopProject
from retrain_assets_tests.e2e.server import DagsterDev

STORY_SECONDS = 600

# Each run of the daemon takes some ten seconds, one after another: what was before the story is lived without it.
LIVED: dict[str, Sequence[str]] = {
    # Two days make a first champion: the second is the first day as of which labels are known.
    "fraud": ["2024-01-01", "2024-01-02"],
    # So that it waits for its policy and nothing else. There is something newer to train on than what its champion saw.
    "returns": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"],
}
DELIVERIES: dict[str, Sequence[tuple[str, dict[str, Any]]]] = {
    # Its `x` moved by three standard deviations.
    "fraud": [("2024-01-03", {"shift": 3.0})],
    # Its first run is killed.
    "refunds": [("2024-01-01", {})],
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first waits for a whole story. That one worker has them all is said in the root's `conftest.py`."""
    for item in items:
        if "/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(STORY_SECONDS + 300))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the server said about the freshness of a champion, and what sensors had launched by then."""

    status: str
    steps: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The running installation."""

    project: ShopProject
    server: DagsterDev
    couriers: Sequence[Future[Any]]
    freshness: Future[list[Sight]]

    def wait_for_step(self, model: str, step: str) -> None:
        """Until a run of this job and batch, launched by a sensor, has succeeded.

        Raises:
            AssertionError: a run of the model failed, or it takes too long.
        """

        def done() -> bool:
            for courier in self.couriers:
                assert not courier.done() or courier.exception() is None, courier.exception()
            runs = [run for run in self.server.runs(model) if run.by_sensor]
            failed = [run for run in runs if run.status == "FAILURE"]
            assert not failed, {run.step: self.server.failures(run.id) for run in failed}
            return any(run.step == step and run.status == "SUCCESS" for run in runs)

        self.server.wait_for(f"{step} of {model}", done, seconds=STORY_SECONDS)


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop's `dagster dev`, with files that come in one after another; ends with the last test of this folder."""
    folder = tmp_path_factory.mktemp("shop")
    project = ShopProject.build(folder)
    for model, days in LIVED.items():
        project.live(model, days)
    over = threading.Event()
    with (
        DagsterDev(project.folder, environ=project.environ, log=folder / "dagster-dev.log") as server,
        ThreadPoolExecutor(max_workers=len(DELIVERIES) + 2) as pool,
    ):
        couriers = [pool.submit(_deliver, project, server, model, over) for model in DELIVERIES]
        couriers.append(pool.submit(_kill_what_hangs, project, server, over))
        freshness = pool.submit(_watch_freshness, server, over)
        try:
            yield Shop(project=project, server=server, couriers=[*couriers, freshness], freshness=freshness)
        finally:
            over.set()


def _deliver(project: ShopProject, server: DagsterDev, model: str, over: threading.Event) -> None:
    """Drops the next file when the one before has its decision."""
    for day, kwargs in DELIVERIES[model]:
        project.drop(model, day, **kwargs)
        while not any(made.partition == day for made in server.materializations(model, "retrain_decision")):
            if over.wait(timeout=2):
                return


def _kill_what_hangs(project: ShopProject, server: DagsterDev, over: threading.Event) -> None:
    """Here and not in its test: a failed job rests before it comes again, and the other stories go on meanwhile."""
    while not project.hung.exists():
        if over.wait(timeout=1):
            return
    server.kill(int(project.hung.read_text()))


def _watch_freshness(server: DagsterDev, over: threading.Event) -> list[Sight]:
    """Whenever the champion of `returns` is said to be otherwise, until it is fresh again after it was not."""
    seen: list[Sight] = []
    while [sight.status for sight in seen[-2:]] != ["DEGRADED", "HEALTHY"]:
        status = server.freshness("returns")
        if not seen or status != seen[-1].status:
            seen.append(Sight(status=status, steps=[run.step for run in server.runs("returns") if run.by_sensor]))
        if over.wait(timeout=1):
            break
    return seen


@pytest.fixture(scope="package")
def drifted(shop: Shop) -> Shop:
    """`fraud` has seen a day whose inputs moved, and all that follows from it has happened."""
    shop.wait_for_step("fraud", "retrain 2024-01-03")
    shop.wait_for_step("fraud", "settle 2024-01-03")
    return shop
