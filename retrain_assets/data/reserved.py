"""Reserved rows: chosen by a stable hash, never trained on, whatever else is delivered."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrain_assets.data.row_ids import as_text

_KEY = "reserved rows v1"  # 16 bytes, as the hash demands: with another key other rows would be reserved


def is_reserved(values: pd.Series, share: float) -> NDArray[np.bool_]:
    """Whether each row is reserved, told by its row id or by the value of its block alone.

    A row is reserved when the 64-bit SipHash of its value lies in the lowest `share` of the range. Rows of one
    block have one value and so go together; rows that come or go change nothing for the others.

    >>> ids = pd.Series([str(number) for number in range(10_000)])
    >>> bool(abs(is_reserved(ids, 0.2).mean() - 0.2) < 0.02)
    True
    """
    texts = as_text(values).to_numpy(dtype=object)
    hashes = pd.util.hash_array(texts, hash_key=_KEY, categorize=False)
    # The product is an integer of Python, exact: as floats the two sides would be rounded to 53 bits.
    return hashes < np.uint64(min(int(share * 2**64), 2**64 - 1))
