"""`validated`, `quarantine`, `profile` and `predictions` of a batch."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.data.reading import read_part
from retrain_assets.data.windows import Batch
from retrain_assets.drift.report import DriftReport
from retrain_assets.errors import MissingUpstreamError, NotStoredError, UnreadableFileError
from retrain_assets.lifecycle.champions import champion_version, newest_watched_end
from retrain_assets.lifecycle.estimating import DETAIL, estimate_batch
from retrain_assets.lifecycle.ingest import latest_arrival
from retrain_assets.lifecycle.ledger import record_step
from retrain_assets.lifecycle.mixing import MEMBER, Mixture, mixed, mixture_of, with_members
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.novel_rows import novelty_of
from retrain_assets.lifecycle.outgrown import DETAIL as UNSCORED
from retrain_assets.lifecycle.outgrown import why_outgrown
from retrain_assets.lifecycle.partitions import rows_of_batch
from retrain_assets.lifecycle.records import PredictionMode, Profiled, Promoted, Scored, Validated
from retrain_assets.lifecycle.rolling_back import roll_back_if_broken
from retrain_assets.lifecycle.unprofiled import unprofiled_columns
from retrain_assets.lifecycle.way_out import telling_way_out
from retrain_assets.lifecycle.withholding import withholding, words_of
from retrain_assets.performance.estimation import LossEstimate
from retrain_assets.reporting.judged_otherwise import CONTRACT
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion
from retrain_assets.training.predict import CANNOT_SERVE, predict


@withholding
def validate(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str) -> Validated:
    """Parses the kept bytes and splits the rows into those that respect the contract and those in quarantine."""
    made = split(stores, model, batch, run_id=run_id)
    if made.refused is not None:
        record_step(
            stores, model, batch, "watch",
            outcome="refused", cause="batch", as_of=batch.end, now=now, run_id=run_id,
            detail={"reason": made.refused, CONTRACT: model.spec.contract_hash()},
        )  # fmt: skip
    return made


def split(stores: Stores, model: DeclaredModel, batch: Batch, *, run_id: str) -> Validated:
    """What `validate` does, for one who is not the batch's watch: a refusal does not stand as the end of one."""
    raw = read_raw(stores, model, batch)
    unreadable = raw.unreadable
    result = model.contract.check(raw.frames, batch, targets=False)  # those are read when labels are settled
    model.ids_read.put(raw.content, result.ids)
    quarantine, refused = result.quarantine, result.refused
    if unreadable:
        quarantine = pd.concat([quarantine, _unreadable_rows(unreadable)], ignore_index=True)
        names = ", ".join(f"{name} ({error.reason})" for name, error in unreadable.items())
        refused = f"unreadable: {names}" if refused is None else f"{refused}; unreadable: {names}"
    return Validated(
        parsed_rows=result.parsed_rows,
        accepted=stores.tables.write(model.table("validated"), batch.key, result.accepted, run_id=run_id),
        quarantined=stores.tables.write(model.table("quarantine"), batch.key, quarantine, run_id=run_id),
        quarantined_rows=result.quarantined_rows,
        reasons=result.reasons,
        unreadable_files={name: str(error) for name, error in unreadable.items()},
        refused=refused,
        columns={str(name): str(dtype) for name, dtype in result.accepted.dtypes.items()},
        extra_columns=result.extra_columns,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """The parsed files of a delivery.

    Args:
        frames: name and rows of each file, in order.
        content: hash and media type of the same files: equal content has equal rows.
        unreadable: the error of each file that cannot be parsed, by its name.
    """

    frames: list[tuple[str, pd.DataFrame]]
    content: tuple[tuple[str, str], ...]
    unreadable: dict[str, UnreadableFileError]


def read_raw(stores: Stores, model: DeclaredModel, batch: Batch) -> RawRows:
    """The valid delivery."""
    arrival = latest_arrival(stores, model, batch)
    if arrival is None:
        raise MissingUpstreamError(f"raw of {model.name} {batch}", f"{model.name}/raw partition {batch}")
    reading = model.reading(model.spec.source)
    frames: list[tuple[str, pd.DataFrame]] = []
    content: list[tuple[str, str]] = []
    unreadable: dict[str, UnreadableFileError] = {}
    for part in arrival.parts:
        try:
            frame = read_part(part.name, part.media_type, stores.blobs.get(part.content_hash), **reading)
            frames.append((part.name, frame))
            content.append((part.content_hash, part.media_type))
        except UnreadableFileError as error:
            unreadable[part.name] = error
    return RawRows(frames=frames, content=tuple(content), unreadable=unreadable)


@withholding
def profile(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str) -> Profiled:
    """Summarizes the columns of the validated rows."""
    rows = read_validated(stores, model, batch)
    made = profile_table(rows.drop(columns=unprofiled_columns(model.spec), errors="ignore"))
    commit = stores.tables.write(model.table("profile"), batch.key, made.to_frame(), run_id=run_id)
    return Profiled(profile=made, commit=commit)


@withholding
def score(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str) -> Scored:
    """Scores the batch with the champion as of the batch; what was served before is never overwritten.

    Where a champion that is still watched cannot score it or lost its files, and the one before can, that one is back
    in force. Where another declaration trained it, and nobody can score, the batch is kept without new predictions.
    """
    champion = champion_version(stores, model, batch.start)
    validated = read_validated(stores, model, batch)
    stored = read_predictions(stores, model, batch)
    if champion is None:
        commit = stores.tables.write(model.table("predictions"), batch.key, stored, run_id=run_id)
        _watched(stores, model, batch, None, now=now, run_id=run_id)
        return Scored(version=None, mode=None, rows=0, mean_score=None, commit=commit)
    serving = mixture_of(stores, model, champion, as_of=batch.start)
    try:
        own = tuple(predictions_of(stores, model, version, validated) for version in serving.versions)
    except CANNOT_SERVE as error:
        back = step_back(stores, model, batch, champion, error, now=now)
        if back is None:
            why = why_outgrown(model, champion, error)
            if why is not None:
                commit = stores.tables.write(model.table("predictions"), batch.key, stored, run_id=run_id)
                _watched(stores, model, batch, champion.version, now=now, run_id=run_id, unscored=why)
                return Scored(version=champion, mode=None, rows=0, mean_score=None, commit=commit, failures=(why,))
            with telling_way_out(stores, model):
                raise
        again = score(stores, model, batch, now=now, run_id=run_id)
        return replace(again, rolled_back=again.rolled_back or back)
    scored = mixed(serving, own)
    mode: PredictionMode = "rescored" if (stored["mode"] == "served").any() else "served"
    if mode == "rescored":
        scored, stored = _changed(scored, stored), stored[~_rescored_by(champion, stored)]
    estimate = _estimate(stores, model, batch, champion, validated, own[0]) if mode == "served" else None
    stored = stored if serving.alone else with_members(stored, own)
    table = with_mode(stored, scored, mode)
    commit = stores.tables.write(model.table("predictions"), batch.key, table, run_id=run_id)
    table = read_predictions(stores, model, batch)
    valid = table[(table["version"] == champion.version) & (table["mode"] != MEMBER)]
    failures = unscored(validated, valid, champion)
    red = {"predictions_are_valid": failures[0]} if failures else {}
    rolled_back = (
        roll_back_if_broken(stores, model, as_of=batch.as_of, red=red, now=now, since=batch.end) if red else None
    )
    _watched(stores, model, batch, champion.version, now=now, run_id=run_id, serving=serving, estimate=estimate)
    return Scored(
        version=champion,
        mode=mode if len(scored) else "served",
        rows=len(valid),
        mean_score=float(valid["score"].mean()) if len(valid) else None,
        commit=commit,
        failures=failures,
        rolled_back=rolled_back,
        weights={} if serving.alone else serving.record(),
        estimate=estimate,
    )


def with_mode(stored: pd.DataFrame, scored: pd.DataFrame, mode: PredictionMode) -> pd.DataFrame:
    """The predictions of a batch with further ones; nothing is joined where one side has no rows."""
    if not len(scored):
        return stored
    made = scored.assign(mode=mode)
    return pd.concat([stored, made], ignore_index=True) if len(stored) else made


def step_back(
    stores: Stores, model: DeclaredModel, batch: Batch, champion: ModelVersion, error: Exception, *, now: datetime
) -> Promoted | None:
    """Goes back from a champion that cannot score a batch.

    None where it can, is not the newest, or may not be left; and where newer batches were watched, or this one before:
    the one before would be in force only after them, and the batch would still have nobody.
    """
    if stores.state.promotions(model.name)[-1].version != champion.version:
        return None
    if newest_watched_end(stores, model, batch.start) > batch.start:
        return None
    validated = read_validated(stores, model, batch)
    with suppress(*CANNOT_SERVE):
        predictions_of(stores, model, champion, validated)
        return None  # something else failed, as another member of a mixture
    red = {"predictions_are_valid": f"{champion} cannot score batch {batch}: {words_of(error, model)}"}
    return roll_back_if_broken(stores, model, as_of=batch.as_of, red=red, now=now, rows=validated)


def _changed(scored: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The rows whose served score no longer stands: the others need no second one."""
    same = ["ra_row_id", "version", "score"]
    unchanged = scored.merge(stored.loc[stored["mode"] == "served", same], on=same)["ra_row_id"]
    return scored[~scored["ra_row_id"].isin(unchanged)]


def _rescored_by(champion: ModelVersion, stored: pd.DataFrame) -> pd.Series:
    return (stored["mode"] == "rescored") & (stored["version"] == champion.version)


def _estimate(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    champion: ModelVersion,
    validated: pd.DataFrame,
    own: pd.DataFrame,
) -> LossEstimate | None:
    return estimate_batch(stores, model, batch, validated, own, stores.registry.load(champion).manifest.classes)


def unscored(validated: pd.DataFrame, scores: pd.DataFrame, version: ModelVersion) -> tuple[str, ...]:
    """What is wrong where a row of a batch has no finite score of a version; empty where each has one."""
    finite = scores.loc[np.isfinite(scores["score"].astype("float64")), "ra_row_id"]
    missing = validated.loc[~validated["ra_row_id"].isin(finite), "ra_row_id"]
    if missing.empty:
        return ()
    return (f"{len(missing):,} of {len(validated):,} rows have no score of {version}, for example {missing.iloc[0]!r}",)


def _watched(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    version: int | None,
    *,
    now: datetime,
    run_id: str,
    serving: Mixture | None = None,
    estimate: LossEstimate | None = None,
    unscored: str | None = None,
) -> None:
    left = {} if unscored is None else {UNSCORED: unscored}
    mixture = {} if serving is None or serving.alone else {"mixture": serving.record()}
    estimated = {} if estimate is None else {DETAIL: estimate.record()}
    record_step(
        stores, model, batch, "watch",
        outcome="done", cause="batch", as_of=batch.end, now=now, run_id=run_id,
        detail={"version": version, **mixture, **estimated, **left},
    )  # fmt: skip


def predictions_of(
    stores: Stores, model: DeclaredModel, version: ModelVersion, validated: pd.DataFrame
) -> pd.DataFrame:
    """Scores of validated rows by a version, in the form of the `predictions` table but for the mode.

    Where `drift.outputs` names the novelty, with how unlike the version's reference each row is.
    """
    frame = pd.DataFrame({"ra_row_id": validated["ra_row_id"], "event_time": validated[model.spec.event_time]})
    if validated.empty:
        return frame.assign(version=pd.Series(dtype="int64"), score=pd.Series(dtype="float64"), probabilities=None)
    bundle = stores.registry.load(version)
    scores = predict(bundle.pipeline, validated, task=model.spec.task, classes=bundle.manifest.classes)
    multi = scores.values.ndim == 2
    novelty = novelty_of(model, bundle.reference, validated)
    frame = frame if novelty is None else frame.assign(novelty=novelty)
    return frame.assign(
        version=version.version,
        score=scores.values.max(axis=1) if multi else scores.values,
        probabilities=pd.Series(list(scores.values), index=frame.index) if multi else None,
    )


EMPTY_PREDICTIONS = pd.DataFrame(
    {
        "ra_row_id": pd.Series(dtype="object"),
        "event_time": pd.Series(dtype="datetime64[us, UTC]"),
        "version": pd.Series(dtype="int64"),
        "score": pd.Series(dtype="float64"),
        "probabilities": pd.Series(dtype="object"),
        "mode": pd.Series(dtype="object"),
    }
)


def read_validated(stores: Stores, model: DeclaredModel, batch: Batch) -> pd.DataFrame:
    """The validated rows of a batch."""
    return _read(stores, model, batch, "validated")


def read_profile(stores: Stores, model: DeclaredModel, batch: Batch) -> TableProfile:
    """The profile of a batch."""
    return TableProfile.from_frame(_read(stores, model, batch, "profile"))


def read_drift(stores: Stores, model: DeclaredModel, batch: Batch) -> DriftReport | None:
    """The drift report of a batch; None when none was made (a refused batch)."""
    try:
        frame = stores.tables.read(model.table("drift_report"), [batch.key])
    except NotStoredError:
        return None
    return DriftReport.from_frame(frame, model=model.name, batch=batch.key)


def read_predictions(stores: Stores, model: DeclaredModel, batch: Batch) -> pd.DataFrame:
    """All predictions of a batch by any version; empty when there are none."""
    try:
        return rows_of_batch(stores, model, "predictions", batch)
    except NotStoredError:
        return EMPTY_PREDICTIONS


def _read(stores: Stores, model: DeclaredModel, batch: Batch, asset: str) -> pd.DataFrame:
    try:
        return rows_of_batch(stores, model, asset, batch)
    except NotStoredError:
        raise MissingUpstreamError(
            f"{asset} of {model.name} {batch}", f"{model.name}/{asset} partition {batch}"
        ) from None


def _unreadable_rows(unreadable: dict[str, UnreadableFileError]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row_id": None,
            "row_number": -1,
            "column": "",
            "rule": "file_is_readable",
            "value": [error.detail[:200] for error in unreadable.values()],
            "file": list(unreadable),
            "reason": [error.reason for error in unreadable.values()],
        }
    )
