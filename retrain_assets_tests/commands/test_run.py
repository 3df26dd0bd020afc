"""`retrain-assets run` that somebody stops."""

from __future__ import annotations

import os
import signal
import time

import pytest

from retrain_assets import lifecycle
from retrain_assets_tests.commands.conftest import Call
from retrain_assets_tests.lifecycle.world import World


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_ends_and_goes_on_with_the_same_command(
    promoted: World, call: Call, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
):
    """Dagster ends its run and catches the signal: the job was run again at once."""
    promoted.drop(4)
    stopped: list[int] = []

    def stop(*_: object, **__: object) -> None:
        stopped.append(1)
        os.kill(os.getpid(), number)
        time.sleep(10)

    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, "profile", stop)
        first = call("run", "tiny")
    assert stopped == [1]
    assert first.exit_code == 130, first.output
    assert "Interrupted" in first.stderr
    last = promoted.stores.state.steps("tiny")[-1]
    assert last.outcome == "interrupted"
    again = call("run", "tiny")
    assert again.exit_code == 0, again.output
    assert last.batch in {step.batch for step in promoted.stores.state.steps("tiny") if step.outcome == "done"}
