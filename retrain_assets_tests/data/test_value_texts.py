"""Values of any type as texts, and texts as categories: the same of pandas and of Arrow, of few and of many."""

import datetime as dt
import uuid
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.data import text_counts, value_texts
from retrain_assets.data.arrow_profiling import profile_array
from retrain_assets.data.categories import count_categories, label_of
from retrain_assets.data.label_length import MAX_CATEGORY_LENGTH
from retrain_assets.data.profile import profile_table
from retrain_assets.data.text_counts import codes_of_texts, count_texts
from retrain_assets.data.value_texts import texts_of_arrow, texts_of_series
from retrain_assets.drift import compare

VALUES: dict[str, list[Any]] = {
    "texts": ["a", "", None, "ä'\n", "b\\"],
    "bytes": [b"a", b"\xff'", None, b""],
    "lists": [[1, None, 3], [], None, [10**12]],
    "lists of floats": [[0.5, None], [2.0, -0.0], None, [1e14, 3e-4]],
    "lists of numbers near zero and far from it": [[1e-4, 9.9e-5, 1e-5, 5e-324], [0.1 + 0.2, 1e10 + 0.5], None,
                                                   [1e15, 2.0**53, 2.0**53 + 2, 1e16, 1.5e300, -1e300, np.inf]],
    "lists of numbers of numpy": [[np.float64(1e-5), np.float64(2)], [np.float32(0.5)], None, []],
    "lists of whole numbers and others": [[2**52, 1], [0.5], None, [2**53]],
    "lists of texts": [["a", None, "it's"], [], None, ["ä\n"]],
    "lists of lists": [[[1], None, []], None, [[2, 3]], []],
    "lists of truths": [[True, None], [False], None, []],
    "records": [{"b": 1, "a": "x"}, {"a": "y"}, None, {"b": None, "a": None}],
    "records in lists": [[{"a": 1}, None], [], None, [{"a": 2}, {"a": 3}]],
    "lists in records": [{"a": [1, None]}, {"a": []}, None, {"a": None}],
    "days in lists": [[dt.date(2020, 1, 2), None], [], None, [dt.date(1, 1, 1)]],
    "times of day": [dt.time(1, 2, 3), None, dt.time(0)],
}  # fmt: skip


def texts(blocks: Any) -> list[Any]:
    return [text for block in blocks for text in block.to_pylist()]


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_a_value_has_one_text_whatever_holds_it(values: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [None if value is None else label_of(value) for value in values]
    series = pd.Series(values, dtype="object")
    array = pa.chunked_array([pa.array(values)])
    assert texts(texts_of_series(series)) == expected
    assert texts(texts_of_arrow(array)) == expected
    assert texts(texts_of_series(pd.Series(pd.arrays.ArrowExtensionArray(array)))) == expected
    assert texts(texts_of_arrow(array.slice(1))) == expected[1:]
    assert texts(texts_of_series(pd.concat([series, pd.Series([object], dtype="object")])))[:-1] == expected
    monkeypatch.setattr(value_texts, "BYTES", 1)
    monkeypatch.setattr(value_texts, "ROWS", 2)
    assert texts(texts_of_arrow(array)) == texts(texts_of_series(series)) == expected


def test_numbers_in_lists_have_one_text_whatever_is_in_their_block() -> None:
    assert label_of([1e-5, 1.5e300, 1e15, 0.5, np.float64(3)]) == "[1e-05, 1.5e+300, 1000000000000000, 0.5, 3]"
    rng = np.random.default_rng(0)
    values: Any = [*(rng.choice([-1, 1], 3_000) * 10 ** rng.uniform(-8, 18, 3_000)).tolist(), 10.0**15, 10.0**16]
    assert texts(texts_of_arrow(pa.chunked_array([pa.array([[value] for value in values])]))) == [
        label_of([value]) for value in values
    ]
    lists = [[value] for value in rng.choice([1e-5, 2e-5, 3.5e-5, 1e300], 2_000).tolist()]
    odd: Any = [*lists[:-1], ["n/a"]]
    report = compare(pd.DataFrame({"x": lists}), pd.DataFrame({"x": odd}), columns=["x"], joint="none")
    assert report.drifted is False


def test_arrays_tuples_and_records_of_many_names_are_what_they_hold() -> None:
    several: Any = [np.array([1, 2]), (1, 2), [1, 2], np.array([[1], [2]]), [1, "a"], float("nan")]
    assert texts(texts_of_series(pd.Series(several, dtype="object"))) == [
        "[1, 2]", "[1, 2]", "[1, 2]", "[[1], [2]]", "[1, 'a']", None,
    ]  # fmt: skip
    counts: Any = [{f"n{place}": 1} for place in range(1_000)]
    assert texts(texts_of_series(pd.Series(counts)))[999] == "{'n999': 1}"


def test_types_that_only_python_or_pandas_can_write() -> None:
    ids = [uuid.UUID(int=place) for place in range(3)]
    assert texts(texts_of_series(pd.Series(ids))) == [str(each) for each in ids]
    assert texts(texts_of_arrow(pa.chunked_array([pa.array([each.bytes for each in ids], pa.uuid())]))) == [
        str(each) for each in ids
    ]
    spans = pd.arrays.IntervalArray.from_breaks([0, 1, 2])
    for series in (pd.Series(spans), pd.Series(pd.Categorical(spans))):
        table = pa.Table.from_pandas(pd.DataFrame({"x": series}))
        assert texts(texts_of_series(series)) == texts(texts_of_arrow(table.column("x"))) == ["(0, 1]", "(1, 2]"]
    pairs = pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64()))
    assert texts(texts_of_arrow(pa.chunked_array([pairs]))) == ["[['a', 1]]", None]
    assert texts(texts_of_series(pd.Series(["a\ud800", "b"], dtype="object"))) == ["a?", "b"]


def test_large_texts_are_not_put_into_an_array_that_may_not_hold_them() -> None:
    values = pa.array(["a", "b", None, "ä" * 60, "a"] * 2_000, pa.large_string())
    assert value_texts.texts_of_array(values) is values  # more than 2 GiB of them are no plain array
    plain = profile_table(pd.DataFrame({"x": values.to_pylist()}))["x"]
    assert profile_array("x", pa.chunked_array([values])) == plain
    categories = pd.Categorical(pd.Series(values.to_pylist(), dtype=pd.ArrowDtype(pa.large_string())))
    assert profile_table(pd.DataFrame({"x": pd.Series(categories)}))["x"] == plain
    assert profile_table(pd.DataFrame({"x": pd.Categorical([None])}))["x"].missing == 1


@pytest.mark.parametrize("length", [3, 150])
@pytest.mark.parametrize("few", [0, 10**6])
def test_many_texts_are_counted_as_few_are(length: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_counts, "FEW", few)
    rng = np.random.default_rng(0)
    every = [f"{place:03}{'ä' if place % 3 else 'b'}" * (length // 3) for place in range(600)]
    drawn = [None if place % 50 == 7 else every[place] for place in np.minimum(rng.geometric(0.005, 3_000), 599)]
    expected = Counter(text for text in drawn if text is not None)
    found = count_texts([pa.array(drawn)] if few else [pa.array(drawn[:1_000]), pa.array(drawn[1_000:])])
    assert found.missing == drawn.count(None)
    assert (found.categories, found.other, found.lengths) == count_categories([*expected], [*expected.values()])
    assert list(found.categories) == sorted(found.categories, key=lambda label: (-found.categories[label], label))
    nothing = count_texts([])
    assert (nothing.missing, nothing.categories, nothing.other, nothing.lengths) == (0, {}, 0, None)


def test_codes_are_those_of_the_labels_as_they_are_counted() -> None:
    long = "y" * 150
    codes = codes_of_texts(
        [pa.array(["a", None]), pa.array([long, "b"])], {"a": 1.0, "y" * MAX_CATEGORY_LENGTH: 2.0}, -1.0
    )
    np.testing.assert_array_equal(codes, [1.0, np.nan, 2.0, -1.0])


def test_of_a_batch_no_category_is_written_that_only_the_whole_frame_has() -> None:
    """A million of them would be written anew for each batch."""

    class Told:
        written = 0

        def __str__(self) -> str:
            Told.written += 1
            return "told"

    every: Any = pd.Index([Told() for _ in range(50)], dtype=object)
    of_frame: Any = pd.Categorical.from_codes([0, 1, -1, 1], categories=every)
    (texts,) = texts_of_series(pd.Series(of_frame))
    assert texts.to_pylist() == ["told", "told", None, "told"]
    assert Told.written == 2
