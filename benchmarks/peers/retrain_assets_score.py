"""This package, told which column the model makes: it is judged apart from the inputs."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.retrain_assets_compare import columns_of, read
from benchmarks.peers.task import Check, run
from retrain_assets.drift import compare, prepare

SCORE = "score"


def fit(reference: Any) -> Check:
    """The reference, profiled and cut into cells; the score is an output where there is one."""
    columns = columns_of(reference)
    prepared = prepare(reference, batch="day" if "day" in columns else None)
    outputs = [SCORE] if SCORE in columns else []
    return lambda current: bool(compare(prepared, current, outputs=outputs).drifted)


if __name__ == "__main__":
    run(fit, read=read)
