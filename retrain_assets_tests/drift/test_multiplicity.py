"""Corrections for many tests, held to their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from retrain_assets.drift.multiplicity import CORRECTIONS, benjamini_hochberg, holm, sidak

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
