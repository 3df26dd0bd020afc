"""Which training batches a batch is compared with."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.data.windows import Calendar
from retrain_assets.drift import compare
from retrain_assets.drift.reference import ReferenceProfile, reference_batches, year_before
from retrain_assets.drift.settings import Settings
from retrain_assets.spec import BatchesSpec, DriftSpec

WEEKS = Calendar(BatchesSpec(every="week", start=datetime(2012, 1, 1, tzinfo=UTC)))
KEYS = [batch.key for batch in WEEKS.until(datetime(2013, 1, 6, tzinfo=UTC))]


def profile(number: int) -> TableProfile:
    return profile_table(pd.DataFrame({"x": [float(number)], "label": ["ä"]}))


PROFILES = {key: profile(number) for number, key in enumerate(KEYS)}


@pytest.mark.parametrize("kind", ["recent", "training_window"])
def test_all_profiles_together_are_the_reference(kind) -> None:
    reference = ReferenceProfile(kind=kind, profiles=PROFILES)
    batch = WEEKS.batch("2013-02-03")
    assert reference.keys_for(batch, WEEKS, 2) == tuple(PROFILES)


def test_the_season_is_the_batches_nearest_to_one_year_before() -> None:
    reference = ReferenceProfile(kind="same_season", profiles=PROFILES)
    found = reference.keys_for(WEEKS.batch("2013-02-03"), WEEKS, 3)
    assert found == ("2012-01-29", "2012-02-05", "2012-02-12")


def test_without_batches_of_the_season_there_is_no_reference() -> None:
    recent = {key: PROFILES[key] for key in KEYS[-8:]}
    reference = ReferenceProfile(kind="same_season", profiles=recent)
    assert reference.keys_for(WEEKS.batch("2013-02-03"), WEEKS, 3) == ()
    assert ReferenceProfile(kind="recent", profiles={}).keys_for(WEEKS.batch("2013-02-03"), WEEKS, 3) == ()


def test_batches_of_another_calendar_are_of_no_season() -> None:
    shifted = Calendar(BatchesSpec(every="week", start=datetime(2012, 1, 3, tzinfo=UTC)))
    reference = ReferenceProfile(kind="same_season", profiles=PROFILES)
    assert reference.keys_for(shifted.batch("2013-02-05"), shifted, 3) == ()


def test_one_year_before_a_leap_day() -> None:
    assert year_before(datetime(2012, 2, 29, tzinfo=UTC)) == datetime(2011, 2, 28, tzinfo=UTC)
    assert year_before(datetime(2013, 2, 28, tzinfo=UTC)) == datetime(2012, 2, 28, tzinfo=UTC)


def test_the_declaration_chooses_the_training_batches() -> None:
    assert reference_batches(DriftSpec(reference_batches=2), KEYS[::-1]) == tuple(KEYS[-2:])
    assert reference_batches(DriftSpec(reference_batches=99), KEYS[:3]) == tuple(KEYS[:3])
    assert reference_batches(DriftSpec(reference="training_window"), KEYS) == tuple(KEYS)
    assert reference_batches(DriftSpec(reference="same_season"), KEYS) == tuple(KEYS)


def test_a_reference_travels_as_text() -> None:
    outputs = {KEYS[0]: profile_table(pd.DataFrame({"ra_score": [0.5]}), ["ra_score"])}
    for reference in (
        ReferenceProfile(kind="same_season", profiles=PROFILES),
        ReferenceProfile(kind="recent", profiles=PROFILES, outputs=outputs, importance={"x": 0.25}),
    ):
        assert ReferenceProfile.from_json(reference.to_json()) == reference


def test_a_reference_of_an_earlier_version_knows_no_outputs() -> None:
    record = json.loads(ReferenceProfile(kind="recent", profiles=PROFILES).to_json())
    del record["outputs"], record["importance"]
    read = ReferenceProfile.from_json(json.dumps(record))
    assert (read.profiles, read.outputs, read.importance) == (PROFILES, {}, {})


def test_a_reference_is_fitted_once_as_long_as_it_is_the_same() -> None:
    settings = Settings(min_rows=2)
    recent = ReferenceProfile(kind="recent", profiles=PROFILES)
    first = recent.fitted(WEEKS.batch("2013-02-03"), WEEKS, 3, settings)
    assert first is not None
    assert first.batches == list(PROFILES.values())
    assert recent.fitted(WEEKS.batch("2013-02-10"), WEEKS, 3, settings) is first
    assert recent.fitted(WEEKS.batch("2013-02-10"), WEEKS, 3, Settings(min_rows=2, bins=5)) is not first
    season = ReferenceProfile(kind="same_season", profiles=PROFILES)
    found = [season.fitted(WEEKS.batch(key), WEEKS, 3, settings) for key in ("2013-02-03", "2013-02-10")]
    assert [each and each.batches[0] for each in found] == [PROFILES["2012-01-29"], PROFILES["2012-02-05"]]
    assert ReferenceProfile(kind="recent", profiles={}).fitted(WEEKS.batch("2013-02-03"), WEEKS, 3, settings) is None


def test_a_weekday_is_compared_with_the_newest_of_its_own() -> None:
    days = Calendar(BatchesSpec(every="day", start=datetime(2024, 1, 1, tzinfo=UTC)))
    keys = [batch.key for batch in days.until(datetime(2024, 2, 1, tzinfo=UTC))]
    reference = ReferenceProfile(kind="same_weekday", profiles={key: profile(1) for key in keys})
    found = reference.keys_for(days.batch("2024-02-06"), days, 3)  # a Tuesday
    assert found == ("2024-01-16", "2024-01-23", "2024-01-30")


def test_an_hour_is_compared_with_the_same_hour_of_its_weekday() -> None:
    hours = Calendar(BatchesSpec(every="hour", start=datetime(2024, 1, 1, tzinfo=UTC)))
    keys = [batch.key for batch in hours.until(datetime(2024, 1, 20, tzinfo=UTC))]
    reference = ReferenceProfile(kind="same_weekday", profiles={key: profile(1) for key in keys})
    assert reference.keys_for(hours.batch("2024-01-22T13:00"), hours, 9) == ("2024-01-01T13:00", "2024-01-08T13:00",
                                                                              "2024-01-15T13:00")  # fmt: skip
    spec = DriftSpec(reference="same_weekday", reference_batches=1)
    assert len(reference_batches(spec, keys)) == 7 * 24


def test_a_cycle_of_the_week_is_no_drift_against_the_same_weekday_and_hides_less() -> None:
    """Weekends differ: against all days a Sunday needs a large shift to be told, against Sundays a small one."""
    rng = np.random.default_rng(7)
    days = Calendar(BatchesSpec(every="day", start=datetime(2024, 1, 1, tzinfo=UTC)))
    keys = [batch.key for batch in days.until(datetime(2024, 4, 1, tzinfo=UTC))]

    def level(key: str) -> float:
        return 2.0 if datetime.fromisoformat(key).weekday() >= 5 else 0.0

    profiles = {key: profile_table(pd.DataFrame({"x": rng.normal(level(key), 1, 400)})) for key in keys}
    sunday = days.batch("2024-04-07")
    shifted = profile_table(pd.DataFrame({"x": rng.normal(level(sunday.key) + 0.5, 1, 400)}))
    usual = profile_table(pd.DataFrame({"x": rng.normal(level(sunday.key), 1, 400)}))
    verdicts: dict[str, list[bool | None]] = {}
    for kind in ("training_window", "same_weekday"):
        chosen = ReferenceProfile(kind=kind, profiles=profiles).keys_for(sunday, days, 12)
        before = [profiles[key] for key in chosen]
        verdicts[kind] = [compare(before, window, joint="none", alpha=0.01).drifted for window in (usual, shifted)]
    assert verdicts == {"training_window": [False, False], "same_weekday": [False, True]}


def test_a_column_that_was_declared_after_training_counts_nothing_in_novelty() -> None:
    reference = ReferenceProfile(kind="recent", profiles=PROFILES)
    rows = pd.DataFrame({"x": [-5.0, 3.0], "later": [1.0, 2.0]})
    known = reference.novelty(["x"]).scores(rows)
    assert reference.novelty(["x", "later"]).scores(rows).tolist() == known.tolist()
    assert known[0] > known[1]
