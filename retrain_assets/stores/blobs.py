"""Bytes by their SHA-256, in a local folder or anywhere fsspec reaches."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from retrain_assets.errors import IntegrityError, NotStoredError, StoreError, without_password

_HASH = re.compile(r"[0-9a-f]{64}")


class FsspecBlobStore:
    """Content-addressed blobs below `root_url`: `<root>/ab/cd/abcd...`.

    A local folder (a path or `file://` URL) is written through a temporary file that is synced and renamed, so that a
    blob is there whole or not at all. Elsewhere an object store's upload gives the same; a file system without atomic
    upload (FTP, say) may leave a torn blob after a crash, which the next `put` of the same bytes replaces.

    Args:
        root_url: A folder, or an fsspec URL such as `s3://bucket/blobs`.
        storage_options: Options of the fsspec file system.
    """

    def __init__(self, root_url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> None:
        self._folder = local_path(os.fspath(root_url))
        self._root_url = os.fspath(root_url).rstrip("/")
        self._storage_options = dict(storage_options or {})
        self._remote: tuple[Any, str] | None = None

    def put(self, content: bytes) -> str:
        content_hash = hashlib.sha256(content).hexdigest()
        if self._folder is not None:
            _put_local(self._folder / _relative(content_hash), content)
        else:
            self._put_remote(content_hash, content)
        return content_hash

    def get(self, content_hash: str) -> bytes:
        relative = _relative(content_hash)
        try:
            if self._folder is not None:
                content = (self._folder / relative).read_bytes()
            else:
                fs, root = self._filesystem()
                content = fs.cat_file(f"{root}/{relative}")
        except FileNotFoundError:
            raise NotStoredError(f"blob {content_hash} is not in {self._root_url}") from None
        found = hashlib.sha256(content).hexdigest()
        if found != content_hash:
            raise IntegrityError(
                f"blob {self.uri(content_hash)} must have the SHA-256 of its name (got {found}): "
                "it was changed or torn. Remove it and ingest its batch again."
            )
        return content

    def uri(self, content_hash: str) -> str:
        relative = _relative(content_hash)
        return (
            str(self._folder / relative)
            if self._folder is not None
            else f"{without_password(self._root_url)}/{relative}"
        )

    def size(self, content_hash: str) -> int:
        relative = _relative(content_hash)
        try:
            if self._folder is not None:
                return (self._folder / relative).stat().st_size
            fs, root = self._filesystem()
            return int(fs.info(f"{root}/{relative}")["size"])
        except FileNotFoundError:
            return 0

    def delete(self, content_hash: str) -> None:
        relative = _relative(content_hash)
        if self._folder is not None:
            (self._folder / relative).unlink(missing_ok=True)
            return
        fs, root = self._filesystem()
        with suppress(FileNotFoundError):
            fs.rm_file(f"{root}/{relative}")

    def _put_remote(self, content_hash: str, content: bytes) -> None:
        fs, root = self._filesystem()
        path = f"{root}/{_relative(content_hash)}"
        with suppress(FileNotFoundError):
            if fs.info(path)["size"] == len(content):
                return
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        fs.pipe_file(path, content)

    def _filesystem(self) -> tuple[Any, str]:
        if self._remote is None:
            from fsspec.core import url_to_fs

            fs, root = url_to_fs(self._root_url, **self._storage_options)
            self._remote = fs, root.rstrip("/")
        return self._remote


def local_path(url: str) -> Path | None:
    """The folder or file that a path or `file://` URL names; None for any other URL."""
    if "://" not in url:
        return Path(url).expanduser().absolute()
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme in ("file", "local") else None


def _relative(content_hash: str) -> str:
    if not _HASH.fullmatch(content_hash):
        raise StoreError(f"a blob's name must be a SHA-256 in lower-case hex (got {content_hash!r})")
    return f"{content_hash[:2]}/{content_hash[2:4]}/{content_hash}"


def _put_local(path: Path, content: bytes) -> None:
    with suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The rename itself must survive a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
