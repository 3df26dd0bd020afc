"""Batches of a year, and what a source's Parquet bytes say."""

import io
from datetime import UTC, datetime

import pytest

from retrain_assets.data.windows import Calendar
from retrain_assets.spec import BatchesSpec


@pytest.fixture(scope="session")
def weeks():
    """The weeks of 2013."""
    calendar = Calendar(
        BatchesSpec(every="week", start=datetime(2013, 1, 1, tzinfo=UTC), end=datetime(2014, 1, 1, tzinfo=UTC))
    )
    return list(calendar.until(datetime(2014, 1, 1, tzinfo=UTC)))


@pytest.fixture
def frame_in():
    """Reads the one Parquet file of a batch."""
    import pandas as pd

    def read(files):
        (file,) = files
        assert file.media_type == "parquet"
        return pd.read_parquet(io.BytesIO(file.content))

    return read
