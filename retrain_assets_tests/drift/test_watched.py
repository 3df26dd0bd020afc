"""Which columns are compared, and what lengths say of a text."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare
from retrain_assets.drift.watched import watched_columns


def comments(rows: int, *, words: float, seed: int, distinct: int = 10**9) -> pd.DataFrame:
    """A number and free texts of about so many words, hardly any twice."""
    rng = np.random.default_rng(seed)
    lengths, numbers = rng.poisson(words, rows) + 1, rng.integers(distinct, size=rows)
    texts = [f"{number:09} {'word ' * length}" for number, length in zip(numbers, lengths, strict=True)]
    return pd.DataFrame({"x": rng.normal(size=rows), "comment": texts})


def stored(days: int) -> list[TableProfile]:
    return [profile_table(comments(400, words=8, seed=day)) for day in range(days)]


def test_a_text_is_compared_by_its_lengths_too() -> None:
    assert watched_columns(profile_table(comments(400, words=8, seed=99)), stored(2), None) == (
        "x", "comment", "comment (length)",
    )  # fmt: skip
    assert watched_columns(profile_table(comments(400, words=8, seed=99)), stored(2), ["comment"]) == (
        "comment", "comment (length)",
    )  # fmt: skip


def test_batches_of_few_texts_are_a_text_together() -> None:
    batches = [profile_table(comments(150, words=8, seed=day).assign(comment=_names)) for day in range(4)]
    assert all(batch["comment"].lengths is None for batch in batches)
    assert "comment (length)" in watched_columns(batches[0], batches, None)


def _names(rows: pd.DataFrame) -> pd.Series:
    return rows["comment"].str.replace("word ", "w").str[:40]


def test_an_identifier_has_no_lengths_that_count() -> None:
    """However many there are: one more digit is no news."""
    days = [profile_table(pd.DataFrame({"id": [f"id{i}" for i in range(day, 5_000)]})) for day in range(6)]
    assert days[0]["id"].lengths is not None
    assert watched_columns(days[0], days, None) == ("id",)


def test_a_category_and_a_column_that_has_gone_have_no_lengths() -> None:
    few = [profile_table(pd.DataFrame({"k": ["a", "bb"] * 50})) for _ in range(3)]
    assert watched_columns(few[0], few, None) == ("k",)
    gone = profile_table(comments(400, words=8, seed=1).drop(columns="comment"))
    assert watched_columns(gone, stored(2), None) == ("x", "comment")
    empty = profile_table(comments(400, words=8, seed=1).assign(comment=None))
    assert watched_columns(empty, stored(2), None) == ("x", "comment")


@pytest.mark.parametrize(("words", "drifted"), [(8.0, False), (10.0, True)])
def test_longer_texts_are_drift(words: float, drifted: bool) -> None:
    report = compare(stored(10), profile_table(comments(400, words=words, seed=99)), joint="none")
    assert report.drifted is drifted
    assert (report.columns["comment (length)"].verdict == "drift") is drifted
    assert report.columns["comment"].verdict == "stable"
    if drifted:
        assert report.columns["comment (length)"].aspect == "location"


@pytest.mark.parametrize("joint", ["correlation", "classifier"])
def test_joint_tests_leave_lengths_out(joint) -> None:
    days = pd.concat([comments(300, words=8, seed=day).assign(day=day, y=1.0 * day) for day in range(6)])
    today = comments(300, words=8, seed=77).assign(day=6, y=6.0)
    report = compare(days, today, batch="day", joint=joint)
    assert "comment (length)" in report.columns
    assert report.joint is not None


def test_lengths_matter_as_much_as_their_text() -> None:
    report = compare(
        stored(6), profile_table(comments(400, words=20, seed=9)), joint="none", importance={"comment": 2.0, "x": 1.0}
    )
    assert report.ranked[0].name == "comment (length)"
    assert report.ranked[0].importance == 2.0
