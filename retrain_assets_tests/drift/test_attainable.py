"""Where no window could be told from the reference batches, none is said to be stable."""

import numpy as np
import pandas as pd

from retrain_assets.drift import compare


def _weeks(levels, *, columns: int = 12, rows: int = 168) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(len(levels) * rows, columns)), columns=[f"x{i}" for i in range(columns)])
    made["x0"] = 3 * made["x0"] + np.repeat(levels, rows)
    return made.assign(week=np.repeat(np.arange(len(levels)), rows))


FAR_APART = (-14.0, -7.0, 0.0, 6.0, 12.0)


def test_a_window_beyond_all_weeks_that_differ_much_is_unknown():
    made = compare(_weeks(FAR_APART), _weeks((40.0,)), batch="week").columns["x0"]
    assert made.verdict == "unknown"
    assert "5 reference batches differ so much that no window could be told from them" in made.reason
    assert (made.score or 0) > 0.9


def test_of_a_single_column_the_same_weeks_tell():
    """The level is shared by the columns that are compared."""
    made = compare(_weeks(FAR_APART, columns=1), _weeks((40.0,), columns=1), batch="week")
    assert made.columns["x0"].verdict == "drift"


def test_weeks_that_differ_little_tell_and_a_window_like_them_stays_stable():
    alike = _weeks((0.0, 0.1, -0.1, 0.05, -0.05))
    assert compare(alike, _weeks((40.0,)), batch="week").columns["x0"].verdict == "drift"
    assert compare(alike, _weeks((0.0,)), batch="week").columns["x0"].verdict == "stable"


def test_what_is_told_of_the_others_stays():
    far = compare(_weeks(FAR_APART), _weeks((40.0,)), batch="week")
    assert far.drifted is False
    assert {name for name, each in far.columns.items() if each.verdict == "unknown"} == {"x0"}
    assert "1 could not be compared (x0)" in far.reason


def test_rows_alone_are_never_without_a_verdict():
    made = compare(_weeks(FAR_APART), _weeks((40.0,)), batch="week", significance="rows")
    assert made.columns["x0"].verdict == "drift"
