"""`dagster dev` for real: its own process group, port and home; and what it says over GraphQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil

BOOT_SECONDS = 180
STOP_SECONDS = 1
POLL_SECONDS = 1.5

T = TypeVar("T")


class DagsterDev:
    """The webserver, the daemon and the code location of a project; stopped on leaving the context.

    Args:
        project: its folder, where `dagster dev` starts on the workspace that lies there.
        environ: added to this process's environment.
        log: where it writes what it prints.
    """

    def __init__(self, project: Path, *, environ: Mapping[str, str], log: Path) -> None:
        self.project = project
        self.environ = {**os.environ, **environ}
        self.log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "dagster",
                    "dev",
                    "-w",
                    "workspace.yaml",
                    "-h",
                    "127.0.0.1",
                    "-p",
                    str(self.port),
                ],
                cwd=self.project,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.wait_for("the webserver to answer", self._answers, seconds=BOOT_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the processes that it started, and no others: asked, then told, then made to."""
        process, self._process = self._process, None
        if process is None:
            return
        # Runs are sessions of their own, but children: they are found before their parents are gone.
        ours = {process.pid: psutil.Process(process.pid)} if psutil.pid_exists(process.pid) else {}
        for parent in list(ours.values()):
            ours |= {child.pid: child for child in parent.children(recursive=True)}
        for sign, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
            for each in ours.values():
                # psutil compares the time of birth: a number that went to somebody else is left alone.
                if each.is_running():
                    each.send_signal(sign)
            _, alive = psutil.wait_procs(list(ours.values()), timeout=seconds)
            ours = {each.pid: each for each in alive}
            if not ours:
                break
        process.wait(timeout=10)

    def kill(self, pid: int) -> None:
        """Kills one of its processes, as the kernel does when memory is short.

        Raises:
            AssertionError: it is none of them.
        """
        process = psutil.Process(pid)
        assert self._process is not None
        assert self._process.pid in [parent.pid for parent in process.parents()], f"{process} is not ours"
        process.kill()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL query.

        Raises:
            AssertionError: the server answered with errors.
        """
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = json.loads(answer.read())
        assert not said.get("errors"), said["errors"]
        return said["data"]

    def runs(self, model: str | None = None, limit: int = 200) -> list[Run]:
        """Runs in the order of their creation, of one model or of all."""
        tags = [] if model is None else [{"key": "retrain_assets/model", "value": model}]
        found = self.ask(RUNS, filter={"tags": tags}, limit=limit)["runsOrError"]["results"]
        return [
            Run(
                id=run["runId"],
                job=run["jobName"],
                status=run["status"],
                tags={tag["key"]: tag["value"] for tag in run["tags"]},
            )
            for run in reversed(found)
        ]

    def materializations(self, model: str, asset: str) -> list[Materialization]:
        """Materializations of an asset, the oldest first."""
        found = self.ask(MATERIALIZATIONS, key={"path": [model, asset]})["assetOrError"]
        return [
            Materialization(run=each["runId"], partition=each["partition"], metadata=_metadata(each["metadataEntries"]))
            for each in reversed(found.get("assetMaterializations", []))
        ]

    def checks(self, model: str, asset: str, check: str) -> list[Check]:
        """Results of a check, the oldest first; the batch is that of the run."""
        found = self.ask(CHECKS, key={"path": [model, asset]}, name=check)["assetCheckExecutions"]
        partitions = {run.id: run.partition for run in self.runs(model)}
        return [
            Check(
                run=each["runId"],
                partition=partitions.get(each["runId"]),
                passed=each["evaluation"]["success"],
                severity=each["evaluation"]["severity"],
                description=each["evaluation"]["description"],
            )
            for each in reversed(found)
            if each["evaluation"] is not None
        ]

    def freshness(self, model: str) -> str:
        """What the policy of a model's champion says: `HEALTHY`, `DEGRADED` where it failed, or `UNKNOWN`."""
        nodes = self.ask(FRESHNESS, keys=[{"path": [model, "champion"]}])["assetNodes"]
        return nodes[0]["freshnessStatusInfo"]["freshnessStatus"]

    def materialize(self, *key: str, partition: str | None = None) -> Run:
        """What the button of the UI does for an asset; waits for the run's end."""
        location = self.ask(LOCATION)["repositoriesOrError"]["nodes"][0]
        started = self.ask(
            LAUNCH,
            params={
                "mode": "default",
                "selector": {
                    "repositoryName": location["name"],
                    "repositoryLocationName": location["location"]["name"],
                    "pipelineName": "__ASSET_JOB",
                    "assetSelection": [{"path": list(key)}],
                },
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}] if partition else []},
            },
        )["launchPipelineExecution"]
        assert started["__typename"] == "LaunchRunSuccess", started
        return self.finished(started["run"]["runId"])

    def finished(self, run_id: str, *, seconds: float = 120) -> Run:
        """A run after its end."""

        def ended() -> Run | None:
            return next((run for run in self.runs() if run.id == run_id and run.ended), None)

        return self.wait_for(f"run {run_id} to end", ended, seconds=seconds)

    def failures(self, run_id: str) -> list[str]:
        """What the failed steps of a run said."""
        events = self.ask(FAILURES, run=run_id)["logsForRun"]["events"]
        return [_error(event["error"]) for event in events if event["__typename"] == "ExecutionStepFailureEvent"]

    def wait_for(self, what: str, look: Callable[[], T | None], *, seconds: float) -> T:
        """The first answer that is neither None nor False.

        Raises:
            AssertionError: none came in time; says what the server printed last.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = look()
            if found is not None and found is not False:
                return found
            assert self._process is None or self._process.poll() is None, f"the server ended: {self._last_words()}"
            time.sleep(POLL_SECONDS)
        raise AssertionError(
            f"waited {seconds:.0f} s in vain for {what}; the server's last words:\n{self._last_words()}"
        )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/server_info", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, as the server tells of it."""

    id: str
    job: str
    status: str
    tags: Mapping[str, str]

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCESS", "FAILURE", "CANCELED")

    @property
    def partition(self) -> str | None:
        return self.tags.get("dagster/partition")

    @property
    def step(self) -> str:
        """Job and batch, as `watch 2024-01-01`."""
        return f"{self.tags.get('retrain_assets/job', self.job)} {self.partition}"

    @property
    def sensor(self) -> str | None:
        """The sensor that launched it; None for a run launched by hand."""
        return self.tags.get("dagster/sensor_name")

    @property
    def by_sensor(self) -> bool:
        """A sensor of the daemon launched it, and no process beside the daemon that asked the same sensor."""
        return self.sensor is not None and "retrain_assets/driver" not in self.tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialization:
    """One materialization, with its metadata by label."""

    run: str
    partition: str | None
    metadata: Mapping[str, Any] = field(repr=False)

    def table(self, label: str) -> list[dict[str, Any]]:
        """The rows of a table in the metadata."""
        return [json.loads(record) for record in self.metadata[label]["records"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One result of a check."""

    run: str
    partition: str | None
    passed: bool
    severity: str
    description: str


def free_port() -> int:
    """A port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _metadata(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        entry["label"]: next(
            (value for name, value in entry.items() if name not in ("label", "__typename") and value is not None), None
        )
        for entry in entries
    }


def _error(error: dict[str, Any] | None) -> str:
    said: list[str] = []
    while error is not None:
        said.append(str(error["message"]))
        error = error.get("cause")
    return "\n".join(said)


RUNS = """
query ($filter: RunsFilter, $limit: Int) {
  runsOrError(filter: $filter, limit: $limit) {
    ... on Runs { results { runId jobName status tags { key value } } }
  }
}"""
MATERIALIZATIONS = """
query ($key: AssetKeyInput!) {
  assetOrError(assetKey: $key) {
    ... on Asset {
      assetMaterializations(limit: 200) {
        runId partition
        metadataEntries {
          label
          ... on TextMetadataEntry { text }
          ... on IntMetadataEntry { intValue }
          ... on FloatMetadataEntry { floatValue }
          ... on BoolMetadataEntry { boolValue }
          ... on MarkdownMetadataEntry { mdStr }
          ... on UrlMetadataEntry { url }
          ... on PathMetadataEntry { path }
          ... on TimestampMetadataEntry { timestamp }
          ... on TableMetadataEntry { table { records } }
          ... on TableSchemaMetadataEntry { schema { columns { name type } } }
        }
      }
    }
  }
}"""
CHECKS = """
query ($key: AssetKeyInput!, $name: String!) {
  assetCheckExecutions(assetKey: $key, checkName: $name, limit: 200) {
    runId status evaluation { success severity description }
  }
}"""
FRESHNESS = """
query ($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) { freshnessStatusInfo { freshnessStatus } } }"""
LOCATION = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""
FAILURES = """
query ($run: ID!) {
  logsForRun(runId: $run, limit: 1000) {
    ... on EventConnection {
      events {
        __typename
        ... on ExecutionStepFailureEvent { error { message cause { message cause { message } } } }
      }
    }
  }
}"""
