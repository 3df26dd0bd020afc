"""Verdicts of the lifecycle as asset check results. The lifecycle decides; these only translate.

Dagster knows passed and failed. An unknown is shown as failed with severity WARN, the word `unknown` first and in its
metadata: it is never green. What does not apply is green and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from retrain_assets.lifecycle.records import (
        Candidate,
        Detected,
        Evaluated,
        Ingested,
        LabelsSettled,
        Measured,
        Promoted,
        Scored,
        TrainingSet,
        Validated,
    )

State = Literal["passed", "failed", "unknown", "not_applicable"]
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def result(
    asset: dg.AssetKey, check: str, state: State, reason: str, *, severity: dg.AssetCheckSeverity = ERROR
) -> dg.AssetCheckResult:
    """One result; `state` is what it says, also where Dagster has no word for it."""
    said = reason if state in ("passed", "failed") else f"{state.replace('_', ' ')}: {reason}"
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=state in ("passed", "not_applicable"),
        severity=WARN if state == "unknown" else severity,
        description=said,
        metadata={"state": state, "reason": reason},
    )


def state_of(passed: bool | None, *, applicable: bool = True) -> State:
    """The state of a three-valued truth.

    >>> state_of(None), state_of(None, applicable=False)
    ('unknown', 'not_applicable')
    """
    if not applicable:
        return "not_applicable"
    return "unknown" if passed is None else "passed" if passed else "failed"


def of_raw(asset: dg.AssetKey, record: Ingested) -> Iterator[dg.AssetCheckResult]:
    """Is there anything, and was it in time."""
    arrival = record.arrival
    size = sum(part.size for part in arrival.parts)
    said = f"{len(arrival.parts)} files with {size:,} bytes{' hold no rows' if record.empty else ''}"
    if record.kept:
        said += f"; the source has no rows for the batch any more: those of delivery {arrival.revision} are kept"
    yield result(asset, "batch_is_not_empty", state_of(not record.empty), said)
    said = f"delivery {arrival.revision} is {arrival.kind.replace('_', ' ')}, {arrival.arrived_at:%Y-%m-%d %H:%M} UTC"
    in_time = None if record.empty else arrival.kind != "late"
    yield result(asset, "batch_arrived_in_time", state_of(in_time), said, severity=WARN)


def of_validated(asset: dg.AssetKey, record: Validated) -> Iterator[dg.AssetCheckResult]:
    """Did the batch keep to its schema; the one check that stops it."""
    said = record.refused or f"{record.quarantined_rows:,} of {record.parsed_rows:,} rows are in quarantine"
    if record.extra_columns:
        said += f"; dropped, because the schema does not name them: {', '.join(record.extra_columns)}"
    yield result(asset, "schema_is_respected", state_of(record.refused is None), said)


def of_drift(asset: dg.AssetKey, record: Detected) -> Iterator[dg.AssetCheckResult]:
    """Drift warns: whether to retrain is the policy's to say."""
    states: dict[str, State] = {"stable": "passed", "drift": "failed", "unknown": "unknown"}
    report = record.report
    yield result(
        asset, "inputs_have_not_drifted", states.get(report.verdict, "not_applicable"), report.reason, severity=WARN
    )


def of_predictions(asset: dg.AssetKey, record: Scored, faults: Sequence[str]) -> Iterator[dg.AssetCheckResult]:
    """Is every score a number, and does the stored table keep to its schema."""
    faults = [*record.failures, *faults]
    if record.version is None and not faults:
        yield result(asset, "predictions_are_valid", "not_applicable", "bootstrapping: there is no champion to score")
        return
    said = "; ".join(faults) or f"{record.version} scored {record.rows:,} rows"
    yield result(asset, "predictions_are_valid", state_of(not faults), said)


def of_labels(asset: dg.AssetKey, record: LabelsSettled) -> Iterator[dg.AssetCheckResult]:
    """Enough labels, one for each row, and each of them a label of a row."""
    yield result(asset, "labels_are_mature", state_of(record.mature), record.reason, severity=WARN)
    said = f"{record.ambiguous:,} rows were delivered more than one label at once"
    yield result(asset, "labels_are_unique", state_of(record.ambiguous == 0), said, severity=WARN)
    shown = f", for example {', '.join(map(repr, record.unreadable_values))}" if record.unreadable_values else ""
    said = f"the labels of {record.unreadable:,} rows cannot be read, or break a rule of the schema{shown}"
    yield result(asset, "labels_are_readable", state_of(record.unreadable == 0), said, severity=WARN)
    shown = f" (ids {', '.join(record.unknown_ids)}{', ...' if record.unknown > len(record.unknown_ids) else ''})"
    said = (
        f"{record.unknown:,} labels are of no row of the batch so far{shown if record.unknown_ids else ''}, as "
        f"those of other batches' rows are; {record.quarantined:,} are of rows in quarantine; "
        f"{record.early:,} are dated before the event of their row, and count from it on; the dates of "
        f"{record.undated:,} cannot be read, and they count from target.label_delay on"
    )
    # Whose outcome it is, or when it was known, nobody can tell yet; the row may come.
    placed = None if record.unknown or record.early or record.undated else True
    yield result(asset, "labels_belong_to_rows", state_of(placed), said, severity=WARN)


def of_performance(asset: dg.AssetKey, record: Measured) -> Iterator[dg.AssetCheckResult]:
    """Is the champion as good as when it was promoted."""
    bootstrapping = record.health is None and record.reason.startswith("bootstrapping")
    state = state_of(record.health, applicable=not bootstrapping)
    yield result(asset, "champion_is_healthy", state, record.reason, severity=WARN)


def of_training_set(asset: dg.AssetKey, record: TrainingSet) -> Iterator[dg.AssetCheckResult]:
    """Enough rows to train on; without them the retrain stops here."""
    yield result(asset, "training_set_is_sufficient", state_of(record.sufficient), record.reason)


def of_candidate(asset: dg.AssetKey, record: Candidate) -> Iterator[dg.AssetCheckResult]:
    """What was registered is what was fitted."""
    yield result(asset, "candidate_loads_and_scores", state_of(record.loads_and_scores), record.reason)


def of_evaluation(asset: dg.AssetKey, record: Evaluated) -> Iterator[dg.AssetCheckResult]:
    """One check for each gate; a gate that is not passed keeps the champion and is no fault of the run."""
    for gate in record.gates.results:
        state = state_of(gate.passed, applicable=gate.applicable)
        yield result(asset, gate.name, state, gate.reason, severity=WARN)


def of_champion(asset: dg.AssetKey, record: Promoted) -> Iterator[dg.AssetCheckResult]:
    """The evidence with which the champion was promoted."""
    gates = record.current.evidence.get("gates", ()) if record.current is not None else ()
    found = next((gate for gate in gates if gate["name"] == "beats_baseline"), None)
    if found is None:
        said = "there is no champion" if record.current is None else f"v{record.current.version} was not evaluated"
        yield result(asset, "champion_beats_baseline", "unknown", said)
        return
    state = state_of(found["passed"], applicable=found["applicable"])
    yield result(asset, "champion_beats_baseline", state, found["reason"])
