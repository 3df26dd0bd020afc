"""The test of homogeneity: scipy's where its approximation holds, and never sharper than the rows allow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from retrain_assets.drift.significance import homogeneity_p_value


@given(st.lists(st.tuples(st.integers(50, 500), st.integers(50, 500)), min_size=2, max_size=20))
def test_is_scipys_where_all_cells_are_full(cells: list[tuple[int, int]]) -> None:
    table = np.array(cells).T
    expected = chi2_contingency(table, correction=False)
    if expected.expected_freq.min() >= 5:
        assert homogeneity_p_value(*table) == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20))
def test_is_a_probability_and_symmetric(cells: list[tuple[int, int]]) -> None:
    table = np.array(cells).T
    p_value = homogeneity_p_value(*table)
    if not table.sum(axis=1).all():
        assert p_value is None
    else:
        assert p_value is not None
        assert 0 <= p_value <= 1
        assert p_value == pytest.approx(homogeneity_p_value(*table[::-1]))


def test_a_side_without_rows_has_no_p_value() -> None:
    assert homogeneity_p_value(np.array([3, 4]), np.array([0, 0])) is None


def test_a_few_rows_in_a_new_cell_are_no_evidence() -> None:
    assert homogeneity_p_value(np.array([40_000, 0]), np.array([5_000, 3])) == 1.0
    assert (homogeneity_p_value(np.array([40_000, 0]), np.array([5_000, 300])) or 0.0) < 1e-9


def test_small_cells_are_counted_together() -> None:
    rare = np.array([1000, 1000, 2, 1, 1, 2]), np.array([1000, 1000, 1, 2, 2, 1])
    pooled = np.array([1000, 1000, 6]), np.array([1000, 1000, 6])
    assert homogeneity_p_value(*rare) == pytest.approx(homogeneity_p_value(*pooled))


@pytest.mark.parametrize("cells", [3, 23])
def test_p_values_of_one_distribution_are_uniform(cells: int) -> None:
    rng = np.random.default_rng(4)
    shares = rng.dirichlet(np.full(cells, 2.0))
    p_values = [
        homogeneity_p_value(rng.multinomial(40_000, shares), rng.multinomial(5_000, shares)) for _ in range(1000)
    ]
    for level in (0.01, 0.05, 0.5):
        error = 4 * (level * (1 - level) / 1000) ** 0.5
        assert np.mean([p < level for p in p_values if p is not None]) == pytest.approx(level, abs=error)
