"""The registry on a real MLflow with SQLite: runs, versions, aliases, and bundles that load without MLflow."""

import io
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from retrain_assets.errors import IntegrityError, NotStoredError, StoreError
from retrain_assets.stores import mlflow_process, mlflow_session
from retrain_assets.stores.plugins import read_source
from retrain_assets.stores.protocols import ShownModel
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import model_hash
from retrain_assets.training.predict import predict
from retrain_assets_tests.tracking import put_empty_database
from retrain_assets_tests.training.samples import BUILD, make_bundle, make_rows, make_spec

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own, where MLflow itself is what is tested

CLASSES = (False, True)
OWN = "retrain_assets_tests.training.estimators.ShareClassifier"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def registry(home: Path) -> MlflowRegistry:
    put_empty_database(home / "mlflow.db")
    return MlflowRegistry(f"sqlite:///{home}/mlflow.db", artifacts_url=str(home / "artifacts"))


@pytest.fixture
def client(registry: MlflowRegistry) -> Iterator[Any]:
    with registry._session.client() as client:
        yield client


@pytest.fixture
def mlflow_here(home: Path) -> Iterator[Any]:
    """MLflow as a person uses it, pointed at the same database."""
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(f"sqlite:///{home}/mlflow.db")
    mlflow.set_registry_uri(f"sqlite:///{home}/mlflow.db")
    yield mlflow
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


def begin(registry: MlflowRegistry, key: str, **tags: str) -> str:
    return registry.begin_run(model="delays", name=key, tags={"retrain_assets.key": key, **tags})


def test_a_run_is_found_again_by_its_key_while_it_is_open(registry: MlflowRegistry, client: Any) -> None:
    run = begin(registry, "it's open", **{"dagster/run_id": "abc"})
    assert begin(registry, "it's open") == run
    assert begin(registry, "another") != run
    tags = client.get_run(run).data.tags
    assert (tags["dagster/run_id"], tags["retrain_assets.model"]) == ("abc", "delays")
    registry.end_run(run, "FAILED")
    assert begin(registry, "it's open") != run


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_a_run_ends_as_it_ended(registry: MlflowRegistry, client: Any, status: Any) -> None:
    run = begin(registry, f"ends {status}")
    assert client.get_run(run).info.status == "RUNNING"
    registry.end_run(run, status)
    assert client.get_run(run).info.status == status


def test_what_is_logged_is_there(registry: MlflowRegistry, client: Any) -> None:
    run = begin(registry, "logs")
    params = {f"p{number}": number for number in range(150)}
    registry.log(
        run,
        params=params,
        metrics={"log_loss": 0.25},
        tags={"cause": "drift"},
        figures={"figures/loss.png": b"\x89PNG"},
        texts={"report.txt": "fine"},
    )
    registry.log_input(
        run, name="delays/validated", source="/tables", digest="d" * 64, schema={"x": "double"}, context="training"
    )
    logged = client.get_run(run)
    assert logged.data.params == {name: str(value) for name, value in params.items()}
    assert logged.data.metrics == {"log_loss": 0.25}
    assert logged.data.tags["cause"] == "drift"
    folder = Path(registry.run_url(run))
    assert (folder / "figures/loss.png").read_bytes() == b"\x89PNG"
    assert (folder / "report.txt").read_text() == "fine"
    assert (registry.text(run, "report.txt"), registry.text(run, "other.txt")) == ("fine", None)
    assert Path(registry.run_url(run, "report.txt")).read_text() == "fine"
    [given] = logged.inputs.dataset_inputs
    assert given.dataset.name == "delays/validated"
    assert {tag.key: tag.value for tag in given.tags}["mlflow.data.context"] == "training"


def test_a_parameter_does_not_change(registry: MlflowRegistry) -> None:
    run = begin(registry, "params")
    registry.log(run, params={"a": 1})
    registry.log(run, params={"a": 1})
    with pytest.raises(StoreError, match="writing to run"):
        registry.log(run, params={"a": 2})


def test_an_unknown_run_is_not_stored(registry: MlflowRegistry) -> None:
    with pytest.raises(NotStoredError):
        registry.end_run("0" * 32, "FINISHED")


def test_the_same_model_of_a_run_is_one_version(registry: MlflowRegistry, client: Any) -> None:
    run = begin(registry, "one version")
    bundle = make_bundle()
    version = registry.register(run, bundle)
    assert registry.register(run, bundle) == version
    other = registry.register(run, replace(bundle, manifest=replace(bundle.manifest, model_hash="other")))
    assert other.version == version.version + 1
    assert (version.model, version.batch, version.attempt, version.run_id) == ("delays", "2013-03-05", 1, run)
    assert (version.training_end, version.data_hash) == (bundle.manifest.training_end, "data")
    assert len(client.get_run(run).outputs.model_outputs) == 2


def test_the_loaded_bundle_scores_as_the_fitted_one(registry: MlflowRegistry) -> None:
    bundle = make_bundle(source=BUILD)
    version = registry.register(begin(registry, "scores"), bundle)
    loaded = registry.load(version, cached=False)
    rows = make_rows(100, seed=9)
    np.testing.assert_array_equal(
        predict(loaded, rows, task="classification", classes=CLASSES).values,
        predict(bundle, rows, task="classification", classes=CLASSES).values,
    )
    assert model_hash(loaded.pipeline, golden=golden_rows(make_rows()), classes=CLASSES) == version.model_hash
    assert loaded.manifest == bundle.manifest
    assert dict(loaded.sources) == dict(bundle.sources)


def test_a_bundle_is_deserialized_once_in_a_process_and_verified_whenever_that_is_asked_for(
    registry: MlflowRegistry,
) -> None:
    version = registry.register(begin(registry, "cache"), make_bundle())
    bundle = registry.load(version)
    assert registry.load(version) is bundle
    assert registry.load(version, cached=False) is bundle
    model = Path(version.uri) / "model.skops"
    model.write_bytes(model.read_bytes() + b"more")
    assert registry.load(version) is bundle
    with pytest.raises(IntegrityError, match=r"model\.skops"):
        registry.load(version, cached=False)


def test_the_cache_forgets_the_oldest(registry: MlflowRegistry) -> None:
    run = begin(registry, "many")
    bundle = make_bundle()
    versions = [
        registry.register(run, replace(bundle, manifest=replace(bundle.manifest, model_hash=f"h{number}")))
        for number in range(5)
    ]
    loaded = [registry.load(version) for version in versions]
    assert registry.load(versions[-1]) is loaded[-1]
    assert registry.load(versions[0]) is not loaded[0]


def test_a_tampered_bundle_is_refused(registry: MlflowRegistry) -> None:
    version = registry.register(begin(registry, "tampered"), make_bundle())
    model = Path(version.uri) / "model.skops"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(bytes(content))
    with pytest.raises(IntegrityError, match=r"model\.skops"):
        registry.load(version)


def test_a_version_whose_folder_is_gone(registry: MlflowRegistry, tmp_path: Path) -> None:
    version = registry.register(begin(registry, "gone"), make_bundle())
    with pytest.raises(NotStoredError, match="delays v"):
        registry.load(replace(version, uri=str(tmp_path / "nowhere")))


@pytest.mark.parametrize("form", ["path", "file URL", "memory URL", "models URI"])
def test_a_bundle_is_read_from_any_url(registry: MlflowRegistry, form: str) -> None:
    version = registry.register(begin(registry, "urls"), make_bundle())
    uri = version.uri
    if form == "file URL":
        uri = Path(version.uri).as_uri()
    elif form == "memory URL":
        import fsspec

        uri = f"memory://bundles/{version.version}"
        fsspec.filesystem("memory").put(version.uri, uri, recursive=True)
    elif form == "models URI":
        uri = f"models:/delays/{version.version}"
    assert registry.load(replace(version, uri=uri)).manifest.model_hash == version.model_hash


def test_loading_from_a_path_imports_no_mlflow(registry: MlflowRegistry) -> None:
    version = registry.register(begin(registry, "light"), make_bundle(source=BUILD))
    code = (
        "import sys, datetime\n"
        "from retrain_assets.stores.registry import MlflowRegistry\n"
        "from retrain_assets.training.bundle import ModelVersion\n"
        f"version = {version!r}\n"
        "MlflowRegistry('sqlite:////nowhere/mlflow.db').load(version).pipeline\n"
        "print('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "False"


def test_where_a_run_lies_is_told_by_its_version_without_asking(registry: MlflowRegistry) -> None:
    run = begin(registry, "linked")
    version = registry.register(run, make_bundle(source=BUILD))
    for file in ("", "card.html"):
        assert registry.run_link(version, file) == registry.run_url(run, file)
    assert registry.run_link(replace(version, uri="/elsewhere/7")) is None
    assert MlflowRegistry("http://127.0.0.1:9").run_link(version) == f"http://127.0.0.1:9/#/runs/{run}"


def test_an_alias_is_set_moved_and_taken_away(registry: MlflowRegistry) -> None:
    run = begin(registry, "aliases")
    bundle = make_bundle(make_spec(name="aliased"))
    first = registry.register(run, bundle)
    second = registry.register(run, replace(bundle, manifest=replace(bundle.manifest, model_hash="second")))
    assert registry.alias("aliased", "champion") is None
    assert registry.alias("never_registered", "champion") is None
    registry.set_alias("aliased", "champion", first.version)
    registry.set_alias("aliased", "challenger", second.version)
    registry.set_alias("aliased", "champion", second.version)
    assert (registry.alias("aliased", "champion"), registry.alias("aliased", "challenger")) == (2, 2)
    with pytest.raises(NotStoredError):
        registry.set_alias("aliased", "champion", 99)
    registry.tag_model("aliased", {"promotion_id": "7"})
    aliases = {"champion": 2, "challenger": 2}
    assert registry.shown("aliased") == ShownModel(aliases=aliases, tags={"promotion_id": "7"}, newest=2)
    for _ in range(2):
        registry.remove_alias("aliased", "challenger")
        assert registry.shown("aliased").aliases == {"champion": 2}
    registry.remove_alias("never_registered", "challenger")
    assert registry.shown("never_registered") == ShownModel()


def test_a_glance_sees_what_the_registry_shows(registry: MlflowRegistry) -> None:
    version = registry.register(begin(registry, "glanced at"), make_bundle(source=BUILD))
    registry.set_alias("delays", "champion", version.version)
    registry.tag_model("delays", {"promotion_id": "7"})
    shown = registry.shown("delays")
    assert (shown.aliases["champion"], shown.tags["promotion_id"]) == (version.version, "7")
    assert registry.glance("delays") == replace(shown, newest=0)
    assert registry.glance("nothing") == ShownModel()


@pytest.mark.parametrize("uri", ["sqlite:///{}/mlflow.db", "sqlite:///{}", "databricks", "postgresql+none://host/x"])
def test_a_glance_that_is_not_possible_is_said(tmp_path: Path, uri: str) -> None:
    with pytest.raises(StoreError, match="a glance at delays"):
        MlflowRegistry(uri.format(tmp_path)).glance("delays")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("user", "environment", "expected"),
    [
        ("joe:h%40nter2@", {}, "Basic am9lOmhAbnRlcjI="),
        ("", {"MLFLOW_TRACKING_USERNAME": "joe", "MLFLOW_TRACKING_PASSWORD": "h@nter2"}, "Basic am9lOmhAbnRlcjI="),
        ("", {"MLFLOW_TRACKING_TOKEN": "abc"}, "Bearer abc"),
        ("", {}, None),
    ],
)
def test_a_glance_at_a_server_says_who_asks(
    monkeypatch: pytest.MonkeyPatch, user: str, environment: dict[str, str], expected: str | None
) -> None:
    asked: list[tuple[str, str | None]] = []
    answers = [b'{"registered_model": {"name": "my delays", "aliases": [{"alias": "champion", "version": "3"}]}}']

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            if not answers:
                self.send_error(401)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers.pop())

        def log_message(self, *_: object, **__: object) -> None:
            pass

    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        registry = MlflowRegistry(f"http://{user}127.0.0.1:{server.server_address[1]}/behind")
        try:
            assert registry.glance("my delays") == ShownModel(aliases={"champion": 3})
            with pytest.raises(StoreError, match=r"a glance at delays in http.* failed: HTTP Error 401") as refused:
                registry.glance("delays")
        finally:
            server.shutdown()
    assert "h%40nter2" not in str(refused.value)
    page = "/behind/api/2.0/mlflow/registered-models/get?name="
    assert asked == [(f"{page}my%20delays", expected), (f"{page}delays", expected)]


def test_mlflows_own_loaders_predict_on_validated_rows(registry: MlflowRegistry, mlflow_here: Any) -> None:
    bundle = make_bundle(make_spec(name="served"), source=BUILD)
    version = registry.register(begin(registry, "served"), bundle)
    registry.set_alias("served", "champion", version.version)
    rows = make_rows(50, seed=4)
    expected = bundle.pipeline.predict(rows)  # type: ignore[attr-defined]
    by_sklearn = mlflow_here.sklearn.load_model("models:/served@champion")
    by_pyfunc = mlflow_here.pyfunc.load_model("models:/served@champion")
    np.testing.assert_array_equal(by_sklearn.predict(rows), expected)
    np.testing.assert_array_equal(by_pyfunc.predict(rows), expected)
    assert by_pyfunc.metadata.signature.inputs.input_names() == ["number", "time", "x", "kind", "flag"]
    requirements = Path(mlflow_here.pyfunc.get_model_dependencies("models:/served@champion")).read_text().splitlines()
    assert f"scikit-learn=={bundle.manifest.libraries['scikit-learn']}" in requirements
    conda = yaml.safe_load((Path(version.uri) / "conda.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": requirements}
    by_virtualenv = yaml.safe_load((Path(version.uri) / "python_env.yaml").read_text())
    assert by_virtualenv["dependencies"] == ["-r requirements.txt"]
    # What MLflow leaves behind in the folder does not spoil the bundle.
    assert registry.load(version, cached=False).manifest == bundle.manifest


def test_a_users_own_estimator_is_pickled_and_verified(registry: MlflowRegistry, client: Any, mlflow_here: Any) -> None:
    bundle = make_bundle(make_spec(name="pickled", estimator={"class": OWN}))
    version = registry.register(begin(registry, "pickled"), bundle)
    tags = client.get_model_version("pickled", "1").tags
    assert tags["retrain_assets.format"] == "cloudpickle"
    assert tags["retrain_assets.not_skops_because_of"] == OWN
    assert registry.load(version).manifest.model_hash == version.model_hash
    assert len(mlflow_here.pyfunc.load_model("models:/pickled/1").predict(make_rows(5))) == 5
    model = Path(version.uri) / "model.pkl"
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(IntegrityError, match=r"model\.pkl"):
        registry.load(version, cached=False)


def test_a_declared_trusted_type_is_stored_by_skops(registry: MlflowRegistry, mlflow_here: Any) -> None:
    spec = make_spec(name="trusted", estimator={"class": OWN, "trusted_types": [OWN]})
    version = registry.register(begin(registry, "trusted"), make_bundle(spec))
    assert (Path(version.uri) / "model.skops").exists()
    assert registry.load(version).manifest.trusted_types == (OWN,)
    assert len(mlflow_here.sklearn.load_model("models:/trusted/1").predict(make_rows(5))) == 5


def test_an_edited_transform_changes_no_scores(
    registry: MlflowRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ra_edited_features.py"
    file.write_text("def build(rows):\n    return rows[['x']]\n")
    monkeypatch.syspath_prepend(tmp_path)
    bundle = make_bundle(make_spec(name="edited"), source=read_source("ra_edited_features:build"))
    version = registry.register(begin(registry, "edited"), bundle)
    rows = make_rows(50, seed=4)
    before = predict(bundle, rows, task="classification", classes=CLASSES).values
    file.write_text("def build(rows):\n    return rows[['x']] * -100\n")
    del sys.modules["ra_edited_features"]
    after = registry.load(version, cached=False)
    np.testing.assert_array_equal(predict(after, rows, task="classification", classes=CLASSES).values, before)
    file.unlink()
    again = registry.load(version, cached=False)
    np.testing.assert_array_equal(predict(again, rows, task="classification", classes=CLASSES).values, before)


def test_a_failed_registration_leaves_no_version(
    registry: MlflowRegistry, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_space(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    run = begin(registry, "crash")
    bundle = make_bundle(make_spec(name="crashing"))
    with monkeypatch.context() as patched:
        patched.setattr("retrain_assets.stores.registry.write_files", out_of_space)
        with pytest.raises(OSError, match="no space left"):
            registry.register(run, bundle)
    assert registry.alias("crashing", "champion") is None
    assert client.search_model_versions("name = 'crashing'") == []
    assert registry.register(run, bundle).version == 1


def test_a_new_database_is_read_while_it_is_written_and_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.db"
    sqlite3.connect(theirs).execute("CREATE TABLE their_own (id)").connection.close()
    for path, expected in ((tmp_path / "new.db", "wal"), (theirs, "delete")):
        MlflowRegistry(f"sqlite:///{path}").alias("nothing", "champion")
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == (expected,)


@pytest.mark.slow
def test_processes_that_make_the_database_together_do_not_break_it(tmp_path: Path) -> None:
    code = (
        "from retrain_assets.stores.registry import MlflowRegistry\n"
        f"registry = MlflowRegistry('sqlite:///{tmp_path}/new/mlflow.db')\n"
        "print(registry.begin_run(model='m', name='n', tags={}))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert len({out for out, _ in answers}) == 3
    assert [err for _, err in answers if err] == []


def test_the_artifacts_of_a_database_lie_beside_it(tmp_path: Path) -> None:
    put_empty_database(tmp_path / "mlflow.db")
    registry = MlflowRegistry(f"sqlite:///{tmp_path}/mlflow.db")
    run = registry.begin_run(model="m", name="n", tags={})
    assert Path(registry.run_url(run)).is_relative_to(tmp_path / "mlartifacts" / "m")


@pytest.fixture(scope="module")
def foreign(home: Path, registry: MlflowRegistry) -> str:
    """The same model by skops and by cloudpickle, registered by somebody else."""
    import mlflow
    from mlflow.models import infer_signature
    from mlflow.sklearn import log_model
    from sklearn.linear_model import Ridge

    rows = make_rows()
    model = Ridge().fit(rows[["x"]], rows["number"])
    mlflow.set_tracking_uri(f"sqlite:///{home}/mlflow.db")
    mlflow.set_registry_uri(f"sqlite:///{home}/mlflow.db")
    with registry._session.client() as client:
        experiment = client.create_experiment("foreign", artifact_location=str(home / "foreign"))
    signature = infer_signature(rows[["x"]], model.predict(rows[["x"]]))
    for kind in ("skops", "cloudpickle"):
        with mlflow.start_run(experiment_id=experiment):
            log_model(
                model,
                name="model",
                registered_model_name=f"foreign_{kind}",
                serialization_format=kind,
                pip_requirements=["scikit-learn"],
                signature=signature,
            )
    mlflow.set_tracking_uri("")
    mlflow.set_registry_uri("")
    return "foreign"


def test_a_safe_model_is_read_with_its_facts(registry: MlflowRegistry, foreign: str) -> None:
    registry.set_alias("foreign_skops", "production", 1)
    adopted = registry.read_registered("foreign_skops", alias="production")
    assert adopted == replace(registry.read_registered("foreign_skops", version=1), estimator=adopted.estimator)
    assert (adopted.version, adopted.inputs) == (1, ("x",))
    assert len(adopted.content_hash) == 64
    assert len(adopted.estimator.predict(make_rows(3)[["x"]])) == 3


def test_a_pickled_model_needs_a_person_who_answers_for_it(registry: MlflowRegistry, foreign: str) -> None:
    with pytest.raises(StoreError, match="stored by cloudpickle, which may run any code"):
        registry.read_registered("foreign_cloudpickle", version=1)
    adopted = registry.read_registered("foreign_cloudpickle", version=1, trust=True)
    assert len(adopted.estimator.predict(make_rows(3)[["x"]])) == 3


@pytest.mark.parametrize("asked", [{"version": 9}, {"alias": "nobody"}])
def test_what_is_not_registered(registry: MlflowRegistry, foreign: str, asked: Any) -> None:
    with pytest.raises(NotStoredError):
        registry.read_registered("foreign_skops", **asked)


def test_a_model_that_nobody_registered_is_told_with_what_may_be_meant(registry: MlflowRegistry, foreign: str) -> None:
    with pytest.raises(NotStoredError, match=r"must have the registered model 'foreign_skop'\. Did you mean"):
        registry.read_registered("foreign_skop", version=1)


def test_exactly_one_of_version_and_alias(registry: MlflowRegistry, foreign: str) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        registry.read_registered("foreign_skops")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tracking server that hands artifacts through, on a port of its own."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
    try:
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                    break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@pytest.mark.slow
def test_a_tracking_server(server: str, capfd: pytest.CaptureFixture[str]) -> None:
    registry = MlflowRegistry(f"{server}/")
    run = begin(registry, "remote")
    assert begin(registry, "remote") == run
    registry.log(run, figures={"figures/loss.png": b"\x89PNG"})
    version = registry.register(run, make_bundle(source=BUILD))
    assert version.uri.startswith("mlflow-artifacts:")
    assert registry.place(version) == version.uri
    registry.set_alias("delays", "champion", version.version)
    registry.tag_model("delays", {"promotion_id": "7"})
    shown = registry.shown("delays")
    assert (shown.aliases, shown.tags) == ({"champion": 1}, {"promotion_id": "7"})
    assert registry.glance("delays") == replace(shown, newest=0)
    assert registry.load(version, cached=False).manifest.model_hash == version.model_hash
    with pytest.raises(IntegrityError):
        registry.load(replace(version, artifact_hash="0" * 64))
    registry.end_run(run, "FINISHED")
    assert registry.run_url(run).startswith(f"{server}/#/experiments/")
    assert registry.run_url(run, "card.html") == f"{registry.run_url(run)}/artifacts/card.html"
    assert registry.version_url(version) == f"{server}/#/models/{version.model}/versions/{version.version}"
    link = registry.run_link(version, "figures/loss.png")
    assert link is not None
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"\x89PNG"
    assert registry.read_registered("delays", alias="champion").version == 1
    assert capfd.readouterr() == ("", "")  # MLflow's notices and progress bars stay out of a job's log


def test_notices_of_mlflow_are_hushed_while_it_works_and_only_then() -> None:
    notices, told = logging.getLogger("mlflow.utils.environment"), io.StringIO()
    handler = logging.StreamHandler(told)
    notices.addHandler(handler)
    try:
        with mlflow_process.quiet():
            with mlflow_process.quiet():
                notices.warning("a notice")
            notices.warning("another one")
            notices.error("a fault")
        notices.warning("what somebody else says")
    finally:
        notices.removeHandler(handler)
    assert told.getvalue().split("\n") == ["a fault", "what somebody else says", ""]


def test_a_server_that_does_not_answer_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    answer = 401

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(answer)

        def log_message(self, *_: object, **__: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        try:
            assert MlflowRegistry(f"http://joe:hunter2@127.0.0.1:{port}").silence() is None
            answer = 503  # a proxy before a server that is away
            away = MlflowRegistry(f"http://joe:hunter2@127.0.0.1:{port}").silence()
            assert away is not None
            assert (away.reason, away.slow) == ("HTTP 503 Service Unavailable", False)
        finally:
            server.shutdown()
    silence = MlflowRegistry(f"http://joe:hunter2@127.0.0.1:{port}").silence()
    assert silence is not None
    assert ("refused" in silence.reason, silence.slow) == (True, False)
    assert MlflowRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}").silence() is None


def test_a_slow_server_is_told_from_one_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_session, "BRIEF_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        slow = MlflowRegistry(uri).silence()
        assert slow is not None
        assert (slow.slow, slow.reason) == (True, "timed out")
        server.accept()[0].close()

        def answer() -> None:
            with server.accept()[0] as caller:
                caller.recv(4096)
                caller.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        other = MlflowRegistry(uri).silence()
        thread.join()
    assert other is not None
    assert (other.slow, other.reason) == (False, "that is no HTTP: SSH-2.0-OpenSSH_9.2\r\n")


def test_threads_that_are_brief_at_once_leave_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """One put back what the other had set: the process never asked twice again, and waited for nobody."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    first, second = mlflow_process.brief(), mlflow_process.brief()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "5"
    second.__exit__(None, None, None)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("postgresql+psycopg2://ann:hunter2@127.0.0.1:9/mlflow", "Connection refused"),
        ("postgresql+nonesuch://ann:hunter2@127.0.0.1:9/mlflow", "nonesuch"),
        ("mysql+mysqldb://ann:hunter2@127.0.0.1:9/mlflow", "needs the Python package MySQLdb, which is not installed"),
    ],
)
def test_a_database_that_does_not_answer_is_said_at_once(uri: str, said: str):
    """MLflow tries it for 100 seconds."""
    begun = time.monotonic()
    with pytest.raises(StoreError, match=said) as caught:
        MlflowRegistry(uri).alias("tiny", "champion")
    assert time.monotonic() - begun < 20
    assert "hunter2" not in str(caught.value)
