"""A query sees the half-open window, is fetched in chunks, and never tells its password."""

import logging
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from retrain_assets.data.windows import Calendar
from retrain_assets.errors import StoreError
from retrain_assets.spec import BatchesSpec, EnvReference, SqlSource
from retrain_assets.stores.sources import make_source
from retrain_assets.stores.sources.sql import is_ordered

QUERY = "SELECT happened, n, name, price FROM events WHERE happened >= :start AND happened < :end ORDER BY n"


@pytest.fixture
def url(tmp_path):
    """A database with one event every six hours of January 2013."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    fill(url)
    return url


def fill(url, *, zoned=False):
    engine = sa.create_engine(url)
    metadata = sa.MetaData()
    events = sa.Table(
        "events",
        metadata,
        sa.Column("happened", sa.DateTime(timezone=zoned)),
        sa.Column("n", sa.Integer),
        sa.Column("name", sa.Text),
        sa.Column("price", sa.Numeric(10, 2)),
    )
    metadata.create_all(engine)
    start = datetime.fromisoformat("2013-01-01T00:00:00+00:00" if zoned else "2013-01-01T00:00:00")
    rows = [
        {"happened": start + n * timedelta(hours=6), "n": n, "name": None if n < 10 else f"event {n}", "price": n / 4}
        for n in range(124)
    ]
    with engine.begin() as connection:
        connection.execute(events.insert(), rows)
    engine.dispose()


def reader(url, root, query=QUERY, environ=None, **settings):
    spec = SqlSource(type="sql", url=url, query=query, **settings)
    return make_source(spec, root=root, event_time="happened", environ=environ)


@pytest.mark.filterwarnings("ignore:Dialect sqlite.*Decimal")
def test_a_batch_is_its_half_open_window(url, tmp_path, weeks, frame_in):
    found = frame_in(reader(url, tmp_path).read(weeks[1]))
    assert found["n"].tolist() == list(range(28, 56))
    assert found["price"].tolist() == [n / 4 for n in range(28, 56)]


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%SZ"]
)
def test_sqlite_finds_the_first_moment_of_a_window_however_its_text_is_written(tmp_path, weeks, frame_in, form):
    """A row at midnight was one of the batch before where its text had no fraction of a second."""
    with sa.create_engine(f"sqlite:///{tmp_path / 'events.db'}").begin() as connection:
        days = pd.date_range("2013-01-01", periods=31)
        pd.DataFrame({"happened": days.strftime(form), "n": range(31)}).to_sql("events", connection)
    query = "SELECT n FROM events WHERE happened >= :start AND happened < :end"
    found = frame_in(reader("sqlite:///events.db", tmp_path, query=query).read(weeks[1]))
    assert found["n"].tolist() == list(range(7, 14))


@pytest.mark.parametrize(
    ("form", "moment"),
    [
        ("%Y-%m-%d %H:%M:%S", "happened"),
        ("%Y-%m-%d %H:%M:%S.%f", "happened"),
        ("%Y-%m-%dT%H:%M:%S", "datetime(happened)"),
        ("%Y-%m-%dT%H:%M:%S.%fZ", "datetime(happened)"),
    ],
)
def test_sqlite_finds_the_first_moment_of_an_hour(tmp_path, frame_in, form, moment):
    with sa.create_engine(f"sqlite:///{tmp_path / 'events.db'}").begin() as connection:
        moments = pd.date_range("2013-01-01", periods=96, freq="15min")
        pd.DataFrame({"happened": moments.strftime(form), "n": range(96)}).to_sql("events", connection)
    hours = Calendar(BatchesSpec(every="hour", start=datetime(2013, 1, 1, tzinfo=UTC)))
    query = f"SELECT n FROM events WHERE {moment} >= :start AND {moment} < :end"
    until = hours.until(datetime(2013, 1, 2, tzinfo=UTC))
    read = [reader("sqlite:///events.db", tmp_path, query=query).read(hour) for hour in until]
    assert [frame_in(hour)["n"].tolist() for hour in read] == [list(range(4 * n, 4 * n + 4)) for n in range(24)]


@pytest.mark.filterwarnings("ignore:Dialect sqlite.*Decimal")
def test_the_size_of_a_chunk_does_not_count(url, tmp_path, weeks):
    """Not even where a column is missing throughout the first chunks."""
    whole = reader(url, tmp_path).read(weeks[0])
    assert reader(url, tmp_path, chunk_rows=3).read(weeks[0]) == whole
    assert reader(url, tmp_path, chunk_rows=1).read(weeks[0]) == whole


def test_a_path_is_relative_to_the_declaration(url, tmp_path, weeks):
    assert reader("sqlite:///events.db", tmp_path).read(weeks[0]) == reader(url, tmp_path / "x").read(weeks[0])


def test_every_closed_batch_is_listed_without_a_connection(tmp_path, weeks):
    source = reader("postgresql://nobody@nowhere.invalid/none", tmp_path)
    assert list(source.listing(weeks)) == [week.key for week in weeks]


def test_no_rows_are_nothing(url, tmp_path, weeks):
    assert reader(url, tmp_path).read(weeks[10]) == []


def test_a_query_need_not_use_both_bounds(url, tmp_path, weeks, frame_in):
    found = frame_in(reader(url, tmp_path, query="SELECT n FROM events WHERE happened < :end").read(weeks[0]))
    assert found["n"].tolist() == list(range(28))


@pytest.mark.parametrize("query", ["SELECT n, name FROM events {}", "SELECT name, n FROM (SELECT * FROM events {}) e"])
def test_the_order_in_which_a_server_gives_its_rows_does_not_count(url, tmp_path, weeks, query):
    """Else a second read of an unchanged batch would be a changed delivery."""
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.text("CREATE TABLE twin AS SELECT * FROM events ORDER BY n DESC"))
    again = query.replace("events", "twin")
    window = "WHERE happened >= :start AND happened < :end"
    read = [reader(url, tmp_path, query=each.format(window)).read(weeks[0]) for each in (query, again)]
    assert read[0] == read[1]


def test_an_order_of_its_own_stays(url, tmp_path, weeks, frame_in):
    query = "SELECT n FROM events WHERE happened < :end ORDER BY -n"
    assert frame_in(reader(url, tmp_path, query=query).read(weeks[0]))["n"].tolist() == list(range(27, -1, -1))


def test_a_column_without_an_order_does_not_hinder(url, tmp_path, weeks, frame_in):
    query = "SELECT NULL AS a, n FROM events WHERE happened < :end"
    assert frame_in(reader(url, tmp_path, query=query).read(weeks[0]))["n"].tolist() == list(range(28))
    (alone,) = reader(url, tmp_path, query="SELECT NULL AS a").read(weeks[0])
    assert frame_in([alone])["a"].isna().all()


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT x FROM t order\n by x", True),
        ("SELECT x FROM (SELECT x FROM t ORDER BY x) AS u", False),
        ("SELECT 'ORDER BY' AS x FROM t -- ORDER BY x", False),
        ("SELECT rank() OVER (ORDER BY (x)) AS r FROM t ORDER BY r, x", True),
    ],
)
def test_only_an_order_of_the_whole_query_counts(query, ordered):
    assert is_ordered(query) is ordered


def test_a_parameter_is_the_whole_word(url, tmp_path, weeks):
    with pytest.raises(StoreError, match=r"may name the parameters :start and :end \(got :started\)"):
        reader(url, tmp_path, query="SELECT n FROM events WHERE happened >= :started").read(weeks[0])


def test_the_url_may_be_in_the_environment(url, tmp_path, weeks):
    source = reader(EnvReference(env="EVENTS"), tmp_path, environ={"EVENTS": url})
    assert len(source.read(weeks[0])) == 1


def test_a_wrong_query_is_said(url, tmp_path, weeks):
    with pytest.raises(StoreError, match=r"query of batch 2013-01-01 failed at sqlite:.*no such table: evnts"):
        reader(url, tmp_path, query="SELECT * FROM evnts").read(weeks[0])
    with pytest.raises(StoreError, match=r"column 'x' .* one type"):
        reader(url, tmp_path, query="SELECT 1 AS x UNION ALL SELECT 'a'").read(weeks[0])
    with pytest.raises(StoreError, match="must be an SQLAlchemy URL"):
        reader("events.db", tmp_path).read(weeks[0])


def test_the_password_is_never_told(tmp_path, weeks, caplog):
    caplog.set_level(logging.DEBUG)
    source = reader("postgresql://me:s3cret@127.0.0.1:1/none", tmp_path)
    with pytest.raises(StoreError) as caught:
        source.read(weeks[0])
    told = [str(caught.value), repr(caught.value.__cause__), caplog.text]
    assert "me:***@127.0.0.1" in told[0]
    assert not any("s3cret" in text for text in told)


@pytest.mark.postgres
def test_postgresql_streams_zoned_times(postgres_url, tmp_path, weeks, frame_in):
    fill(postgres_url.replace("postgresql://", "postgresql+psycopg2://"), zoned=True)
    found = frame_in(reader(postgres_url, tmp_path, chunk_rows=5).read(weeks[1]))
    assert found["n"].tolist() == list(range(28, 56))
    assert found["happened"].iloc[0] == pd.Timestamp("2013-01-08", tz="UTC")
    assert found["price"].dtype == "float64"


@pytest.mark.postgres
def test_postgresql_takes_times_without_a_zone_for_utc_whatever_its_own_is(postgres_url, tmp_path, weeks, frame_in):
    location = postgres_url.replace("postgresql://", "postgresql+psycopg2://")
    fill(location)
    with sa.create_engine(location).begin() as connection:
        name = connection.execute(sa.text("SELECT current_database()")).scalar_one()
        connection.execute(sa.text(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'"))
    found = frame_in(reader(postgres_url, tmp_path).read(weeks[1]))
    assert found["n"].tolist() == list(range(28, 56))
