"""Moving a folder of tables to another name, so that a kill on the way is finished by the same call."""

from __future__ import annotations

from pathlib import Path

from retrain_assets.errors import StoreError, without_password


def rename_folder(before: str, after: str, *, is_local: bool) -> None:
    """Moves a folder; nothing happens where there is none.

    A local folder is moved in one step, what lies in an object store file by file.

    Raises:
        StoreError: there is a local folder of the new name already.
    """
    if is_local:
        _rename_local(Path(before), Path(after))
    else:
        _rename_remote(before, after)


def _rename_local(before: Path, after: Path) -> None:
    if not before.exists():
        return
    if after.exists():
        raise StoreError(f"{before} cannot become {after}, which is there already: move it out of the way")
    before.rename(after)


def _rename_remote(before: str, after: str) -> None:
    import fsspec

    files, root = fsspec.core.url_to_fs(before)
    _, target = fsspec.core.url_to_fs(after)
    root, target = root.rstrip("/"), target.rstrip("/")
    if not files.exists(root):
        return
    try:
        for path in sorted(files.find(root)):
            files.mv(path, f"{target}/{path.removeprefix(root).lstrip('/')}")
    except OSError as error:
        raise StoreError(
            f"moving {without_password(before)} to {without_password(after)} failed: {error}. Give the command again: "
            "it goes on where it stopped"
        ) from error
