"""Files that leave the platform."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from retrain_assets.errors import StoreError
from retrain_assets.stores.exports import export


def test_a_file_is_written_whole_in_place_of_the_one_before(tmp_path: Path):
    for content in (b"first", b"second"):
        export(str(tmp_path / "new" / "x.csv"), content)
        export("memory://exports/x.csv", content)
        assert [path.read_bytes() for path in (tmp_path / "new").iterdir()] == [content]
        assert fsspec.filesystem("memory").cat_file("/exports/x.csv") == content


@pytest.mark.parametrize(
    ("url", "told"),
    [
        # The library's own error is no OSError.
        ("nosuch://joe:hunter2@host/x.csv", r"^nosuch://joe:\*\*\*@host/x\.csv cannot be written: ValueError: "),
        ("{here}/file/x.csv", r"file/x\.csv cannot be written: \[Errno"),
    ],
)
def test_what_keeps_a_file_from_being_written_is_told(tmp_path: Path, url: str, told: str):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=told):
        export(url.replace("{here}", str(tmp_path)), b"")
