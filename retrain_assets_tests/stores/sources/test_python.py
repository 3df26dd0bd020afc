"""A user's callable gets the window and nothing else, and its answer is kept as it was."""

import hashlib
import subprocess
import sys

import pandas as pd
import pytest

from retrain_assets.errors import DeclarationError, StoreError
from retrain_assets.spec import PythonSource
from retrain_assets.stores.sources import make_source
from retrain_assets_tests.stores.sources import loaders

LOADERS = "retrain_assets_tests.stores.sources.loaders"


def reader(name, root, **arguments):
    return make_source(
        PythonSource(type="python", load=f"{LOADERS}:{name}", arguments=arguments), root=root, event_time="t"
    )


def test_every_closed_batch_is_listed(tmp_path, weeks):
    assert list(reader("failing", tmp_path).listing(weeks)) == [week.key for week in weeks]


def test_rows_come_as_parquet(tmp_path, weeks, frame_in):
    files = reader("hourly", tmp_path, scale=2.0).read(weeks[1])
    assert files[0].name == "2013-01-08.parquet"
    found = frame_in(files)
    assert found["when"].tolist() == list(pd.date_range("2013-01-08", periods=7, tz="UTC"))
    assert found["value"].tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
    assert found["place"].tolist() == ["b", "a", "b", "a", "b", "a", "b"]


def test_the_same_rows_are_the_same_bytes_in_every_process(tmp_path, weeks):
    """Else a batch that is read again would look changed."""
    script = (
        "import hashlib, sys; from pathlib import Path\n"
        "from retrain_assets.data.windows import Calendar; from retrain_assets.spec import BatchesSpec\n"
        "from retrain_assets_tests.stores.sources.test_python import reader\n"
        "batch = Calendar(BatchesSpec(every='week', start='2013-01-01')).first\n"
        "print(hashlib.sha256(reader('hourly', Path(), step='1min').read(batch)[0].content).hexdigest())"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    here = reader("hourly", tmp_path, step="1min").read(weeks[0])[0].content
    assert printed.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_the_index_and_what_pandas_remembers_do_not_count(tmp_path, weeks, monkeypatch):
    plain = reader("hourly", tmp_path).read(weeks[0])
    frame = loaders.hourly(weeks[0].start, weeks[0].end)
    frame.index = frame.index + 5
    frame.attrs["fetched"] = "today"
    monkeypatch.setattr(loaders, "hourly", lambda start, end: frame)
    assert reader("hourly", tmp_path).read(weeks[0]) == plain


def test_a_secret_argument_stands_in_the_environment(tmp_path, weeks, frame_in):
    arguments = {"step": {"env": "API_STEP"}, "scale": 3}
    spec = PythonSource.model_validate({"type": "python", "load": f"{LOADERS}:hourly", "arguments": arguments})
    source = make_source(spec, root=tmp_path, event_time="t", environ={"API_STEP": "2D"})
    assert frame_in(source.read(weeks[0]))["value"].tolist() == [0, 3, 6, 9]
    with pytest.raises(StoreError, match="API_STEP must be set"):
        make_source(spec, root=tmp_path, event_time="t", environ={}).read(weeks[0])


def test_no_rows_are_nothing(tmp_path, weeks):
    assert reader("nothing", tmp_path).read(weeks[0]) == []


@pytest.mark.parametrize(
    ("name", "arguments", "error", "said"),
    [
        ("a_list", {}, StoreError, "must return a pandas DataFrame .got list for batch 2013-01-01"),
        ("mixed", {}, StoreError, "must have columns of one type each"),
        ("failing", {}, ConnectionError, "the API is down"),
        ("hourly", {"stpe": "1h"}, TypeError, "stpe"),
        ("houlry", {}, DeclarationError, "houlry"),
    ],
)
def test_mistakes_are_said(tmp_path, weeks, name, arguments, error, said):
    with pytest.raises(error, match=said):
        reader(name, tmp_path, **arguments).read(weeks[0])
