"""A transform that reads personal data, and quotes it where it fails."""

from __future__ import annotations

import pandas as pd


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Derives from the address how long it is; a forbidden value of `z` makes it fail on a row, as user code does."""
    if (rows["z"] > 900).any():
        first = rows.loc[rows["z"] > 900].iloc[0]
        raise ValueError(f"cannot build features of {first['email']}, {first['phone']} in {first['city']}")
    return rows.assign(length=rows["email"].str.len())
