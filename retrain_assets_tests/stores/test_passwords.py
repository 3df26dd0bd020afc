"""No store tells the password of the place where it works, neither to a page nor in an error or its traceback."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import TypeAdapter

from retrain_assets.data.windows import Calendar
from retrain_assets.errors import RetrainAssetsError, StoreError, without_password
from retrain_assets.spec import BatchesSpec, SourceSpec
from retrain_assets.stores.blobs import FsspecBlobStore
from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets.stores.mlflow_session import translated
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.stores.sources import make_source
from retrain_assets.training.bundle import ModelVersion

SECRET = "hunter2"
AT = f"joe:{SECRET}@127.0.0.1:1"
BATCH = Calendar(BatchesSpec.model_validate({"every": "day", "start": "2024-01-01"})).first


def read_source(root: Path, **declared: Any) -> None:
    spec = TypeAdapter(SourceSpec).validate_python(declared)
    make_source(spec, root=root, event_time="at").read(BATCH)


def mlflow_refuses() -> None:
    from mlflow.exceptions import MlflowException

    with translated("opening a run"):
        raise MlflowException(f"API request to http://{AT}/api failed") from ConnectionError(f"http://{AT}")


FAILING: dict[str, Callable[[Path], object]] = {
    "blobs": lambda root: FsspecBlobStore(f"memory://joe:{SECRET}@blobs").get("0" * 64),
    "tables": lambda root: DeltaTableStore(f"memory://joe:{SECRET}@tables").read("m/validated"),
    "files": lambda root: read_source(root, type="files", path=f"ftp://{AT}/{{batch}}.csv"),
    "delta": lambda root: read_source(root, type="delta", path=f"memory://joe:{SECRET}@tables/t"),
    "sql": lambda root: read_source(root, type="sql", url=f"postgresql://{AT}/x", query="SELECT 1 AS x"),
    "registry": lambda root: mlflow_refuses(),
}


@pytest.mark.parametrize("store", FAILING)
def test_no_error_tells_it(store: str, tmp_path: Path) -> None:
    with pytest.raises(RetrainAssetsError) as caught:
        FAILING[store](tmp_path)
    assert SECRET not in "".join(traceback.format_exception_only(caught.value))
    chain = caught.value.__cause__ if caught.value.__suppress_context__ else caught.value.__context__
    assert SECRET not in "".join(traceback.format_exception(chain) if chain is not None else "")


def run_url(tracking_uri: str) -> str:
    registry = MlflowRegistry(tracking_uri)
    info = SimpleNamespace(run_id="7", experiment_id="1", artifact_uri=f"s3://joe:{SECRET}@bucket/1")
    client = SimpleNamespace(get_run=lambda _: SimpleNamespace(info=info))
    registry._session.__dict__["_client"] = client
    return registry.run_url("7")


def run_link(tracking_uri: str) -> str:
    uri = f"s3://joe:{SECRET}@bucket/m/models/m-1/artifacts"
    return MlflowRegistry(tracking_uri).run_link(cast("ModelVersion", SimpleNamespace(run_id="7", uri=uri))) or ""


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (lambda: FsspecBlobStore(f"ftp://{AT}/blobs").uri("ab" * 32), "ftp://joe:***@127.0.0.1:1/blobs/ab/ab/"),
        (lambda: DeltaTableStore(f"s3://joe:{SECRET}@bucket").uri("m/labels"), "s3://joe:***@bucket/m/labels"),
        (lambda: run_url(f"http://{AT}"), "http://joe:***@127.0.0.1:1/#/experiments/1/runs/7"),
        (lambda: run_link(f"http://{AT}"), "http://joe:***@127.0.0.1:1/#/runs/7"),
        (lambda: run_link("postgresql://nobody@nowhere/mlflow"), "s3://joe:***@bucket/m/7/artifacts"),
        (lambda: run_url("postgresql://nobody@nowhere/mlflow"), "s3://joe:***@bucket/1"),
    ],
)
def test_no_place_tells_it(shown: Callable[[], str], expected: str) -> None:
    assert shown().startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        f"https://account.blob.core.windows.net/c?sv=1&sig={SECRET}",
        f"postgresql://h/d?user=joe&password={SECRET}&x=1",
        f"'mysql+pymysql://joe:{SECRET}@h/d' and http://:{SECRET}@h and http://a:p@{SECRET}@h",
    ],
)
def test_every_form_of_it_is_found(text: str) -> None:
    assert SECRET not in without_password(text)
    assert SECRET not in str(StoreError(text))


@pytest.mark.parametrize(
    "text", ["http://h:8080/a@b", "s3://bucket/key=1/x", "postgresql://joe@h/d", "C:\\x", "a: b@c"]
)
def test_the_rest_stays(text: str) -> None:
    assert without_password(text) == text


def test_an_error_goes_from_one_process_to_another() -> None:
    assert str(pickle.loads(pickle.dumps(StoreError("x")))) == "x"
