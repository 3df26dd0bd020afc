"""NannyML: univariate drift with its defaults, a chunk for each day; an alert of any column is drift."""

from __future__ import annotations

import nannyml
import pandas as pd

from benchmarks.peers.task import Check, data, run

nannyml.disable_usage_logging() if hasattr(nannyml, "disable_usage_logging") else None


def fit(reference: pd.DataFrame) -> Check:
    """Thresholds from the reference's chunks."""
    rows = data(reference)
    days = reference["day"].nunique() if "day" in reference else 10
    calculator = nannyml.UnivariateDriftCalculator(column_names=list(rows.columns), chunk_size=len(rows) // days)
    calculator.fit(rows)

    def check(current: pd.DataFrame) -> bool:
        found = calculator.calculate(data(current)).filter(period="analysis").to_df()
        alerts = [column for column in found.columns if column[-1] == "alert"]
        return bool(found[alerts].to_numpy().any())

    return check


if __name__ == "__main__":
    run(fit)
