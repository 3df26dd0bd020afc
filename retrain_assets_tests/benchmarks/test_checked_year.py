"""The benchmark's simulated year: each drift is found by what it changes, and told."""

import numpy as np
import pytest

from benchmarks.checked_year import PLANTED, ROWS, WATCHED, Year, delay, reference_of, year_section
from benchmarks.streams import day_frame, levels
from retrain_assets.data.profile import profile_table


@pytest.mark.parametrize("drift", ["correlation 0 to 0.2", "0.5 sd in 1"])
def test_a_planted_drift_is_found_by_what_it_changes(drift: str) -> None:
    rng = np.random.default_rng(0)
    reference, fresh = reference_of(levels("mild days", 30, 6, rng), rng), levels("mild days", 20, 6, rng)
    stable = [profile_table(day_frame(level, ROWS, rng)) for level in fresh]
    assert 1 <= delay(drift, reference, fresh, stable, rng) <= len(stable)


def test_a_year_is_called_by_what_it_plants() -> None:
    """A journal of a year that planted something else holds no answer to it."""
    assert all(repr(drift) in repr(Year(seed=0)) for drift in PLANTED)
    assert Year(seed=0) != Year(seed=0, drifts=("0.1 sd in 1",))


def test_every_planted_drift_has_its_row() -> None:
    years = [{"false alarms": alarms, **dict.fromkeys(PLANTED, WATCHED + alarms)} for alarms in (0.0, 1.0)]
    sentence, table = year_section(years)
    assert "over all columns and the joint test. Found: 0.50 ± 1.00 a year." in sentence
    rows = table.splitlines()[2:]
    assert [row.split(" of 50 columns")[0] for row in rows] == [f"| {drift}" for drift in PLANTED]
    assert all(row.endswith("| 50% |") for row in rows)
    assert year_section([]) == []
