"""Counting without sorting gives what counting of sorted values gives."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrain_assets.data import sketch, tallies
from retrain_assets.data.arrow_profiling import profile_array
from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.column_profiling import profile_column, profile_numbers
from retrain_assets.data.integer_profiling import profile_integers
from retrain_assets.data.tallies import tally


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40),
    st.integers(sketch.LEAST, tallies.MAX_DIGITS),
)
@example([-0.0, 0.0, 5e-324, sketch.SMALLEST, -sketch.SMALLEST, 1.0], 3)
@example([sketch.LARGEST, 1e300, -1e300], 6)
@example([sketch.SMALLEST / 2, sketch.SMALLEST], -1)
def test_a_tally_has_the_keys_and_counts_of_sorted_numbers(numbers: list[float], precision: int) -> None:
    values = np.array(numbers)
    counted = tally(values, precision)
    if counted is None:  # bins of several octaves, or too wide, and only then
        assert precision < 0 or np.log2(np.abs(values).max()) - np.log2(np.abs(values).min() or 5e-324) >= 100
        return
    expected = sketch.count_keys(sketch.ordered_keys(np.sort(values), precision))
    assert [part.tolist() for part in counted] == [part.tolist() for part in expected]


def test_numbers_of_too_many_octaves_are_not_tallied() -> None:
    assert tally(np.array([-1e-300, 1e300]), tallies.MAX_DIGITS) is None
    assert tally(np.array([1e-300, 1e300]), 2) is not None


def test_what_counts_as_zero_does_so_in_bins_of_several_octaves() -> None:
    rng = np.random.default_rng(0)
    wide = np.exp(rng.uniform(-705, 705, 60_000)) * rng.choice([-1, 1], 60_000)
    counted = profile_numbers("x", "numeric", wide)
    assert counted.precision < 0
    parts = [profile_numbers("x", "numeric", part) for part in np.split(wide, [3_000])]
    for other in (parts[0] + parts[1], profile_numbers("x", "numeric", *np.split(wide, 12))):
        assert other.bins == counted.bins
    assert counted.bins[0] == np.count_nonzero(np.abs(wide) < sketch.SMALLEST)


def same(left: ColumnProfile, right: ColumnProfile) -> bool:
    exact = ("kind", "rows", "missing", "infinite", "zeros", "minimum", "maximum", "precision", "bins")
    moments = [(column.mean or 0.0, column.m2) for column in (left, right)]
    return all(getattr(left, name) == getattr(right, name) for name in exact) and moments[0] == pytest.approx(
        moments[1], rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("shape", ["normal", "gaps", "wide_later", "zeros", "only_gaps_later"])
def test_a_long_column_is_profiled_as_its_sorted_values_are(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    numbers = rng.normal(size=60_000)
    if shape == "gaps":
        numbers[::7], numbers[3::70] = np.nan, -np.inf
    elif shape == "wide_later":
        numbers[40_000:] = np.exp(rng.uniform(-600, 600, 20_000)) * rng.choice([-1, 1], 20_000)
    elif shape == "zeros":
        numbers[::3], numbers[1::30] = 0.0, -0.0
    elif shape == "only_gaps_later":
        numbers[20_000:] = np.nan
    counted = profile_numbers("x", "numeric", numbers)
    assert same(profile_numbers("x", "numeric", *np.split(numbers, [100, 30_000])), counted)
    assert counted.precision <= tallies.MAX_DIGITS  # else nothing was tallied here
    monkeypatch.setattr(tallies, "MAX_DIGITS", -1)
    assert same(profile_numbers("x", "numeric", numbers), counted)


@pytest.mark.parametrize(
    "integers",
    [
        np.random.default_rng(6).poisson(20, 3_000),
        np.random.default_rng(6).integers(-128, 128, 500).astype(np.int8),
        np.random.default_rng(6).integers(0, 3_000, 3_000).astype(np.uint64),
        np.array([-5]),
    ],
    ids=["counts", "bytes", "many", "one"],
)
def test_whole_numbers_are_profiled_as_the_same_doubles_are(integers: np.ndarray) -> None:
    as_doubles = profile_numbers("x", "numeric", np.concatenate([integers.astype(np.float64), [np.nan]]))
    counted = profile_integers("x", np.array_split(integers, 3), missing=1)
    assert counted is not None
    assert same(counted, as_doubles)
    assert profile_array(
        "x", pa.chunked_array([integers.tolist(), [None]], type=pa.from_numpy_dtype(integers.dtype))
    ) == (counted)
    assert profile_column("x", pd.Series(integers)) == profile_integers("x", [integers])


@pytest.mark.parametrize("integers", [[0, 2**40], [2**53 + 1] * 9, []], ids=["far apart", "no doubles", "none"])
def test_whole_numbers_that_are_not_counted_one_by_one(integers: list[int]) -> None:
    values = np.array(integers, dtype=np.int64)
    assert profile_integers("x", [values]) is None
    assert same(profile_column("x", pd.Series(values)), profile_numbers("x", "numeric", values.astype(np.float64)))
