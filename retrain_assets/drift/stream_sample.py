"""Some rows of a stream, kept while all of them are profiled: what tests of several columns together need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from retrain_assets.data.arrow_types import in_plain_types

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS = 100_000
"""Rows of a side that are looked at, over all its batches."""
BLOCKS = 20
"""Where rows are taken for independent, so many blocks of the reference stand for its batches."""
_SEEN_AT = 8.0
"""Deviations at which a change is seen: 5.3 are the limit for all pairs of 200 columns, 2.7 leave one of 300 unseen."""


def rows_needed(floor: float, least: int) -> int:
    """Independent rows of either side in which a change of a correlation by the floor is seen; at most `MAX_ROWS`.

    Fisher's z has a variance of about `1 / rows` on either side, so that the change is `floor * sqrt(rows / 2)`
    deviations. Batches differ by more than their rows tell: they get all rows that there may be.

    Args:
        floor: of the change.
        least: rows of a block; blocks get twice as many at the least.

    >>> rows_needed(0.05, 30), rows_needed(0.2, 30), rows_needed(0.5, 30), rows_needed(0.0, 30)
    (51200, 3200, 1200, 100000)
    >>> rows_needed(0.05, 2_000), rows_needed(0.05, 9_000)
    (80000, 100000)
    """
    if floor * (MAX_ROWS / 2) ** 0.5 <= _SEEN_AT:
        return MAX_ROWS
    return min(MAX_ROWS, max(round(2 * (_SEEN_AT / floor) ** 2), 2 * BLOCKS * least))


class StreamSample:
    """A sample in which every row is with the same chance, however many there will be; of few rows all.

    Each row draws a number, and those with the smallest are kept: a threshold falls whenever twice the rows that are
    wanted are there, so memory is bounded (Vitter 1985, "Random sampling with a reservoir", ACM TOMS 11, by keys).

    Args:
        most: rows that are kept.

    >>> import pyarrow as pa
    >>> sample = StreamSample(most=10)
    >>> for chunk in sample.passing(pa.table({"x": range(1_000)}).to_batches(max_chunksize=7)):
    ...     pass
    >>> sample.table().num_rows
    10
    """

    def __init__(self, most: int = MAX_ROWS) -> None:
        self._most = most
        self._rng = np.random.default_rng(0)
        self._below = 1.0
        self._schema: pa.Schema | None = None
        self._count = 0
        self._kept: list[pa.Table] = []
        self._drawn: list[npt.NDArray[np.float64]] = []

    def passing(self, chunks: Iterable[pa.RecordBatch | pa.Table]) -> Iterator[pa.Table]:
        """The chunks as they come, each sampled before it is handed on."""
        import pyarrow as pa

        for chunk in chunks:
            table = in_plain_types(pa.Table.from_batches([chunk]) if isinstance(chunk, pa.RecordBatch) else chunk)
            self._add(table)
            yield table

    def table(self) -> pa.Table:
        """The sample, in the order of the stream.

        Raises:
            ValueError: nothing has passed.
        """
        import pyarrow as pa

        if self._schema is None:
            raise ValueError("a sample of a stream can be asked for when a chunk has passed, at least an empty one")
        if self._count > self._most:
            self._fall(self._drawn)
        return pa.concat_tables(self._kept) if self._kept else self._schema.empty_table()

    def _add(self, chunk: pa.Table) -> None:
        import pyarrow as pa

        self._schema = chunk.schema
        drawn = self._rng.random(chunk.num_rows)
        if self._count + np.count_nonzero(drawn < self._below) > 2 * self._most:
            self._fall([*self._drawn, drawn])
        taken = np.flatnonzero(drawn < self._below)
        if len(taken):
            # A copy: a slice would keep the whole chunk in memory.
            self._kept.append(chunk.take(pa.array(taken)))
            self._drawn.append(drawn[taken])
            self._count += len(taken)

    def _fall(self, drawn: Sequence[npt.NDArray[np.float64]]) -> None:
        """Sets the threshold so that as many rows as are wanted have drawn less, and drops the kept ones above it."""
        import pyarrow as pa

        self._below = float(np.partition(np.concatenate(drawn), self._most)[self._most])
        below = [(place, kept) for place, numbers in enumerate(self._drawn) if (kept := numbers < self._below).any()]
        self._kept = [self._kept[place].filter(pa.array(kept)) for place, kept in below]
        self._drawn = [self._drawn[place][kept] for place, kept in below]
        self._count = sum(map(len, self._drawn))
