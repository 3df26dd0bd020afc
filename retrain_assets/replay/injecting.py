"""A scenario in the history of a declared model: its own rows are changed, and its own schema is asked about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from retrain_assets.data.contracts import ROW_ID, Contract
from retrain_assets.errors import DataError
from retrain_assets.replay.laboratory import LATE_BATCHES, Scenario, inject, settled
from retrain_assets.replay.scenarios import OF_LABELS, OUTAGE_BATCHES
from retrain_assets.replay.stream import Stream
from retrain_assets.training.related import related_inputs

_TARGET, _POSITION, _RESERVED = "ra_target", "ra_position", "ra_reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedHistory:
    """A history with a scenario in it; of its rows so many were left out because the schema puts them in quarantine."""

    stream: Stream
    scenario: Scenario
    quarantined: int


def inject_into_model(
    stream: Stream, scenario: Scenario, contract: Contract, *, rng: np.random.Generator
) -> InjectedHistory:
    """The history of a model as it would have been validated, had the scenario happened to its rows.

    Raises:
        DataError: there is no such batch or feature, or the schema refuses the batches of after the onset: then the
            champion serves on and the decisions are `unknown`, without any policy being asked.
    """
    spec = stream.spec
    position = np.repeat(np.arange(len(stream)), stream.rows)
    frame = stream.frame.assign(**{_TARGET: stream.labels, _POSITION: position, _RESERVED: stream.reserved})
    aside = frozenset(map(str, frame.columns)) - {*related_inputs(spec, stream.frame).columns}
    named = settled(frame, scenario, target=_TARGET, batch=_POSITION, aside=aside)
    made = inject(frame, named, target=_TARGET, batch=_POSITION, task=spec.task, rng=rng, aside=aside)
    accepted = _accepted(made, stream, named, contract)
    kept = made[accepted].reset_index(drop=True)
    labels = kept[_TARGET].to_numpy()
    changed = replace(
        stream,
        frame=kept.drop(columns=[_TARGET, _POSITION, _RESERVED]),
        labels=labels.astype(stream.labels.dtype),
        reserved=kept[_RESERVED].to_numpy(dtype=bool),
        late=(named.onset, LATE_BATCHES) if named.kind == "late" else stream.late,
    )
    changed = _cut(changed, kept[_POSITION].to_numpy())
    return InjectedHistory(
        stream=changed if named.kind != "outage" else replace(changed, gap=(named.onset, OUTAGE_BATCHES)),
        scenario=named,
        quarantined=int((~accepted).sum()),
    )


def _cut(stream: Stream, position: np.ndarray) -> Stream:
    """The stream of the batches that still have rows."""
    came = np.unique(position)
    return replace(
        stream,
        starts=np.append(np.searchsorted(position, came), len(position)),
        keys=tuple(stream.keys[batch] for batch in came),
        batches=tuple(stream.batches[batch] for batch in came),
    )


def _accepted(made: pd.DataFrame, stream: Stream, scenario: Scenario, contract: Contract) -> np.ndarray:
    """Which rows the schema accepts; those of before the onset were accepted already."""
    accepted, position = np.ones(len(made), dtype=bool), made[_POSITION].to_numpy()
    shown = made.drop(columns=[name for name in made.columns if str(name).startswith("ra_")])
    # The schema need not name them, and validated rows hold what it names: the id tells such rows apart as they did.
    for name in {*stream.spec.row_id, *filter(None, [stream.spec.reserve.block])} - {*shown.columns}:
        shown[name] = made[ROW_ID]
    for batch in sorted(set(position[position >= scenario.onset])):
        at = np.flatnonzero(position == batch)
        window = stream.batches[batch]
        checked = contract.check([(window.key, shown.iloc[at])], window, targets=False)
        if checked.refused is not None:
            raise DataError(
                f"the schema of '{stream.spec.name}' refuses batch {window.key} with {scenario.kind} in "
                f"{scenario.feature!r}: {checked.refused}. So would ingestion: the champion serves on, the decision is "
                f"`unknown`, and no policy is asked. {_remedy(scenario)}"
            )
        accepted[at[checked.quarantine["row_number"].unique().astype(np.intp) - 1]] = False
    return accepted


def _remedy(scenario: Scenario) -> str:
    if scenario.kind in OF_LABELS:
        return "The scenario leaves inputs as they came: replay with the schema by which these rows were validated"
    return "Name another feature behind a colon to ask them"
