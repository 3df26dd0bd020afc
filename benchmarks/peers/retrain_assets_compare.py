"""This package: `compare` with its defaults, against reference days where there are any."""

from __future__ import annotations

import pandas as pd

from benchmarks.peers.task import Check, run
from retrain_assets.drift import compare, prepare


def fit(reference: pd.DataFrame) -> Check:
    """The reference, profiled and cut into cells."""
    batch = "day" if "day" in reference else None
    prepared = prepare(reference, batch=batch)

    def check(current: pd.DataFrame) -> bool:
        rows = current if batch is None else current.assign(day=-1)
        return bool(compare(prepared, rows, batch=batch).drifted)

    return check


if __name__ == "__main__":
    run(fit)
