"""The rows most worth a label, as a file to hand to whoever labels; the answers come back through the label source."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retrain_assets.data.labels import labels_as_of
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError, InsufficientDataError, RefusedError, without_password
from retrain_assets.lifecycle.champions import champion_version
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.settle import read_labels
from retrain_assets.lifecycle.watch import read_validated
from retrain_assets.lifecycle.way_out import telling_way_out
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.promotion.slices import declared_slices
from retrain_assets.promotion.unclear import Reason, most_worth_labelling, unsureness
from retrain_assets.stores.exports import export
from retrain_assets.stores.protocols import Stores
from retrain_assets.stores.sources.settings import located
from retrain_assets.training.bundle import ModelBundle
from retrain_assets.training.predict import predict

BATCHES = 4
"""Newest watched batches that are looked at by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequests:
    """`label_requests`: how many rows were asked about, by part and reason. `uri` is None where nobody is asked."""

    rows: int
    asked: Mapping[tuple[str, str], int]
    uri: str | None
    content_hash: str
    reason: str


@withholding
def request_labels(stores: Stores, model: DeclaredModel, batch: Batch) -> LabelRequests:
    """Exports the rows most worth a label as of a batch to where `label_next` says; the same again writes the same.

    Raises:
        RefusedError: `label_next` is not declared.
        StoreError: the file cannot be written.
    """
    spec = model.spec.label_next
    if spec is None:
        raise RefusedError(f"{model.name} declares no label_next: nobody said where its questions go")
    try:
        chosen = rows_to_label(stores, model, rows=spec.rows, batches=spec.batches, upto=batch)
    except DataError as error:  # also a champion that is of another task than the one declared now
        nothing = hashlib.sha256(b"").hexdigest()
        return LabelRequests(rows=0, asked={}, uri=None, content_hash=nothing, reason=str(error))
    content = questions(chosen)
    uri = located(spec.path.replace("{batch}", batch.key), model.root)
    export(uri, content)
    counted = chosen.groupby(["part", "why"]).size()
    return LabelRequests(
        rows=len(chosen),
        asked={(str(part), str(why)): int(count) for (part, why), count in counted.items()},  # pyright: ignore[reportGeneralTypeIssues] - pandas-stubs know one key
        uri=without_password(uri),
        content_hash=hashlib.sha256(content).hexdigest(),
        reason=f"{len(chosen)} rows of the newest {spec.batches} batches are most worth a label",
    )


def questions(chosen: pd.DataFrame) -> bytes:
    """What `rows_to_label` chose as a CSV file. Texts are quoted: an unquoted `NA` would be no id but a missing one."""
    return chosen.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC).encode()


@withholding
def rows_to_label(
    stores: Stores, model: DeclaredModel, *, rows: int, batches: int = BATCHES, upto: Batch | None = None
) -> pd.DataFrame:
    """Rows without a label of the newest watched batches, in the order in which to ask about them.

    With `upto`, those up to a batch, by the labels that were known as of it.

    How sure the model is, is asked of the champion as of the newest batch. One of a regression tells no probabilities:
    there it is how unlike the rows of its reference each row is. The parts of the data are the slices by each of
    `promote.limits.slices`, else the batches. A column of personal data is left out, but for the row id's, without
    which no answer could be joined.

    Returns:
        `batch`, the validated columns, `unsure` (0 to 1) or `novel` (each column adds about 1 to it in the reference),
        `part` and `why`; and the target column, empty, to fill in.

    Raises:
        InsufficientDataError: no batch was watched, nobody serves yet, or every row has its label.
    """
    steps = stores.state.steps(model.name)
    watched = sorted(
        {
            step.batch
            for step in steps
            if (step.job, step.outcome) == ("watch", "done") and (upto is None or step.batch <= upto.key)
        }
    )
    if not watched:
        raise InsufficientDataError(f"no batch of {model.name} was watched yet: there are no rows to ask about")
    newest = model.calendar.batch(watched[-1])
    champion = champion_version(stores, model, newest.end)
    if champion is None:
        raise InsufficientDataError(f"{model.name} has no champion yet: nothing is known of what is unclear to it")
    found = pd.concat(
        [_with_labels(stores, model, model.calendar.batch(key), upto) for key in watched[-batches:]], ignore_index=True
    )
    parts = _parts(model, found)
    open_rows = ~found["ra_labelled"].to_numpy()
    if not open_rows.any():
        raise InsufficientDataError(
            f"every row of the {len(watched[-batches:])} newest batches of {model.name} has its label"
        )
    asked = found[open_rows].reset_index(drop=True)
    with telling_way_out(stores, model):
        bundle = stores.registry.load(champion)
    reason, unclear = _unclear(model, bundle, asked)
    chosen = most_worth_labelling(
        unclear,
        parts[open_rows],
        Counter(parts[~open_rows].ravel()),
        rows=rows,
        ids=asked["ra_row_id"].to_numpy(),
        reason=reason,
    )
    return _shown(model, asked.iloc[chosen["position"].to_numpy()].reset_index(drop=True), chosen, reason)


def _with_labels(stores: Stores, model: DeclaredModel, batch: Batch, upto: Batch | None) -> pd.DataFrame:
    rows = read_validated(stores, model, batch)
    labels = read_labels(stores, model, batch)
    if len(labels):
        labels = labels_as_of(labels, labels["available_at"].max() if upto is None else upto.as_of)
    return rows.assign(batch=batch.key, ra_labelled=rows["ra_row_id"].isin(labels["ra_row_id"]))


def _unclear(model: DeclaredModel, bundle: ModelBundle, rows: pd.DataFrame) -> tuple[Reason, np.ndarray]:
    if model.spec.task == "regression":
        return "novel", bundle.reference.novelty(model.spec.drift.columns).scores(rows)
    return "unsure", unsureness(predict(bundle.pipeline, rows, task=model.spec.task, classes=bundle.manifest.classes))


def _parts(model: DeclaredModel, rows: pd.DataFrame) -> np.ndarray:
    """The slices, one of each declared column, or the batch, that each row belongs to: (n, k)."""
    columns = model.spec.promote.limits.slices
    if not columns:
        return rows[["batch"]].to_numpy(dtype=object)
    parts = np.empty((len(rows), len(columns)), dtype=object)
    personal = frozenset(model.spec.personal_columns)
    for place, column in enumerate(columns):
        for each in declared_slices(rows, [column], min_rows=1, numbered_columns=personal):
            parts[each.rows, place] = each.name
    return parts


def _shown(model: DeclaredModel, rows: pd.DataFrame, chosen: pd.DataFrame, reason: Reason) -> pd.DataFrame:
    spec = model.spec
    hidden = set(spec.personal_columns) - set(spec.row_id)
    hidden |= {"batch", *(name for name in rows.columns if str(name).startswith("ra_"))}
    columns = [name for name in rows.columns if name not in hidden]
    told = {reason: chosen["unclear"].round(4), "part": chosen["part"], "why": chosen["why"]}
    made = rows[["batch", *columns]].assign(**told)
    made[spec.target.column] = ""
    return made
