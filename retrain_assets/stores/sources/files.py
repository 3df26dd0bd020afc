"""Files as a source: the path of a file says to which batch it belongs."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrain_assets.data.windows import Batch
from retrain_assets.errors import StoreError, cause_without_password, unreachable
from retrain_assets.spec import FilesSource
from retrain_assets.stores.blobs import local_path
from retrain_assets.stores.protocols import RawFile
from retrain_assets.stores.sources.settings import located, resolve, resolve_all

_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".swp")
_STAMPS = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created")
_WILD = re.compile(r"\{batch\}|\*|\?")
_DIGITS = str.maketrans("123456789", "0" * 9)
_GIVE_UP_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """One file as a listing shows it.

    `stamp` changes with the content (a time, an etag); `modified` is known of local files only.
    """

    path: str
    size: int
    stamp: str
    modified: float | None = None


class FileReader:
    """Finds the files of batches by a pattern such as `drop/{batch}*.csv`.

    One walk through the pattern's folders serves any number of batches. A file with a temporary ending (`.part`,
    `.tmp`, ...) or a hidden name is not there. A local file that changed within `settle_seconds` may still be being
    written: its batch is listed at a later look, and a read waits for it.

    Args:
        spec: The declaration.
        root: Where a relative path starts.
        environ: Where `{env: NAME}` is looked up.
        settle_seconds: How long a local file must have been left alone.
        clock: Seconds since the epoch, by the clock of the file system.
    """

    def __init__(
        self,
        spec: FilesSource,
        *,
        root: Path,
        environ: Mapping[str, str] | None = None,
        settle_seconds: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spec = spec
        self._root = root
        self._environ = environ
        self._settle_seconds = settle_seconds
        self._clock = clock

    def listing(self, batches: Sequence[Batch]) -> dict[str, str]:
        folder = self._folder()
        found = _by_batch(folder, self._pattern(), [batch.key for batch in batches])
        return {key: _fingerprint(files) for key, files in found.items() if not self._fresh(files)}

    def arriving(self, batches: Sequence[Batch]) -> frozenset[str]:
        found = _by_batch(self._folder(), self._pattern(), [batch.key for batch in batches])
        return frozenset(key for key, files in found.items() if self._fresh(files))

    def read(self, batch: Batch) -> list[RawFile]:
        folder = self._folder()
        pattern = self._pattern()
        give_up = self._clock() + _GIVE_UP_SECONDS
        while True:
            files = _by_batch(folder, pattern, [batch.key]).get(batch.key, [])
            fresh = self._fresh(files)
            if not fresh:
                contents = [folder.read(file.path) for file in files]
                # A writer may have come between the look and the read: what was read must be what is there now.
                after = _by_batch(folder, pattern, [batch.key]).get(batch.key, [])
                if after == files:
                    return [self._raw(pattern, *pair) for pair in zip(files, contents, strict=True)]
            if self._clock() > give_up:
                names = ", ".join(file.path for file in files)
                raise StoreError(f"the files of batch {batch.key} keep changing while they are read: {names}")
            time.sleep(max(fresh, 0.05))

    def present(self) -> list[tuple[str, FoundFile]]:
        """Every file of a pattern that names no batch, by its path, with its name below the pattern's fixed part."""
        folder, pattern = self._folder(), self._pattern()
        found = sorted(_walk(folder, folder.strip(pattern), ""), key=lambda file: file.path)
        return [(_name(pattern, file.path), file) for file in found if not self._fresh([file])]

    def content(self, file: FoundFile) -> bytes:
        """What a file holds now; nothing where it is gone."""
        return self._folder().read(file.path)

    def _pattern(self) -> str:
        return located(resolve(self._spec.path, self._environ), self._root, self._environ)

    def _folder(self) -> _LocalFolder | _RemoteFolder:
        pattern = self._pattern()
        if local_path(pattern) is not None:
            return _LocalFolder()
        return _RemoteFolder(pattern, resolve_all(self._spec.storage_options, self._environ))

    def _fresh(self, files: Iterable[FoundFile]) -> float:
        """Seconds until the youngest file may be taken as whole; 0 when all may."""
        now = self._clock()
        ages = [now - file.modified for file in files if file.modified is not None]
        young = [age for age in ages if 0 <= age < self._settle_seconds]
        return self._settle_seconds - min(young) if young else 0.0

    def _raw(self, pattern: str, file: FoundFile, content: bytes) -> RawFile:
        return RawFile(name=_name(pattern, file.path), media_type=self._spec.format_of(file.path), content=content)


class _LocalFolder:
    """The local file system, without fsspec."""

    def strip(self, pattern: str) -> str:
        return str(local_path(pattern))

    def entries(self, folder: str) -> Iterator[tuple[str, bool, FoundFile | None]]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    try:
                        status = entry.stat()
                    except FileNotFoundError:
                        continue  # gone since the folder was listed
                    is_folder = entry.is_dir()
                    found = FoundFile(
                        path=entry.path,
                        size=status.st_size,
                        stamp=str(status.st_mtime_ns),
                        modified=status.st_mtime,
                    )
                    yield entry.name, is_folder, None if is_folder else found
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise StoreError(f"{folder} cannot be listed: {error}") from error

    def read(self, path: str) -> bytes:
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            return b""  # gone since the look: the next look tells
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error}") from error


class _RemoteFolder:
    """Anything fsspec reaches.

    Each of its file systems raises the exceptions of the library below it, which need not be OSErrors: whatever comes
    is told as the source's fault, so that one that is out of reach stops nobody else's.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url
        self._options = options
        self._opened: Any = None

    @property
    def _fs(self) -> Any:
        if self._opened is None:
            from fsspec.core import url_to_fs

            try:
                self._opened = url_to_fs(self._url, **self._options)[0]
            except Exception as error:  # noqa: BLE001 - each library has its own; raised again as ours
                raise unreachable(f"{self._url} cannot be reached", error) from cause_without_password(error)
            # What a listing showed before must not hide what has come since.
            self._opened.invalidate_cache()
        return self._opened

    def strip(self, pattern: str) -> str:
        return str(self._fs._strip_protocol(pattern))  # noqa: SLF001 - fsspec documents it for implementers; no other name

    def entries(self, folder: str) -> Iterator[tuple[str, bool, FoundFile | None]]:
        try:
            infos = self._fs.ls(folder, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return
        except Exception as error:  # noqa: BLE001 - each library has its own; raised again as ours
            message = f"{folder} of {self._url} cannot be listed"
            raise unreachable(message, error) from cause_without_password(error)
        for info in infos:
            path = info["name"].rstrip("/")
            is_folder = info["type"] == "directory"
            stamp = next((str(info[name]) for name in _STAMPS if name in info), "")
            found = None if is_folder else FoundFile(path=path, size=int(info.get("size") or 0), stamp=stamp)
            yield path.rpartition("/")[2], is_folder, found

    def read(self, path: str) -> bytes:
        try:
            return self._fs.cat_file(path)
        except FileNotFoundError:
            return b""  # gone since the look: the next look tells
        except Exception as error:  # noqa: BLE001 - each library has its own; raised again as ours
            message = f"{path} of {self._url} cannot be read"
            raise unreachable(message, error) from cause_without_password(error)


def _by_batch(folder: _LocalFolder | _RemoteFolder, pattern: str, keys: Sequence[str]) -> dict[str, list[FoundFile]]:
    """The files of each batch, sorted by path; a batch without files is left out."""
    wanted = set(keys)
    if not wanted:
        return {}
    full = folder.strip(pattern)
    # All batches of a model, thousands of them, have one form or two.
    forms = {key.translate(_DIGITS) for key in wanted}
    keys_form = "|".join(sorted(re.escape(form).replace("0", r"\d") for form in forms))
    matcher = re.compile(_expression(full, keys_form))
    found: dict[str, list[FoundFile]] = {}
    for file in _walk(folder, full, keys_form):
        match = matcher.fullmatch(file.path)
        key = match["batch"] if match is not None and "batch" in match.groupdict() else None
        if key in wanted:
            found.setdefault(key, []).append(file)
    return {key: sorted(found[key], key=lambda file: file.path) for key in sorted(found)}


def _walk(folder: _LocalFolder | _RemoteFolder, pattern: str, keys_form: str) -> Iterator[FoundFile]:
    """Files below the pattern's fixed part, looking only into folders that match so far."""
    *folders, last = pattern.split("/")
    fixed = next((place for place, name in enumerate(folders) if _WILD.search(name)), len(folders))
    starts = ["/".join(folders[:fixed]) or "/"]
    for name in folders[fixed:]:
        part = re.compile(_expression(name, keys_form))
        starts = [
            f"{start.rstrip('/')}/{entry}"
            for start in starts
            for entry, is_folder, _ in folder.entries(start)
            if is_folder and part.fullmatch(entry)
        ]
    part = re.compile(_expression(last, keys_form))
    for start in starts:
        for entry, _, file in folder.entries(start):
            if file is not None and part.fullmatch(entry) and not _temporary(entry):
                yield file


def _expression(pattern: str, keys_form: str) -> str:
    """The regular expression of a pattern; a second `{batch}` must be the same as the first."""
    expression, place, seen = "", 0, False
    for match in _WILD.finditer(pattern):
        expression += re.escape(pattern[place : match.start()])
        place = match.end()
        if match[0] == "{batch}":
            expression += "(?P=batch)" if seen else f"(?P<batch>{keys_form})"
            seen = True
        else:
            expression += "[^/]*" if match[0] == "*" else "[^/]"
    return expression + re.escape(pattern[place:])


def _temporary(name: str) -> bool:
    return name.startswith((".", "~")) or name.lower().endswith(_TEMPORARY)


def _fingerprint(files: Sequence[FoundFile]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\0{file.size}\0{file.stamp}\0".encode())
    return digest.hexdigest()[:16]


def _name(pattern: str, path: str) -> str:
    """The name of a file below the folders that the pattern names without a wildcard."""
    return "/".join(path.split("/")[_depth(pattern, path) :])


def _depth(pattern: str, path: str) -> int:
    folders = pattern.split("/")[:-1]
    below = next((len(folders) - place for place, name in enumerate(folders) if _WILD.search(name)), 0)
    return len(path.split("/")) - 1 - below
