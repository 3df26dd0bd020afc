"""Rates and gaps between groups are those of fairlearn; intervals, too small groups and undefined rates are ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.fairness import RATES, fairness_measures
from retrain_assets.promotion.measures import Measure


def measured(
    probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray, min_rows: int = 1
) -> dict[tuple[str, str], Measure]:
    made = fairness_measures(
        Scores(probabilities, (0, 1)), labels, pd.Series(groups, name="sex"), min_rows=min_rows, confidence=0.95,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    return {(each.name, each.group): each for each in made}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("names", [["m", "f"], ["a", "b", "c", "d"]])
def test_rates_by_group_and_their_gaps_are_fairlearns(names: list[str], seed: int):
    rng = np.random.default_rng(seed)
    groups = rng.choice(names, 400)
    labels = (rng.random(400) < 0.4).astype(int)
    probabilities = np.clip(rng.beta(2, 2, 400) + 0.15 * (groups == names[0]) + 0.2 * labels, 0, 1)
    selected = (probabilities > 0.5).astype(int)
    found = measured(probabilities, labels, groups)
    reference = fairlearn.MetricFrame(
        metrics={name: getattr(fairlearn, name) for name in RATES},
        y_true=labels, y_pred=selected, sensitive_features=groups,
    )  # fmt: skip
    for rate in RATES:
        for name in names:
            assert found[rate, f"sex={name}"].value == pytest.approx(reference.by_group.loc[name, rate])
        assert found[f"{rate}_gap", "sex"].value == pytest.approx(reference.difference()[rate])
    parity = fairlearn.demographic_parity_difference(labels, selected, sensitive_features=groups)
    odds = fairlearn.equalized_odds_difference(labels, selected, sensitive_features=groups)
    assert found["selection_rate_gap", "sex"].value == pytest.approx(parity)
    gaps = [found[f"{rate}_gap", "sex"].value for rate in ("true_positive_rate", "false_positive_rate")]
    assert max(gap for gap in gaps if gap is not None) == pytest.approx(odds)


def test_a_rate_that_no_row_of_a_group_defines_is_unknown_where_fairlearn_says_zero():
    """Without a positive label there is no true positive rate: 0 would read as the worst of treatments."""
    groups = np.array(["m"] * 6 + ["f"] * 6)
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    found = measured(np.linspace(0.1, 0.9, 12), labels, groups)
    assert found["true_positive_rate", "sex=f"].value is None
    assert fairlearn.true_positive_rate(labels[6:], np.ones(6, int)) == 0.0
    gap = found["true_positive_rate_gap", "sex"]
    assert (gap.value, gap.reason) == (None, "true_positive_rate is not defined in a group")
    assert found["false_positive_rate_gap", "sex"].value is not None
