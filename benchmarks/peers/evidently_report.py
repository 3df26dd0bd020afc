"""Evidently: the preset for data drift with its defaults; the data set has drifted when half of the columns have."""

from __future__ import annotations

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

from benchmarks.peers.task import Check, data, run


def fit(reference: pd.DataFrame) -> Check:
    """Nothing is fitted: each report takes the reference's rows."""
    rows = data(reference)

    def check(current: pd.DataFrame) -> bool:
        made = Report([DataDriftPreset()]).run(data(current), rows).dict()
        counted = next(metric["value"] for metric in made["metrics"] if "DriftedColumnsCount" in metric["metric_name"])
        return counted["share"] >= 0.5

    return check


if __name__ == "__main__":
    run(fit)
