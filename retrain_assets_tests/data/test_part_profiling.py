"""Many small batches in one pass: the same profiles as one by one."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data import part_profiling
from retrain_assets.data.part_profiling import SMALL, profile_parts
from retrain_assets.data.profile import profile_table
from retrain_assets.drift.frames import profiles_of
from retrain_assets.errors import DataError
from retrain_assets_tests.data.test_profile import assert_same


def table(sizes: Sequence[int]) -> pd.DataFrame:
    """A column of each kind; `day` says which rows are together."""
    rng, rows = np.random.default_rng(0), sum(sizes)

    def drawn(*values: object) -> pd.Series:
        return pd.Series([values[place] for place in rng.integers(0, len(values), rows)], dtype="object")

    return pd.DataFrame(
        {
            "day": np.repeat(np.arange(len(sizes)), sizes),
            "number": rng.normal(size=rows),
            "whole": rng.integers(-3, 9, rows),
            "large": rng.integers(2**60, 2**62, rows),
            "huge": rng.choice([1e151, 2e151], rows),
            "odd": rng.choice([np.inf, -np.inf, 0.0, -0.0, 1.0, np.nan, 1e-310], rows),
            "gaps": drawn(1, 2, None).astype("Int64"),
            "text": drawn("é" * 90, 'q"' * 60, None, "z"),
            "id": [f"{place}" for place in range(rows)],
            "name": drawn("a", "b").astype("string"),
            "category": drawn("u", "v", None).astype("category"),
            "level": rng.integers(0, 3, rows).astype(str).astype("object"),
            "flag": rng.random(rows) < 0.5,
            "flag_or_not": drawn(True, False, None).astype("boolean"),
            "sparse": pd.arrays.SparseArray(rng.random(rows) < 0.1),
            "time": pd.to_datetime(rng.integers(0, 2**31, rows), unit="s"),
            "duration": pd.to_timedelta(rng.integers(0, 9, rows), unit="h"),
            "date": pd.Series([dt.date(2020, 1, 1 + place % 28) for place in range(rows)], dtype="object"),
            "mixed": drawn(1, "a", None, 2.5),
            "list": pd.Series([[place % 3] for place in range(rows)], dtype="object"),
            "nothing": pd.Series([None] * rows, dtype="object"),
            "ra_own": 1,
        }
    )


@pytest.mark.parametrize(
    "sizes", [[5] * 60, [SMALL + 90, 3, 0, 2 * SMALL, 1, 40], [1] * 30, [SMALL] * 2 + [1], [0], []]
)
@pytest.mark.parametrize("ordered", [True, False])
def test_parts_have_the_profiles_that_each_has_by_itself(sizes: list[int], ordered: bool) -> None:
    frame = table(sizes)
    frame = frame if ordered else frame.sample(frac=1, random_state=1)
    rows = frame.drop(columns="day")
    made = profile_parts(rows, frame["day"].to_numpy(), len(sizes))
    assert len(made) == len(sizes)
    for place, profile in enumerate(made):
        assert_same(profile, profile_table(rows[frame["day"] == place]))


def test_columns_of_arrow_may_be_in_several_chunks() -> None:
    """As a file of several row groups is read, or frames are put together."""
    frame = table([5] * 60)[["day", "number", "gaps", "text", "category", "flag", "flag_or_not", "time"]]
    halves: Any = [half.convert_dtypes(dtype_backend="pyarrow") for half in (frame[:150], frame[150:])]
    made, plain = (profiles_of(each, name="reference", batch="day") for each in (pd.concat(halves), frame))
    assert list(made) == list(plain)
    for key, profile in plain.items():
        assert_same(made[key], profile)


def test_small_batches_of_a_frame_are_profiled_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_by_one(name: str, values: pd.Series) -> None:
        raise AssertionError(f"{len(values)} rows of {name} were profiled by themselves")

    frame = table([5] * 60)[["day", "number", "text", "flag", "time"]]
    monkeypatch.setattr(part_profiling, "profile_column", one_by_one)
    assert list(profiles_of(frame, name="reference", batch="day")) == [str(place) for place in range(60)]


@pytest.mark.parametrize("kind", ["category", "str", "datetime64[ns]", "float64"])
def test_batches_are_named_as_large_ones_are(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = table([3, 3, 3])[["day", "number"]]
    days: Any = frame["day"] * (86_400 * 10**9 if kind.startswith("datetime") else 1)
    frame["day"] = days.astype(kind)
    small = profiles_of(frame, name="reference", batch="day")
    monkeypatch.setattr("retrain_assets.drift.frames.SMALL", 0)
    large = profiles_of(frame, name="reference", batch="day")
    assert list(small) == list(large)
    for key, profile in large.items():
        assert_same(small[key], profile)


def test_complex_numbers_are_refused_in_parts_too() -> None:
    with pytest.raises(DataError, match="column 'x' holds complex numbers"):
        profiles_of(pd.DataFrame({"day": [1, 2], "x": [1j, 2j]}), name="reference", batch="day")
