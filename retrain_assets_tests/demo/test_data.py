"""The demo's files: whole real weeks, dropped as whole files, the newest left to the user, all of it repeatable."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from retrain_assets.data.reading import read_part
from retrain_assets.data.windows import Calendar
from retrain_assets.defs.bike_rentals.features import build
from retrain_assets.demo.data import NEXT_WEEKS, DropFolder, bike_weeks
from retrain_assets.errors import DataError
from retrain_assets.home import DEFAULT_FOLDER, HOME_VARIABLE, Home
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.spec import FilesSource
from retrain_assets.stores.declarations import load_files, named
from retrain_assets.stores.sources import files, settings
from retrain_assets_tests.training.declared_fit import fitted_on

FOLDER = Path(__file__).parents[2] / "retrain_assets" / "defs"
YEAR = datetime(2012, 1, 1, tzinfo=UTC)


@pytest.fixture
def model(monkeypatch, tmp_path) -> DeclaredModel:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    declaration = named(load_files([FOLDER]), "bike_rentals")
    return DeclaredModel(spec=declaration.spec, root=FOLDER / "bike_rentals")


@pytest.fixture(scope="module")
def weeks():
    return bike_weeks()


@pytest.fixture
def folder(tmp_path) -> DropFolder:
    return DropFolder.of(Home.at(tmp_path))


def everything(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_the_year_is_cut_into_whole_weeks_of_the_calendar(model, weeks):
    batches = list(model.calendar.until(datetime(2012, 1, 1, tzinfo=UTC)))
    assert [week.batch for week in weeks] == [batch.key for batch in batches]
    assert len(weeks) == 52
    assert sum(week.rows for week in weeks) == 8_621, "of 8,645 hours 24 lie behind the last whole week"
    assert min(week.rows for week in weeks) > 130


def test_what_is_declared_is_fitted_on_the_first_weeks(model, weeks):
    results = [
        model.contract.check([(week.name, read_part(week.name, "csv", week.content))], model.calendar.batch(week.batch))
        for week in weeks[:6]
    ]
    fitted = fitted_on(model, results)
    assert set(fitted.features) == set(build(results[0].accepted).columns)
    assert fitted.rows >= 600


def test_every_hour_is_accepted_but_those_of_a_failed_instrument(model, weeks):
    quarantined: dict[str, list[str]] = {}
    for week in weeks:
        result = model.contract.check(
            [(week.name, read_part(week.name, "csv", week.content))], model.calendar.batch(week.batch)
        )
        assert result.refused is None
        assert result.outcomes["bikers"].notna().all()
        assert not {"casual", "registered", "bikers"} & set(result.accepted.columns)
        if result.quarantined_rows:
            quarantined[week.batch] = result.quarantine["column"].tolist()
    assert quarantined == {"2011-03-05": ["hum"] * 22}


def test_features_are_made_row_by_row(model, weeks):
    part = [(weeks[5].name, read_part(weeks[5].name, "csv", weeks[5].content))]
    rows = model.contract.check(part, model.calendar.batch(weeks[5].batch)).accepted
    alone = pd.concat([build(rows.iloc[[place]]) for place in range(len(rows))])
    pd.testing.assert_frame_equal(alone, build(rows))


def test_the_newest_weeks_are_left_to_the_user(folder, weeks):
    left = folder.prepare(weeks)
    assert [path.name for path in left] == [week.name for week in weeks[-NEXT_WEEKS:]]
    assert not list(folder.drop.iterdir())


def test_again_is_nothing_new_and_what_the_user_moved_stays_moved(folder, weeks, tmp_path):
    folder.prepare(weeks)
    folder.deliver(weeks[0])
    before = everything(tmp_path)
    folder.prepare(weeks)
    folder.deliver(weeks[0])
    assert everything(tmp_path) == before
    moved = folder.upcoming / weeks[-NEXT_WEEKS].name
    moved.rename(folder.drop / moved.name)
    folder.prepare(weeks)
    assert not moved.exists()
    assert (folder.drop / moved.name).exists()


def test_what_is_dropped_is_listed_at_once_by_the_declared_source(model, folder, weeks):
    folder.prepare(weeks)
    folder.deliver(weeks[0])
    batches = list(Calendar(model.spec.batches).until(YEAR))
    assert list(model.source.listing(batches)) == ["2011-01-01"]
    (raw,) = model.source.read(batches[0])
    assert raw.content == weeks[0].content


def test_without_the_package_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr("retrain_assets.demo.data._TABLE", ("no-such-package-anywhere", "table.csv"))
    with pytest.raises(DataError, match="requirements/demo-nodeps"):
        bike_weeks()


def test_a_source_may_lie_in_the_home_of_the_installation(tmp_path, monkeypatch):
    assert (settings.HOME_VARIABLE, settings.DEFAULT_FOLDER) == (HOME_VARIABLE, DEFAULT_FOLDER)
    spec = FilesSource(type="files", path="{home}/drop/{batch}.csv")
    monkeypatch.chdir(tmp_path)
    for environ, home in (({}, tmp_path / ".retrain_assets"), ({"RETRAIN_ASSETS_HOME": "here"}, tmp_path / "here")):
        (home / "drop").mkdir(parents=True)
        (home / "drop" / "2011-01-01.csv").write_bytes(b"a\n1\n")
        reader = files.FileReader(spec, root=Path("/elsewhere"), environ=environ, settle_seconds=0)
        batch = Calendar(named(load_files([FOLDER]), "bike_rentals").spec.batches).first
        assert [raw.content for raw in reader.read(batch)] == [b"a\n1\n"]
