"""Corrections for many tests, held to their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import cauchy as distribution
from scipy.stats import false_discovery_control, norm

from retrain_assets.drift.multiplicity import CORRECTIONS, benjamini_hochberg, cauchy, holm, sidak

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)


@given(P_VALUES)
def test_benjamini_hochberg_is_scipys(p_values: np.ndarray) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values, method="bh"))


@given(P_VALUES, st.floats(0.001, 0.5))
def test_holm_rejects_step_by_step(p_values: np.ndarray, alpha: float) -> None:
    """The textbook's procedure: go through the ordered p-values until one exceeds alpha over what is left."""
    rejected = set()
    for step, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] * (len(p_values) - step) > alpha:
            break
        rejected.add(int(place))
    assert set(np.flatnonzero(holm(p_values) <= alpha).tolist()) == rejected


@given(P_VALUES)
def test_a_correction_never_lowers_a_p_value_and_keeps_their_order(p_values: np.ndarray) -> None:
    for correction in CORRECTIONS.values():
        adjusted = correction(p_values)
        assert (adjusted >= p_values - 1e-12).all()
        assert (adjusted <= 1).all()
        order = np.argsort(p_values, kind="stable")
        assert (np.diff(adjusted[order]) >= 0).all()


def test_sidak_is_exact_for_independent_tests() -> None:
    smallest = np.random.default_rng(0).random((20_000, 4)).min(axis=1)
    corrected = sidak(smallest, np.full(20_000, 4))
    assert (corrected <= 0.05).mean() == pytest.approx(0.05, abs=0.006)
    assert sidak(np.array([0.0, 1.0]), np.array([3, 3])).tolist() == [0.0, 1.0]


@given(st.lists(st.floats(1e-15, 0.999), min_size=1, max_size=20).map(np.array), st.integers(0, 2**32))
def test_the_combination_is_that_of_cauchy_variables(p_values: np.ndarray, seed: int) -> None:
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(p_values)))
    expected = distribution.sf((weights * distribution.isf(p_values)).sum())
    assert cauchy(p_values[:, None], weights[:, None])[0] == pytest.approx(expected, rel=1e-6)


def test_the_smallest_p_values_lose_no_digits() -> None:
    p_values, weights = np.array([[1e-300, 1e-40], [1.0, 1e-40]]), np.full((2, 2), 0.5)
    assert cauchy(p_values, weights) == pytest.approx([2e-300, 1e-40], rel=1e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95])
def test_the_combination_keeps_the_level_of_tests_that_depend_on_each_other(correlation: float) -> None:
    rng = np.random.default_rng(3)
    drawn = np.sqrt(correlation) * rng.normal(size=100_000) + np.sqrt(1 - correlation) * rng.normal(size=(7, 100_000))
    combined = cauchy(2 * norm.sf(np.abs(drawn)), np.full((7, 100_000), 1 / 7))
    for level in (0.01, 0.001):
        assert 0.6 * level < (combined <= level).mean() < 1.3 * level
