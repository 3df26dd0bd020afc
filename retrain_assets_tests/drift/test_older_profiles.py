"""Profiles that earlier versions wrote against rows of today: the same values are never drift."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, merge_tables, profile_table
from retrain_assets.drift import compare
from retrain_assets.drift.novelty import Novelty

RNG = np.random.default_rng(0)
DIGITS = RNG.integers(1, 4, 1_000)


def older(now: TableProfile, labels: Mapping[str, str]) -> TableProfile:
    """As the second format wrote it."""
    record = now.to_record()
    for column in record["columns"]:
        column["categories"] = {labels.get(label, label): count for label, count in column["categories"].items()}
        column["format"] = 2
    return TableProfile.from_json(json.dumps(record))


def profiled(values: Any) -> TableProfile:
    return profile_table(pd.DataFrame({"x": values}))


NUMBERS = profiled(pd.Categorical(np.where(DIGITS == 1, np.nan, DIGITS)))
POINTS = {"2": "2.0", "3": "3.0"}
TEXTS = profiled(np.array(["1.0", "2.0", "n/a"], dtype=object)[DIGITS - 1])
LISTS = profiled([[int(digit), None] for digit in DIGITS])
SPELT = {"[1, None]": "[1.0, None]", "[2, None]": "[2.0, None]", "[3, None]": "[3.0, None]"}


@pytest.mark.parametrize(("now", "labels"), [(NUMBERS, POINTS), (TEXTS, {}), (profiled(["[deleted]"] * 200), {})])
def test_categories_of_an_older_profile_are_read_as_those_of_today(
    now: TableProfile, labels: Mapping[str, str]
) -> None:
    before = older(now, labels)
    for reference, current in ((before, now), (now, before), (before, before)):
        report = compare(reference, current)
        assert (report.drifted, report.columns["x"].score) == (False, 0.0)
    for many in ([before] * 8, [before, now] * 4, [now] * 8):
        for window in ([now], [before, now], [before]):
            report, same = compare(many, window), compare([now] * 8, [now] * len(window))
            assert (report.drifted, report.columns["x"].score) == (False, same.columns["x"].score)
    assert (before + now)["x"].categories == (now + now)["x"].categories


def test_a_change_is_seen_through_an_older_profile() -> None:
    report = compare(older(NUMBERS, POINTS), profiled(pd.Categorical([2.0] * 1_000)))
    assert (report.drifted, report.columns["x"].before) == (True, "2 33 %, 3 35.5 %, 31.5 % missing")


def test_lists_of_an_older_profile_are_unknown_against_those_of_today() -> None:
    before = older(LISTS, SPELT)
    assert TableProfile.from_json(before.to_json())["x"].older
    assert compare(before, before).drifted is False
    for reference, current in (
        (before, LISTS),
        (LISTS, before),
        ([before, LISTS] * 4, LISTS),
        (merge_tables([before, LISTS]), LISTS),
    ):
        report = compare(reference, current)
        assert report.drifted is None
        assert report.columns["x"].reason.endswith("which wrote these values otherwise: profile the rows again")


def test_lengths_of_older_lists_are_unknown_too() -> None:
    now = profiled([[*range(place % 40), place] for place in range(1_000)])
    report = compare(older(now, {}), now)
    assert {column.verdict for column in report.columns.values()} == {"unknown"}
    assert list(report.columns) == ["x", "x (length)"]


def test_categories_of_an_older_profile_are_no_novelty() -> None:
    rows = pd.DataFrame({"x": pd.Categorical([*np.where(DIGITS == 1, np.nan, DIGITS), 7.0])})
    scores = Novelty.of([older(NUMBERS, POINTS)]).scores(rows)
    np.testing.assert_allclose(scores, Novelty.of([NUMBERS]).scores(rows))
    assert scores[:-1].max() < 2 < scores[-1]
    lists = pd.DataFrame({"x": [[int(digit), None] for digit in DIGITS]})
    assert Novelty.of([older(LISTS, SPELT)]).scores(lists).tolist() == [0.0] * len(lists)
    assert Novelty.of([LISTS]).scores(lists).max() > 0
