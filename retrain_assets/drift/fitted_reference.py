"""The batches of a reference, fitted once: what every window of rows is compared with, and what that rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrain_assets.data.column_profile import absent_column, merge_columns
from retrain_assets.data.older_labels import as_now, differently_written
from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.cells import FittedColumn
from retrain_assets.drift.settings import Settings, Significance
from retrain_assets.drift.truths import as_truths
from retrain_assets.drift.wording import plural
from retrain_assets.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What significance rests on: the differences of so many reference batches, or rows taken for independent."""

    significance: Significance
    batches: int
    sentence: str


class FittedReference:
    """The batches of a reference, whose columns are merged and cut into cells once, when they are first asked for.

    Args:
        batches: profiles of the reference batches.
        settings: what counts as drift.

    `too_few` says why no rate of false alarms can be kept where windows follow each other: rows only stand in for
    batches then. It is empty where one can.
    """

    def __init__(self, batches: Sequence[TableProfile], settings: Settings) -> None:
        self.settings = settings
        self.batches = list(batches)
        enough = [batch for batch in batches if batch.rows >= settings.min_rows]
        self.basis = _basis(len(enough), len(batches), settings)
        few = _few(len(enough), len(batches), settings)
        self.too_few = "" if self.basis.significance == settings.significance else _no_rate(few)
        self._used = enough if self.basis.significance == "batches" else self.batches
        self._columns: dict[str, FittedColumn | str] = {}

    def __contains__(self, name: object) -> bool:
        return any(name in batch for batch in self.batches)

    @property
    def trusted_batches(self) -> int:
        """So many batches tell how much batches differ; of independent rows nothing need be told."""
        return self.basis.batches if self.basis.significance == "batches" else 1_000

    def column(self, name: str) -> FittedColumn | str:
        """The fitted column, or why there is none."""
        if name not in self._columns:
            self._columns[name] = self._fit(name)
        return self._columns[name]

    def _fit(self, name: str) -> FittedColumn | str:
        found = [batch[name] if name in batch else absent_column(name, batch.rows) for batch in self._used]
        batches = as_now(as_truths(found))
        otherwise = differently_written(batches)
        if otherwise is not None:
            return otherwise
        try:
            merged = merge_columns(batches) if batches else absent_column(name, 0)
        except DataError as error:
            return f"the reference batches do not agree: {error}"
        return FittedColumn(merged=merged, batches=batches, bins=self.settings.bins)


def _basis(enough: int, all_batches: int, settings: Settings) -> Basis:
    if settings.significance == "rows":
        sentence = "rows are taken for independent, as declared: days that differ mildly can alarm"
        return Basis(significance="rows", batches=all_batches, sentence=sentence)
    if enough < settings.min_batches:
        sentence = f"rows are taken for independent: {_few(enough, all_batches, settings)}"
        return Basis(significance="rows", batches=all_batches, sentence=sentence)
    left = all_batches - enough
    small = f" ({plural(left, 'more', 'others')} of fewer than {settings.min_rows} rows left out)" if left else ""
    sentence = f"measured against how much {enough} reference batches differ from each other{small}"
    return Basis(significance="batches", batches=enough, sentence=sentence)


def _no_rate(few: str) -> str:
    return (
        f"{few}: until then no number of false alarms can be kept. Give more reference batches, or "
        "declare the significance 'rows' where rows are independent"
    )


def _few(enough: int, all_batches: int, settings: Settings) -> str:
    small = all_batches - enough
    are = plural(small, "is", "are")
    told = f" ({are} smaller: coarser batches, as days for hours, have more rows)" if small else ""
    return (
        f"{plural(enough, 'reference batch', 'reference batches')} of at least {settings.min_rows} rows{told}, and it "
        f"takes {settings.min_batches} to tell how much batches differ"
    )
