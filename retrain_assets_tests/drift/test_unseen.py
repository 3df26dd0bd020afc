"""Unseen categories: a few rows are drift where new ones do not turn up, and none where they do."""

import numpy as np
import pandas as pd

from retrain_assets.data.column_profile import ColumnProfile, merge_columns
from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare, prepare
from retrain_assets.drift.cells import FittedColumn
from retrain_assets.drift.independent import judge_independent


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


def test_two_unseen_rows_of_five_hundred_are_drift_in_one_of_twenty_columns_and_one_is_none() -> None:
    rng = np.random.default_rng(1)

    def of_twenty(unseen: int) -> TableProfile:
        columns = {f"k{place}": rng.choice([*"abcd"], 500) for place in range(20)}
        columns["k7"][:unseen] = "new"
        return profile_table(pd.DataFrame(columns))

    reference = prepare([of_twenty(0) for _ in range(30)])
    found = [compare(reference, of_twenty(unseen), joint="none") for unseen in (0, 1, 2)]
    assert [report.drifted for report in found] == [False, False, True]
    assert (found[2].columns["k7"].verdict, found[2].columns["k7"].aspect) == ("drift", "novel")


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


def test_unseen_categories_beside_a_small_reference_are_no_cell_of_their_own() -> None:
    """At a level of 0.05; of 40 windows more than 7 alarm with a probability of 0.001."""
    rng = np.random.default_rng(6)
    shares = 1 / np.arange(1, 101) ** 2.0
    p_values: list[float] = []
    for _ in range(40):
        before, after = (
            pd.DataFrame({"k": rng.choice(100, drawn, p=shares / shares.sum()).astype(str)}) for drawn in (300, 1_000)
        )
        p_values.append(compare(before, after, joint="none").columns["k"].p_value or 0.0)
    assert sum(p_value <= 0.05 for p_value in p_values) <= 7


def test_categories_that_a_window_has_too_many_to_name_are_not_all_unseen() -> None:
    names = [f"known{place}" for place in range(150)]
    before = pd.DataFrame({"k": names * 10})
    after = pd.DataFrame({"k": [*names * 2, *[f"often{place // 5}" for place in range(500)]]})
    known = FittedColumn(merged=profile_table(before)["k"], batches=[profile_table(before)["k"]], bins=20)
    cells = known.cells(profile_table(after)["k"])
    assert int(cells.current[-2]) == cells.current_novel == 500
    assert cells.current.sum() == len(after)
    more = known.cells(profile_table(pd.DataFrame({"k": [*names * 2, *[f"new{place}" for place in range(500)]]}))["k"])
    assert more.current_novel == 500


def test_the_share_of_unseen_rows_is_told_as_badly_as_it_is() -> None:
    """At a level of 0.05; of 400 windows more than 36 alarm with a probability of 0.0004."""
    rng, alarms = np.random.default_rng(7), 0
    for _ in range(400):
        before, after = (
            ColumnProfile(name="k", kind="categorical", rows=rows, missing=0, categories=categories)
            for rows in (200, 2_000)
            for categories in [{str(place): int(n) for place, n in enumerate(rng.multinomial(rows, [0.01] * 100)) if n}]
        )
        p_values, _ = judge_independent([FittedColumn(merged=before, batches=[before], bins=20).cells(after)])
        alarms += bool(p_values[4, 0] <= 0.05)
    assert alarms <= 36
