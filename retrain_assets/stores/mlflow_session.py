"""The connection to MLflow: imported when first used, quiet, and without touching its global state."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import urlopen

from sqlalchemy.exc import SQLAlchemyError

from retrain_assets.errors import NotStoredError, StoreError, cause_without_password
from retrain_assets.stores.mlflow_database import begin_database, database_file, one_at_a_time, require_database
from retrain_assets.stores.mlflow_process import BRIEF_SECONDS, quiet
from retrain_assets.stores.recently_used import RecentlyUsed

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, RunInfo
    from mlflow.entities.model_registry import RegisteredModel
    from mlflow.tracking import MlflowClient
    from mlflow.tracking._model_registry.client import ModelRegistryClient

_KNOWN_RUNS = 64
_NOBODY_BEHIND = (502, 503, 504)
"""Answers of a proxy whose server is away. MLflow's client tries a call that gets one for minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A tracking server did not answer within `BRIEF_SECONDS`, and why.

    `slow` where somebody took the call and said nothing yet: such a server may be busy, and is worth waiting for.
    """

    reason: str
    slow: bool = False


class MlflowSession:
    """One tracking server or database."""

    def __init__(self, tracking_uri: str, *, artifacts_url: str | None) -> None:
        self.tracking_uri = tracking_uri.rstrip("/") if tracking_uri.startswith("http") else tracking_uri
        self._artifacts_url = artifacts_url
        self._experiments: dict[str, str] = {}
        self._runs = RecentlyUsed[str, "RunInfo"](_KNOWN_RUNS, size_of=lambda _: 1)

    @property
    def is_server(self) -> bool:
        """A tracking server, which a browser can open."""
        return urlparse(self.tracking_uri).scheme in ("http", "https")

    def silence(self) -> Silence | None:
        """What is to be said of a server that does not answer; None where it answers anything, or is none."""
        if not self.is_server:
            return None
        address = urlparse(self.tracking_uri)
        plain = address._replace(netloc=address.netloc.rpartition("@")[2], path=f"{address.path}/health").geturl()
        try:
            with urlopen(plain, timeout=BRIEF_SECONDS):  # noqa: S310 - `is_server` asks for http or https
                return None
        except HTTPError as error:
            # Whatever it refuses, it is there; a proxy that says so of the server behind it is not that server.
            return Silence(reason=f"HTTP {error.code} {error.reason}") if error.code in _NOBODY_BEHIND else None
        except TimeoutError as error:
            # Of the answer: where nobody takes the call, urllib wraps it.
            return Silence(reason=str(error), slow=True)
        except HTTPException as error:
            return Silence(reason=f"that is no HTTP: {error}" if str(error) else type(error).__name__)
        except OSError as error:
            reason = getattr(error, "reason", error)
            # A certificate that this process does not know is one of a server that is there.
            return None if isinstance(reason, SSLError) else Silence(reason=str(reason))

    @contextmanager
    def client(self) -> Generator[MlflowClient]:
        """MLflow's client of this server or database, without progress bars and notices meanwhile."""
        with quiet():
            yield self._client

    @contextmanager
    def registry(self) -> Generator[ModelRegistryClient]:
        """What `client` writes aliases and tags through.

        `client` itself first reads the registered model with all its versions, for each alias and each tag.
        """
        with quiet():
            yield self._client._get_registry_client()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no other way to it

    @cached_property
    def _client(self) -> MlflowClient:
        from mlflow.tracking import MlflowClient

        with one_at_a_time(self._database):
            begin_database(self._database)
            if not self.is_server:
                require_database(self.tracking_uri)
            client = MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)
            # The first call makes the tables: two processes at once would break each other's.
            client.search_experiments(max_results=1)
        return client

    @property
    def _database(self) -> Path | None:
        return database_file(self.tracking_uri)

    def experiment_id(self, name: str) -> str:
        """The experiment of a name, made if it is not there."""
        if name not in self._experiments:
            found = self._client.get_experiment_by_name(name)
            self._experiments[name] = self._create_experiment(name) if found is None else found.experiment_id
        return self._experiments[name]

    def run(self, run_id: str) -> RunInfo:
        """Experiment and place of a run, which never change: of one that was opened here MLflow is not asked."""
        known = self._runs.get(run_id) or self._client.get_run(run_id).info
        self.remember(known)
        return known

    def remember(self, run: RunInfo) -> str:
        """Keeps what MLflow said of a run; returns its id."""
        self._runs.put(run.run_id, run)
        return run.run_id

    def rename_experiment(self, before: str, name: str) -> None:
        """Gives an experiment another name, unless there is one of that name: later runs then go there."""
        found = self._client.get_experiment_by_name(before)
        if found is not None and self._client.get_experiment_by_name(name) is None:
            self._client.rename_experiment(found.experiment_id, name)
        self._experiments.clear()

    def _create_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.create_experiment(name, artifact_location=self._artifact_location(name))
        except MlflowException:
            found = self._client.get_experiment_by_name(name)
            if found is None:
                raise
            return found.experiment_id  # somebody else was faster

    def _artifact_location(self, name: str) -> str | None:
        """Explicit, because MLflow's own default for a database is a folder in the working directory."""
        root = self._artifacts_url
        if root is None:
            if self._database is None:
                return None
            root = str(self._database.parent / "mlartifacts")
        if len(urlparse(root).scheme) <= 1:
            root = str(Path(root).expanduser().absolute())
        return f"{root.rstrip('/')}/{name}"

    def registered_model(self, name: str) -> RegisteredModel | None:
        """The registered model, or None."""
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_registered_model(name)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def ensure_registered_model(self, name: str) -> None:
        """Makes the registered model if it is not there."""
        from mlflow.exceptions import MlflowException

        if self.registered_model(name) is not None:
            return
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def model_source(self, logged: LoggedModel) -> str:
        """What a version names as its source.

        A database is asked for `models:/<id>` through MLflow's global tracking URI, which belongs to the user: for
        one, the path itself.
        """
        return f"models:/{logged.model_id}" if self.is_server else logged.artifact_location

    def link_output(self, run_id: str, model_id: str) -> None:
        """Shows the model as an output of the run."""
        from mlflow.entities import LoggedModelOutput

        self._client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])

    def download(self, uri: str, folder: str) -> Path:
        """Copies artifacts into a local folder."""
        from mlflow.artifacts import download_artifacts

        with quiet():
            return Path(
                download_artifacts(
                    artifact_uri=uri, dst_path=folder, tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri
                )
            )


def quoted(text: str) -> str:
    """For a filter of MLflow, which knows no escape: a text with one kind of quote is put into the other."""
    mark = '"' if "'" in text else "'"
    return f"{mark}{text}{mark}"


@contextmanager
def translated(doing: str) -> Generator[None]:
    """MLflow's exceptions as the package's own, and those of its database, which it does not catch when it opens one.

    Raises:
        NotStoredError: there is no such run, model, version or alias.
        StoreError: anything else that MLflow refuses, or its database.
    """
    try:
        yield
    except SQLAlchemyError as error:
        said = getattr(error, "orig", None) or error
        raise StoreError(
            f"{doing} failed in the database of MLflow ({type(error).__name__}): {said}"
        ) from cause_without_password(error)
    except Exception as error:
        if not _is_mlflow_error(error):
            raise
        code = getattr(error, "error_code", "")
        kind = NotStoredError if code == "RESOURCE_DOES_NOT_EXIST" or "not found" in str(error) else StoreError
        raise kind(f"{doing} failed in MLflow ({code}): {error}") from cause_without_password(error)


def _is_mlflow_error(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException)
