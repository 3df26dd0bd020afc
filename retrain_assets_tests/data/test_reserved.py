"""Reserved rows stay reserved: no row that comes or goes moves another one into a training set."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.data.reserved import is_reserved

SHARES = st.floats(min_value=0.01, max_value=0.99)
VALUES = st.lists(st.text(max_size=6), max_size=50)


@given(VALUES, VALUES, SHARES)
def test_other_rows_change_nothing(rows, others, share):
    alone = is_reserved(pd.Series(rows, dtype="object"), share)
    together = is_reserved(pd.Series(rows + others, dtype="object"), share)
    assert together[: len(rows)].tolist() == alone.tolist()


@given(VALUES, SHARES, SHARES)
def test_a_larger_share_reserves_the_same_rows_and_more(rows, one, other):
    small, large = sorted([one, other])
    values = pd.Series(rows, dtype="object")
    assert not (is_reserved(values, small) & ~is_reserved(values, large)).any()


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
def test_the_share_is_met_within_binomial_error(share):
    rows = 50_000
    met = is_reserved(pd.Series([f"UA|{number}|EWR" for number in range(rows)]), share).mean()
    assert abs(met - share) < 4 * np.sqrt(share * (1 - share) / rows)


def test_rows_of_a_block_go_together():
    blocks = pd.Series(["monday", "tuesday", "wednesday"] * 10)
    drawn = pd.Series(is_reserved(blocks, 0.5)).groupby(blocks).nunique()
    assert (drawn == 1).all()


def test_numbers_and_their_texts_are_one_block():
    assert (
        is_reserved(pd.Series(range(100)), 0.3).tolist() == is_reserved(pd.Series(map(str, range(100))), 0.3).tolist()
    )


def test_successive_ids_are_drawn_independently():
    drawn = is_reserved(pd.Series(map(str, range(40_000))), 0.2).astype(float)
    correlation = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(len(drawn))
