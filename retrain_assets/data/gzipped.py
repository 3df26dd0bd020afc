"""Files that were compressed with gzip."""

from __future__ import annotations

import gzip
import zlib

from retrain_assets.errors import UnreadableFileError

MAGIC = b"\x1f\x8b"


def unpacked(content: bytes, name: str = "") -> bytes:
    """What a gzip file holds; other bytes as they are.

    Raises:
        UnreadableFileError: the file is damaged or ends too early.
    """
    if not content.startswith(MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFileError("damaged_gzip", name, f"it begins as gzip: {error}") from error
