"""A database for each test, on every server that is supported."""

import pytest

from retrain_assets.stores.state import SqlStateStore


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new folder' / 'state.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(url):
    """A store on an empty database."""
    opened = SqlStateStore(url)
    yield opened
    opened.close()
