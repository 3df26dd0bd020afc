"""whylogs: mergeable profiles, and its own drift scores of them; a column in the state `DRIFT` is drift."""

from __future__ import annotations

import pandas as pd
import whylogs
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

from benchmarks.peers.task import Check, data, run


def fit(reference: pd.DataFrame) -> Check:
    """The profile of the reference."""
    before = whylogs.log(data(reference)).view()

    def check(current: pd.DataFrame) -> bool:
        after = whylogs.log(data(current)).view()
        scores = calculate_drift_scores(target_view=after, reference_view=before, with_thresholds=True)
        return any(score is not None and score.get("drift_category") == "DRIFT" for score in scores.values())

    return check


if __name__ == "__main__":
    run(fit)
