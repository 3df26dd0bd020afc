"""Tracking and registry in MLflow; bundles that need no MLflow to be loaded."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from retrain_assets.errors import NotStoredError, StoreError, without_password
from retrain_assets.stores.adoption import Origin, read_adopted
from retrain_assets.stores.mlflow_glance import glance
from retrain_assets.stores.mlflow_model import flavour_files
from retrain_assets.stores.mlflow_process import brief
from retrain_assets.stores.mlflow_session import MlflowSession, Silence, quoted, translated
from retrain_assets.stores.model_files import (
    artifact_hash,
    bundle_files,
    bundle_of,
    manifest_of,
    serialize,
    write_files,
)
from retrain_assets.stores.protocols import RunStatus, ShownModel
from retrain_assets.stores.recently_used import RecentlyUsed
from retrain_assets.stores.version_files import files_of
from retrain_assets.stores.version_tags import TAG, version_of, version_tags, was_made_here, without_prefix
from retrain_assets.training.bundle import Manifest, ModelBundle, ModelVersion

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion as RegisteredVersion

RUN_KEY = "retrain_assets.key"
_CACHED_BUNDLES = 4
_MOST_PARAMS = 100
_LONGEST_PARAM = 6000
_LONGEST_DIGEST = 36
_LONGEST_TAG = 5000


class MlflowRegistry:
    """One MLflow run for each retrain, one registered model for each declaration, aliases and no stages.

    A version's folder is a model of MLflow's scikit-learn flavour, which `mlflow.pyfunc.load_model` reads, with the
    bundle's own files in a folder beside the model's. Importing this module and loading a bundle from a path or an
    object store does not import mlflow.

    Args:
        tracking_uri: Any tracking server or database; it is the registry as well.
        artifacts_url: Folder or URL for the artifacts; by default a tracking server decides, and a SQLite database has
            them beside itself.
        experiment: Experiment of all runs; by default one for each model, with the model's name.
    """

    def __init__(self, tracking_uri: str, *, artifacts_url: str | None = None, experiment: str | None = None) -> None:
        self._session = MlflowSession(tracking_uri, artifacts_url=artifacts_url)
        self._experiment = experiment
        self._bundles = RecentlyUsed[tuple[str, str], ModelBundle](_CACHED_BUNDLES, size_of=lambda _: 1)

    @property
    def address(self) -> str:
        return self._session.tracking_uri

    def begin_run(self, *, model: str, name: str, tags: Mapping[str, str]) -> str:
        with translated("opening a run"), self._session.client() as client:
            experiment = self._session.experiment_id(self._experiment or model)
            key = tags.get(RUN_KEY)
            if key is not None:
                found = client.search_runs(
                    [experiment], f"tags.`{RUN_KEY}` = {quoted(key)} and attributes.status = 'RUNNING'", max_results=1
                )
                if found:
                    return found[0].info.run_id
            run = client.create_run(experiment, run_name=name, tags={f"{TAG}model": model, **tags})
            return self._session.remember(run.info)

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        figures: Mapping[str, bytes] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now = int(datetime.now(UTC).timestamp() * 1000)
        all_params = [Param(name, str(value)[:_LONGEST_PARAM]) for name, value in (params or {}).items()]
        with translated(f"writing to run {run_id}"), self._session.client() as client:
            for start in range(0, max(1, len(all_params)), _MOST_PARAMS):
                client.log_batch(
                    run_id,
                    params=all_params[start : start + _MOST_PARAMS],
                    metrics=[]
                    if start
                    else [Metric(name, float(value), now, 0) for name, value in (metrics or {}).items()],
                    tags=[] if start else [RunTag(name, str(value)) for name, value in (tags or {}).items()],
                )
            files = {**(figures or {}), **{name: text.encode() for name, text in (texts or {}).items()}}
            if files:
                with tempfile.TemporaryDirectory() as folder:
                    write_files(Path(folder), files)
                    client.log_artifacts(run_id, folder)

    def log_input(
        self, run_id: str, *, name: str, source: str, digest: str, schema: Mapping[str, str], context: str
    ) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        columns = [{"name": column, "type": kind, "required": True} for column, kind in schema.items()]
        dataset = Dataset(
            name=name,
            digest=digest[:_LONGEST_DIGEST],
            source_type="delta_table",
            source=json.dumps({"path": source, "digest": digest}),
            schema=json.dumps({"mlflow_colspec": columns}),
        )
        tags = [InputTag("mlflow.data.context", context), InputTag(f"{TAG}digest", digest)]
        with translated(f"adding an input to run {run_id}"), self._session.client() as client:
            client.log_inputs(run_id, [DatasetInput(dataset, tags)])

    def end_run(self, run_id: str, status: RunStatus) -> None:
        with translated(f"closing run {run_id}"), self._session.client() as client:
            client.set_terminated(run_id, status)

    def run_url(self, run_id: str, file: str = "") -> str:
        with translated(f"reading run {run_id}"), self._session.client():
            run = self._session.run(run_id)
            if self._session.is_server:
                server = without_password(self._session.tracking_uri)
                page = f"{server}/#/experiments/{run.experiment_id}/runs/{run_id}"
                return f"{page}/artifacts/{file}" if file else page
            folder = without_password(str(run.artifact_uri))
            return f"{folder}/{file}" if file else folder

    def run_link(self, version: ModelVersion, file: str = "") -> str | None:
        if self._session.is_server:
            server, run = without_password(self._session.tracking_uri), quote(version.run_id)
            return f"{server}/get-artifact?run_uuid={run}&path={quote(file)}" if file else f"{server}/#/runs/{run}"
        # An experiment has its models in a folder beside its runs.
        experiment, found, _ = version.uri.rpartition("/models/")
        if not found:
            return None
        folder = without_password(f"{experiment}/{version.run_id}/artifacts")
        return f"{folder}/{file}" if file else folder

    def version_url(self, version: ModelVersion) -> str:
        if self._session.is_server:
            server = without_password(self._session.tracking_uri)
            return f"{server}/#/models/{quote(version.model)}/versions/{version.version}"
        return without_password(version.uri)

    def text(self, run_id: str, name: str) -> str | None:
        with (
            translated(f"reading {name} of run {run_id}"),
            self._session.client() as client,
            tempfile.TemporaryDirectory() as folder,
        ):
            if name not in [file.path for file in client.list_artifacts(run_id)]:
                return None
            return Path(client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")

    def register(self, run_id: str, bundle: ModelBundle) -> ModelVersion:
        manifest = bundle.manifest
        with translated(f"registering a model of run {run_id}"), self._session.client() as client:
            existing = self._registered(run_id, manifest)
            if existing is not None:
                return existing
            model = serialize(bundle.pipeline, trusted_types=manifest.trusted_types)
            files = bundle_files(bundle, model)
            run = self._session.run(run_id)
            logged = client.create_logged_model(
                run.experiment_id, name=manifest.model, source_run_id=run_id, model_type=_estimator_name(bundle)
            )
            try:
                with tempfile.TemporaryDirectory() as temporary:
                    folder = Path(temporary)
                    write_files(folder, {**files, **flavour_files(bundle, model, run_id=run_id, logged=logged)})
                    client.log_model_artifacts(logged.model_id, str(folder))
            except BaseException:
                client.finalize_logged_model(logged.model_id, "FAILED")
                raise
            client.finalize_logged_model(logged.model_id, "READY")
            self._session.link_output(run_id, logged.model_id)
            self._session.ensure_registered_model(manifest.model)
            tags = version_tags(manifest, model, artifact_hash(files), logged.artifact_location)
            registered = client.create_model_version(
                manifest.model,
                source=self._session.model_source(logged),
                run_id=run_id,
                model_id=logged.model_id,
                tags=tags,
            )
            return version_of(registered)

    def load(self, version: ModelVersion, *, cached: bool = True) -> ModelBundle:
        key = (version.uri, version.artifact_hash)
        bundle = self._bundles.get(key)
        if bundle is None or not cached:
            files = files_of(self._session, version)
            # The same bytes, verified anew, need not be deserialized anew.
            bundle = bundle or bundle_of(files)
            self._bundles.put(key, bundle)
        return bundle

    def manifest(self, version: ModelVersion) -> Manifest:
        return manifest_of(files_of(self._session, version))

    def place(self, version: ModelVersion) -> str | None:
        try:
            with translated(f"reading {version}"), self._session.client() as client:
                return client.get_model_version_download_uri(version.model, str(version.version))
        except NotStoredError:
            self._require_model(version.model)
            return None

    def silence(self) -> Silence | None:
        """What is to be said of a tracking server that does not answer; None where it does, or where there is none."""
        return self._session.silence()

    def briefly(self) -> AbstractContextManager[None]:
        return brief()

    def made_here(self, model: str) -> list[ModelVersion]:
        with translated(f"reading the versions of {model}"), self._session.client() as client:
            found: list[RegisteredVersion] = []
            page: str | None = None
            while page is None or page:
                answer = client.search_model_versions(f"name = {quoted(model)}", page_token=page)
                found += answer
                page = answer.token or ""
        made = [version_of(registered) for registered in found if was_made_here(registered)]
        return sorted(made, key=lambda version: version.version)

    def _require_model(self, model: str) -> None:
        """A registry that was lost, or is not the one of before, is no word on what somebody deleted there."""
        try:
            with translated(f"reading {model}"), self._session.client():
                found = self._session.registered_model(model)
        except NotStoredError as error:  # what answers there is no registry
            raise StoreError(str(error)) from error
        if found is None:
            raise StoreError(
                f"the registry at {without_password(self._session.tracking_uri)} has no model {model}, of which "
                "versions were registered: it is another one than before, or its database was lost. Bring that one "
                "back (RETRAIN_ASSETS_TRACKING_URI, or a backup)"
            )

    def set_alias(self, model: str, alias: str, version: int) -> None:
        with translated(f"pointing '{alias}' of {model} at version {version}"), self._session.registry() as registry:
            registry.set_registered_model_alias(model, alias, str(version))

    def alias(self, model: str, alias: str) -> int | None:
        return self.shown(model).aliases.get(alias)

    def remove_alias(self, model: str, alias: str) -> None:
        from mlflow.exceptions import MlflowException

        with translated(f"taking alias '{alias}' of {model} away"), self._session.registry() as registry:
            try:
                registry.delete_registered_model_alias(model, alias)
            except MlflowException as error:
                # Of an alias that is not there MLflow says nothing, of a model that it was not found.
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise

    def rename(self, before: str, name: str) -> None:
        with translated(f"renaming {before} to {name}"), self._session.client() as client:
            if self._session.registered_model(before) is not None:
                if self._session.registered_model(name) is not None:
                    raise StoreError(
                        f"{before} cannot become {name}: the registry has a model of that name already "
                        f"({without_password(self._session.tracking_uri)})"
                    )
                client.rename_registered_model(before, name)
            if self._experiment is None:
                self._session.rename_experiment(before, name)

    def model_tags(self, model: str) -> dict[str, str]:
        return dict(self.shown(model).tags)

    def shown(self, model: str) -> ShownModel:
        with translated(f"reading the aliases and tags of {model}"), self._session.client():
            registered = self._session.registered_model(model)
        if registered is None:
            return ShownModel()
        return ShownModel(
            aliases={alias: int(version) for alias, version in registered.aliases.items()},
            tags=without_prefix(registered.tags),
            newest=max((int(version.version) for version in registered.latest_versions or ()), default=0),
        )

    def glance(self, model: str) -> ShownModel:
        return glance(self._session.tracking_uri, model)

    def tag_model(self, model: str, tags: Mapping[str, str]) -> None:
        with translated(f"tagging {model}"), self._session.registry() as registry:
            for name, value in tags.items():
                registry.set_registered_model_tag(model, f"{TAG}{name}", value[:_LONGEST_TAG])

    def tag_version(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        with translated(f"tagging {model} version {version}"), self._session.registry() as registry:
            for name, value in tags.items():
                registry.set_model_version_tag(model, str(version), f"{TAG}{name}", value[:_LONGEST_TAG])

    def read_registered(
        self, model: str, *, version: int | None = None, alias: str | None = None, trust: bool = False
    ) -> Origin:
        """A model of MLflow's scikit-learn flavour that somebody else registered; see `read_adopted`."""
        return read_adopted(self._session, model, version=version, alias=alias, trust=trust)

    def _registered(self, run_id: str, manifest: Manifest) -> ModelVersion | None:
        with self._session.client() as client:
            found = client.search_model_versions(f"name = {quoted(manifest.model)} and run_id = {quoted(run_id)}")
        for registered in found:
            if registered.tags.get(f"{TAG}model_hash") == manifest.model_hash:
                return version_of(registered)
        return None


def _estimator_name(bundle: ModelBundle) -> str:
    steps = getattr(bundle.pipeline, "steps", None)
    return type(steps[-1][1] if steps else bundle.pipeline).__name__
