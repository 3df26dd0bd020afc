"""Raw bytes stay what they were: addressed by content, whole or absent, inside their folder."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrain_assets.errors import IntegrityError, NotStoredError, StoreError
from retrain_assets.stores.blobs import FsspecBlobStore, local_path

ABSENT = hashlib.sha256(b"absent").hexdigest()


@pytest.fixture(params=["path", "file", "memory"])
def store(request, tmp_path):
    if request.param == "path":
        yield FsspecBlobStore(tmp_path / "blobs")
    elif request.param == "file":
        yield FsspecBlobStore((tmp_path / "my blobs").as_uri())
    else:
        yield FsspecBlobStore("memory://blobs")
        fsspec.filesystem("memory").store.clear()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200))
def test_gives_back_what_was_put(store, content):
    content_hash = store.put(content)
    assert content_hash == hashlib.sha256(content).hexdigest()
    assert store.get(content_hash) == content


def test_the_same_bytes_are_one_blob(store):
    first = store.put(b"rows")
    assert store.put(b"rows") == first
    if (folder := local_path(store.uri(first))) is not None:
        assert [path.name for path in folder.parent.iterdir()] == [first]


def test_uri_names_the_place(store):
    content_hash = store.put(b"rows")
    fs, path = fsspec.url_to_fs(store.uri(content_hash))
    assert fs.cat_file(path) == b"rows"


def test_absent_is_said(store):
    store.put(b"another")
    with pytest.raises(NotStoredError, match=ABSENT):
        store.get(ABSENT)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "a" * 63, "a" * 64 + "/x", f"{ABSENT}\n"])
def test_only_hashes_are_names(store, name):
    for method in (store.get, store.uri):
        with pytest.raises(StoreError, match="SHA-256"):
            method(name)


def test_changed_bytes_are_not_given_out_and_a_put_repairs_them(tmp_path):
    store = FsspecBlobStore(tmp_path)
    content_hash = store.put(b"rows")
    Path(store.uri(content_hash)).write_bytes(b"rowz")
    with pytest.raises(IntegrityError, match="changed or torn"):
        store.get(content_hash)
    store.put(b"rows")
    assert store.get(content_hash) == b"rows"


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    store = FsspecBlobStore(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(b"rows")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_two_writers_of_the_same_bytes(tmp_path):
    store = FsspecBlobStore(tmp_path)
    threads = [threading.Thread(target=store.put, args=(b"x" * 100_000,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_killed_in_the_middle_of_a_write(tmp_path):
    """Killed with the bytes in a file that has no name yet: the blob is absent, and the same call again works."""
    script = (
        "import os, signal, sys\n"
        "from retrain_assets.stores.blobs import FsspecBlobStore\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
        "FsspecBlobStore(sys.argv[1]).put(b'rows')\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -9
    store = FsspecBlobStore(tmp_path)
    content_hash = hashlib.sha256(b"rows").hexdigest()
    with pytest.raises(NotStoredError):
        store.get(content_hash)
    assert store.put(b"rows") == content_hash
    assert store.get(content_hash) == b"rows"


def test_a_local_folder_needs_no_fsspec():
    script = (
        "import sys, tempfile\n"
        "from retrain_assets.stores.blobs import FsspecBlobStore\n"
        "store = FsspecBlobStore(tempfile.mkdtemp())\n"
        "store.get(store.put(b'x'))\n"
        "sys.exit('fsspec' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
