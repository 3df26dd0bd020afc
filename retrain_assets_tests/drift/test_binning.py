"""Cells come from the reference alone and lose no row."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.profile import profile_table
from retrain_assets.drift.binning import CategoryBinning, NumericBinning, fit_binning


def column(values: object) -> ColumnProfile:
    return profile_table(pd.DataFrame({"x": values}))["x"]


def counted(reference: object, current: object, *, bins: int = 4) -> dict[str, int]:
    binning = fit_binning(column(reference), bins=bins, precision=column(current).precision)
    return dict(zip(binning.labels, binning.counts(column(current)).tolist(), strict=True))


NUMBERS = st.lists(st.one_of(st.floats(-1e6, 1e6), st.sampled_from([np.nan, np.inf, 0.0])), min_size=1, max_size=40)


@given(NUMBERS, NUMBERS, st.integers(2, 30))
def test_every_row_is_in_one_cell(reference: list[float], current: list[float], bins: int) -> None:
    binning = fit_binning(column(reference), bins=bins, precision=column(current).precision)
    assert binning.counts(column(current)).sum() == len(current)
    assert binning.counts(column(reference)).sum() == len(reference)
    assert len(binning.labels) <= bins + 3


@given(st.lists(NUMBERS, min_size=1, max_size=4), st.booleans())
def test_profiles_that_are_counted_together_are_counted_as_one_by_one(sides: list[list[float]], as_texts: bool) -> None:
    profiles = [column([str(value) for value in side] if as_texts else side) for side in sides]
    precision = min(profile.precision for profile in profiles)
    binning = fit_binning(profiles[0], bins=5, precision=precision)
    together = binning.counts_of_each(profiles)
    assert together.tolist() == [binning.counts(profile).tolist() for profile in profiles]


def test_quantile_bins_hold_equal_shares_of_the_reference() -> None:
    reference = column(np.random.default_rng(0).lognormal(0, 2, 20_000))
    counts = fit_binning(reference, bins=20).counts(reference)
    assert counts[[0, -2, -1]].tolist() == [0, 0, 0]
    assert counts[1:-2] == pytest.approx(np.full(20, 1000), rel=0.35)


def test_values_beyond_the_reference_have_the_outer_cells() -> None:
    counts = counted([1.0, 2.0, 3.0, 4.0], [-5.0, 0.0, 1.0, 4.0, 9.0, np.nan, np.inf])
    assert counts == {"below 1": 2, "1": 1, "2": 0, "3": 0, "4": 1, "above 4": 1, "missing": 2}


def test_a_constant_reference_is_not_blind() -> None:
    assert counted([2.0] * 9, [2.0, 3.0, 1.0, 1.0]) == {"below 2": 2, "2": 1, "above 2": 1, "missing": 0}


def test_a_value_that_many_rows_share_has_a_bin_of_its_own() -> None:
    counts = counted([0.0] * 90 + list(range(1, 11)), [0.0, 1.0, 10.0])
    assert counts == {"below 0": 0, "0": 1, "1 to 10": 2, "above 10": 0, "missing": 0}


def test_a_reference_without_values_has_a_cell_for_any() -> None:
    binning = fit_binning(ColumnProfile(name="x", kind="numeric", rows=3, missing=3), bins=5)
    assert binning.counts(column([1.0, -1.0, np.nan])).tolist() == [2, 1]


def test_an_outlier_of_the_current_side_moves_no_bin() -> None:
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=5000), rng.normal(1, 1, size=5000)
    binning = fit_binning(column(reference), bins=20)
    without, outlier = (binning.counts(column(side)) for side in (current, np.append(current, 1e9)))
    assert (outlier - without).tolist() == [0] * 21 + [1, 0]


def test_sides_of_different_fineness_are_compared_on_the_coarser_grid() -> None:
    """Else a bin edge would cut a fine bin of the coarser side in two, and a sample would differ from itself."""
    years = np.random.default_rng(0).integers(1990, 2014, 5000).astype(float)
    blurred = np.append(years, np.random.default_rng(1).pareto(0.2, 1000) + 1e6)
    reference, current = column(years), column(blurred)
    assert current.precision < reference.precision
    binning = fit_binning(reference, bins=20, precision=current.precision)
    assert binning.counts(reference)[:-2].tolist() == binning.counts(current)[:-2].tolist()


def test_days_are_cells_of_times() -> None:
    binning = fit_binning(column(pd.to_datetime(["2013-01-01", "2013-01-02", "2013-01-05"])), bins=2)
    assert isinstance(binning, NumericBinning)
    assert binning.labels == (
        "before 2013-01-01", "2013-01-01 to 2013-01-02", "2013-01-05", "after 2013-01-05", "missing",
    )  # fmt: skip
    assert binning.counts(column(pd.to_datetime(["2013-01-02", "2014-01-01"]))).tolist() == [0, 1, 0, 1, 0]


def test_frequent_categories_have_cells_and_the_others_share_one() -> None:
    counts = counted(["a"] * 5 + ["b"] * 3 + ["c", "d"], ["a", "c", "d", "e", None], bins=2)
    assert counts == {"a": 1, "b": 0, "all others": 2, "unseen": 1, "missing": 1}


def test_an_incomplete_reference_cannot_tell_unseen_from_rare() -> None:
    binning = fit_binning(column([f"{i:04}" for i in range(250)]), bins=3)
    assert isinstance(binning, CategoryBinning)
    assert not binning.complete
    assert binning.labels[-2:] == ("all others", "missing")
    assert binning.counts(column(["never", "0000", None])).tolist() == [1, 0, 0, 1, 1]


def test_booleans_are_compared_by_name() -> None:
    assert counted([True, True, False], [True, False]) == {
        "True": 1, "False": 1, "all others": 0, "unseen": 0, "missing": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "bins", "labels"),
    [
        ([2000, 2001] * 9 + [2004] * 9, 2, ("below 2000", "2000 to 2001", "2004", "above 2004")),
        (
            [*range(20240101, 20240105), 20240105, 20240105],
            3,
            ("below 20240101", "20240101 to 20240102", "20240103 to 20240104", "20240105", "above 20240105"),
        ),
        ([-4, -3, -2, -2], 2, ("below -4", "-4 to -3", "-2", "above -2")),
        ([-2, -1, 0, 0, 1, 2], 3, ("below -2", "-2 to -1", "0", "1 to 2", "above 2")),
        ([0.1 + 0.2, 0.3, 7.0, 7.5], 2, ("below 0.3", "0.3", "7 to 7.5", "above 7.5")),
    ],
    ids=["years", "dates", "negative", "signs", "rounding"],
)
def test_cells_of_few_numbers_begin_and_end_with_these(values: list[float], bins: int, labels: tuple[str, ...]) -> None:
    assert fit_binning(column([float(value) for value in values]), bins=bins).labels == (*labels, "missing")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60), st.integers(2, 30))
def test_no_two_cells_of_a_column_have_one_label(values: list[float], bins: int) -> None:
    profile = column(values)
    for precision in (profile.precision, 6, 0):
        labels = fit_binning(profile, bins=bins, precision=precision).labels
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(("middle", "spread"), [(1.7e9, 86_400.0), (0.0, 1.0), (1013.0, 5.0)])
def test_labels_tell_cells_apart_and_do_not_overlap(middle: float, spread: float) -> None:
    values = np.random.default_rng(0).normal(middle, spread, 5_000)
    labels = fit_binning(profile_table(pd.DataFrame({"x": values}))["x"], bins=20).labels
    assert len(set(labels)) == len(labels)
    ends = [label.split(" to ") for label in labels[1:-2]]
    assert labels[0] == f"below {ends[0][0]}"
    assert labels[-2] == f"above {ends[-1][1]}"
    assert all(float(first[1]) <= float(then[0]) for first, then in itertools.pairwise(ends))
