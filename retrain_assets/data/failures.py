"""Rows that fail a contract, collected and written in the one form of the quarantine table."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrain_assets.data.personal import WITHHELD
from retrain_assets.data.row_ids import as_text

VALUE_LENGTH = 200
"""Longer values are cut in the quarantine."""

QUARANTINE_COLUMNS = ("row_id", "row_number", "column", "rule", "value", "file", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """One rule that some rows broke; `positions` are rows of the whole batch."""

    positions: NDArray[np.intp]
    column: str
    rule: str
    reason: str
    values: pd.Series


@dataclass(slots=True)
class Failures:
    """All failures of one batch of `rows` rows. A row may break several rules; it is one row all the same.

    The values of `personal` columns are not kept, nor those that stand in a rule on them.
    """

    rows: int
    personal: AbstractSet[str] = frozenset()
    _kept: list[_Failure] = field(default_factory=list[_Failure])

    def add(
        self, positions: NDArray[np.intp], *, column: str, rule: str, reason: str, values: pd.Series | None = None
    ) -> None:
        """Notes that these rows broke a rule, with their values in the order of the positions."""
        if len(positions):
            texts = pd.Series([None] * len(positions), dtype="object") if values is None else as_text(values)
            if column in self.personal:
                texts = texts.where(texts.isna(), WITHHELD)
                rule = rule.partition("(")[0]
            self._kept.append(
                _Failure(
                    positions=positions,
                    column=column,
                    rule=rule,
                    reason=reason,
                    values=pd.Series([text and text[:VALUE_LENGTH] for text in texts], dtype="object"),
                )
            )

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which rows broke at least one rule."""
        mask = np.zeros(self.rows, dtype=bool)
        for failure in self._kept:
            mask[failure.positions] = True
        return mask

    def reasons(self) -> dict[str, int]:
        """Number of distinct rows by reason, the most frequent first."""
        masks: dict[str, NDArray[np.bool_]] = {}
        for failure in self._kept:
            mask = masks.setdefault(failure.reason, np.zeros(self.rows, dtype=bool))
            mask[failure.positions] = True
        counts = {reason: int(mask.sum()) for reason, mask in masks.items()}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns whose rules were broken, by reason, each once; none where a rule is on whole rows."""
        found: dict[str, list[str]] = {}
        for failure in self._kept:
            found.setdefault(failure.reason, []).append(failure.column)
        return {reason: tuple(dict.fromkeys(filter(None, names))) for reason, names in found.items()}

    def frame(
        self, *, ids: pd.Series, numbers: NDArray[np.int64], files: Sequence[str], file_of: NDArray[np.intp]
    ) -> pd.DataFrame:
        """The quarantine table: a line for each broken rule of each row, by file and row number."""
        if not self._kept:
            empty = pd.DataFrame({name: pd.Series(dtype="object") for name in QUARANTINE_COLUMNS})
            empty["row_number"] = empty["row_number"].astype("int64")
            return empty
        positions = np.concatenate([failure.positions for failure in self._kept])
        sizes = [len(failure.positions) for failure in self._kept]

        def repeated(values: list[str]) -> NDArray[np.object_]:
            return np.repeat(np.array(values, dtype=object), sizes)

        frame = pd.DataFrame(
            {
                "row_id": [None if pd.isna(each) else each for each in ids.to_numpy(dtype=object)[positions]],
                "row_number": numbers[positions],
                "column": repeated([failure.column for failure in self._kept]),
                "rule": repeated([failure.rule for failure in self._kept]),
                "value": np.concatenate([failure.values.to_numpy(dtype=object) for failure in self._kept]),
                "file": np.array(files, dtype=object)[file_of[positions]],
                "reason": repeated([failure.reason for failure in self._kept]),
            }
        )
        order = np.lexsort((np.arange(len(frame)), positions))
        return frame.iloc[order].reset_index(drop=True)
