"""Files that leave the platform: there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from retrain_assets.errors import cause_without_password, unreachable
from retrain_assets.stores.blobs import local_path


def export(url: str, content: bytes, options: Mapping[str, str] | None = None) -> None:
    """Writes a file, in place of one that was there; a reader never finds half of it.

    Args:
        url: a path or URL.
        content: what it holds.
        options: of the file system that the URL names.

    Raises:
        StoreError: it cannot be written.
    """
    local = local_path(url)
    try:
        if local is None:
            import fsspec

            files, path = fsspec.core.url_to_fs(url, **(options or {}))
            files.pipe_file(path, content)
            return
        local.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(f"{local}.{os.getpid()}.part")
        temporary.write_bytes(content)
        temporary.replace(local)
    except Exception as error:  # noqa: BLE001 - each library has its own; raised again as ours
        raise unreachable(f"{url} cannot be written", error) from cause_without_password(error)
