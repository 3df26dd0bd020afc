"""What persons answered to the rows that they were asked about, by batch, to where `target.labels` looks."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from retrain_assets.data.conversion import kind_of
from retrain_assets.data.csv_form import csv_form
from retrain_assets.data.delivered_labels import join_labels
from retrain_assets.data.gzipped import unpacked
from retrain_assets.data.reading import read_part
from retrain_assets.data.row_reading import plain_dtype
from retrain_assets.data.targets import target_kind
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError, RefusedError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.settle import some_labels
from retrain_assets.lifecycle.watch import read_validated
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.spec import FilesSource
from retrain_assets.stores.exports import export
from retrain_assets.stores.protocols import Stores
from retrain_assets.stores.sources.settings import located, resolve, resolve_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How many labels were delivered of each batch, and how many rows have no answer yet."""

    labels: Mapping[str, int]
    blank: int


@withholding
def deliver_answers(stores: Stores, model: DeclaredModel, file: str, content: bytes, *, now: datetime) -> Answered:
    """Writes the answered rows of an exported file where the label source looks, one file for each batch.

    Labels are read by batch, and the rows that were asked about are of several. Each file is a delivery of its own:
    it replaces none, and of two answers to one row the later counts. All of them are read again as settling will read
    them before one is written.

    Args:
        stores: all stores.
        model: the declared model.
        file: name of the file, for messages.
        content: a CSV file with the column `batch`, those of the row id, and the target; others are left aside. Its
            separator, encoding and decimal mark are told from it: a spreadsheet saves it by its own.
        now: wall time; it names what is delivered.

    Raises:
        RefusedError: `target.labels` has no place for a further file of a batch.
        DataError: a column, a batch or a row is unknown, an answer cannot be read, or there is none.
        UnreadableFileError: it is no CSV file.
        StoreError: a file cannot be written.
    """
    source = _place(model)
    spec = model.spec
    content = unpacked(content, file)
    form = csv_form(content)
    rows = read_part(
        file, "csv", content, encoding=form.encoding, separator=form.separator, show=not spec.personal_columns
    )
    for column in ("batch", *spec.row_id, spec.target.column):
        if column not in rows.columns:
            raise DataError(f"{file} must have the column '{column}', as `label-next` writes it")
    given = rows[spec.target.column].fillna("").astype(str).str.strip() != ""
    if not given.any():
        raise DataError(f"{file} holds no answer: the column '{spec.target.column}' is empty in all {len(rows)} rows")
    stored = some_labels(stores, model)
    for column in _numbers(model, rows[given], stored):
        rows[column] = rows[column].str.replace(form.decimal, source.decimal, regex=False)
    deliveries: list[tuple[Batch, int, bytes]] = []
    for key, part in rows[given].groupby("batch", dropna=False):
        batch = _batch(model, file, str(key))
        # Quoted, an id or a class such as "NA" stays one.
        text = part[[*spec.row_id, spec.target.column]].to_csv(index=False, sep=source.separator, quoting=csv.QUOTE_ALL)
        delivery = _encoded(model, file, batch, text, source.encoding)
        _refuse_useless(stores, model, file, batch, read_part(file, "csv", delivery, **model.reading(source)), stored)
        deliveries.append((batch, len(part), delivery))
    for batch, _, delivery in deliveries:
        name = f"-answers-{now:%Y%m%dT%H%M%S%f}"
        folder, _, last = located(resolve(source.path, None), model.root).rpartition("/")
        uri = f"{folder}/{last.replace('*', name, 1).replace('*', '')}".replace("{batch}", batch.key)
        export(
            uri, gzip.compress(delivery) if uri.endswith(".gz") else delivery, resolve_all(source.storage_options, None)
        )
    return Answered(labels={batch.key: count for batch, count, _ in deliveries}, blank=int((~given).sum()))


def _place(model: DeclaredModel) -> FilesSource:
    source = model.spec.target.labels
    by_hand = "deliver the answers there yourself, those of each batch by themselves"
    if not isinstance(source, FilesSource):
        told = "with the rows" if source is None else f"from a source of type {source.type}"
        raise RefusedError(f"labels of {model.name} come {told}, to which nothing can be added here: {by_hand}")
    pattern = resolve(source.path, None)
    folder, _, last = pattern.rpartition("/")
    if source.format_of(last) != "csv" or "*" not in last or "*" in folder or "?" in pattern:
        raise RefusedError(
            f"target.labels of {model.name} must be CSV files of which a batch may have several, such as "
            f"'labels/{{batch}}*.csv' (got '{source.path}'): {by_hand}"
        )
    return source


def _numbers(model: DeclaredModel, answered: pd.DataFrame, stored: pd.Series | None) -> list[str]:
    """Those of the delivered columns that are read as numbers, and so by the decimal mark of the label source."""
    spec, schema = model.spec, model.contract.schema
    types = {name: plain_dtype(schema.columns[name]) for name in spec.row_id if name in schema.columns}
    kinds = {name: kind_of(dtype) for name, dtype in types.items() if dtype is not None}
    kinds[spec.target.column] = target_kind([answered], spec, schema, stored=stored)
    return [name for name, kind in kinds.items() if kind in ("int", "float")]


def _batch(model: DeclaredModel, file: str, key: str) -> Batch:
    with suppress(ValueError):
        return model.calendar.batch(key)
    raise DataError(
        f"{file} names the batch {key!r}, which is none of {model.name}: a key is such as "
        f"'{model.calendar.first.key}', as `label-next` writes it; a spreadsheet may have written a date of its own"
    )


def _encoded(model: DeclaredModel, file: str, batch: Batch, text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        unknown = text[error.start]
    # Past the handler: the error holds the whole text.
    shown = "a character" if model.spec.personal_columns else f"the character {unknown!r}"
    raise DataError(
        f"{file}: an id or answer of batch {batch} has {shown} that is none of {encoding}, the encoding which "
        f"target.labels of {model.name} declares; nothing was delivered"
    )


def _refuse_useless(
    stores: Stores, model: DeclaredModel, file: str, batch: Batch, part: pd.DataFrame, stored: pd.Series | None
) -> None:
    """Settling would leave such answers aside and tell it on a check: whoever has just typed them wants to know now."""
    taken = join_labels([(file, part)], model.contract, read_validated(stores, model, batch), stored=stored)
    if taken.unreadable:
        shown = "" if model.spec.personal_columns else f", such as {', '.join(map(repr, taken.unreadable_values[:3]))}"
        raise DataError(
            f"{file}: {taken.unreadable} answers of batch {batch} are no labels of {model.name}{shown}; nothing was "
            "delivered"
        )
    if taken.unknown:
        raise DataError(
            f"{file}: batch {batch} has no accepted row of {taken.unknown} ids ({', '.join(taken.unknown_ids)}); "
            "nothing was delivered"
        )
