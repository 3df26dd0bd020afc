"""A prepared reference says what the reference says, and does its part of the work once."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import columns, compare, prepare, rows

RNG = np.random.default_rng(11)
DAYS = pd.DataFrame(
    {
        "day": np.repeat(np.arange(12), 200),
        "x": RNG.normal(size=2_400),
        "y": RNG.lognormal(size=2_400),
        "c": RNG.choice(list("abc"), 2_400),
    }
)
PROFILES = {str(day): profile_table(part.drop(columns="day")) for day, part in DAYS.groupby("day")}
TODAY = DAYS[DAYS["day"] == 3].assign(day=99, x=lambda frame: frame["x"] + 2)


@pytest.mark.parametrize("reference", [DAYS, PROFILES, list(PROFILES.values())], ids=["rows", "by name", "list"])
def test_a_prepared_reference_gives_the_same_report(reference: pd.DataFrame | dict[str, TableProfile]) -> None:
    once, again = prepare(reference, batch="day"), compare(reference, TODAY, batch="day")
    for _ in range(2):
        assert compare(once, TODAY, batch="day").to_json() == again.to_json()
    assert (
        compare(once, TODAY, batch="day", bins=5).to_json() == compare(reference, TODAY, batch="day", bins=5).to_json()
    )
    assert prepare(once) is once


def test_what_is_prepared_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    once = prepare(DAYS, batch="day")
    expected = compare(once, TODAY, batch="day").to_json()

    def again(*_: object, **__: object) -> None:
        raise AssertionError("the reference was merged or sampled again")

    monkeypatch.setattr(columns, "merge_columns", again)
    monkeypatch.setattr(columns.FittedColumn, "_count", again)
    sampled = rows._sampled
    monkeypatch.setattr(
        rows, "_sampled", lambda frame, names: again() if len(frame) == len(DAYS) else sampled(frame, names)
    )
    assert compare(once, TODAY, batch="day").to_json() == expected
