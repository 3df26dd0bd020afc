"""One contract for every distance; each is also held to a reference implementation."""

import math
import random
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import chebyshev, euclidean, jensenshannon, minkowski
from scipy.stats import chi2_contingency, entropy, ks_2samp, wasserstein_distance
from scipy.stats.contingency import association

from retrain_assets.data.profile import profile_table
from retrain_assets.data.sketch import RELATIVE_ACCURACY
from retrain_assets.drift import plugged
from retrain_assets.drift.binning import fit_binning
from retrain_assets.drift.contracts import check_distance
from retrain_assets.drift.distances import DISTANCES, Distance, find_distance, registry
from retrain_assets.drift.distances.fine_bins import fine_bins
from retrain_assets.drift.settings import MAX_SMOOTHING, MIN_SMOOTHING
from retrain_assets.spec import DriftSpec
from retrain_assets.spec.drift import DISTANCES as DECLARED

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
    assert sorted(DISTANCES) == sorted(DECLARED)
    for name in DISTANCES:
        assert find_distance(DriftSpec(distance=name).distance).name == name


@every_distance
def test_a_distance_keeps_what_those_of_users_are_held_to(distance: Distance) -> None:
    check_distance(distance)


@every_distance
@given(pair=pairs())
def test_the_same_counts_are_at_zero(distance: Distance, pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert distance(pair[0], pair[0], SMOOTHING) == pytest.approx(0, abs=1e-7)


@every_distance
@given(pair=pairs(), smoothing=st.floats(0.01, 10))
def test_a_distance_is_bounded_and_symmetric_where_it_says_so(
    distance: Distance, pair: tuple[np.ndarray, np.ndarray], smoothing: float
) -> None:
    value = distance(*pair, smoothing)
    assert 0 <= value <= distance.maximum
    if distance.symmetric:
        assert value == pytest.approx(distance(pair[1], pair[0], smoothing), abs=1e-9)
    assert math.isfinite(value)


@every_distance
@pytest.mark.parametrize("smoothing", [MIN_SMOOTHING, MAX_SMOOTHING])
def test_a_distance_is_a_number_at_the_ends_of_what_may_be_declared(distance: Distance, smoothing: float) -> None:
    cells = 256
    sides = [np.zeros(cells, dtype=np.int64), np.full(cells, 2**40)]
    sides[0][0] = 1
    for pair in ((sides[0], sides[1]), (sides[1], sides[0]), (sides[0], sides[0][::-1])):
        value = distance(*pair, DriftSpec(smoothing=smoothing).smoothing, np.arange(float(cells)))
        assert 0 <= value <= distance.maximum
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
    far = distance(np.array([10**9, 0]), np.array([0, 10**9]), SMOOTHING, np.array([0.0, 1.0]))
    assert far == pytest.approx(distance.maximum, rel=1e-3) if math.isfinite(distance.maximum) else far > 20


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
    rng = np.random.default_rng(2)
    return pd.DataFrame({"x": rng.normal(size=900)}), pd.DataFrame({"x": rng.normal(0.4, 1.2, size=700)})


@pytest.mark.parametrize("name", ["psi", "kullback_leibler"])
def test_what_an_empty_cell_makes_infinite_needs_smoothing(name: str) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        DISTANCES[name](np.array([1, 0]), np.array([1, 1]), 0.0)


@every_distance
def test_a_distance_says_what_it_is(distance: Distance) -> None:
    assert isinstance(distance, Distance)
    assert distance.meaning.startswith("0: ")
    documentation = type(distance).__doc__ or ""
    assert "Source: " in documentation
    assert ">>> " in documentation
    assert "`" in documentation


@given(pairs(), st.floats(0, 5))
def test_distances_are_scipys(pair: tuple[np.ndarray, np.ndarray], smoothing: float) -> None:
    """What scipy computes from the same shares."""
    p, q = ((side + smoothing) / (side + smoothing).sum() for side in pair)
    measured = {name: DISTANCES[name](*pair, smoothing) for name in ("total_variation", "l_infinity", "hellinger")}
    assert measured["total_variation"] == pytest.approx(minkowski(p, q, 1) / 2, abs=1e-12)
    assert measured["l_infinity"] == pytest.approx(chebyshev(p, q), abs=1e-12)
    assert measured["hellinger"] == pytest.approx(euclidean(np.sqrt(p), np.sqrt(q)) / np.sqrt(2), abs=1e-12)


@given(pairs())
def test_chi_square_statistics_are_scipys(pair: tuple[np.ndarray, np.ndarray]) -> None:
    table = np.stack(pair)[:, sum(pair) > 0]
    if table.shape[1] > 1:
        assert DISTANCES["cramers_v"](*pair, 0.0) == pytest.approx(association(table, method="cramer"), abs=1e-9)
    equal = np.stack([side / side.sum() * 1000 for side in table])
    if table.shape[1] > 1:
        pearson = chi2_contingency(equal, correction=False).statistic
        assert DISTANCES["chi_square"](*pair, 0.0) == pytest.approx(pearson / 2000, abs=1e-9)


@given(pairs(), st.floats(0.1, 5))
def test_kullback_leibler_is_scipys_entropy(pair: tuple[np.ndarray, np.ndarray], smoothing: float) -> None:
    p, q = (side + smoothing for side in pair)
    assert DISTANCES["kullback_leibler"](*pair, smoothing) == pytest.approx(entropy(q, p), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_wasserstein_is_scipys_within_the_width_of_its_bins(scale: float, shift: float) -> None:
    rng = np.random.default_rng(11)
    reference, current = scale * rng.lognormal(0, 1, 5000), scale * (rng.lognormal(0, 1, 3000) + shift)
    before, after = (profile_table(pd.DataFrame({"x": side}))["x"] for side in (reference, current))
    fine = fine_bins(before, after)
    exact = wasserstein_distance(reference, current) / reference.std()
    measured = DISTANCES["wasserstein"](fine.reference, fine.current, 0.0, fine.positions)
    # The middle of a bin is within 1 % of all its numbers.
    assert measured == pytest.approx(
        exact, abs=2 * RELATIVE_ACCURACY * max(reference.mean(), current.mean()) / reference.std()
    )


@pytest.mark.parametrize("offset", [0, 2**40, 2**52, -(2**52), 2**53 - 1000])
@pytest.mark.parametrize("spread", [1, 3])
def test_wasserstein_of_whole_numbers_is_scipys_however_far_from_zero(offset: int, spread: int) -> None:
    rng = np.random.default_rng(12)
    reference, current = rng.integers(-spread, spread + 1, 500), rng.integers(0, 2 * spread + 1, 400)
    before, after = (profile_table(pd.DataFrame({"x": offset + side}))["x"] for side in (reference, current))
    fine = fine_bins(before, after)
    measured = DISTANCES["wasserstein"](fine.reference, fine.current, 0.0, fine.positions)
    assert measured == pytest.approx(wasserstein_distance(reference, current) / reference.std(), rel=1e-9)


def test_one_number_that_rounding_makes_two_of_has_no_deviation() -> None:
    places = np.array([0.3, 0.1 + 0.2, 0.6])
    assert DISTANCES["wasserstein"](np.array([5, 5, 0]), np.array([0, 0, 9]), 0.0, places) == pytest.approx(1.0)


@given(pairs())
def test_wasserstein_of_placed_cells_is_scipys(pair: tuple[np.ndarray, np.ndarray]) -> None:
    places = np.cumsum(np.arange(1.0, len(pair[0]) + 1))
    p = pair[0] / pair[0].sum()
    deviation = float(np.sqrt(p @ (places - p @ places) ** 2))
    expected = wasserstein_distance(places, places, *pair) / (deviation if deviation > 1e-9 else abs(float(p @ places)))
    assert DISTANCES["wasserstein"](*pair, 0.0, places) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_cells_without_a_place_are_left_out_of_the_way_rows_move() -> None:
    places = np.array([0.0, 1.0, np.nan])
    assert DISTANCES["wasserstein"](np.array([1, 1, 0]), np.array([1, 1, 98]), 0.0, places) == 0
    assert DISTANCES["wasserstein"](np.array([1, 1, 0]), np.array([0, 0, 9]), 0.0, places) == 0


def total_variation(before: np.ndarray, after: np.ndarray) -> float:
    return DISTANCES["total_variation"](before, after, 0.0)


class Halved:
    """A user's distance, by its import path."""

    name, maximum, ordered, symmetric, fine, meaning = (
        "halved",
        0.5,
        False,
        True,
        False,
        "0: the same; 0.5: nothing shared",
    )

    def __call__(self, reference_counts, current_counts, smoothing, positions=None) -> float:
        return DISTANCES["total_variation"](reference_counts, current_counts, smoothing) / 2


def test_a_users_distance_is_found_by_its_import_path_and_measures() -> None:
    path = f"{__name__}:Halved"
    assert find_distance(DriftSpec(distance=path).distance)(np.array([1, 0]), np.array([0, 1]), 0.0) == 0.5
    check_distance(find_distance(path))
    with pytest.raises(TypeError, match="must be callable and have name"):
        find_distance(f"{__name__}:SMOOTHING")
    with pytest.raises(ValueError, match=r"Did you mean 'hellinger'\?"):
        find_distance("helinger")
    with pytest.raises(ValueError, match=r"an import path 'module:Class' \(got 'my'\)\.$"):
        find_distance("my")


class WithArguments(Halved):
    def __init__(self, share: float) -> None:
        self.share = share


class WithoutMaximum(Halved):
    maximum = math.nan


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        (f"{__name__}:WithArguments", TypeError, "must be a class that takes no arguments, or an instance: .*'share'"),
        (f"{__name__}:WithoutMaximum", TypeError, "the maximum of distance .* must be a number, .* .it is nan"),
        (f"{__name__}:Nothing", ValueError, "cannot be imported: AttributeError: module"),
        ("broken_distance:Any", ValueError, "distance 'broken_distance:Any' cannot be imported: ZeroDivisionError"),
        (".relative:Any", ValueError, "cannot be imported: TypeError"),
    ],
)
def test_a_distance_that_cannot_be_made_says_which_it_is(
    path: str, error: type[Exception], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_distance.py").write_text("1 / 0", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error, match=said):
        find_distance(path)


def test_an_entry_point_that_cannot_be_loaded_says_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="gone", value="no_such_module:Distance", group=registry.GROUP)
    monkeypatch.setattr(plugged, "entry_points", lambda group: (point,))
    with pytest.raises(ValueError, match="distance 'gone' cannot be imported: ModuleNotFoundError"):
        find_distance("gone")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda before, after: 0.1, "halved must be 0 of equal counts"),
        (lambda before, after: 0.6 * (before != after).any(), "halved must lie between 0 and its maximum 0.5"),
        (lambda before, after: np.nan if (before != after).any() else 0.0, "halved must be a finite number"),
        (lambda before, after: 0.5 * float(before[0] > after[0]), "halved must be symmetric"),
        (
            lambda before, after: abs(before[0] / before.sum() - after[0] / after.sum()) / 2,
            "halved must be blind to the order of cells",
        ),
        (lambda before, after: 0.0, "halved must be above 0 of counts that share no cell"),
        (
            lambda before, after: total_variation(before, after) / (1 + 10 * total_variation(before, after) ** 2),
            "halved must be no larger of shares that are half as far away",
        ),
        (
            lambda before, after: total_variation(before, after) / 2 * random.random(),
            "halved must answer the same for the same counts",
        ),
        (lambda before, after: (0.0, before.fill(1))[0], "halved must leave the counts as they are"),
    ],
)
def test_a_broken_promise_of_a_distance_is_named(broken, said: str) -> None:
    class Broken(Halved):
        def __call__(self, reference_counts, current_counts, smoothing, positions=None) -> float:
            return broken(reference_counts, current_counts)

    with pytest.raises(AssertionError, match=said):
        check_distance(Broken())


@pytest.mark.parametrize("call", [lambda self, before, after: 0.0, lambda self, before, after, smoothing: 0.0])
def test_a_distance_that_is_called_otherwise_is_named(call) -> None:
    said = r"halved must be called as \(reference_counts, current_counts, smoothing, positions=None\): too many"
    with pytest.raises(AssertionError, match=said):
        check_distance(type("Short", (Halved,), {"__call__": call})())


def test_an_entry_point_is_a_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="halved", value=f"{__name__}:Halved", group=registry.GROUP)
    monkeypatch.setattr(plugged, "entry_points", lambda group: (point,) if group == registry.GROUP else ())
    assert find_distance("halved").maximum == 0.5


def test_jensen_shannon_needs_none() -> None:
    assert DISTANCES["jensen_shannon"](np.array([4, 0]), np.array([0, 7]), 0.0) == 1.0


@given(pairs(), st.floats(0, 5))
def test_jensen_shannon_is_scipys(pair: tuple[np.ndarray, np.ndarray], smoothing: float) -> None:
    expected = jensenshannon(pair[0] + smoothing, pair[1] + smoothing, base=2)
    assert DISTANCES["jensen_shannon"](*pair, smoothing) ** 2 == pytest.approx(expected**2, abs=1e-12)


@given(pairs(), st.floats(0.1, 5))
def test_psi_is_the_sum_of_both_divergences(pair: tuple[np.ndarray, np.ndarray], smoothing: float) -> None:
    p, q = pair[0] + smoothing, pair[1] + smoothing
    assert DISTANCES["psi"](*pair, smoothing) == pytest.approx(entropy(p, q) + entropy(q, p), abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("bins", [5, 20, 100])
def test_kolmogorov_smirnov_is_scipys_within_the_bound_of_its_bins(shift: float, bins: int) -> None:
    rng = np.random.default_rng(7)
    reference, current = rng.normal(size=4000), rng.normal(shift, 1.3, size=1500)
    profiles = [profile_table(pd.DataFrame({"x": side}))["x"] for side in (reference, current)]
    binning = fit_binning(profiles[0], bins=bins, precision=profiles[1].precision)
    counts = [binning.counts(profile) for profile in profiles]
    binned, exact = DISTANCES["kolmogorov_smirnov"](counts[0], counts[1], 0.0), ks_2samp(reference, current).statistic
    assert binned <= exact + 1e-12
    p, q = (side / side.sum() for side in counts)
    # Within a cell the gap grows by at most the share that either side has there.
    assert exact <= binned + float(np.minimum(p, q).max())
