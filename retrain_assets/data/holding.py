"""Whether a file holds any rows: told without reading them."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from retrain_assets.data.gzipped import unpacked
from retrain_assets.errors import UnreadableFileError


def holds_rows(
    media_type: Literal["csv", "parquet"], content: bytes, *, encoding: str = "utf-8", separator: str = ","
) -> bool:
    r"""False for a file of blanks, a CSV file of a header alone, and a Parquet file of no rows.

    A file that cannot be parsed may hold rows: what is wrong with it is another question.

    >>> holds_rows("csv", b"id,x\n\n"), holds_rows("csv", b"id,x\n1,2\n")
    (False, True)
    """
    if not content or content.isspace():
        return False
    if media_type == "parquet":
        try:
            return pa_parquet.read_metadata(io.BytesIO(content)).num_rows > 0
        except (pa.ArrowException, OSError):
            return True
    try:
        content = unpacked(content)
    except UnreadableFileError:
        return True
    # Only as far as the second line that is not blank.
    text = io.TextIOWrapper(io.BytesIO(content), encoding=encoding, errors="replace", newline="")
    lines = (row for row in csv.reader(text, delimiter=separator) if row)
    try:
        return len(list(islice(lines, 2))) > 1
    except csv.Error:
        return True
