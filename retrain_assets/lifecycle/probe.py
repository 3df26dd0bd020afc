"""A fresh process that asks the registry for a version, loads what its entry names and scores the rows it is sent.

What the process that trained holds in memory (a module imported by chance, a patched library, a cache) may make a model
work that nobody else can serve.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.cost import MEMORY
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.model_conditions import SAME_BITS
from retrain_assets.stores.protocols import ModelRegistry
from retrain_assets.training.bundle import ModelVersion

TIMEOUT_SECONDS = 300
SILENT = f"a fresh process gave no answer within {TIMEOUT_SECONDS} s"


def servability(registry: ModelRegistry, version: ModelVersion, rows: pd.DataFrame, expected: Scores) -> Measure:
    """Whether a fresh process gives the scores that are expected of some rows, to the bit."""
    said, reason = _ask(registry, version, rows)
    if said is None:
        return _measure(None if reason == SILENT else 0.0, reason, len(rows))
    same = said[0] == digest(expected)
    compared = "to the same bits" if same else "otherwise than the process that judged it"
    return _measure(float(same), f"a fresh process loaded {version} and scored {len(rows)} rows {compared}", len(rows))


def memory(registry: ModelRegistry, version: ModelVersion, rows: pd.DataFrame) -> Measure:
    """The megabytes by which a fresh process grows at most while it scores rows, whoever allocates them."""
    said, reason = _ask(registry, version, rows)
    value = None if said is None else float(said[1])
    return Measure(kind="cost", name=MEMORY, value=value, rows=len(rows), reason="" if said else reason)


def _ask(registry: ModelRegistry, version: ModelVersion, rows: pd.DataFrame) -> tuple[list[str] | None, str]:
    """What a fresh process prints of a version and rows; None and why, where it prints nothing."""
    known = asdict(version) | {"training_end": version.training_end.isoformat()}
    asked = {"tracking_uri": registry.address, "version": known}
    # Over the pipe: neither the rows nor a password in an address are written or listed anywhere.
    sent = json.dumps(asked).encode() + b"\n" + _packed(rows)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "retrain_assets.lifecycle.probe"]
    try:
        ended = subprocess.run(  # noqa: S603 - this interpreter and this module
            command, input=sent, capture_output=True, timeout=TIMEOUT_SECONDS, env=environment, check=False,
            process_group=0,  # Ctrl-C in a terminal ends the run, and is no word on the model
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, SILENT
    if ended.returncode:
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no word"]
        kind = last[0].partition(":")[0][:100]
        return None, f"a fresh process could not load {version} and score with it: {kind}"
    return ended.stdout.decode().strip().splitlines()[-1].split(), ""


def digest(scores: Scores) -> str:
    """The bits of scores, as a hash."""
    values = np.ascontiguousarray(scores.values, dtype=np.float64)
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()


def main() -> None:
    """The fresh process: reads a version and rows, prints the digest of the scores and how much it grew for them."""
    end_with(os.getppid())
    from retrain_assets.lifecycle.proving import require_place
    from retrain_assets.stores.registry import MlflowRegistry
    from retrain_assets.training.predict import predict

    header, _, packed = sys.stdin.buffer.read().partition(b"\n")
    asked = json.loads(header)
    version = _version(asked["version"])
    registry = MlflowRegistry(asked["tracking_uri"])
    bundle = registry.load(version, cached=False)
    require_place(version, registry.place(version))
    classes = bundle.manifest.classes
    rows = pa.ipc.open_stream(io.BytesIO(packed)).read_pandas()
    task = "classification" if classes else "regression"
    # What is imported for any row is no memory of these.
    predict(bundle.pipeline, rows.iloc[:1], task=task, classes=classes)
    before = _forget_peak()
    scores = predict(bundle.pipeline, rows, task=task, classes=classes)
    sys.stdout.write(f"{digest(scores)} {(peak_bytes() - before) / 1e6}\n")


def peak_bytes() -> int:
    """The most memory that this process has held at once, by whatever allocator."""
    # Where there is this one: `getrusage` begins with the peak of the process that started this one.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _forget_peak() -> int:
    """The peak from here on: that of before is forgotten where the system can, to load may have taken more."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


def end_with(parent: int, *, every: float = 1.0) -> None:
    """From now on this process ends soon after the one that started it: nobody waits for a run that was killed."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(every)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _version(known: dict[str, Any]) -> ModelVersion:
    fields: dict[str, Any] = {**known, "training_end": datetime.fromisoformat(known["training_end"])}
    return ModelVersion(**fields)


def _packed(rows: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(rows)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _measure(value: float | None, reason: str, rows: int) -> Measure:
    return Measure(kind="servability", name=SAME_BITS, value=value, rows=rows, reason=reason)


if __name__ == "__main__":
    main()
