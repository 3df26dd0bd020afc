"""A change of the relation between inputs and outcome is found where it was, and chance is no change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retrain_assets.performance.relations import relations, since_change


def batch(rng, slope: float = 1.0, rows: int = 150) -> dict[str, float]:
    x, z = rng.normal(size=(2, rows))
    y = (rng.random(rows) < 1 / (1 + np.exp(-slope * x))).astype(int)
    kind = np.where(rng.random(rows) < 0.5, "a", "b")
    return relations(pd.DataFrame({"x": x, "z": z, "kind": kind}), pd.Series(y))


def history(slopes, seed: int = 0) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    return [batch(rng, slope) for slope in slopes]


def test_relations_name_each_input_and_the_outcome():
    rng = np.random.default_rng(0)
    made = batch(rng, 3.0)
    assert set(made) == {"1", "1 ~ x", "1 ~ z", "1 ~ kind=a", "1 ~ kind=b"}
    assert made["1 ~ x"] > 0.6
    assert abs(made["1 ~ z"]) < 0.3
    assert made["1 ~ kind=a"] == pytest.approx(-made["1 ~ kind=b"])


def test_a_quantity_and_several_classes_have_relations_too():
    x = np.linspace(0, 1, 60)
    frame = pd.DataFrame({"x": x, "at": pd.date_range("2024-01-01", periods=60), "same": 1.0})
    assert set(relations(frame, pd.Series(x * 2 + 1.0))) == {"outcome", "outcome ~ x"}
    classes = pd.Series(np.tile(["low", "middle", "high"], 20))
    assert set(relations(frame, classes)) == {"low", "low ~ x", "middle", "middle ~ x"}
    assert relations(frame.iloc[:10], classes.iloc[:10]) == {}
    with_gaps = frame.assign(x=np.where(np.arange(60) < 30, np.nan, x))
    assert np.isfinite(relations(with_gaps, pd.Series(x))["outcome ~ x"])


@pytest.mark.parametrize("after", [3, 5, 9])
def test_the_window_begins_where_the_relation_turned(after):
    slopes = [2.0] * (18 - after) + [-2.0] * after
    assert since_change(history(slopes), [150] * 18, least_rows=10) == 18 - after


def test_of_two_changes_the_newest_counts():
    slopes = [2.0] * 8 + [-2.0] * 8 + [2.0] * 6
    assert since_change(history(slopes), [150] * 22, least_rows=10) == 16


def test_too_few_rows_since_the_change_are_made_up_for_by_older_ones():
    made = history([2.0] * 12 + [-2.0] * 4)
    assert since_change(made, [100] * 16, least_rows=400) == 12
    assert since_change(made, [100] * 16, least_rows=401) == 11
    assert since_change(made, [100] * 16, least_rows=10_000) == 0


def test_chance_is_no_change():
    """Of two hundred histories of eight relations that vary by chance alone, at most one in fifty shows a change."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(0.3, 0.1, (200, 14, 8))
    found = [
        since_change([{str(k): float(z) for k, z in enumerate(each)} for each in one], [150] * 14, least_rows=10) > 0
        for one in drawn
    ]
    assert sum(found) <= 4


def test_a_batch_of_one_class_or_of_no_rows_hides_nothing():
    made = history([2.0] * 10 + [-2.0] * 5)
    made[3], made[12] = {}, {"0": 1.0}
    assert since_change(made, [150] * 15, least_rows=10) == 10


def test_what_never_varies_or_is_too_short_has_no_change():
    assert since_change([{"1": 0.5}] * 12, [10] * 12, least_rows=1) == 0
    assert since_change(history([2.0] * 2 + [-2.0] * 3), [150] * 5, least_rows=1) == 0
    assert since_change([], [], least_rows=1) == 0
