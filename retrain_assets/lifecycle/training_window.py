"""Which labelled batches a training may use as of a batch, and the frozen record of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from retrain_assets.data.labels import with_labels
from retrain_assets.data.profile import TableProfile
from retrain_assets.data.small_tables import rows_of
from retrain_assets.data.time_order import in_time_order
from retrain_assets.data.windows import Batch
from retrain_assets.errors import MissingUpstreamError, NotStoredError
from retrain_assets.lifecycle.history import settled_batches
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.lifecycle.relating import first_since_change
from retrain_assets.policy.decision import Decision
from retrain_assets.stores.protocols import Stores, TableCommit

READ_TABLES = ("validated", "labels", "profile")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingWindow:
    """The batches that a training as of `as_of` would read, by what is stored now.

    `holdout` are the newest matured batches, whose reserved rows judge a candidate whatever the window it trains on;
    with `promote.holdout` they are none of `batches`, and all of their rows judge. `reserved` counts the rows that
    are kept from training: of `batches`, or those of the holdout. `judging` counts those of the holdout that judge.
    """

    as_of: datetime
    batches: tuple[Batch, ...]
    holdout: tuple[Batch, ...]
    trainable: tuple[int, ...]
    reserved: tuple[int, ...]
    judging: tuple[int, ...]
    table_versions: dict[str, int]
    data_hash: str

    @property
    def rows(self) -> int:
        """Labelled rows that are not reserved."""
        return sum(self.trainable)

    @property
    def reserved_rows(self) -> int:
        """Labelled rows that are reserved."""
        return sum(self.reserved)

    @property
    def training_end(self) -> datetime | None:
        """End of the newest batch; None without one."""
        return self.batches[-1].end if self.batches else None

    @property
    def labelled_until(self) -> str | None:
        """Key of the newest batch; None without one."""
        return self.batches[-1].key if self.batches else None

    def rows_after(self, moment: datetime | None) -> int:
        """Trainable rows of batches that begin at or after a moment; all for None."""
        return sum(
            rows
            for batch, rows in zip(self.batches, self.trainable, strict=True)
            if moment is None or batch.start >= moment
        )


def plan_window(stores: Stores, model: DeclaredModel, batch: Batch, *, as_of: datetime) -> TrainingWindow:
    """The window of the declaration as of a cutoff: settled batches, none newer than `batch`, none matured later."""
    batches = tuple(
        settled
        for settled in settled_batches(stores, model, as_of=as_of)
        if settled.key <= batch.key and model.matured_at(settled) <= as_of
    )
    holdout, batches = _kept_to_judge(model, batches)
    strict = not set(holdout) & set(batches)
    details = {
        step.batch: step.detail
        for step in stores.state.steps(model.name)
        if step.job == "settle" and step.outcome == "done"
    }
    batches = _declared(stores, model, batches, details, as_of=as_of)
    commits = {asset: stores.tables.commits(model.table(asset)) for asset in READ_TABLES}

    def kept_from_training(settled: Batch) -> int:
        detail = details[settled.key]
        return int(detail["labelled"]) - (0 if strict else int(detail["trainable"]))

    judging = tuple(map(kept_from_training, holdout))
    return TrainingWindow(
        as_of=as_of,
        batches=batches,
        holdout=holdout,
        trainable=tuple(int(details[settled.key]["trainable"]) for settled in batches),
        reserved=judging if strict else tuple(map(kept_from_training, batches)),
        judging=judging,
        table_versions={asset: max((c.version for c in made.values()), default=0) for asset, made in commits.items()},
        data_hash=data_hash_of([settled.key for settled in batches], commits),
    )


def _declared(
    stores: Stores,
    model: DeclaredModel,
    batches: tuple[Batch, ...],
    details: Mapping[str, Mapping[str, Any]],
    *,
    as_of: datetime,
) -> tuple[Batch, ...]:
    """Of all settled batches, oldest first, those of the declared window."""
    span = model.spec.window.train
    if span == "all_history" or not batches:
        return batches
    if span == "since_change":
        trainable = [int(details[settled.key]["trainable"]) for settled in batches]
        return batches[first_since_change(stores, model, batches, trainable, as_of=as_of) :]
    return tuple(settled for settled in batches if settled.start >= batches[-1].end - span)


def _kept_to_judge(model: DeclaredModel, batches: tuple[Batch, ...]) -> tuple[tuple[Batch, ...], tuple[Batch, ...]]:
    """The batches that judge a candidate, and those that it may train on, which by default hold the former."""
    span = model.spec.promote.holdout
    if span is None or not batches:
        return batches[-model.spec.window.holdout_batches :], batches
    begin = batches[-1].end - span
    return (
        tuple(settled for settled in batches if settled.start >= begin),
        tuple(settled for settled in batches if settled.start < begin),
    )


def read_judging_rows(
    stores: Stores, model: DeclaredModel, frozen: TrainingSet, batches: Sequence[str], *, fitted_until: datetime
) -> pd.DataFrame:
    """The rows of some batches on which none of the models was fitted.

    Args:
        stores: all stores.
        model: the declared model.
        frozen: the training set of the candidate.
        batches: that judge.
        fitted_until: the newest training end of all models that are judged. Of batches that begin later all rows
            count, of the others the reserved ones.
    """
    newer = {key for key in batches if model.calendar.batch(key).start >= fitted_until}
    if not newer:
        return read_rows(stores, model, frozen, batches, reserved=True)
    rows = read_rows(stores, model, frozen, batches)
    return rows[rows["ra_reserved"] | rows["ra_batch"].isin(newer)].reset_index(drop=True)


def data_hash_of(batches: Sequence[str], commits: Mapping[str, Mapping[str, TableCommit]]) -> str:
    """What a training reads of some batches, as one hash of the contents of their partitions."""
    digest = hashlib.sha256()
    for key in batches:
        for asset in READ_TABLES:
            commit = commits[asset].get(key)
            digest.update(f"{key}/{asset}/{'gone' if commit is None else commit.content_hash}\n".encode())
    return digest.hexdigest()


def read_rows(
    stores: Stores, model: DeclaredModel, frozen: TrainingSet, batches: Sequence[str], *, reserved: bool | None = None
) -> pd.DataFrame:
    """Validated rows of the batches with their `label` as of the cutoff, at the frozen table versions, in time order.

    With `reserved`, those that are reserved or those to train on. Rows without a label by then are left out; nothing
    that became known later is read.
    """
    rows = stores.tables.read(model.table("validated"), batches, version=frozen.table_versions["validated"])
    labels = stores.tables.read(model.table("labels"), batches, version=frozen.table_versions["labels"])
    among = None if reserved is None else (rows["ra_reserved"] == reserved).to_numpy()
    return in_time_order(with_labels(rows, labels, frozen.as_of, among=among), model.spec.event_time)


def training_inputs(model: DeclaredModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Validated rows as a model is fitted on them: without columns that the schema had once, which no new batch has."""
    inputs = rows.copy(deep=False)
    for name in ("label", "ra_batch", *model.undeclared(rows.columns)):
        del inputs[name]  # in place: all history is there, and `drop` would copy it
    return inputs


def declared_profile(model: DeclaredModel, profile: TableProfile) -> TableProfile:
    """The same for the profile of a batch."""
    gone = set(model.undeclared(profile.names))
    return replace(profile, columns=tuple(column for column in profile.columns if column.name not in gone))


def stored_training_sets(stores: Stores, model: DeclaredModel) -> list[TrainingSet]:
    """All frozen training sets in order of their batch and attempt."""
    try:
        table = stores.tables.read(model.table("training_set"))
    except NotStoredError:
        return []
    rows = rows_of(table, [str(name) for name in table.columns])
    return [from_row(model, row) for row in sorted(rows, key=lambda row: (row["ra_batch"], row["attempt"]))]


def decision_behind(stores: Stores, model: DeclaredModel, frozen: TrainingSet) -> Decision | None:
    """The decision that a training set followed; None where the record has none."""
    made = stores.state.decisions(model.name)
    return next((each for each in made if (each.batch, each.attempt) == (frozen.batch, frozen.attempt)), None)


def latest_training_set(stores: Stores, model: DeclaredModel, batch: Batch) -> TrainingSet:
    """The newest attempt of a batch."""
    made = [frozen for frozen in stored_training_sets(stores, model) if frozen.batch == batch.key]
    if not made:
        raise MissingUpstreamError(
            f"training_set of {model.name} {batch}", f"{model.name}/training_set partition {batch}"
        )
    return made[-1]


def to_row(frozen: TrainingSet) -> dict[str, object]:
    """One row of the `training_set` table."""
    return {
        "attempt": frozen.attempt,
        "as_of": pd.Timestamp(frozen.as_of),
        "training_end": pd.Timestamp(frozen.training_end),
        "rows": frozen.rows,
        "reserved_rows": frozen.reserved_rows,
        "data_hash": frozen.data_hash,
        "cause": frozen.cause,
        "sufficient": frozen.sufficient,
        "reason": frozen.reason,
        "run_id": frozen.run_id,
        "batches": json.dumps(frozen.batches),
        "holdout_batches": json.dumps(frozen.holdout_batches),
        "table_versions": json.dumps(frozen.table_versions, sort_keys=True),
    }


def from_row(model: DeclaredModel, row: Mapping[Any, Any]) -> TrainingSet:
    """The record of a row of the `training_set` table."""
    return TrainingSet(
        model=model.name,
        batch=str(row["ra_batch"]),
        attempt=int(str(row["attempt"])),
        as_of=pd.Timestamp(str(row["as_of"])).to_pydatetime(),
        training_end=pd.Timestamp(str(row["training_end"])).to_pydatetime(),
        rows=int(str(row["rows"])),
        reserved_rows=int(str(row["reserved_rows"])),
        data_hash=str(row["data_hash"]),
        cause=str(row["cause"]),
        sufficient=bool(row["sufficient"]),
        reason=str(row["reason"]),
        run_id=str(row["run_id"]),
        batches=tuple(json.loads(str(row["batches"]))),
        holdout_batches=tuple(json.loads(str(row["holdout_batches"]))),
        table_versions=json.loads(str(row["table_versions"])),
    )
