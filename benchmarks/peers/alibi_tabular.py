"""Alibi Detect: Kolmogorov-Smirnov and chi-square tests by column with Bonferroni's correction, at 5 %."""

from __future__ import annotations

import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift

from benchmarks.peers.task import Check, data, run


def fit(reference: pd.DataFrame) -> Check:
    """Categories as codes of those that the reference has, others as -1; a missing number becomes the mean."""
    rows = data(reference)
    named = [name for name in rows.columns if not pd.api.types.is_numeric_dtype(rows[name])]
    known = {name: sorted(rows[name].dropna().unique()) for name in named}
    means = rows.drop(columns=named).mean()

    def coded(frame: pd.DataFrame) -> np.ndarray:
        columns = [
            pd.Categorical(frame[name], categories=known[name]).codes
            if name in known
            else frame[name].fillna(means[name]).to_numpy()
            for name in rows.columns
        ]
        return np.column_stack(columns).astype(np.float32)

    places = {rows.columns.get_loc(name): list(range(len(known[name]))) for name in named}
    detector = TabularDrift(coded(rows), p_val=0.05, categories_per_feature=places)
    return lambda current: bool(detector.predict(coded(data(current)))["data"]["is_drift"])


if __name__ == "__main__":
    run(fit)
