"""Whole numbers as short text: profiles are read at every check, and a list of numbers in JSON takes long to read."""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64

import numpy as np
import numpy.typing as npt

_TYPES = {"1": "<u1", "2": "<u2", "4": "<u4", "8": "<i8"}
"""By their bytes, the first character of the text; little-endian on every machine."""


def pack(numbers: npt.NDArray[np.int64]) -> str:
    """Base64 of the numbers in the fewest bytes that hold all of them.

    >>> pack(np.array([1, 2, 3])), pack(np.array([1, 70_000]))
    ('1AQID', '4AQAAAHARAQA=')
    """
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    size = "8" if low < 0 or high >= 2**32 else "1" if high < 2**8 else "2" if high < 2**16 else "4"
    return size + b64encode(numbers.astype(_TYPES[size]).tobytes()).decode()


def unpack(text: str) -> npt.NDArray[np.int64]:
    """Reads what `pack` wrote.

    >>> unpack("4AQAAAHARAQA=").tolist()
    [1, 70000]
    """
    return np.frombuffer(a2b_base64(text[1:]), dtype=_TYPES[text[0]]).astype(np.int64)
