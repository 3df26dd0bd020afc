"""What moves a champion, or a model, killed with SIGKILL at one write after the other.

Usage: python -m retrain_assets_tests.lifecycle.crash_promotion STORY INSTALLATION FOLDER POINT...

INSTALLATION is where the story begins; for each POINT (0 kills nobody) it is copied into FOLDER, played
by a forked process that is killed at its n-th write, looked at, and played again to the end. One line of JSON for each.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from sklearn.linear_model import LogisticRegression
from sqlalchemy import event

from retrain_assets import lifecycle
from retrain_assets.lifecycle.accepting_head import accept_head
from retrain_assets.lifecycle.approving import answer
from retrain_assets.lifecycle.auditing import verify
from retrain_assets.lifecycle.mirroring import contradiction
from retrain_assets.lifecycle.promote import carry_out
from retrain_assets.lifecycle.renaming import rename, retire, take_back
from retrain_assets.lifecycle.rolling_back import roll_back_if_broken
from retrain_assets.lifecycle.versions import clear, stage_of
from retrain_assets.lifecycle.waiting import holds, settle_requests
from retrain_assets.promotion.stages import stages
from retrain_assets.stores.adoption import Origin
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.lifecycle.champions import DELIVERED, HELD, RECALL, SEASONS, copied, opened, version_tags
from retrain_assets_tests.lifecycle.world import World, rows_of

REGISTRY_WRITES = ("set_alias", "tag_version", "tag_model", "log", "end_run", "rename", "remove_alias")
TABLES = ("validated", "labels", "training_set", "evaluation_report")
TOLD = (
    "rolled_back", "rollback_failed", "alias_repaired", "recall_not_made", "renamed", "model_retired", "model_returned",
    "head_accepted", "record_contradicted", "approval_requested",
)  # fmt: skip
MODULES = (
    "alembic.command",
    "deltalake",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracking",
    "pandera.pandas",
    "skops.io",
    "sklearn.linear_model",
    "sklearn.pipeline",
)
WRITING = ("INSERT", "UPDATE", "DELETE")


class Fuse:
    """Counts writes and burns at one of them."""

    def __init__(self, point: int) -> None:
        self.point, self.count = point, 0

    def spark(self) -> None:
        self.count += 1
        if self.count == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Before and after a call each is a point of its own."""

        def fused(*args: Any, **kwargs: Any) -> Any:
            self.spark()
            made = function(*args, **kwargs)
            self.spark()
            return made

        return fused

    def lay(self, world: World) -> None:
        """Every statement that writes, every commit, and every call that changes the registry."""
        state = world.stores.state
        assert isinstance(state, SqlStateStore)
        state.upgrade()
        engine = state._database.engine

        def statement(_c: Any, _k: Any, text: str, *_: Any) -> None:
            if text.lstrip().upper().startswith(WRITING):
                self.spark()

        event.listen(engine, "before_cursor_execute", statement)
        event.listen(engine, "commit", lambda _: self.spark())
        for name in REGISTRY_WRITES:
            setattr(world.stores.registry, name, self.around(getattr(world.stores.registry, name)))
        tables = cast("Any", world.stores.tables)
        tables.rename = self.around(tables.rename)


@dataclass(frozen=True, kw_only=True)
class Story:
    """What is killed: `play` is called until it was not killed, and leaves out what was done."""

    declared: dict[str, Any]
    play: Callable[[World], None]
    name: str = "tiny"

    def opened(self, root: Path) -> World:
        """The installation in a folder, as this process sees it."""
        return copied(opened(root), root, **self.declared)


def approve_and_roll_back(world: World) -> None:
    """What persons and the platform do; each step is left out where it was done."""
    stores, model, now = world.stores, world.model, world.now
    if holds(stores.state, model)[-1].state == "pending":
        version = stores.state.model_versions("tiny")[-1]
        answer(
            stores, model, version.version, verdict="approve", model_hash=version.model_hash, person="ann",
            reason="good", token=None, now=now,
        )  # fmt: skip
    with lifecycle.lease(stores, model, owner=f"run-{os.getpid()}", now=now):
        carry_out(stores, model, now=now, run_id="carried")
    log = stores.state.promotions("tiny")
    if log[-1].action != "rollback":
        with lifecycle.lease(stores, model, owner=f"back-{os.getpid()}", now=now):
            lifecycle.roll_back(stores, model, reason="bad", actor="person:ann", now=now)
    lifecycle.reconcile(stores, model, now=now)


def recall(world: World) -> None:
    """The promotion of the batch whose evaluation finds an earlier champion better, as its run would repeat it."""
    newest = max(step.batch for step in world.stores.state.steps("tiny") if step.job == "decide")
    with lifecycle.lease(world.stores, world.model, owner=f"run-{os.getpid()}", now=world.now):
        lifecycle.promote(
            world.stores, world.model, world.model.calendar.batch(newest), now=world.now, run_id="recalled"
        )
    lifecycle.reconcile(world.stores, world.model, now=world.now)


def give_another_name(world: World) -> None:
    """The command is given again."""
    rename(world.stores, world.model, "arrivals", reason="clearer", actor="person:ann", now=world.now)


def retire_and_return(world: World) -> None:
    """Both commands, each given again until it was done."""
    said: dict[str, Any] = {"reason": "for now", "actor": "person:ann", "now": world.now}
    if "return" not in [move.action for move in world.stores.state.model_moves()]:
        retire(world.stores, world.model, **said)
        take_back(world.stores, world.model, **said)
    lifecycle.reconcile(world.stores, world.model, now=world.now)


def hold(world: World) -> None:
    """The promotion of a batch whose candidate passed, and for which persons must be asked."""
    version = world.stores.state.model_versions("tiny")[-1]
    with lifecycle.lease(world.stores, world.model, owner=f"run-{os.getpid()}", now=world.now):
        lifecycle.promote(
            world.stores, world.model, world.model.calendar.batch(version.batch), now=world.now, run_id="asks"
        )
    lifecycle.reconcile(world.stores, world.model, now=world.now)


def reject(world: World) -> None:
    """One person says no; the command is given again where it was not heard."""
    stores, model = world.stores, world.model
    if holds(stores.state, model)[-1].state == "pending":
        version = stores.state.model_versions("tiny")[-1]
        answer(
            stores, model, version.version, verdict="reject", model_hash=version.model_hash, person="ann",
            reason="bad nights", token=None, now=world.now,
        )  # fmt: skip
    settle_requests(stores, model, now=world.now)
    lifecycle.reconcile(stores, model, now=world.now)


def expire(world: World) -> None:
    """The sensor looks at a hold that nobody answered in a hundred years."""
    settle_requests(world.stores, world.model, now=world.now + timedelta(days=36_501))
    lifecycle.reconcile(world.stores, world.model, now=world.now)


def back_once(world: World) -> None:
    """A rollback, unless an attempt that was killed has made it."""
    stores, model, now = world.stores, world.model, world.now
    if stores.state.promotions("tiny")[-1].action != "rollback":
        with lifecycle.lease(stores, model, owner=f"back-{os.getpid()}", now=now):
            lifecycle.roll_back(stores, model, reason="bad", actor="person:ann", now=now)


def roll_back_while_one_waits(world: World) -> None:
    """What waits was compared with the champion that leaves: it is void."""
    stores, model, now = world.stores, world.model, world.now
    back_once(world)
    settle_requests(stores, model, now=now)
    lifecycle.reconcile(stores, model, now=now)


def roll_back_by_itself(world: World) -> None:
    """The step that saw a check turn red within the watch, repeated."""
    newest = world.stores.state.promotions("tiny")[-1]
    red = {"predictions_are_valid": "12 scores are no numbers"}
    with lifecycle.lease(world.stores, world.model, owner=f"run-{os.getpid()}", now=world.now):
        roll_back_if_broken(world.stores, world.model, as_of=newest.as_of, red=red, now=world.now)
    lifecycle.reconcile(world.stores, world.model, now=world.now)


def clear_what_was_rolled_back(world: World) -> None:
    """Back, and the version that left is allowed again."""
    stores, model, now = world.stores, world.model, world.now
    back_once(world)
    if stage_of(stores, model, 3) == "rolled_back":
        clear(stores, model, 3, actor="person:ann", reason="the feed was at fault", now=now)
    lifecycle.reconcile(stores, model, now=now)


def take_over(world: World) -> None:
    """The command is given again, as a run of its own; what was finished before the kill has a number of its own."""
    if not world.stores.state.promotions("tiny"):
        rows = rows_of(world.batch(0))
        origin = Origin(
            estimator=LogisticRegression().fit(rows[["x"]], rows["y"]), name="churn", version=1, content_hash="c" * 64,
            inputs=("x",),
        )  # fmt: skip
        with lifecycle.lease(world.stores, world.model, owner=f"adopt-{os.getpid()}", now=world.now):
            lifecycle.adopt(
                world.stores, world.model, origin, training_end=world.batch(1).start, actor="person:ann",
                reason="in production since 2023", now=world.now, run_id=f"adopted-{os.getpid()}",
            )  # fmt: skip
    lifecycle.reconcile(world.stores, world.model, now=world.now)


def accept(world: World) -> None:
    """The command is given again, until there is nothing left to accept."""
    stores, model = world.stores, world.model
    if contradiction(stores.state.audit_entries("tiny"), stores.registry.model_tags("tiny"), "tiny") is not None:
        accept_head(stores, model, reason="the backup is right", actor="person:ann", now=world.now)
    lifecycle.reconcile(stores, model, now=world.now)


STORIES = {
    "approval": Story(declared={"promote": HELD}, play=approve_and_roll_back),
    "hold": Story(declared={"promote": HELD}, play=hold),
    "reject": Story(declared={"promote": HELD}, play=reject),
    "expire": Story(declared={"promote": HELD}, play=expire),
    "void": Story(declared={"promote": HELD}, play=roll_back_while_one_waits),
    "automatic": Story(declared={"rollback": {"watch": "10 days"}}, play=roll_back_by_itself),
    "clear": Story(declared={}, play=clear_what_was_rolled_back),
    "adopt": Story(declared=DELIVERED, play=take_over),
    "accept": Story(declared={}, play=accept),
    "recall": Story(declared=SEASONS | {"promote": RECALL}, play=recall),
    "retire": Story(declared={"promote": HELD}, play=retire_and_return),
    "rename": Story(declared={}, play=give_another_name, name="arrivals"),
}


def seen(world: World, name: str) -> dict[str, Any]:
    """What must hold at any moment, and what must hold in the end."""
    state = world.stores.state
    log = state.promotions(name)
    standing = stages(state.stage_moves(name))
    shown = version_tags(world, name)
    return {
        "faults": [str(fault) for fault in verify(world.stores, name).faults],
        "champions": [version for version, stage in standing.items() if stage == "champion"],
        "stages": [f"v{version} {stage}" for version, stage in sorted(standing.items())],
        "holds": [hold.state for hold in holds(state, world.model)],
        "log": [f"{made.action} v{made.version}" for made in log],
        "approved": [made.evidence.get("approved_by", []) for made in log],
        "gates": [
            all(gate["passed"] or not gate["applicable"] for gate in made.evidence.get("gates", ())) for made in log
        ],
        "shown_stages": [f"v{version} {tags['stage']}" for version, tags in sorted(shown.items()) if "stage" in tags],
        "shown_promotions": sorted(
            int(tag.removeprefix("promotion_"))
            for tags in shown.values()
            for tag in tags
            if re.fullmatch(r"promotion_\d+", tag)
        ),
        "alias": world.stores.registry.alias(name, "champion"),
        "answers": [given.verdict for given in state.answers(name)],
        "moves": [move.action for move in state.model_moves()],
        "told": sorted(row.kind for row in state.outbox(model=name) if row.kind in TOLD),
    }


def forked(function: Callable[[], Any]) -> tuple[int, Any]:
    """The signal that ended a forked process, or 0 and what the function answered there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:
                json.dump(function(), pipe)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a forked process must not return into the parent's code
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status), None
    if os.WEXITSTATUS(status):
        sys.exit("a forked process failed")
    return 0, json.loads(text)


def first(story: Story, root: Path, point: int) -> int:
    """The play that is killed; answers how many writes there are."""
    world = story.opened(root)
    fuse = Fuse(point)
    fuse.lay(world)
    story.play(world)
    return fuse.count


def again(story: Story, root: Path) -> dict[str, Any]:
    """The same commands after the kill: a lease that was left behind has expired."""
    world = story.opened(root)
    world.now += timedelta(hours=1)
    state = world.stores.state
    before = [seen(world, name) for name in dict.fromkeys(("tiny", story.name)) if state.promotions(name)]
    story.play(world)
    champion = state.promotions(story.name)[-1].version
    versions = {version.version: version for version in state.model_versions(story.name)}
    bundle = world.stores.registry.load(versions[champion], cached=False)
    return {
        "before": before,
        "after": seen(world, story.name),
        "rows": {
            table: len(world.stores.tables.read(f"{story.name}/{table}"))
            for table in TABLES
            if world.stores.tables.commits(f"{story.name}/{table}")
        },
        "loads": bundle.manifest.model_hash == versions[champion].model_hash,
    }


def load_all() -> None:
    """What is loaded lazily would be loaded by each forked process anew."""
    for module in MODULES:
        importlib.import_module(module)


def main(story: Story, installation: Path, folder: Path, points: list[str]) -> None:
    """One line for each point; `~5` is five of them, evenly from the first write to the last."""
    load_all()
    writes = 0
    for wanted in points:
        sample = int(wanted.removeprefix("~")) if wanted.startswith("~") else 0
        spread = [1 + part * (writes - 1) // (sample - 1) for part in range(sample)]
        for point in spread or [int(wanted)]:
            found = kill(story, installation, folder, point)
            writes = found["writes"] or writes
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()


def kill(story: Story, installation: Path, folder: Path, point: int) -> dict[str, Any]:
    """What was found at one point."""
    root = folder / str(point)
    copied(opened(installation), root, **story.declared)
    ended, writes = forked(lambda: first(story, root, point))
    _, found = forked(lambda: again(story, root))
    return {"point": point, "signal": ended, "writes": writes, **found}


if __name__ == "__main__":
    main(STORIES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
