"""Why a file or a row is quarantined: two closed sets of codes, each with the sentence that a person reads."""

from __future__ import annotations

FILE_REASONS: dict[str, str] = {
    "empty_file": "The file holds no bytes, or nothing but blank lines.",
    "not_csv": "The bytes are not text: they are another format under the name of a CSV file.",
    "wrong_encoding": "The text is not in the declared encoding.",
    "mixed_encodings": "One part of the text is in the declared encoding and another part is not.",
    "duplicated_header": "Two columns of the CSV header have the same name.",
    "wrong_separator": "The header of the CSV file is one column, and holds another separator than the declared one.",
    "malformed_csv": "A line of the CSV file does not have the columns of its header, or a quote never ends.",
    "damaged_gzip": "The file begins as gzip, but it cannot be unpacked or its end is missing.",
    "not_parquet": "The bytes are not a Parquet file.",
    "truncated_parquet": "The file begins as Parquet, but its end is missing.",
    "damaged_parquet": "The file looks like Parquet, but its content cannot be read.",
}

ROW_REASONS: dict[str, str] = {
    "missing_column": "The file of this row lacks a column that the schema requires.",
    "extra_column": "The file of this row has a column that a strict schema does not know.",
    "wrong_type": "The value cannot be read as the type of its column.",
    "missing_value": "The value is empty, null or NaN where the schema requires one.",
    "not_finite": "The value is infinite.",
    "out_of_range": "The value lies outside the limits of its column.",
    "unseen_category": "The value is not among those that the schema lists.",
    "pattern_mismatch": "The text does not have the form that the schema demands.",
    "duplicated_id": "An earlier row of the batch has the same row id.",
    "duplicated_value": "An earlier row has the same value in a column, or columns, that must be unique.",
    "missing_event_time": "The row has no event time that could be read.",
    "outside_window": "The event time lies outside the window of the batch.",
    "check_failed": "A check of the schema does not hold.",
}

_BY_CHECK: dict[str, str] = {
    "greater_than": "out_of_range",
    "greater_than_or_equal_to": "out_of_range",
    "less_than": "out_of_range",
    "less_than_or_equal_to": "out_of_range",
    "in_range": "out_of_range",
    "isin": "unseen_category",
    "equal_to": "unseen_category",
    "str_matches": "pattern_mismatch",
    "str_contains": "pattern_mismatch",
    "str_startswith": "pattern_mismatch",
    "str_endswith": "pattern_mismatch",
    "str_length": "pattern_mismatch",
}


def is_value_check(name: str | None) -> bool:
    """Whether a check of pandera's judges each value by itself."""
    return name in _BY_CHECK


def reason_of_check(name: str | None) -> str:
    """The row reason of one of pandera's checks, by the check's name.

    >>> reason_of_check("in_range"), reason_of_check("my_own_rule")
    ('out_of_range', 'check_failed')
    """
    return _BY_CHECK.get(name or "", "check_failed")
