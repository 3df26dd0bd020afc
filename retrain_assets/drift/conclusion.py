"""What the rows of a report come to: the verdict on the table, its reason and its score."""

from __future__ import annotations

import math
from collections.abc import Sequence

from retrain_assets.drift.fitted_reference import Basis
from retrain_assets.drift.outputs import OUTPUTS, output_of
from retrain_assets.drift.report import ColumnDrift, TableVerdict, by_harm
from retrain_assets.drift.together import JOINT
from retrain_assets.drift.wording import count_of, first_of, left_out, nothing_compared
from retrain_assets.spec import DriftSpec


def conclude(
    inputs: Sequence[ColumnDrift], outputs: Sequence[ColumnDrift], basis: Basis, spec: DriftSpec
) -> tuple[TableVerdict, str]:
    """Verdict and reason: of the inputs, of the joint test, and of the outputs that count.

    Args:
        inputs: rows of the inputs.
        outputs: rows of the outputs and of the joint test.
        basis: what the significance of the inputs rests on.
        spec: what counts as drift.
    """
    verdict, reason = _of_inputs(inputs, basis, spec)
    moved = {
        name: [row for row in outputs if output_of(row.name) == name and row.verdict == "drift"] for name in OUTPUTS
    }
    counted, told = (
        [_named(name, rows) for name, rows in moved.items() if rows and (name in spec.outputs) is of]
        for of in (True, False)
    )
    if told:
        reason = f"{reason}; beside them {_list(told)} drifted, which drift.outputs does not name"
    together = next((row for row in outputs if row.name == JOINT and row.verdict == "drift"), None)
    if together is not None:
        verdict, reason = "drift", f"the columns have drifted together by their {together.distance}; {reason}"
    return ("drift", f"{_list(counted)} drifted; {reason}") if counted else (verdict, reason)


def deciding_columns(columns: int, share: float) -> int:
    """How many of the compared columns must drift for the table to drift.

    >>> deciding_columns(12, 0.2), deciding_columns(3, 0.2), deciding_columns(10, 0.3)
    (3, 1, 3)
    """
    return max(1, math.ceil(round(share * columns, 9)))


def drifted_inputs(columns: Sequence[ColumnDrift]) -> list[str]:
    """Names of the inputs that have drifted by themselves, be they enough for the table or not; in the same order."""
    own = (row for row in columns if row.name != JOINT and output_of(row.name) is None)
    return [row.name for row in own if row.verdict == "drift"]


def score_of(columns: Sequence[ColumnDrift], spec: DriftSpec) -> float | None:
    """Of the inputs, or of a drifted output that counts where that is larger."""
    known = [(column.name == JOINT, output_of(column.name), column) for column in columns if column.score is not None]
    inputs = [column.score or 0.0 for joint, output, column in known if not joint and output is None]
    moved = [
        column.score or 0.0
        for joint, output, column in known
        if column.verdict == "drift" and (joint or output in spec.outputs)
    ]
    top = sorted(inputs, reverse=True)[: deciding_columns(len(inputs), spec.columns_share)]
    return max([*([sum(top) / len(top)] if top else []), *moved], default=None)


def _named(output: str, rows: Sequence[ColumnDrift]) -> str:
    """An output, and of several rows the inputs that they are of."""
    of = [row.name.partition(":")[2] for row in sorted(rows, key=by_harm)]
    return f"{output} of {first_of(of)}" if of[0] else output


def _list(names: Sequence[str]) -> str:
    return f"the {' and the '.join(names)} {'has' if len(names) == 1 else 'have'}"


def _of_inputs(columns: Sequence[ColumnDrift], basis: Basis, spec: DriftSpec) -> tuple[TableVerdict, str]:
    compared = [column for column in columns if column.verdict != "unknown"]
    drifted = [column.name for column in sorted(compared, key=by_harm) if column.verdict == "drift"]
    if not compared:
        return "unknown", nothing_compared(columns)
    needed = deciding_columns(len(compared), spec.columns_share)
    found = f"{count_of(drifted, len(compared))}{left_out(columns)}"
    if len(drifted) >= needed:
        return "drift", f"{found}; {needed} {'is' if needed == 1 else 'are'} enough for drift; {basis.sentence}"
    return "stable", f"{found}; it takes {needed}; {basis.sentence}"
