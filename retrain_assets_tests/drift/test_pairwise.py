"""Correlations of each batch are those of Pearson, over the rows that have both values."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from retrain_assets.drift.pairwise import correlations_of


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_they_are_those_of_scipy_where_nothing_is_clipped(missing: float) -> None:
    rng = np.random.default_rng(0)
    mixture = np.eye(4) + 0.3 * rng.random((4, 4))
    batches: list[np.ndarray] = []
    for rows in (200, 9_000):
        values = rng.random((rows, 4)) @ mixture
        batches.append(np.where(rng.random(values.shape) < missing, np.nan, values))
    found = correlations_of(batches, at_least=30, alike=False)
    for place, rows in enumerate(batches):
        for pair, (left, right) in enumerate(zip(*np.triu_indices(4, 1), strict=True)):
            both = rows[np.isfinite(rows[:, [left, right]]).all(axis=1)]
            expected = pearsonr(both[:, left], both[:, right]).statistic
            assert np.tanh(found.values[pair, place]) == pytest.approx(expected, abs=1e-6)
            assert found.rows[pair, place] == len(both)
