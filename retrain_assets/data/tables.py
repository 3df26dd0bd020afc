"""The internal tables: one pandera schema each, with a sentence for every column.

They are held to by asset checks and shown as column schemas. A table read from its store has the column `ra_batch`
beside these; columns that are not named here are allowed and not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from retrain_assets.data.conversion import UTC_TIME
from retrain_assets.data.reasons import FILE_REASONS, ROW_REASONS
from retrain_assets.data.row_ids import ROW_ID
from retrain_assets.data.stored_schemas import schema_problems

if TYPE_CHECKING:
    from pandera.pandas import Column, DataFrameSchema

_MODES = ("served", "backscored", "rescored", "member")


def table_schema(table: str) -> DataFrameSchema:
    """The schema of an internal table.

    Raises:
        KeyError: no internal table has this name, or its columns are the user's (`validated`).
    """
    return TABLES[table]()


def table_problems(table: str, frame: pd.DataFrame) -> tuple[str, ...]:
    """What is wrong with the rows of an internal table, as sentences; empty when nothing is."""
    return schema_problems(table_schema(table), frame)


def _pandera() -> Any:
    """Loaded when a schema is asked for: a status command needs none."""
    import pandera.pandas as pa

    return pa


class _Columns:
    """Short forms for the columns below."""

    def __init__(self) -> None:
        self.pa = _pandera()

    def text(self, description: str, *, values: Sequence[str] | None = None, nullable: bool = False) -> Column:
        checks = None if values is None else [self.pa.Check.isin(list(values))]
        return self.pa.Column(str, checks=checks, nullable=nullable, description=description)

    def count(self, description: str, *, least: int = 0) -> Column:
        return self.pa.Column("int64", checks=[self.pa.Check.ge(least)], description=description)

    def version(self, description: str) -> Column:
        return self.pa.Column(
            pd.Int64Dtype(), checks=[self.pa.Check.ge(1)], nullable=True, required=True, description=description
        )

    def number(self, description: str, *, nullable: bool = True, least: float | None = None) -> Column:
        checks = [_finite(self.pa)] + ([] if least is None else [self.pa.Check.ge(least)])
        return self.pa.Column("float64", checks=checks, nullable=nullable, description=description)

    def share(self, description: str) -> Column:
        return self.pa.Column("float64", checks=[self.pa.Check.in_range(0, 1)], nullable=True, description=description)

    def time(self, description: str) -> Column:
        return self.pa.Column(UTC_TIME, description=description)

    def truth(self, description: str, *, nullable: bool = True) -> Column:
        dtype: Any = pd.BooleanDtype() if nullable else "bool"
        return self.pa.Column(dtype, nullable=nullable, description=description)

    def table(
        self, columns: dict[str, Column], *, unique: Sequence[str] | None = None, checks: Any = None
    ) -> DataFrameSchema:
        return self.pa.DataFrameSchema(columns, unique=None if unique is None else list(unique), checks=checks)


def _finite(pa: Any) -> Any:
    def finite(values: pd.Series) -> pd.Series:
        return values.abs() != float("inf")

    return pa.Check(finite, name="finite", error="finite")


def _ordered(pa: Any) -> Any:
    def in_order(frame: pd.DataFrame) -> pd.Series:
        # A bound that is missing compares as true: an interval may be unknown.
        # An interval of no width may miss its value by a rounding error.
        slack = 1e-9 * frame["value"].abs()
        return ~((frame["lower"] > frame["value"] + slack) | (frame["value"] - slack > frame["upper"]))

    return pa.Check(in_order, name="lower <= value <= upper", error="lower <= value <= upper", ignore_na=False)


def _quarantine() -> DataFrameSchema:
    c = _Columns()
    return c.table(
        {
            "row_id": c.text(
                "Id of the row; empty where it has none, or where a whole file cannot be read.", nullable=True
            ),
            "row_number": c.pa.Column(
                "int64", description="Number of the row in its file, from 1; -1 for a whole file."
            ),
            "column": c.text("Column that broke the rule; empty for a rule about the row or the file."),
            "rule": c.text("The rule that was broken, as the schema states it."),
            "value": c.text("The value as text, cut where it is long; empty where there is none.", nullable=True),
            "file": c.text("The file in which the row stands."),
            "reason": c.text("Reason code.", values=[*ROW_REASONS, *FILE_REASONS]),
        }
    )


def _profile() -> DataFrameSchema:
    c = _Columns()
    return c.table(
        {
            "column": c.text("Column of the validated rows."),
            "kind": c.text("How the column is summarized."),
            "rows": c.count("Rows of the batch."),
            "missing": c.count("Rows without a value."),
            "sketch": c.text("The mergeable summary, as JSON."),
        },
        unique=["column"],
    )


def _drift_report() -> DataFrameSchema:
    c = _Columns()
    return c.table(
        {
            "column": c.text("Column that was compared; empty in the row of the verdict on the whole."),
            "distance": c.text("Name of the declared distance.", nullable=True),
            "score": c.number("The distance between the batch and the champion's reference."),
            "floor": c.number("A smaller score is no drift; of a drift that lasts, one below half of it.", least=0),
            "p_value": c.share("Probability that the column differs as much without drift."),
            "adjusted_p_value": c.share("The same over all inputs together, or over all outputs."),
            "evidence": c.number("What this and earlier checks against the same reference add up to.", least=0),
            "aspect": c.text("What about the column has changed most; empty in the row of the whole.", nullable=True),
            "importance": c.share("The column's part of what the champion's inputs matter, where it is known."),
            "verdict": c.text("What follows."),
            "reason": c.text("Why."),
            "champion_version": c.version("The champion whose reference was used; empty while there is none."),
            "rows_of": c.text(
                "The batch whose labels were compared, in the rows of label and residual.", nullable=True
            ),
            "episode": c.text("The drift episode that the batch belongs to.", nullable=True),
        },
        unique=["column"],
    )


def _predictions() -> DataFrameSchema:
    c = _Columns()
    return c.table(
        {
            ROW_ID: c.text("Id of the row."),
            "event_time": c.time("Event time of the row."),
            "version": c.count("Model version that made the score.", least=1),
            "mode": c.text(
                "Served at the time, backscored by a later champion, rescored, or by one member of a mixture alone.",
                values=_MODES,
            ),
            "score": c.number("Probability of the positive class, or the predicted value.", nullable=False),
            "probabilities": c.pa.Column(
                None,
                nullable=True,
                required=False,
                description="Probability of each class, where there are more than two.",
            ),
            "novelty": c.pa.Column(
                float,
                nullable=True,
                required=False,
                description="How unlike the version's reference the row is, where `drift.outputs` names `novelty`.",
            ),
        },
        unique=[ROW_ID, "version", "mode"],
    )


def _labels() -> DataFrameSchema:
    c = _Columns()
    return c.table(
        {
            ROW_ID: c.text("Id of the row."),
            "event_time": c.time("Event time of the row."),
            "label": c.pa.Column(None, description="The outcome."),
            "available_at": c.time("When the outcome was known here; nothing before may read it."),
            "revision": c.count("1 for the first label of a row, and one more for each correction.", least=1),
        },
        unique=[ROW_ID, "revision"],
        checks=[
            c.pa.Check(
                lambda frame: frame["available_at"] >= frame["event_time"],
                name="known after the event",
                error="known after the event",
            )
        ],
    )


def _performance() -> DataFrameSchema:
    c = _Columns()
    return c.table(
        {
            "version": c.count("Model version that is measured.", least=1),
            "mode": c.text("How its scores were made.", values=_MODES),
            "label_revision": c.count("Highest revision among the labels that were used."),
            "slice": c.pa.Column(
                str,
                nullable=True,
                required=False,
                description="Part of the batch, `column=value` of `retrain.slices`; empty for the whole.",
            ),
            "metric": c.text("Name of the metric."),
            "value": c.number("The metric on the labelled rows."),
            "lower": c.number("Lower end of its interval."),
            "upper": c.number("Upper end of its interval."),
            "standard_error": c.number("Its standard error.", least=0),
            "rows": c.count("Scored rows that have a label."),
            "as_of": c.time("The cutoff: later labels were not read."),
        },
        checks=[_ordered(c.pa)],
    )


def _retrain_decision() -> DataFrameSchema:
    c = _Columns()
    return c.table(
        {
            "attempt": c.count("Number of the decision for this batch, from 1; the latest is valid.", least=1),
            "verdict": c.text("What was decided.", values=["retrain", "wait", "hold", "unknown"]),
            "reason": c.text("Why."),
            "cause": c.text("What launched the decision."),
            "trigger": c.text("One of the triggers."),
            "fired": c.truth("Whether it fires; empty where that cannot be known."),
            "trigger_reason": c.text("Why it fires or does not."),
            "as_of": c.time("The cutoff of the decision."),
        },
        unique=["attempt", "trigger"],
    )


def _training_set() -> DataFrameSchema:
    c = _Columns()
    return c.table(
        {
            "attempt": c.count("Number of the attempt for this batch, from 1.", least=1),
            "as_of": c.time("The cutoff: no later label is read."),
            "training_end": c.time("End of the newest training batch."),
            "rows": c.count("Labelled rows to train on."),
            "reserved_rows": c.count("Labelled rows that are kept to judge by."),
            "data_hash": c.text("Hash of everything that is read."),
            "batches": c.text("The training batches, as JSON."),
            "table_versions": c.text("The versions of the tables that are read, as JSON."),
            "cause": c.text("What launched the retrain."),
            "sufficient": c.truth("Whether there are enough rows.", nullable=False),
            "reason": c.text("Why there are, or are not."),
        },
        unique=["attempt"],
    )


def _evaluation_report() -> DataFrameSchema:
    c = _Columns()
    roles = [
        "candidate", "champion", "baseline", "earlier", "candidate-champion", "candidate-baseline", "champion-baseline",
        "earlier-champion", "earlier-candidate", "earlier-baseline", "gate", "change", "slice", "fairness",
        "calibration", "cost", "leakage", "explanation", "robustness", "servability", "test", "recall", "worth",
        "ranking", "holdout", "luck", "margin", "opponent", "unmeasured",
    ]  # fmt: skip
    return c.table(
        {
            "attempt": c.count("The attempt that is judged.", least=1),
            "role": c.text(
                "A model, the paired difference of two, a gate, or the kind of a further measure.", values=roles
            ),
            "metric": c.text("Metric of a model or difference; name of a gate, empty for all of them together."),
            "value": c.number("The metric, or the difference of the metrics."),
            "lower": c.number("Lower end of its interval."),
            "upper": c.number("Upper end of its interval."),
            "rows": c.count("Reserved rows that it was computed on."),
            "passed": c.truth("Whether the gate is passed; empty where unknown, and for models and differences."),
        },
        checks=[_ordered(c.pa)],
    )


TABLES: dict[str, Callable[[], DataFrameSchema]] = {
    "quarantine": _quarantine,
    "profile": _profile,
    "drift_report": _drift_report,
    "predictions": _predictions,
    "labels": _labels,
    "performance": _performance,
    "retrain_decision": _retrain_decision,
    "training_set": _training_set,
    "evaluation_report": _evaluation_report,
}
"""By name; pandera is loaded when one is called."""
