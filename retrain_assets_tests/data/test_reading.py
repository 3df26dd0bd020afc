"""A file is read whole and unchanged, or refused with the one reason that tells what to do about it."""

import gzip
import io
from typing import Any, Literal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.data.holding import holds_rows
from retrain_assets.data.reading import NULL_TOKENS, TEXT, read_part
from retrain_assets.data.reasons import FILE_REASONS
from retrain_assets.errors import UnreadableFileError

MediaType = Literal["csv", "parquet"]
MEDIA_TYPES: tuple[MediaType, ...] = ("csv", "parquet")


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


GOOD = parquet(pd.DataFrame({"x": range(1000), "when": pd.Timestamp("2013-01-01")}))


def refused(content: bytes, media_type: MediaType = "csv", **options: Any) -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as caught:
        read_part("part", media_type, content, **options)
    assert caught.value.reason in FILE_REASONS
    assert "part" in str(caught.value)
    return caught.value


BROKEN: list[tuple[bytes, MediaType, str, str]] = [
    (b"", "csv", "empty_file", "no bytes"),
    (b" \n\n", "csv", "empty_file", "3 blank bytes"),
    (b"\xef\xbb\xbf\r\n", "csv", "empty_file", "byte order mark"),
    (b"", "parquet", "empty_file", "no bytes"),
    (GOOD, "csv", "not_csv", "Parquet"),
    (b"\x1f\x8b\x08rest", "csv", "damaged_gzip", "gzip"),
    (b"a,b\n1,\x00\n", "csv", "not_csv", "line 2"),
    ("a,b\n1,2\n".encode("utf-16"), "csv", "wrong_encoding", "UTF-16"),
    ("a,b\n1,2\ncaf\xe9,3\n".encode("latin-1"), "csv", "wrong_encoding", "offset 11 (line 3)"),
    ("a,b\né,2\n".encode() + "é,3\n".encode("latin-1"), "csv", "mixed_encodings", "offset 9 (line 3)"),
    (b"a,b,a\n1,2,3\n", "csv", "duplicated_header", "'a'"),
    (b"a;b\n1,5;2\n", "csv", "wrong_separator", "its one column is 'a;b'; declare `separator: ';'` of the source"),
    (b"a,b\n1,2\n3\n4,5\n", "csv", "malformed_csv", "line 3 has 1 values where the header has 2: '3'"),
    (b"a,b\n1,2\n3,4,5\n", "csv", "malformed_csv", "line 3 has 3 values"),
    (b'a,b\n"1,2\n3,4\n', "csv", "malformed_csv", "line 2"),
    (b"a" * 140_000 + b",b\n1,2\n", "csv", "malformed_csv", "its header: field larger than field limit"),
    (b"a,b\n1,2\n", "parquet", "not_parquet", "begins with"),
    (GOOD[:-7], "parquet", "truncated_parquet", f"{len(GOOD) - 7} bytes"),
    (GOOD[:4], "parquet", "truncated_parquet", "4 bytes"),
    (GOOD[:-40] + b"\xff" * 32 + GOOD[-8:], "parquet", "damaged_parquet", ""),
]


@pytest.mark.parametrize(("content", "media_type", "reason", "told"), BROKEN)
def test_a_broken_file_has_its_own_clear_reason(content, media_type, reason, told):
    error = refused(content, media_type)
    assert error.reason == reason
    assert told in error.detail


def test_every_reason_of_a_file_is_reached_above():
    assert {reason for _, _, reason, _ in BROKEN} == set(FILE_REASONS)


@pytest.mark.parametrize("content", [b"a,b", b"a,b\n", b"a,b\r\n", b"\xef\xbb\xbfa,b\n"])
def test_a_header_without_rows_is_no_error(content):
    frame = read_part("part", "csv", content)
    assert list(frame.columns) == ["a", "b"]
    assert len(frame) == 0


def test_values_of_a_csv_file_stay_as_they_were_written():
    frame = read_part("part", "csv", b'a,b,c\n007,1.50," x "\ntrue,1e3,"line\nbreak"\n')
    assert all(dtype == TEXT for dtype in frame.dtypes)
    assert frame["a"].tolist() == ["007", "true"]
    assert frame["b"].tolist() == ["1.50", "1e3"]
    assert frame["c"].tolist() == [" x ", "line\nbreak"]


@pytest.mark.parametrize("token", NULL_TOKENS)
def test_a_null_is_a_null_unless_it_is_quoted(token):
    frame = read_part("part", "csv", f'a,b\n{token},"{token}"\n'.encode())
    assert frame["a"].isna().tolist() == [True]
    assert frame["b"].tolist() == [token]


def test_other_encodings_and_separators_as_declared():
    frame = read_part("part", "csv", "naïve;b\né;2\n".encode("latin-1"), encoding="latin-1", separator=";")
    assert frame.to_dict("list") == {"naïve": ["é"], "b": ["2"]}
    assert refused("é".encode(), encoding="ascii").reason == "wrong_encoding"


def test_parquet_keeps_types_and_leaves_an_index_alone():
    frame = pd.DataFrame(
        {"x": [1, 2], "when": pd.Series([pd.Timestamp("2013-01-01"), pd.NaT]).array}, index=pd.Index([5, 6], name="key")
    )
    read = read_part("part", "parquet", parquet(frame))
    assert list(read.columns) == ["x", "when", "key"]
    assert read["x"].dtype == "int64"
    assert list(read.index) == [0, 1]


@given(
    st.lists(st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)] * 2), max_size=20)
)
def test_every_text_survives_quoted(rows):
    lines = ['"a","b"'] + ['"' + '","'.join(value.replace('"', '""') for value in row) + '"' for row in rows]
    frame = read_part("part", "csv", "\r\n".join(lines).encode())
    assert list(frame.itertuples(index=False, name=None)) == rows


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_known_reason(content):
    refused_for: set[str] = set()
    for media_type in MEDIA_TYPES:
        try:
            assert isinstance(read_part("part", media_type, content), pd.DataFrame)
        except UnreadableFileError as error:
            refused_for.add(error.reason)
    assert refused_for <= set(FILE_REASONS)


@given(st.integers(min_value=1, max_value=len(GOOD) - 1))
def test_a_parquet_file_cut_anywhere_is_never_read(length):
    assert refused(GOOD[:length], "parquet").reason in ("truncated_parquet", "not_parquet")


def test_a_compressed_file_is_what_it_holds():
    content = b"a,b\n1,2\n"
    pd.testing.assert_frame_equal(read_part("p", "csv", gzip.compress(content)), read_part("p", "csv", content))
    assert refused(gzip.compress(content)[:-9]).reason == "damaged_gzip"
    assert refused(gzip.compress(b"")).reason == "empty_file"
    assert [holds_rows("csv", gzip.compress(each)) for each in (content, b"a,b\n", b"")] == [True, False, False]
    assert holds_rows("csv", gzip.compress(content)[:-9]), "nobody knows"


def test_another_encoding_is_told_with_what_to_declare():
    assert "declare `encoding: utf-16` of the source" in refused("a,b\n1,2\n".encode("utf-16")).detail
