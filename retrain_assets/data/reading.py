"""From the original bytes of a file to a frame, or one clear reason why not.

The values of a CSV file stay text (dtype `TEXT`) until a contract reads them as what its schema says: one bad value
then costs its row and not the type of its column, and an id such as `007` is not a number.
"""

from __future__ import annotations

import csv
import io
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from retrain_assets.data.gzipped import unpacked
from retrain_assets.data.personal import WITHHELD
from retrain_assets.errors import UnreadableFileError

TEXT = pd.StringDtype("pyarrow")
"""The type of every column of a CSV file as it was read; marks values that are still to be converted."""

NULL_TOKENS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>", "NaT")
"""What stands for no value in a CSV file where it is not quoted."""

_PARQUET_MAGIC = b"PAR1"
_MAGICS = {
    _PARQUET_MAGIC: "Parquet",
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"%PDF": "PDF",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_QUOTED = ("malformed_csv", "damaged_parquet", "duplicated_header", "not_parquet", "wrong_separator")
"""Reasons whose detail quotes the file."""
SEPARATORS = (",", ";", "\t", "|")
"""Those that are looked for where a file has another than the declared one."""
_SHOWN = 120


def read_part(
    name: str,
    media_type: Literal["csv", "parquet"],
    content: bytes,
    *,
    encoding: str = "utf-8",
    separator: str = ",",
    show: bool = True,
) -> pd.DataFrame:
    """Parses one file. A header without rows gives zero rows, which is no error.

    Args:
        name: Name of the file, for messages.
        media_type: What the bytes are; text may be compressed with gzip.
        content: The bytes.
        encoding: Of a CSV file.
        separator: Of a CSV file.
        show: Whether an error may quote the file; not where it holds personal data.

    Raises:
        UnreadableFileError: with one of `retrain_assets.data.reasons.FILE_REASONS`.
    """
    if not content.strip():
        held = f"it holds {len(content)} blank bytes" if content else "it holds no bytes"
        raise UnreadableFileError("empty_file", name, held)
    refused = None
    try:
        return (
            _read_parquet(name, content) if media_type == "parquet" else _read_csv(name, content, encoding, separator)
        )
    except UnreadableFileError as error:
        if show or error.reason not in _QUOTED:
            raise
        refused = error
    # Past the handler: the error of the parser that it was made from quotes the file, too.
    raise UnreadableFileError(refused.reason, name, WITHHELD)


def _read_parquet(name: str, content: bytes) -> pd.DataFrame:
    if not content.startswith(_PARQUET_MAGIC):
        raise UnreadableFileError("not_parquet", name, f"it begins with {content[:8]!r}, not with {_PARQUET_MAGIC!r}")
    if len(content) < 12 or not content.endswith(_PARQUET_MAGIC):
        raise UnreadableFileError(
            "truncated_parquet",
            name,
            f"its footer is missing: it ends after {len(content)} bytes without {_PARQUET_MAGIC!r}",
        )
    try:
        table = pa_parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError("damaged_parquet", name, _first_line(error)) from error
    repeated = _repeated(table.column_names)
    if repeated is not None:
        raise UnreadableFileError("damaged_parquet", name, f"it has more than one column {repeated!r}")
    return table.to_pandas(ignore_metadata=True, date_as_object=False)


def _read_csv(name: str, content: bytes, encoding: str, separator: str) -> pd.DataFrame:
    content = unpacked(content, name)
    _refuse_other_formats(name, content, encoding)
    text = _decoded(name, content, encoding)
    data = content if encoding.lower() in ("utf-8", "utf8", "ascii") else text.encode()
    header = _header(name, text, separator)
    repeated = _repeated(header)
    if repeated is not None:
        raise UnreadableFileError("duplicated_header", name, f"line 1 names the column {repeated!r} twice")
    other = next((mark for mark in SEPARATORS if mark != separator and len(header) == 1 and mark in header[0]), None)
    if other is not None:
        remedy = f"declare `separator: {other!r}` of the source, or deliver {separator!r}"
        raise UnreadableFileError("wrong_separator", name, f"its one column is {header[0][:_SHOWN]!r}; {remedy}")
    ragged: list[pa_csv.InvalidRow] = []

    def remember(row: pa_csv.InvalidRow) -> Literal["error"]:
        ragged.append(row)
        return "error"

    try:
        table = pa_csv.read_csv(
            # The reader takes a header without a line end for an empty file.
            io.BytesIO(data + b"\n"),
            # One thread, so that the number of a broken row is known; these are batches, not archives.
            read_options=pa_csv.ReadOptions(use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=remember
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={column: pa.string() for column in header},
                null_values=list(NULL_TOKENS),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowException as error:
        raise UnreadableFileError("malformed_csv", name, _csv_detail(error, ragged)) from error
    return table.to_pandas(types_mapper={pa.string(): TEXT}.get)


def _header(name: str, text: str, separator: str) -> list[str]:
    """The names in the first line that is not blank."""
    body = text.lstrip("\ufeff")
    if not body.strip():
        raise UnreadableFileError("empty_file", name, "it holds nothing but a byte order mark and blanks")
    try:
        return next(row for row in csv.reader(io.StringIO(body, newline=""), delimiter=separator) if row)
    except csv.Error as error:
        raise UnreadableFileError("malformed_csv", name, f"its header: {_first_line(error)}") from error


def _refuse_other_formats(name: str, content: bytes, encoding: str) -> None:
    for magic, what in _MAGICS.items():
        if content.startswith(magic) and not (what == "UTF-16 text" and "16" in encoding):
            reason = "wrong_encoding" if what == "UTF-16 text" else "not_csv"
            remedy = "; declare `encoding: utf-16` of the source" if what == "UTF-16 text" else ""
            raise UnreadableFileError(reason, name, f"it must be {encoding} text and begins as {what}{remedy}")


def _decoded(name: str, content: bytes, encoding: str) -> str:
    """The text, or where and how the bytes leave the declared encoding."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        place = f"byte {content[error.start]:#04x} at offset {error.start} (line {line}) is not {encoding}"
        rest = content.decode(encoding, errors="ignore")
        if rest.isascii():
            detail = f"{place}; declare `encoding` of the source, or deliver {encoding}"
            raise UnreadableFileError("wrong_encoding", name, detail) from None
        raise UnreadableFileError("mixed_encodings", name, f"{place}, while other parts are") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableFileError("not_csv", name, f"line {line} holds a zero byte: this is not {encoding} text")
    return text


def _csv_detail(error: Exception, ragged: list[pa_csv.InvalidRow]) -> str:
    if not ragged:
        return _first_line(error)
    row = ragged[0]
    # The reader counts from 1 and the header is row 1: without line breaks inside quotes this is the line.
    place = f"line {row.number}" if row.number is not None else "a line"
    return f"{place} has {row.actual_columns} values where the header has {row.expected_columns}: {row.text[:_SHOWN]!r}"


def _repeated(names: list[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
