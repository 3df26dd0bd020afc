"""The benchmark's simulated year: each drift is found by what it changes, and told."""

import numpy as np
import pytest

from benchmarks.checked_year import (
    MORE,
    PLANTED,
    ROWS,
    STREAMS,
    WATCHED,
    Year,
    followed,
    reference_of,
    year_section,
    year_tasks,
)
from benchmarks.streams import day_frame, levels
from retrain_assets.data.profile import profile_table


@pytest.mark.parametrize("drift", ["correlation 0 to 0.2", "0.5 sd in 1"])
def test_a_planted_drift_is_found_by_what_it_changes(drift: str) -> None:
    rng = np.random.default_rng(0)
    reference, fresh = reference_of(levels("mild days", 30, 6, rng), rng), levels("mild days", 20, 6, rng)
    stable = [profile_table(day_frame(level, ROWS, rng)) for level in fresh]
    found, alarms = followed(drift, reference, fresh, stable, rng)
    assert 1 <= found <= len(stable)
    assert alarms >= 1


def test_a_year_is_called_by_what_it_plants() -> None:
    """A journal of a year that planted something else holds no answer to it."""
    assert all(repr(drift) in repr(Year(seed=0)) for drift in PLANTED)
    assert Year(seed=0) != Year(seed=0, drifts=("0.1 sd in 1",))


def test_every_stream_has_as_many_years_and_no_year_comes_twice() -> None:
    tasks = year_tasks(2)
    assert len(set(tasks)) == len(tasks)
    assert [sum(task.stream == stream for task in tasks) for stream in STREAMS] == [2 * MORE] * len(STREAMS)
    assert [task.drifts for task in tasks if task.drifts] == [tuple(PLANTED)] * 2


def test_every_stream_and_every_planted_drift_has_its_row() -> None:
    planted = [
        {"false alarms": n, **dict.fromkeys(PLANTED, WATCHED + n)} | {f"alarms of {drift}": 1 + n for drift in PLANTED}
        for n in (0.0, 1.0)
    ]
    years = {Year(seed=seed): answer for seed, answer in enumerate(planted)}
    years |= {Year(seed=seed, drifts=(), stream=STREAMS[1]): {"false alarms": 1.0} for seed in range(4)}
    sentence, rates, table = year_section(years)
    assert "declared: 1 false alarm a year over all columns and the joint test" in sentence
    assert rates.splitlines()[2:] == ["| mild days | 2 | 0.50 ± 1.00 |", f"| {STREAMS[1]} | 4 | 1.00 ± 1.00 |"]
    rows = table.splitlines()[2:]
    assert [row.split(" of 50 columns")[0] for row in rows] == [f"| {drift}" for drift in PLANTED]
    assert all(row.endswith("| 50% | 1.00 |") for row in rows)
    assert year_section({}) == []
