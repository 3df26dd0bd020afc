"""Numbers of two values, as an indicator that hardly any row has: alarms as seldom as declared, and a rise is seen."""

import numpy as np
import pandas as pd

from retrain_assets.drift import compare


def days(rng: np.random.Generator, count: int, share: float, *, first: int = 0) -> pd.DataFrame:
    """Twenty columns of a hundred rows a day."""
    frame = pd.DataFrame((rng.random((100 * count, 20)) < share).astype(int)).rename(columns=str)
    return frame.assign(day=np.repeat(np.arange(first, first + count), 100))


def test_rare_ones_among_zeros_alarm_as_seldom_as_declared() -> None:
    """At alpha = 0.05; of 60 windows 3 alarms are expected, 9 or more have a probability of 0.003."""
    rng = np.random.default_rng(0)
    found = [
        compare(days(rng, 20, 0.02), days(rng, 1, 0.02, first=20), batch="day", joint="none").drifted for _ in range(60)
    ]
    assert found.count(True) < 9


def test_more_of_them_are_seen() -> None:
    rng = np.random.default_rng(1)
    usual, window = days(rng, 20, 0.02), days(rng, 1, 0.02, first=20)
    report = compare(usual, window.assign(**{"3": (rng.random(100) < 0.15).astype(int)}), batch="day", joint="none")
    assert [name for name, column in report.columns.items() if column.verdict == "drift"] == ["3"]
    assert "location" in report.columns["3"].reason
