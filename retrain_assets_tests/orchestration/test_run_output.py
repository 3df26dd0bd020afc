"""What a run prints is kept for the UI and printed, by no helper process that Ctrl-C could hit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets.home import Home
from retrain_assets.orchestration.run_output import RunOutput

RUN = """
import sys
from pathlib import Path
import dagster as dg

@dg.op
def talks():
    print("said")
    print("warned", file=sys.stderr)
    children = " ".join(each.read_text() for each in Path("/proc/self/task").glob("*/children"))
    print(f"children:{children.strip()}.")
    if sys.argv[2] == "fails":
        raise ValueError("broken")

@dg.job
def one():
    talks()

with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    ended = one.execute_in_process(instance=instance, raise_on_error=False)
assert ended.success == (sys.argv[2] != "fails")
"""


@pytest.mark.parametrize("how", ["fails", pytest.param("passes", marks=pytest.mark.slow)])
def test_output_is_in_the_files_that_the_ui_reads_and_on_the_terminal(tmp_path: Path, how: str) -> None:
    home = Home.at(tmp_path / "home").prepare()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, str(home.dagster_home), how],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "said\nchildren:.\n" in done.stdout
    assert done.stdout.count("said") == 1
    assert "warned\n" in done.stderr
    with dg.DagsterInstance.from_config(str(home.dagster_home)) as instance:
        logs = instance.compute_log_manager
        assert isinstance(logs, RunOutput)
        (run,) = instance.get_runs()
        (event,) = (
            record.event_log_entry.dagster_event
            for record in instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED).records
        )
        assert event is not None
        key = logs.build_log_key_for_run(run.run_id, event.logs_captured_data.file_key)
        kept = logs.get_log_data(key)
        assert (kept.stdout or b"").startswith(b"said\nchildren:.\n")
        assert b"warned\n" in (kept.stderr or b"")
        assert logs.is_capture_complete(key)


ODD = """
import sys
from retrain_assets.orchestration.run_output import RunOutput
logs = RunOutput(base_dir=sys.argv[1])
if sys.argv[2] == "closed":
    sys.stdin.read()
try:
    with logs.capture_logs(["key"]):
        print("gr\\u00fc\\u00df")
        sys.stdout.flush()
        raise KeyboardInterrupt
except BaseException as error:
    print(type(error).__name__, file=sys.stderr)
"""


@pytest.mark.parametrize("stream", ["latin-1", "closed"])
def test_a_stream_that_takes_no_output_is_no_word_on_the_run(tmp_path: Path, stream: str) -> None:
    """Its letters are others than the file's, or its reader is gone: the run ends as it would."""
    encoding = "latin-1" if stream == "latin-1" else "utf-8"
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", ODD, str(tmp_path), stream],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        if stream == "closed":
            process.stdout.close()
        process.stdin.close()
        assert process.stderr.read().decode().splitlines()[0] == "KeyboardInterrupt"
