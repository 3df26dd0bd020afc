"""Texts: which columns are some, that their lengths add up, and that they are kept."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.data import categories, label_length
from retrain_assets.data.arrow_profiling import profile_arrow
from retrain_assets.data.profile import TableProfile, merge_tables, profile_table
from retrain_assets.data.text_lengths import length_column

TEXTS = st.lists(st.one_of(st.none(), st.text("abä ", max_size=12)), max_size=12)


def profile(values: list[str | None]) -> TableProfile:
    return profile_table(pd.DataFrame({"t": pd.Series(values, dtype="object")}))


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_lengths_add_up_whichever_part_is_a_text(parts: list[list[str | None]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(categories, "MAX_CATEGORIES", 3)
        patch.setattr(label_length, "MAX_CATEGORY_LENGTH", 5)
        merged = merge_tables([profile(part) for part in parts])["t"]
        whole = profile([value for part in parts for value in part])["t"]
    assert merged.lengths == whole.lengths
    # Lengths of cut names are told by the stored ones alone: kept wherever a name was cut or left out.
    present = [value for part in parts for value in part if value is not None]
    assert (whole.lengths is not None) == (len({value[:5] for value in present}) > 3 or any(map(_is_cut, present)))
    if whole.lengths is not None:
        assert {key: int(value) for key, value in whole.lengths.items()} == dict(
            categories.count_lengths(present, [1] * len(present))
        )


def _is_cut(text: str) -> bool:
    return len(text.encode()) > 5


def test_few_short_values_need_no_lengths_and_have_them() -> None:
    made = profile(["a", "bcd", "bcd", None])
    assert made["t"].lengths is None
    lengths = made["t (length)"]
    assert (lengths.rows, lengths.missing, lengths.minimum, lengths.maximum) == (3, 0, 1.0, 3.0)
    assert lengths.mean == pytest.approx(7 / 3)
    assert made.names == ("t",)


def test_lengths_are_exact_up_to_64_and_within_three_percent_beyond() -> None:
    lengths = np.repeat([3, 40, 63, 500, 9_000], [5, 4, 3, 2, 1])
    column = profile(["y" * length for length in lengths])["t (length)"]
    assert (column.minimum, column.zeros) == (3.0, 0)
    assert column.quantile(0.5) == pytest.approx(40, abs=0.5)
    assert column.mean == pytest.approx(lengths.mean(), rel=0.03)
    assert column.deviation == pytest.approx(lengths.std(ddof=1), rel=0.05)


def test_lengths_are_stored_and_read() -> None:
    made = profile([f"{'x' * (i % 90)}{i}" for i in range(1_000)])
    assert made["t"].lengths is not None
    assert TableProfile.from_json(made.to_json()) == made
    assert TableProfile.from_frame(made.to_frame()) == made


def test_arrow_and_pandas_count_the_same_lengths() -> None:
    values = [f"{'ä' * (i % 70)}{i}" for i in range(700)] + [None]
    arrow = profile_arrow([pa.table({"t": pa.array(values)})])[""]
    assert arrow == profile(values)


def test_numbers_empty_columns_and_profiles_of_earlier_versions_have_no_lengths() -> None:
    assert "x (length)" not in profile_table(pd.DataFrame({"x": [1.0]}))
    assert "t (length)" not in profile([None, None])
    with pytest.raises(KeyError):
        profile([])["t (length)"]
    record = json.loads(profile([str(i) for i in range(500)]).to_json())
    del record["columns"][0]["lengths"]
    earlier = TableProfile.from_record(record)
    assert length_column(earlier["t"]) is None
    assert (earlier + profile(["a"]))["t"].lengths is None


def test_a_column_of_that_name_goes_before_the_lengths() -> None:
    made = profile_table(pd.DataFrame({"t": ["abc"], "t (length)": [17.0]}))
    assert made["t (length)"].mean == 17.0
