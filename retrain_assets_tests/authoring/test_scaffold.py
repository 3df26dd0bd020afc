"""What `init` writes passes `check`, says what it guessed, and loses no row on the way into batches."""

from __future__ import annotations

import gzip
import re
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.authoring.checking import check_declarations
from retrain_assets.authoring.scaffold import form_of, read_data, scaffold, write_scaffold
from retrain_assets.data.contracts import Contract
from retrain_assets.data.csv_form import CsvForm
from retrain_assets.data.reading import read_part
from retrain_assets.data.windows import Calendar
from retrain_assets.errors import DeclarationError
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.spec import ColumnSpec, ModelSpec, load_declarations


def orders(rows: int = 6000, days: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=rows, freq=pd.Timedelta(days=days) / rows)
    return pd.DataFrame(
        {
            "order_id": [f"o{number:06}" for number in range(rows)],
            "ordered_at": times.strftime("%Y-%m-%dT%H:%M:%S"),
            "price": rng.gamma(2, 10, rows).round(2),
            "shop": rng.choice(["north", "south"], rows),
            "note": [f"text {number}" for number in range(rows)],
            "returned": rng.integers(0, 2, rows),
        }
    )


def made(frame: pd.DataFrame, **given: Any) -> ModelSpec:
    return load_declarations(scaffold(frame, file=Path("orders.csv"), **given).text)[0]


def test_numbers_of_another_form_are_told_with_what_to_do():
    frame = orders()
    frame["price"] = [f"{price:.2f}".replace(".", ",") for price in frame["price"]]
    told = "\n".join(scaffold(frame, file=Path("orders.csv"), target="returned").guesses)
    first = frame["price"].iloc[0]
    odd = f"though most read like numbers: {first!r} is none. Write them as 1234.5, here and in each delivery"
    assert f"features.columns: without price (too many distinct texts, {odd})" in told
    assert "features.columns: without note (too many distinct texts)" in told
    priced = scaffold(frame, file=Path("orders.csv"), target="price").guesses
    assert any(each.startswith("metric: log_loss (price has ") and odd in each for each in priced)


@pytest.fixture(params=[".csv", ".parquet"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / f"orders{request.param}"
    orders().to_csv(file, index=False) if request.param == ".csv" else orders().to_parquet(file, index=False)
    return file


def test_the_result_passes_the_check(data: Path, tmp_path: Path):
    written = scaffold(read_data(data), file=data)
    write_scaffold(written, data, tmp_path / "defs" / "orders")
    assert check_declarations([tmp_path / "defs"], environ={}) == []


def test_every_row_is_in_the_batch_of_its_time(data: Path, tmp_path: Path):
    frame = read_data(data)
    files = write_scaffold(scaffold(frame, file=data, every="week"), data, tmp_path / "m")
    parts = {file.stem: read_data(file) for file in files}
    assert list(parts)[:2] == ["2024-01-01", "2024-01-08"]
    together = pd.concat(list(parts.values()), ignore_index=True)
    pd.testing.assert_frame_equal(together, frame)
    for key, part in parts.items():
        times = pd.to_datetime(part["ordered_at"])
        assert times.min() >= pd.Timestamp(key)
        assert times.max() < pd.Timestamp(key) + pd.Timedelta(weeks=1)


def test_the_cells_of_a_csv_file_stay_as_they_were_written(tmp_path: Path):
    file = tmp_path / "orders.csv"
    lines = ["id,at,code,price,sold"]
    lines += [f"{n},2024-01-{n % 28 + 1:02},00{n},1.50,{n % 2}" for n in range(200)]
    file.write_text("\n".join([*lines, "NA,2024-01-05,,1e3,1"]) + "\n", encoding="utf-8")
    files = write_scaffold(scaffold(read_data(file), file=file, every="day"), file, tmp_path / "m")
    written = [line for part in files for line in part.read_text(encoding="utf-8").splitlines()[1:]]
    assert sorted(written) == sorted([*lines[1:], "NA,2024-01-05,,1e3,1"])


def test_the_index_of_a_parquet_file_is_columns_where_it_has_a_name_and_may_repeat(tmp_path: Path):
    """As delivered files are read; labels that repeat would take rows into the batches of others, more than once."""
    frame = orders(600)
    file = tmp_path / "orders.parquet"
    indexed = frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"])).set_index("ordered_at")
    for held in (indexed, frame.set_index(frame.index % 7)):
        held.to_parquet(file)
        guessed = scaffold(read_data(file), file=file, event_time="ordered_at", every="week")
        files = write_scaffold(guessed, file, tmp_path / str(held.index.name))
        parts = [read_part(part.name, "parquet", part.read_bytes()) for part in files]
        assert sum(map(len, parts)) == 600
        for part, name in zip(parts, files, strict=True):
            times = pd.to_datetime(part["ordered_at"])
            assert (times >= pd.Timestamp(name.stem)).all()
            assert (times < pd.Timestamp(name.stem) + pd.Timedelta(weeks=1)).all()


def test_a_column_without_a_name_is_left_out_and_stays_one(tmp_path: Path):
    """The index that pandas writes unless told otherwise: further deliveries have no `Unnamed: 0`."""
    file = tmp_path / "orders.csv"
    orders(600).to_csv(file)
    guessed = scaffold(read_data(file), file=file, every="week")
    assert "schema: without the column that has no name in the file" in guessed.guesses
    files = write_scaffold(guessed, file, tmp_path / "orders")
    assert files[0].read_text(encoding="utf-8").splitlines()[0] == file.read_text(encoding="utf-8").splitlines()[0]
    spec = load_declarations(guessed.text)[0]
    assert isinstance(spec.schema_, dict)
    assert set(spec.schema_) == set(orders(1).columns)
    delivered = read_part("next.csv", "csv", file.read_bytes())
    checked = Contract.of(spec).check([("next.csv", delivered)], Calendar(spec.batches).first)
    assert set(checked.reasons) == {"outside_window"}


def test_what_no_delivery_takes_for_missing_is_a_text(tmp_path: Path):
    """Pandas reads `n/a` as missing: the rows would be refused as soon as the first batch came."""
    file = tmp_path / "orders.csv"
    frame = orders(600)
    frame.assign(price=frame["price"].astype("str").where(frame.index % 10 > 0, "n/a")).to_csv(file, index=False)
    spec = load_declarations(scaffold(read_data(file), file=file).text)[0]
    assert isinstance(spec.schema_, dict)
    assert spec.schema_["price"].type == "string"


@pytest.mark.parametrize("time", ["unknown", None])
def test_rows_without_a_time_are_in_no_batch_and_that_is_told(time: Any):
    frame = orders(600)
    guessed = scaffold(
        frame.assign(ordered_at=frame["ordered_at"].where(frame.index % 100 > 0, time)), file=Path("orders.csv")
    )
    assert "data: without 6 of 600 rows, whose ordered_at cannot be read" in guessed.guesses
    assert sum(map(len, guessed.batches.values())) == 594
    assert not any(told.startswith("data:") for told in scaffold(frame, file=Path("orders.csv")).guesses)


def test_a_month_begins_on_a_day_that_every_month_has():
    times = pd.date_range("2020-01-31", periods=600, freq="D").strftime("%Y-%m-%d")
    frame = orders(600).assign(ordered_at=times)
    batches = made(frame, every="month").batches
    assert (batches.start.month, batches.start.day) == (1, 1)
    middle = made(frame.iloc[15:].reset_index(drop=True), every="month").batches
    assert (middle.start.month, middle.start.day) == (2, 15)


def test_columns_with_names_of_the_platforms_own_are_left_out():
    frame = orders(600).assign(ra_row_id=1.5, label=2.5)
    told = scaffold(frame, file=Path("orders.csv"), target="returned").guesses
    assert any(each.startswith("schema: without ra_row_id (names that begin with ra_") for each in told)
    assert any(each.startswith("schema: without label (that is the platform's name of the target") for each in told)
    with pytest.raises(DeclarationError, match=r"target: .* \(got ra_row_id \(names that begin with ra_"):
        scaffold(frame, file=Path("orders.csv"), target="ra_row_id")
    with pytest.raises(DeclarationError, match="event_time: must not be named label"):
        scaffold(frame.assign(label=frame["ordered_at"]), file=Path("o.csv"), target="returned", event_time="label")


@pytest.mark.parametrize("nested", [[1, 2], {"a": 1}])
def test_columns_of_lists_and_records_are_left_out(nested: Any, tmp_path: Path):
    file = tmp_path / "orders.parquet"
    items: Any = [None, *[nested] * 599]
    orders(600).assign(items=items)[["items", *orders(1).columns]].to_parquet(file)
    guessed = scaffold(read_data(file), file=file)
    assert "schema: without items (lists or records)" in guessed.guesses
    write_scaffold(guessed, file, tmp_path / "orders")
    assert check_declarations([tmp_path / "orders"], environ={}) == []


class TestGuesses:
    def test_of_columns(self):
        spec = made(orders())
        assert (spec.name, spec.event_time, spec.row_id, spec.target.column) == (
            "orders", "ordered_at", ("order_id",), "returned",
        )  # fmt: skip

    @pytest.mark.parametrize("name", ["Order ID", "orderId", "Invoice No", "invoice_nr", "Order Number", "UUID", "id"])
    def test_of_the_row_id_by_the_names_of_other_people(self, name: str):
        assert made(orders().rename(columns={"order_id": name})).row_id == (name,)

    @pytest.mark.parametrize("name", ["paid", "monkey", "number", "Nonno"])
    def test_of_no_row_id_which_is_told(self, name: str):
        guessed = scaffold(orders().rename(columns={"order_id": name}), file=Path("orders.csv"))
        told = "row_id: none (no column is unique and named like an id): its content identifies a row"
        assert told in guessed.guesses
        assert load_declarations(guessed.text)[0].row_id == ()

    def test_of_numbers_that_name_something(self):
        """The next customer has a number beyond any limit; of few distinct ones each is seen often enough to learn."""
        rng = np.random.default_rng(0)
        frame = orders().assign(
            order_id=rng.permutation(6000) * 7,
            customerId=rng.integers(1000, 1400, 6000),
            store_id=rng.integers(1, 9, 6000),
        )
        spec = made(frame, target="returned")
        assert (spec.row_id, spec.features.columns) == (("order_id",), ("price", "shop", "store_id"))
        assert isinstance(spec.schema_, dict)
        assert spec.schema_["customerId"] == spec.schema_["order_id"] == ColumnSpec(type="int")
        assert spec.schema_["store_id"].max is not None

    def test_of_the_features(self):
        """No id, no time, no text that never repeats, and never the target."""
        assert made(orders()).features.columns == ("price", "shop")

    def test_of_a_column_that_numbers_the_rows(self):
        """It would tell a model when a row came, and nothing of rows to come."""
        numbered = orders().assign(row=range(7, 6007))[["row", *orders(1).columns]]
        assert made(numbered).features.columns == ("price", "shop")
        told = scaffold(numbered, file=Path("orders.csv")).guesses
        assert "features.columns: without row (it numbers the rows)" in told

    def test_of_a_number_that_only_grows_with_time(self):
        """The order of an order line: limits would refuse every batch to come, and no model has seen what comes."""
        lines = orders().assign(batch_no=[number // 3 for number in range(6000)], year=[2024] * 3000 + [2025] * 3000)
        shuffled = lines[["batch_no", "year", *orders(1).columns]].sample(frac=1, random_state=0)
        spec = made(shuffled)
        assert isinstance(spec.schema_, dict)
        assert spec.schema_["batch_no"] == ColumnSpec(type="int")
        assert spec.features.columns == ("year", "price", "shop")
        told = scaffold(shuffled, file=Path("orders.csv")).guesses
        assert "features.columns: without batch_no (it only grows with time)" in told

    @pytest.mark.parametrize(
        ("first", "form"),
        [
            ("31.12.2023 23:30", "%d.%m.%Y %H:%M"),
            ("12/31/2023 11:30 PM", "%m/%d/%Y %I:%M %p"),
            ("31-Dec-23", "%d-%b-%y"),
            ("1704065400", None),
        ],
    )
    def test_of_times_in_another_form(self, first: str, form: str | None):
        """Which day 03/04 is nobody can guess; but the column can be named."""
        times = pd.Series(pd.date_range("2023-12-31 23:30", periods=600, freq="5min"))
        other: Any = times.dt.strftime(form) if form else (times - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
        told = f"ordered_at with {first!r} may be times of another form). Write times so here and in each delivery, or"
        with pytest.raises(DeclarationError, match=re.escape(told)):
            made(orders(600).assign(ordered_at=other))
        told = f"such as 2024-01-31 or 2024-01-31T12:30:00Z (got {first!r}). Write times so here"
        with pytest.raises(DeclarationError, match=re.escape(told)):
            made(orders(600).assign(ordered_at=other), event_time="ordered_at")

    def test_of_no_times_in_what_looks_personal(self):
        """A number to call has the form of a date, and an error is read by others than the file."""
        rows = orders(600).drop(columns="ordered_at").assign(phone="555-123-4567", birth_date="31.12.1980")
        with pytest.raises(DeclarationError, match="no column holds ISO dates") as refused:
            made(rows)
        assert "may be times" not in str(refused.value)
        assert "1980" not in str(refused.value)

    def test_of_a_target_of_numbers_that_are_no_numbers_of_pandas(self):
        """Texts and decimals of a Parquet file."""
        texts = made(orders().assign(returned=orders()["returned"].astype("str")))
        assert isinstance(texts.schema_, dict)
        assert (texts.metric, texts.schema_["returned"].values) == ("log_loss", (0, 1))
        assert made(orders().assign(returned=orders()["price"].map("{:.2f}".format))).metric == "squared_error"
        assert made(orders().assign(returned=orders()["price"].map(Decimal))).metric == "squared_error"

    def test_of_many_classes(self):
        """Limits around those of the file would take the next one away."""
        spec = made(orders().assign(returned=np.arange(6000) % 40), metric="log_loss")
        assert isinstance(spec.schema_, dict)
        assert spec.schema_["returned"] == ColumnSpec(type="int")

    def test_of_codes(self, tmp_path: Path):
        file = tmp_path / "orders.csv"
        orders(600).assign(price=[f"00{number % 7}" for number in range(600)]).to_csv(file, index=False)
        spec = load_declarations(scaffold(read_data(file), file=file).text)[0]
        assert isinstance(spec.schema_, dict)
        assert spec.schema_["price"].values == tuple(f"00{number}" for number in range(7))

    def test_of_very_long_words(self):
        """In a time that does not grow with the square of their length."""
        spec = made(orders(600).assign(note=["x" * 20_000] * 600))
        assert spec.personal_columns == ()

    def test_of_the_task(self):
        assert made(orders()).metric == "log_loss"
        assert made(orders(), target="price").metric == "squared_error"
        assert made(orders(), target="price").estimator.class_.endswith("Regressor")
        assert made(orders(), target="shop").metric == "log_loss"

    @pytest.mark.parametrize(
        ("rows", "days", "every"),
        [(6000, 60, "week"), (12_000, 20, "day"), (6000, 1, "hour"), (6000, 700, "month"), (3, 3, "day")],
    )
    def test_of_the_batches(self, rows: int, days: int, every: str):
        """The shortest that hold some hundreds of rows."""
        assert made(orders(rows, days)).batches.every == every

    def test_of_a_target_by_its_name(self):
        frame = orders().rename(columns={"returned": "label"})[["label", "ordered_at", "price", "shop"]]
        assert made(frame).target.column == "label"

    def test_are_told(self):
        told = scaffold(orders(), file=Path("orders.csv")).guesses
        assert "target: returned (the last column: very likely wrong)" in told
        assert any(guess.startswith("batches.every: week (about 700 rows each") for guess in told)
        assert any(guess.startswith("target.label_delay: 0 days") for guess in told)

    def test_what_is_given_is_not_guessed(self):
        given: dict[str, Any] = {
            "name": "returns",
            "event_time": "ordered_at",
            "target": "returned",
            "every": "day",
            "metric": "brier",
        }
        written = scaffold(orders(), file=Path("orders.csv"), **given)
        spec = load_declarations(written.text)[0]
        assert (spec.name, spec.batches.every, spec.metric) == ("returns", "day", "brier")
        assert not any(
            guess.startswith(("name:", "event_time:", "target:", "metric:", "batches")) for guess in written.guesses
        )

    def test_of_limits_for_small_batches(self):
        spec = made(orders(600), every="week")
        assert spec.drift.min_rows < 200
        assert spec.promote.min_rows < 200

    @pytest.mark.parametrize(
        ("stem", "name"), [("Orders 2024", "orders_2024"), ("2024", "model_2024"), ("---", "model"), ("ÄÖ", "model")]
    )
    def test_of_a_name(self, stem: str, name: str):
        assert load_declarations(scaffold(orders(), file=Path(f"{stem}.csv")).text)[0].name == name


def people(rows: int = 600) -> pd.DataFrame:
    """Customers as a file might hold them, of no two columns in the same form."""
    rng = np.random.default_rng(1)
    number = range(rows)
    return pd.DataFrame(
        {
            "birthDate": pd.date_range("1950-01-01", periods=rows).strftime("%Y-%m-%d"),
            "bought_at": pd.date_range("2024-01-01", periods=rows, freq="h").strftime("%Y-%m-%dT%H:%M:%S"),
            "Last Name": rng.choice(["Hopper", "Lovelace", "Noether"], rows),
            "contact": [f"ada{n}@example.org" for n in number],
            "note": [f"asked by joe{n}@example.org" if n % 10 == 0 else f"text {n}" for n in number],
            "reached_by": [f"+49 30 {1000000 + n}" for n in number],
            "seen_from": [f"10.0.{n // 250}.{n % 250}" for n in number],
            "tax_id": rng.integers(10_000_000, 99_999_999, rows),
            "zip": rng.integers(10_000, 99_999, rows),
            "ssn4": [f"{n:03}-12-{n:04}" for n in number],
            "email_opt_in": rng.choice(["yes", "no"], rows),
            "phone_calls": rng.integers(0, 9, rows),
            "email_verified_at": pd.date_range("2023-01-01", periods=rows).strftime("%Y-%m-%d"),
            "product_name": rng.choice(["chair", "table", "lamp"], rows),
            "mobile": rng.integers(0, 2, rows).astype(bool),
            "price": rng.gamma(2, 10, rows).round(2),
            "bought": rng.integers(0, 2, rows),
        }
    )


class TestPersonalData:
    def test_is_suggested_by_names_and_values(self):
        spec = made(people(), target="bought")
        assert set(spec.personal_columns) == {
            "birthDate", "Last Name", "contact", "note", "reached_by", "seen_from", "tax_id", "zip", "ssn4",
        }  # fmt: skip
        assert spec.event_time == "bought_at", "a date of birth is the time of no row"

    def test_is_no_feature_and_stands_in_no_schema(self, tmp_path: Path):
        written = scaffold(people(), file=Path("people.csv"), target="bought")
        spec = load_declarations(written.text)[0]
        assert spec.features.columns is not None
        assert set(spec.features.columns).isdisjoint(spec.personal_columns)
        assert {"email_opt_in", "phone_calls", "product_name", "mobile", "price"} == set(spec.features.columns)
        assert "Hopper" not in written.text
        assert isinstance(spec.schema_, dict)
        assert (spec.schema_["zip"].min, spec.schema_["zip"].max) == (None, None)

    def test_is_a_guess_that_a_person_must_look_at(self):
        written = scaffold(people(), file=Path("people.csv"), target="bought")
        told = next(guess for guess in written.guesses if guess.startswith("personal_columns: "))
        assert "contact (its values hold e-mail addresses)" in told
        assert "Last Name (named like a person's name)" in told
        assert told.endswith("A person must look, before the first batch; none of them is a feature")
        assert "# Guessed by names and values: look at every column yourself." in written.text

    def test_each_column_is_told_where_it_is_missed(self):
        guesses = scaffold(people(), file=Path("people.csv"), target="bought").guesses
        assert "features.columns: without contact (personal)" in guesses
        assert not any("no column is left" in guess for guess in guesses)

    def test_alone_leaves_no_feature_and_that_is_told_and_refused(self, tmp_path: Path):
        data = tmp_path / "people.csv"
        people()[["bought_at", "contact", "bought"]].to_csv(data, index=False)
        written = scaffold(read_data(data), file=data, target="bought")
        assert any("no column is left, and a model needs one. Put a features.transform" in g for g in written.guesses)
        write_scaffold(written, data, tmp_path / "defs" / "people")
        (problem,) = check_declarations([tmp_path / "defs"], environ={})
        assert (problem.severity, problem.field) == ("error", "features.columns")
        assert problem.line is not None
        assert "must name at least one column (got []): name some, or leave it out. Features are" in problem.message

    def test_that_nobody_could_see_is_left_to_the_person(self):
        written = scaffold(orders(), file=Path("orders.csv"))
        assert load_declarations(written.text)[0].personal_columns == ()
        assert "\n  # personal_columns: []\n" in written.text
        assert any("personal_columns: none (by no name and no value)" in guess for guess in written.guesses)

    def test_in_the_target_or_the_event_time_is_not_named(self):
        """The declaration refuses both: every report tells of them."""
        spec = made(people(), target="Last Name", event_time="birthDate")
        assert {"Last Name", "birthDate"}.isdisjoint(spec.personal_columns)


@pytest.mark.parametrize(("values", "kind"), [((0, 1), "int"), ((0.0, 1.0), "float"), ((1, 2, 3), "int")])
def test_the_classes_of_a_target_are_named(values: tuple[float, ...], kind: str):
    """Limits with a margin would name a class that nobody has seen."""
    frame = orders().assign(returned=np.resize(values, 6000))
    column = made(frame, target="returned", metric="log_loss").schema_["returned"]  # pyright: ignore[reportArgumentType]
    assert column == ColumnSpec(type=kind, values=values)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("value", [0, "no"])
def test_a_class_that_is_alone_in_the_file_does_not_refuse_the_other(value: int | str):
    """The first week of rare outcomes often has none."""
    guessed = scaffold(orders().assign(returned=value), file=Path("orders.csv"), target="returned")
    told = "(returned has one value, of which nothing can be learned: a first model waits for labels of another)"
    assert f"metric: log_loss {told}" in guessed.guesses
    column = load_declarations(guessed.text)[0].schema_["returned"]  # pyright: ignore[reportArgumentType]
    assert isinstance(column, ColumnSpec)
    assert column.values is None


def test_a_target_of_numbers_has_no_limits():
    """What lies beyond them would be no label, just where the target moves."""
    assert made(orders(), target="price").schema_["price"] == ColumnSpec(type="float")  # pyright: ignore[reportArgumentType]


def test_truth_values_with_gaps_are_truth_values():
    """Of a CSV file they are objects: `True` as a number would be a class that no delivery has."""
    flags = pd.Series([True, False, None] * 2000, dtype="object")
    written = made(orders().assign(returned=flags, rush=flags), target="returned")
    assert written.schema_["returned"] == ColumnSpec(type="bool", nullable=True)  # pyright: ignore[reportArgumentType]
    assert written.schema_["rush"] == ColumnSpec(type="bool", nullable=True)  # pyright: ignore[reportArgumentType]


class TestRefuses:
    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ([None], r"target: must have values .got 'returned', which has none in any row"),
            ([0.5, 1.5], r"target: 'returned' must hold whole numbers, texts or truth values as classes .got 0.5"),
        ],
    )
    def test_a_target_that_is_none(self, values: list[float | None], told: str):
        with pytest.raises(DeclarationError, match=told):
            made(orders().assign(returned=pd.Series(values * (6000 // len(values)))), target="returned")

    def test_a_column_that_is_not_there(self):
        with pytest.raises(DeclarationError, match=r"target: .*\(got 'returnd'\). Did you mean 'returned'"):
            made(orders(), target="returnd")

    def test_rows_without_times(self):
        with pytest.raises(DeclarationError, match=r"no column holds ISO dates .* \(got the columns order_id, price,"):
            made(orders().drop(columns="ordered_at"))

    def test_an_event_time_that_holds_none(self):
        with pytest.raises(
            DeclarationError,
            match=r"column 'shop' must hold ISO dates or times, such .* \(got '(north|south)'\)\. Write",
        ):
            made(orders(), event_time="shop")

    @pytest.mark.parametrize(("name", "content"), [("x.csv", b""), ("x.parquet", b"PAR1"), ("x.csv", b"a\n\0")])
    def test_a_file_that_cannot_be_read(self, tmp_path: Path, name: str, content: bytes):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DeclarationError, match="cannot be read"):
            read_data(tmp_path / name)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"PK\x03\x04...", "not_csv.*zip archive"),
            ("a,b\nZ\u00fcrich,1\n".encode() + "K\u00f6ln,1\n".encode("latin-1"), "mixed_encodings"),
            (b"a,b,a\n1,2,3\n", r"^DATA: x\.csv cannot be read \(duplicated_header\)"),
        ],
    )
    def test_what_would_be_refused_as_a_delivery(self, tmp_path: Path, content: bytes, said: str):
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(DeclarationError, match=said):
            read_data(tmp_path / "x.csv")

    @pytest.mark.parametrize(
        ("content", "said"), [(b"PAR1" * 9 + b"x", "truncated_parquet"), (b"a,b\n", "not_parquet")]
    )
    def test_what_is_no_parquet(self, tmp_path: Path, content: bytes, said: str):
        (tmp_path / "x.parquet").write_bytes(content)
        with pytest.raises(DeclarationError, match=said):
            read_data(tmp_path / "x.parquet")

    def test_a_file_without_rows(self, tmp_path: Path):
        (tmp_path / "x.csv").write_text("a,b\n", encoding="utf-8")
        with pytest.raises(DeclarationError, match="must have rows"):
            read_data(tmp_path / "x.csv")

    def test_to_overwrite_a_declaration(self, data: Path, tmp_path: Path):
        written = scaffold(read_data(data), file=data)
        write_scaffold(written, data, tmp_path / "m")
        (tmp_path / "m" / "defs.yaml").write_text("mine", encoding="utf-8")
        with pytest.raises(DeclarationError, match="exists already"):
            write_scaffold(written, data, tmp_path / "m")
        assert (tmp_path / "m" / "defs.yaml").read_text(encoding="utf-8") == "mine"


class TestOtherForms:
    """Of CSV files: `check` and the first batch pass at once."""

    FORMS: tuple[tuple[str, CsvForm], ...] = (
        ("orders.csv", CsvForm(separator=";", decimal=",")),
        ("orders.tsv", CsvForm(separator="\t")),
        ("orders.txt", CsvForm(separator="|", encoding="cp1252", decimal=",")),
        ("orders.csv", CsvForm(encoding="utf-16", separator="\t")),
        ("orders.csv.gz", CsvForm(encoding="cp1252", separator=";", decimal=",")),
    )

    @pytest.mark.parametrize(("name", "form"), FORMS, ids=str)
    def test_are_told_declared_and_kept(self, name: str, form: CsvForm, tmp_path: Path):
        file = tmp_path / name
        frame = orders().assign(shop=np.resize(["Köln", "Süd"], 6000))
        frame.to_csv(file, index=False, sep=form.separator, encoding=form.encoding, decimal=form.decimal)
        pd.testing.assert_frame_equal(read_data(file), frame)
        guessed = scaffold(read_data(file, form_of(file)), file=file, form=form_of(file))
        told = [each.split(":")[0] for each in guessed.guesses if each.startswith("source.")]
        assert set(told) == {f"source.{each}" for each in ("encoding", "separator", "decimal") if each in told_of(form)}
        files = write_scaffold(guessed, file, tmp_path / "defs" / "orders")
        assert check_declarations([tmp_path / "defs"], environ={}) == []
        assert files[0].name == f"2024-01-01{name.removeprefix('orders')}"
        model = DeclaredModel(load_declarations(guessed.text)[0], tmp_path)
        assert isinstance(model.spec.schema_, dict)
        assert (model.spec.name, model.spec.schema_["price"].type) == ("orders", "float")
        (raw,) = DeclaredModel(model.spec, tmp_path / "defs" / "orders").source.read(model.calendar.first)
        rows = read_part(raw.name, raw.media_type, raw.content, **model.reading(model.spec.source))
        checked = model.contract.check([(raw.name, rows)], model.calendar.first)
        assert not checked.reasons
        expected = frame[frame["ordered_at"] < "2024-01-08"]
        assert checked.accepted["price"].tolist() == expected["price"].tolist()
        assert checked.accepted["shop"].tolist() == expected["shop"].tolist()

    def test_of_the_usual_file_nothing_is_declared(self):
        assert "source: {type: files, path: 'data/{batch}*.csv'}" in scaffold(orders(600), file=Path("orders.csv")).text

    def test_a_file_that_does_not_say_that_it_is_compressed_is_read(self, tmp_path: Path):
        file, frame = tmp_path / "orders.csv", orders()
        file.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
        pd.testing.assert_frame_equal(read_data(file), frame)
        files = write_scaffold(scaffold(read_data(file), file=file), file, tmp_path / "m")
        assert sum(len(pd.read_csv(part)) for part in files) == len(frame)

    @pytest.mark.parametrize("name", ["orders.xlsx", "orders.json.gz", "orders", "orders.parquet.gz"])
    def test_another_kind_of_file_is_told_how_to_write_anew(self, name: str, tmp_path: Path):
        (tmp_path / name).write_bytes(b"a,b\n")
        with pytest.raises(DeclarationError, match=r"must be a file that ends in \.csv, .* or \.parquet") as refused:
            read_data(tmp_path / name)
        assert "Write it anew first, with `DataFrame.to_csv(copy, index=False)`" in str(refused.value)

    def test_an_encoding_that_is_not_the_files_is_told_by_the_option(self, tmp_path: Path):
        file = tmp_path / "orders.csv"
        for content, given in (("a,b\n1,2\n".encode("utf-16"), "utf-8"), ("ü,b\n1,2\n".encode("cp1252"), "ascii")):
            file.write_bytes(content)
            with pytest.raises(DeclarationError, match=f"is no {given} text: give its --encoding, or leave it out"):
                read_data(file, form_of(file, encoding=given))

    def test_parquet_has_no_encoding_to_give(self, tmp_path: Path):
        orders(60).to_parquet(tmp_path / "orders.parquet")
        assert form_of(tmp_path / "orders.parquet") == CsvForm()
        with pytest.raises(DeclarationError, match=r"--encoding is of text.*\(got 'orders\.parquet'\)"):
            form_of(tmp_path / "orders.parquet", encoding="cp1252")

    def test_a_damaged_file_is_told_by_its_name(self, tmp_path: Path):
        file = tmp_path / "orders.csv.gz"
        file.write_bytes(gzip.compress(b"a,b\n1,2\n")[:-9])
        with pytest.raises(DeclarationError, match=r"orders\.csv\.gz cannot be read \(damaged_gzip\)"):
            form_of(file)


def told_of(form: CsvForm) -> set[str]:
    """The fields in which a form is not the usual one."""
    usual = asdict(CsvForm())
    return {name for name, value in asdict(form).items() if value != usual[name]}
