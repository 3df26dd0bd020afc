"""One column that both sides have, made alike and counted in cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrain_assets.data.column_profile import ColumnProfile, absent_column
from retrain_assets.data.older_labels import as_now, differently_written
from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.cells import ColumnCells, FittedColumn
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.measures import change_of
from retrain_assets.drift.report import ColumnDrift
from retrain_assets.drift.truths import as_truths
from retrain_assets.drift.wording import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A column that both sides have, with its profiles and its rows by cell; `note` is what was made alike for it."""

    name: str
    before: ColumnProfile
    after: ColumnProfile
    cells: ColumnCells
    note: str = ""


def counted(
    name: str,
    reference: FittedReference,
    current: TableProfile,
    window: Sequence[TableProfile],
    apart: str | None,
) -> Compared | ColumnDrift:
    """Both sides of a column in cells, or why it is unknown.

    Args:
        name: the column; what one side does not have is counted as missing.
        reference: the reference batches, with the settings.
        current: profile of the current window.
        window: profiles of the batches that it consists of, where they are more than one.
        apart: why the column is unknown, where these do not agree in it.
    """
    settings, known = reference.settings, name in reference
    after = current[name] if name in current else absent_column(name, current.rows)
    parts = [batch[name] if name in batch else absent_column(name, batch.rows) for batch in window]
    fitted = reference.column(name)
    note = ""
    if not isinstance(fitted, str):
        fitted, after, parts, note = _made_alike(fitted, after, parts)
    before = absent_column(name, 0) if isinstance(fitted, str) else fitted.merged
    reason = apart
    if reason is None:
        reason = fitted if isinstance(fitted, str) else _incomparable(before, after, known=known, there=name in current)
    if reason is not None or isinstance(fitted, str):
        told = known and not isinstance(fitted, str)
        return ColumnDrift(
            name=name,
            kind=before.kind if before.present else after.kind,
            distance=settings.distance,
            score=None,
            floor=settings.effect_floor,
            p_value=None,
            verdict="unknown",
            reason=reason or "",
            measures=change_of(before if told else None, after if name in current and not apart else None),
            before=describe(before) if told else "of several kinds" if known else "not there",
            after="of several kinds" if apart else describe(after) if name in current else "not there",
        )
    if not before.present:
        before = replace(before, kind=after.kind)
        batches = [replace(batch, kind=after.kind) for batch in fitted.batches]
        fitted = FittedColumn(merged=before, batches=batches, bins=settings.bins)
    return Compared(name=name, before=before, after=after, cells=fitted.cells(after, parts), note=note)


def _made_alike(
    fitted: FittedColumn, after: ColumnProfile, parts: Sequence[ColumnProfile]
) -> tuple[FittedColumn, ColumnProfile, list[ColumnProfile], str]:
    """Both sides as booleans where one of them has these and the other 0 and 1, with a sentence that says so.

    Categories of an older profile are read as those of today.
    """
    before, now, *window = as_truths([fitted.merged, after, *parts])
    if (before.kind, now.kind) == (fitted.merged.kind, after.kind):
        before, now, *others = as_now([before, now, *window, *fitted.batches])
        if before.older != fitted.merged.older:
            fitted = FittedColumn(merged=before, batches=others[len(parts) :], bins=fitted.bins)
        return fitted, now, others[: len(parts)], ""
    if before.kind != fitted.merged.kind:
        batches = as_truths([now, *fitted.batches])[1:]
        fitted = FittedColumn(merged=before, batches=batches, bins=fitted.bins)
    return fitted, now, window, "0 and 1 on one side are False and True on the other: "


def _incomparable(before: ColumnProfile, after: ColumnProfile, *, known: bool, there: bool) -> str | None:
    """Why the two sides cannot be compared; None when they can."""
    if not known and not there:
        return "neither the batch nor the reference has this column"
    if not known:
        return "the column is new: the reference does not know it"
    by_name = ("categorical", "boolean")
    alike = before.kind == after.kind or (before.kind in by_name and after.kind in by_name)
    if alike or not (before.present and after.present):
        return _other_names(before, after) or differently_written([before, after])
    changed = f"the column was {before.kind} and is {after.kind} now"
    if {before.kind, after.kind} == {"boolean", "numeric"}:
        return f"{changed}, with other numbers than 0 and 1: the two cannot be compared"
    return f"{changed}, which cannot be compared: give both sides one type if they hold the same"


def _other_names(before: ColumnProfile, after: ColumnProfile) -> str | None:
    """Why truth values and texts cannot be compared: texts name them otherwise, as "true" and "false" of a file."""
    kinds = {side.kind: side for side in (before, after) if side.present}
    if set(kinds) != {"boolean", "categorical"} or {"True", "False"} & kinds["categorical"].categories.keys():
        return None
    return (
        f"the column was {before.kind} and is {after.kind} now, with other texts than True and False: give both sides "
        "one type if they hold the same"
    )
