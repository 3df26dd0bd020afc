"""A run whose process is killed, in the middle of its work under the daemon, comes again by itself.

Its code server lives, and tells that the process is gone; where that is gone too, an expired lease tells (`test_lost`).
"""

from __future__ import annotations

from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.e2e.conftest import STORY_SECONDS, Shop
from retrain_assets_tests.e2e.server import Run

MODEL = "refunds"
BATCH = "2024-01-01"


def test_a_killed_run_is_ended_and_its_job_comes_again(shop: Shop):
    server = shop.server

    def decided() -> list[Run] | None:
        runs = server.runs(MODEL)
        return runs if any(run.step == f"decide {BATCH}" and run.status == "SUCCESS" for run in runs) else None

    runs = server.wait_for("a decision after the kill", decided, seconds=STORY_SECONDS)
    assert [(run.step, run.status) for run in runs[:3]] == [
        (f"watch {BATCH}", "FAILURE"),
        (f"watch {BATCH}", "SUCCESS"),
        (f"decide {BATCH}", "SUCCESS"),
    ]
    assert {run.sensor for run in runs[:2]} == {"new_batches"}
    made = [each.run for each in server.materializations(MODEL, "validated")]
    assert made == [runs[1].id], "what was killed left nothing behind that counts"

    steps = SqlStateStore(shop.project.home.state_url).steps(MODEL, BATCH)
    assert [(step.job, step.outcome, step.run_id) for step in steps][:2] == [
        ("watch", "failed", runs[0].id),
        ("watch", "done", runs[1].id),
    ]
