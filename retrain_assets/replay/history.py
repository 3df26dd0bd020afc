"""The history that is replayed: of a file, or of a declared model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retrain_assets.data.infer import nearly_numbers
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.replay.bare_file import FileSettings, column_kinds, require_columns, stream_of_frame, task_of
from retrain_assets.replay.cutting import cut_by_time, is_cut
from retrain_assets.replay.declared_model import first_trainable, stream_of_model
from retrain_assets.replay.file_table import infinite, left_out, read_table
from retrain_assets.replay.first_batches import first_batches
from retrain_assets.replay.injecting import inject_into_model
from retrain_assets.replay.laboratory import Scenario, inject, settled, with_timing
from retrain_assets.replay.remarks import another_order, too_few_to_compare, too_few_to_judge, without_labels
from retrain_assets.replay.stream import Stream
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.source import TransformSource


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is replayed, and in a few words what it is.

    Args:
        stream: the rows in batches, with their labels.
        first: so many batches train the first model.
        told: the words.
        source: of the declared transform, where there is one.
        every: length of a batch, where it is declared, or where the file was cut by it.
        scenario: the drift that was put into it.
    """

    stream: Stream
    first: int
    told: str
    source: TransformSource | None = None
    every: str | None = None
    scenario: Scenario | None = None


def history_of_file(data: Path, settings: FileSettings, *, lag: int, scenario: Scenario | None) -> History:
    """The rows of a Parquet or CSV file, with a drift put into them where one is asked for.

    Raises:
        DataError: the file cannot be replayed, or has no place for the drift.
    """
    given, target, batch = read_table(data), settings.target, settings.batch
    cut = is_cut(given, batch)
    frame = given = cut_by_time(given, batch) if cut else given
    if scenario is not None:
        require_columns(frame, target, batch)
        scenario = settled(frame, scenario, target=target, batch=batch)
        task = task_of(frame[target].dropna(), settings.metric)
        rng = np.random.default_rng(settings.seed)
        frame = inject(frame, scenario, target=target, batch=batch, task=task, rng=rng)
    stream = stream_of_frame(frame, settings)
    stream = stream if scenario is None else with_timing(stream, scenario)
    return History(
        stream=stream,
        first=first_batches(stream, settings.first, lag),
        told=f"{data.name}: {_told_of_file(stream, frame, settings, scenario, without_labels(given, settings))}",
        every=batch if cut else None,
        scenario=scenario,
    )


def _told_of_file(
    stream: Stream, frame: pd.DataFrame, settings: FileSettings, scenario: Scenario | None, unlabelled: str
) -> str:
    numeric, categorical = column_kinds(stream)
    told = (
        f"{len(stream.labels):,} rows in {len(stream)} batches, {len(numeric)} numeric and "
        f"{len(categorical)} categorical features, {stream.spec.metric}{unlabelled}"
    )
    inputs = frame.drop(columns=[settings.target, settings.batch])
    without, endless, text = left_out(inputs), infinite(inputs), nearly_numbers(inputs)
    if without:
        told += f"; left out: {', '.join(f'{name} ({held})' for name, held in without.items())}"
    if endless:
        told += f"; infinite values count as missing: {', '.join(endless)}"
    if text:
        odd = ", ".join(f"{name} ({value!r} is none)" for name, value in text.items())
        told += f"; taken for text, though most values read like numbers: {odd}"
    remarks = another_order(frame, settings) + too_few_to_judge(stream) + too_few_to_compare(stream)
    return told + _told_of_drift(scenario) + remarks


def history_of_model(
    stores: Stores, model: DeclaredModel, *, first: int | None, lag: int, scenario: Scenario | None
) -> History:
    """What a declared model has validated and labelled so far, with a drift put into it where one is asked for.

    Raises:
        DataError: it has too little of it, or no place for the drift.
    """
    stream, refused = stream_of_model(stores, model), ""
    if scenario is not None:
        made = inject_into_model(stream, scenario, model.contract, rng=np.random.default_rng(model.spec.estimator.seed))
        stream, scenario = made.stream, made.scenario
        if made.quarantined:
            refused = f"; the schema refuses {made.quarantined:,} of its rows, which are left out"
    batches = f"{len(stream.labels):,} labelled rows in {len(stream)} matured batches"
    return History(
        stream=stream,
        first=first_trainable(stream, lag) if first is None else first_batches(stream, first, lag),
        told=f"{model.name}: {batches}, {stream.spec.metric}{_told_of_drift(scenario)}{refused}",
        source=model.transform(),
        every=model.spec.batches.every,
        scenario=scenario,
    )


def _told_of_drift(scenario: Scenario | None) -> str:
    return "" if scenario is None else f"; {scenario.kind} from batch {scenario.onset} on, in {scenario.feature}"
