"""A writer of its own process: `python -m ... root partition first last [column]` writes versions of one partition.

With `{n}` in the name of the partition each number is a partition of its own.
"""

import sys

import pandas as pd

from retrain_assets.stores.delta import DeltaTableStore

TABLE = "flights/validated"
ROWS = 20_000


def rows(number: int, column: str = "n") -> pd.DataFrame:
    """Rows that all say the same number, so that a mixture would show."""
    return pd.DataFrame({column: [number] * ROWS, "text": [f"row {number}"] * ROWS})


def main(root: str, partition: str, first: str, last: str, column: str = "n") -> None:
    """Writes the numbers one after the other, and tells of each that is done."""
    store = DeltaTableStore(root)
    for number in range(int(first), int(last)):
        store.write(TABLE, partition.format(n=number), rows(number, column), run_id=f"{partition} {number}")
        print(number, flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
