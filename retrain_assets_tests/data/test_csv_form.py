"""The form of a CSV file is told from the file, and where nothing tells it is the usual one."""

import gzip
import itertools

import pandas as pd
import pytest

from retrain_assets.data.csv_form import CsvForm, csv_form
from retrain_assets.data.reading import SEPARATORS, read_part
from retrain_assets.errors import UnreadableFileError

FORMS = [
    CsvForm(encoding=encoding, separator=separator, decimal=decimal)
    for encoding, separator, decimal in itertools.product(("utf-8", "utf-16", "cp1252"), SEPARATORS, (".", ","))
]


def written(form: CsvForm) -> bytes:
    """Texts hold what might be taken for another form."""
    frame = pd.DataFrame({"plz": ["007", "123"], "Preis, netto": [12.5, 0.125], "Ort;Straße": ["Köln|Süd", "a,b\n1,5"]})
    return frame.to_csv(index=False, sep=form.separator, decimal=form.decimal).encode(form.encoding)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_file_is_read_in_the_form_that_it_tells(form: CsvForm):
    told = csv_form(written(form))
    assert told == form
    frame = read_part("f", "csv", written(form), encoding=told.encoding, separator=told.separator)
    assert list(frame.columns) == ["plz", "Preis, netto", "Ort;Straße"]
    assert frame["Ort;Straße"].tolist() == ["Köln|Süd", "a,b\n1,5"]


@pytest.mark.parametrize(
    ("numbers", "decimal"),
    [
        (["0,125", "0,250"], ","),
        (["1,234", "12,345,678"], "."),  # thousands, as far as anybody can tell
        (["1,234", "12,3"], ","),
        (["1.234,50", "12,50"], "."),  # half of the values are none
        ([*["12,5"] * 9, "n/k"], ","),
        (["12,5", "a"], "."),
        (["12", "13"], "."),
    ],
)
def test_a_comma_is_a_decimal_mark_where_it_groups_no_thousands(numbers: list[str], decimal: str):
    text = pd.DataFrame({"x": numbers, "y": "text"}).to_csv(index=False, sep=";")
    assert csv_form(text.encode()).decimal == decimal


def test_numbers_with_points_beside_them_are_no_numbers_with_commas():
    """Which of both are numbers nobody can guess; then a person is told of those with commas."""
    assert csv_form(b"x;y\n1.5;2,5\n").decimal == "."


@pytest.mark.parametrize("name", ["x", "price EUR"])
def test_one_column_has_no_separator(name: str):
    assert csv_form(f"{name}\n1\n".encode()) == CsvForm()


def test_a_damaged_file_is_no_other_encoding():
    content = "x;y\nKöln;1\n".encode() + "Süd;2\n".encode("latin-1")
    assert csv_form(content) == CsvForm(separator=";")


def test_what_no_windows_knows_is_latin():
    assert csv_form(b"x\n\x81\n").encoding == "latin-1"


def test_a_given_encoding_is_taken():
    content = "имя;мяч\nюж;1,5\n".encode("cp1251")
    assert csv_form(content, encoding="cp1251") == CsvForm(encoding="cp1251", separator=";", decimal=",")


def test_a_compressed_file_tells_the_same():
    for form in FORMS:
        assert csv_form(gzip.compress(written(form))) == form
    with pytest.raises(UnreadableFileError, match="damaged_gzip"):
        csv_form(gzip.compress(b"x;y\n1;2\n")[:-9])


@pytest.mark.parametrize("content", [b"", b"\n\n", b'"x;y\n1', b"a;b\n1;2;3\n", b"a;a\n1;2\n"])
def test_of_a_file_that_cannot_be_read_no_more_is_told_than_can_be(content: bytes):
    assert csv_form(content).decimal == "."
