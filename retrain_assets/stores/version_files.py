"""The files of a registered version, wherever they lie."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlparse

from retrain_assets.errors import NotStoredError
from retrain_assets.stores.mlflow_session import MlflowSession, translated
from retrain_assets.stores.model_files import folder_reader, read_verified
from retrain_assets.training.bundle import ModelVersion


def files_of(session: MlflowSession, version: ModelVersion) -> dict[str, bytes]:
    """The files of the bundle by name: of a folder or an object store without MLflow, else through its server.

    Raises:
        NotStoredError: they are not there any more.
        IntegrityError: they are not those that were registered.
        StoreError: the server does not answer.
    """
    scheme = urlparse(version.uri).scheme
    if len(scheme) <= 1 or scheme == "file":
        folder = Path(unquote(urlparse(version.uri).path)) if scheme == "file" else Path(version.uri)
        if not folder.is_dir():
            raise NotStoredError(f"the folder of {version} is not there: {folder} (put it back from a backup)")
        return read_verified(folder_reader(folder), version.artifact_hash)
    if scheme in ("mlflow-artifacts", "models"):
        with tempfile.TemporaryDirectory() as folder, translated(f"downloading {version}"), session.client() as client:
            source = client.get_model_version_download_uri(version.model, str(version.version))
            return read_verified(folder_reader(session.download(source, folder)), version.artifact_hash)
    return read_verified(_url_reader(version.uri), version.artifact_hash)


def _url_reader(url: str) -> Callable[[str], bytes]:
    import fsspec

    filesystem, root = fsspec.core.url_to_fs(url)
    return lambda name: filesystem.cat_file(f"{root.rstrip('/')}/{name}")
