"""The textbook: Kolmogorov-Smirnov and chi-square of each column, p < 0.05 of any."""

from __future__ import annotations

import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp

from benchmarks.peers.task import Check, data, run


def p_value(before: pd.Series, after: pd.Series) -> float:
    """Of one column, without its missing values."""
    before, after = before.dropna(), after.dropna()
    if pd.api.types.is_numeric_dtype(before.dtype):
        return float(ks_2samp(before, after, method="asymp").pvalue)
    table = pd.concat([before.value_counts(), after.value_counts()], axis=1).fillna(0)
    return float(chi2_contingency(table).pvalue)


def fit(reference: pd.DataFrame) -> Check:
    """Nothing is fitted."""
    rows = data(reference)
    return lambda current: any(p_value(rows[name], current[name]) < 0.05 for name in rows.columns)


if __name__ == "__main__":
    run(fit)
