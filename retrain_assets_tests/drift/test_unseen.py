"""Unseen categories: a few rows are drift where new ones do not turn up, and none where they do."""

import numpy as np
import pandas as pd

from retrain_assets.data.column_profile import merge_columns
from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare, prepare
from retrain_assets.drift.cells import FittedColumn


def day(rng: np.random.Generator, *, rare: int = 0, unseen: int = 0, rows: int = 500) -> TableProfile:
    """Rows of four categories, and of so many rare ones with one row in six days each."""
    labels = [*"abcd", *(f"rare{place}" for place in range(rare))]
    shares = np.array([0.4, 0.3, 0.2, 0.1, *([1 / 3_000] * rare)])
    values = rng.choice(labels, rows, p=shares / shares.sum())
    values[:unseen] = "new"
    return profile_table(pd.DataFrame({"k": values}))


def test_a_hundredth_of_unseen_rows_is_drift_among_categories_that_have_all_been_seen() -> None:
    rng = np.random.default_rng(0)
    reference = prepare([day(rng) for _ in range(30)])
    found = compare(reference, day(rng, unseen=5), joint="none", alpha=1e-4).columns["k"]
    assert (found.verdict, found.aspect) == ("drift", "novel")
    assert compare(reference, day(rng, unseen=1), joint="none").drifted is False


def test_rare_categories_that_turn_up_now_and_then_are_no_drift() -> None:
    """At a level of 0.05; of 100 windows more than 11 alarm with a probability of 0.004."""
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        reference = prepare([day(rng, rare=40) for _ in range(10)])
        alarms += sum(bool(compare(reference, day(rng, rare=40), joint="none").drifted) for _ in range(5))
    assert alarms <= 11


def test_rare_categories_turn_up_more_often_among_more_rows() -> None:
    """At a level of 0.05; of 40 windows more than 6 alarm with a probability of 0.003."""
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        reference = prepare([day(rng, rare=40) for _ in range(10)])
        alarms += sum(
            compare(reference, day(rng, rare=40, rows=15_000), joint="none").columns["k"].verdict == "drift"
            for _ in range(2)
        )
    assert alarms <= 6


def test_the_only_batch_with_a_value_has_no_more_novel_rows_than_rows() -> None:
    batches = [profile_table(pd.DataFrame({"x": values}))["x"] for values in ([1.0, 2.0, np.nan], [np.nan] * 3)]
    fitted = FittedColumn(merged=merge_columns(batches), batches=batches, bins=5)
    assert fitted.cells(batches[1]).novel.tolist() == [2, 0]
