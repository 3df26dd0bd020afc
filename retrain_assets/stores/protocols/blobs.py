"""What the lifecycle needs of a store of bytes."""

from __future__ import annotations

from typing import Protocol


class BlobStore(Protocol):
    """Bytes by their SHA-256; writing the same bytes twice is one blob."""

    def put(self, content: bytes) -> str:
        """Stores the bytes (atomically) and returns their hash (hex)."""
        ...

    def get(self, content_hash: str) -> bytes:
        """The bytes of a hash, verified. Raises NotStoredError or IntegrityError."""
        ...

    def uri(self, content_hash: str) -> str:
        """Where the bytes lie, for a person to look at."""
        ...

    def size(self, content_hash: str) -> int:
        """Length of the bytes; 0 where they are not there."""
        ...

    def delete(self, content_hash: str) -> None:
        """Frees the bytes; nothing happens where they are not there."""
        ...
