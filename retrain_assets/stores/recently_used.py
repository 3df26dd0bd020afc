"""A cache that is bounded by the size of what it holds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RecentlyUsed(Generic[Key, Value]):
    """Values that never change for their key; the least recently used leave first.

    Args:
        limit: Sum of the sizes of the values held; a larger value is not kept at all.
        size_of: The size of a value.
    """

    def __init__(self, limit: int, *, size_of: Callable[[Value], int]) -> None:
        self._limit = limit
        self._size_of = size_of
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """The value of a key, which is the most recently used one then."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Key, value: Value) -> bool:
        """Keeps a value, unless it is larger than the limit; tells whether."""
        size = self._size_of(value)
        if size > self._limit:
            return False
        with self._lock:
            self.size += size - self._entries.pop(key, (None, 0))[1]
            self._entries[key] = (value, size)
            while self.size > self._limit:
                self.size -= self._entries.popitem(last=False)[1][1]
        return True

    def clear(self) -> None:
        """Forgets all values."""
        with self._lock:
            self._entries.clear()
            self.size = 0
