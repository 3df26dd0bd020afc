"""The grid of fine bins: keeps order and accuracy, and does not care in which order it is made coarser."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.data import sketch

NUMBERS = st.floats(min_value=-1e25, max_value=1e25, allow_nan=False).filter(
    lambda x: x == 0 or abs(x) >= sketch.SMALLEST
)
PRECISIONS = st.integers(sketch.COARSEST, sketch.FINEST)


@given(st.lists(NUMBERS, min_size=2))
def test_keys_order_as_numbers_do(numbers: list[float]) -> None:
    values = np.array(numbers)
    order = np.argsort(values, kind="stable")
    keys = sketch.keys_of(values[order]).tolist()
    assert keys == sorted(keys)
    coarser = sketch.collapsed(sketch.keys_of(values[order]), sketch.FINEST, sketch.COARSEST).tolist()
    assert coarser == sorted(coarser)


@given(NUMBERS, PRECISIONS)
def test_a_bin_holds_its_number_within_the_relative_accuracy(number: float, precision: int) -> None:
    keys = sketch.collapsed(sketch.keys_of(np.array([number])), sketch.FINEST, precision)
    (low,), (high,) = sketch.edges_of(keys, precision)
    assert low <= number <= high
    assert abs((low + high) / 2 - number) <= sketch.RELATIVE_ACCURACY * abs(number)


@given(st.lists(NUMBERS), PRECISIONS, PRECISIONS)
def test_collapsing_in_two_steps_is_collapsing_once(numbers: list[float], first: int, second: int) -> None:
    keys = sketch.keys_of(np.array(numbers, dtype=np.float64))
    middle, last = max(first, second), min(first, second)
    stepwise = sketch.collapsed(sketch.collapsed(keys, sketch.FINEST, middle), middle, last)
    assert stepwise.tolist() == sketch.collapsed(keys, sketch.FINEST, last).tolist()


def test_few_values_are_kept_apart_however_close() -> None:
    years = np.unique(sketch.keys_of(np.arange(1990.0, 2014.0)))
    assert sketch.fitting_precision(years, sketch.FINEST) == sketch.FINEST


def test_many_values_are_coarse_enough_and_never_too_coarse(rng_values: np.ndarray) -> None:
    keys = np.unique(sketch.keys_of(rng_values))
    precision = sketch.fitting_precision(keys, sketch.FINEST)
    bins = len(np.unique(sketch.collapsed(keys, sketch.FINEST, precision)))
    assert bins <= (sketch.MAX_BINS if precision > sketch.COARSEST else sketch.MAX_COARSE_BINS)
    if precision < sketch.FINEST and bins <= sketch.MAX_BINS:
        assert len(np.unique(sketch.collapsed(keys, sketch.FINEST, precision + 1))) > sketch.MAX_BINS


@pytest.fixture(params=["normal", "far_from_zero", "heavy_tail", "all_octaves", "all_that_there_are"])
def rng_values(request: pytest.FixtureRequest) -> np.ndarray:
    rng = np.random.default_rng(5)
    return {
        "normal": rng.normal(size=20_000),
        "far_from_zero": rng.normal(1e6, 1, size=20_000),
        "heavy_tail": rng.pareto(0.5, size=20_000),
        "all_octaves": rng.choice([-1, 1], 20_000) * 2.0 ** rng.uniform(-99, 99, 20_000),
        "all_that_there_are": rng.choice([-1, 1], 20_000) * 2.0 ** rng.uniform(-999, 999, 20_000),
    }[request.param]


@given(st.lists(NUMBERS, min_size=1, max_size=60), PRECISIONS)
def test_bins_of_every_precision_are_counted_at_once(numbers: list[float], precision: int) -> None:
    ordered = np.sort(sketch.collapsed(sketch.keys_of(np.array(numbers)), sketch.FINEST, precision))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketch, "MAX_BINS", 5)
        patch.setattr(sketch, "MAX_COARSE_BINS", 9)
        found = sketch.fitting_precision(ordered, precision)

    def bins(digits: int) -> int:
        return len(np.unique(sketch.collapsed(ordered, precision, digits)))

    fitting = [
        digits
        for digits in range(sketch.LEAST, precision + 1)
        if bins(digits) <= (5 if digits > sketch.COARSEST else 9)
    ]
    assert found == max(fitting, default=sketch.LEAST)


def test_keys_are_counted_where_they_change() -> None:
    keys, counts = sketch.count_keys(np.array([-3, -3, 0, 7]))
    assert (keys.tolist(), counts.tolist()) == ([-3, 0, 7], [2, 1, 1])


def test_what_lies_outside_the_grid_is_counted_at_its_ends() -> None:
    keys = sketch.keys_of(np.array([1e-305, -1e-305, 1e305, sketch.LARGEST, -1e305]))
    assert keys[0] == keys[1] == 0
    assert keys[2] == keys[3] == -keys[4]


def test_adding_up_sorts_sums_and_drops_empty_bins() -> None:
    keys, counts = sketch.add_up(np.array([3, -1, 3, 7]), np.array([1, 2, 4, 0]))
    assert (keys.tolist(), counts.tolist()) == ([-1, 3], [2, 5])
    keys, counts = sketch.add_up(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    assert len(keys) == len(counts) == 0


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40), st.integers(sketch.LEAST, sketch.FINEST)
)
def test_keys_of_ascending_numbers_are_those_of_any(numbers: list[float], precision: int) -> None:
    ordered = np.sort(np.array(numbers, dtype=np.float64))
    expected = sketch.collapsed(sketch.keys_of(ordered), sketch.FINEST, precision)
    assert sketch.ordered_keys(ordered, precision).tolist() == expected.tolist()


def test_fewer_digits_round_towards_zero() -> None:
    assert sketch.collapsed(np.array([-7, -4, -1, 0, 1, 4, 7]), 3, 1).tolist() == [-1, -1, 0, 0, 0, 1, 1]
