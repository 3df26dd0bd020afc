"""A fresh process that asks the registry for a version, loads what its entry names and scores the rows it is sent.

What the process that trained holds in memory (a module imported by chance, a patched library, a cache) may make a model
work that nobody else can serve.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.model_conditions import SAME_BITS
from retrain_assets.stores.protocols import ModelRegistry
from retrain_assets.training.bundle import ModelVersion

TIMEOUT_SECONDS = 300


def servability(registry: ModelRegistry, version: ModelVersion, rows: pd.DataFrame, expected: Scores) -> Measure:
    """Whether a fresh process gives the scores that are expected of some rows, to the bit."""
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
        return _measure(None, f"a fresh process gave no answer within {TIMEOUT_SECONDS} s", len(rows))
    if ended.returncode:
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no word"]
        kind = last[0].partition(":")[0][:100]
        return _measure(0.0, f"a fresh process could not load {version} and score with it: {kind}", len(rows))
    same = ended.stdout.decode().strip().splitlines()[-1] == digest(expected)
    said = "to the same bits" if same else "otherwise than the process that judged it"
    return _measure(float(same), f"a fresh process loaded {version} and scored {len(rows)} rows {said}", len(rows))


def digest(scores: Scores) -> str:
    """The bits of scores, as a hash."""
    values = np.ascontiguousarray(scores.values, dtype=np.float64)
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()


def main() -> None:
    """The fresh process: reads a version and rows from its input, prints the digest of the scores."""
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
    scores = predict(bundle.pipeline, rows, task="classification" if classes else "regression", classes=classes)
    sys.stdout.write(f"{digest(scores)}\n")


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
