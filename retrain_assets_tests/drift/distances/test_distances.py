"""One contract for every distance; each is also held to a reference implementation."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from retrain_assets.data.profile import profile_table
from retrain_assets.drift.binning import fit_binning
from retrain_assets.drift.distances import DISTANCES, Distance
from retrain_assets.drift.distances.kolmogorov_smirnov import binning_error
from retrain_assets.spec import DriftSpec

every_distance = pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES.keys())
SMOOTHING = 0.5


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    cells = draw(st.integers(1, 12))
    side = st.lists(st.integers(0, 1000), min_size=cells, max_size=cells).filter(any)
    return np.array(draw(side)), np.array(draw(side))


def normal_counts(shift: float, *, rows: int = 5000) -> np.ndarray:
    values = np.random.default_rng(1).normal(shift, 1, rows)
    return np.histogram(values, bins=[-np.inf, *np.linspace(-2, 2, 15), np.inf])[0]


def test_the_registry_has_exactly_what_a_declaration_may_name() -> None:
    declared = DriftSpec.model_json_schema()["properties"]["distance"]["enum"]
    assert sorted(DISTANCES) == sorted(declared)


@every_distance
@given(pair=pairs())
def test_the_same_counts_are_at_zero(distance: Distance, pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert distance(pair[0], pair[0], SMOOTHING) == pytest.approx(0, abs=1e-7)


@every_distance
@given(pair=pairs(), smoothing=st.floats(0.01, 10))
def test_a_distance_is_bounded_and_symmetric(
    distance: Distance, pair: tuple[np.ndarray, np.ndarray], smoothing: float
) -> None:
    value = distance(*pair, smoothing)
    assert 0 <= value <= distance.maximum
    assert value == pytest.approx(distance(pair[1], pair[0], smoothing), abs=1e-9)
    assert math.isfinite(value)


@every_distance
@given(pair=pairs(), order=st.randoms(use_true_random=False))
def test_only_an_ordered_distance_sees_the_order_of_cells(
    distance: Distance, pair: tuple[np.ndarray, np.ndarray], order: random.Random
) -> None:
    shuffled = list(range(len(pair[0])))
    order.shuffle(shuffled)
    if not distance.ordered:
        assert distance(pair[0][shuffled], pair[1][shuffled], SMOOTHING) == pytest.approx(distance(*pair, SMOOTHING))


@every_distance
def test_a_distance_grows_with_the_shift(distance: Distance) -> None:
    values = [distance(normal_counts(0), normal_counts(shift), SMOOTHING) for shift in np.linspace(0, 3, 13)]
    assert values == sorted(values)
    assert values[-1] > 0.5


@every_distance
def test_counts_of_nothing_in_common_reach_the_maximum(distance: Distance) -> None:
    far = distance(np.array([10**9, 0]), np.array([0, 10**9]), SMOOTHING)
    assert far == pytest.approx(distance.maximum, rel=1e-3) if math.isfinite(distance.maximum) else far > 40


@every_distance
def test_what_cannot_be_compared_is_refused(distance: Distance) -> None:
    with pytest.raises(ValueError, match="the same cells"):
        distance(np.array([1, 2]), np.array([1, 2, 3]), SMOOTHING)
    with pytest.raises(ValueError, match="smoothing"):
        distance(np.array([1, 2]), np.array([1, 2]), -1.0)


@every_distance
def test_a_distance_is_blind_to_the_order_of_rows(distance: Distance, frame_pair) -> None:
    reference, current = frame_pair
    binning = fit_binning(profile_table(reference)["x"], bins=20)
    counts = [
        binning.counts(profile_table(frame)["x"])
        for frame in (reference, current, reference.iloc[::-1], current.sample(frac=1, random_state=3))
    ]
    assert distance(counts[0], counts[1], SMOOTHING) == distance(counts[2], counts[3], SMOOTHING)


@pytest.fixture
def frame_pair():
    import pandas as pd

    rng = np.random.default_rng(2)
    return pd.DataFrame({"x": rng.normal(size=900)}), pd.DataFrame({"x": rng.normal(0.4, 1.2, size=700)})


def test_psi_needs_smoothing() -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        DISTANCES["psi"](np.array([1, 0]), np.array([1, 1]), 0.0)


def test_jensen_shannon_needs_none() -> None:
    assert DISTANCES["jensen_shannon"](np.array([4, 0]), np.array([0, 7]), 0.0) == 1.0


@given(pairs(), st.floats(0, 5))
def test_jensen_shannon_is_scipys(pair: tuple[np.ndarray, np.ndarray], smoothing: float) -> None:
    expected = jensenshannon(pair[0] + smoothing, pair[1] + smoothing, base=2)
    assert DISTANCES["jensen_shannon"](*pair, smoothing) ** 2 == pytest.approx(expected**2, abs=1e-12)


@given(pairs(), st.floats(0.1, 5))
def test_psi_is_the_sum_of_both_divergences(pair: tuple[np.ndarray, np.ndarray], smoothing: float) -> None:
    from scipy.stats import entropy

    p, q = pair[0] + smoothing, pair[1] + smoothing
    assert DISTANCES["psi"](*pair, smoothing) == pytest.approx(entropy(p, q) + entropy(q, p), abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("bins", [5, 20, 100])
def test_kolmogorov_smirnov_is_scipys_within_the_bound_of_its_bins(shift: float, bins: int) -> None:
    import pandas as pd

    rng = np.random.default_rng(7)
    reference, current = rng.normal(size=4000), rng.normal(shift, 1.3, size=1500)
    profiles = [profile_table(pd.DataFrame({"x": side}))["x"] for side in (reference, current)]
    binning = fit_binning(profiles[0], bins=bins, precision=profiles[1].precision)
    counts = [binning.counts(profile) for profile in profiles]
    binned, exact = DISTANCES["kolmogorov_smirnov"](counts[0], counts[1], 0.0), ks_2samp(reference, current).statistic
    assert binned <= exact + 1e-12
    assert exact <= binned + binning_error(counts[0], counts[1])
