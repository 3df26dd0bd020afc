"""Plays a model in a process of its own and kills it with SIGKILL at the n-th change of a store.

Usage: python -m retrain_assets_tests.lifecycle.crash_run ROOT N before|after
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrain_assets import lifecycle
from retrain_assets_tests.lifecycle.world import make_world

WRITES = {
    "blobs": ["put"],
    "tables": ["write"],
    "state": [
        "append_outbox",
        "record_arrival",
        "record_step",
        "record_decision",
        "append_promotion",
        "record_model_version",
        "save_episode",
        "move_stage",
    ],
    "registry": [
        "begin_run",
        "log",
        "log_input",
        "register",
        "set_alias",
        "remove_alias",
        "tag_version",
        "tag_model",
        "end_run",
    ],
}
CRASH_RUN_ID = "crashed-run"


class Fuse:
    """Counts the changes and burns at one of them; n = 0 never burns."""

    def __init__(self, n: int, when: str) -> None:
        self.n, self.when, self.count = n, when, 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with the fuse."""

        def fused(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            burns = self.count == self.n
            if burns and self.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = function(*args, **kwargs)
            if burns:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return fused


def main(root: Path, n: int, when: str) -> None:
    """Drops three days and plays them: the second and the third are retrained."""
    world = make_world(root, retrain={"when": "new_labels", "min_new_labels": 1})
    if not (root / "drop").exists():
        for day in range(3):
            world.drop(day)
    fuse = Fuse(n, when)
    for store, methods in WRITES.items():
        adapter = getattr(world.stores, store)
        for method in methods:
            setattr(adapter, method, fuse.around(getattr(adapter, method)))
    owner = world.stores.state.lease_owner("tiny", now=world.now)
    if owner is not None:
        # What the driver and the run-failure sensor do for a run whose process is gone.
        world.stores.state.release_lease("tiny", owner)
    prefix = f"{n}{when}-"
    world.poll()
    count = 0
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None:
        count += 1
        world.run(job, run_id=f"{prefix}{count}")
    sys.stdout.write(f"{fuse.count}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
