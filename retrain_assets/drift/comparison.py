"""What `compare` found, and the verdict over it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from retrain_assets.data.sound_texts import escaped, sound
from retrain_assets.data.text_lengths import SUFFIX
from retrain_assets.drift.columns import ColumnsCompared
from retrain_assets.drift.compared import Compared
from retrain_assets.drift.distances import DISTANCES, measure
from retrain_assets.drift.distances.fine_bins import fine_bins
from retrain_assets.drift.distances.sketch_error import sketch_errors
from retrain_assets.drift.fitted_reference import Basis
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.read_only import ReadOnly
from retrain_assets.drift.report import ColumnDrift, ColumnVerdict, by_harm
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.wording import count_of, left_out, nothing_compared, shown

if TYPE_CHECKING:
    from retrain_assets.drift.svg_figure import SvgFigure

_VERDICTS: Mapping[ColumnVerdict, str] = {"drift": "!", "stable": " ", "unknown": "?"}
"""With the marks that stand before columns."""

_MARKS: Mapping[bool | None, str] = {True: "!", False: " ", None: "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A column before and after, as shares of the rows by cell."""

    cells: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison:
    """What `compare` found.

    Args:
        drifted: None where it cannot be known.
        reason: in a sentence.
        columns: by name, with scores and verdict.
        joint: what the columns show together; None where it was not asked for.
        locations: whether all numbers together (of the inputs, where `outputs` were named) have moved, each be it ever
            so little; None of fewer than three that vary, and where rows are taken for independent.
        basis: what significance rests on.
        settings: what counted as drift.
        rows: of the reference and of the current window.
        shapes: of the compared columns.
    """

    drifted: bool | None
    reason: str
    columns: Mapping[str, ColumnDrift]
    joint: JointDrift | None
    locations: JointDrift | None
    basis: Basis | None
    settings: Settings
    rows: tuple[int, int]
    shapes: Mapping[str, Shape]

    @property
    def ranked(self) -> tuple[ColumnDrift, ...]:
        """The columns: the drifted ones first, then by what can hurt: the score times the importance, where told."""
        return tuple(sorted(self.columns.values(), key=by_harm))

    def to_record(self) -> dict[str, Any]:
        """In what JSON can say; a number that is not finite is None."""
        record = {
            "format": 2,
            "drifted": self.drifted,
            "reason": self.reason,
            "rows": {"reference": self.rows[0], "current": self.rows[1]},
            "basis": None if self.basis is None else asdict(self.basis),
            "settings": asdict(self.settings),
            "columns": [{**asdict(column), **self._shape(column.name)} for column in self.ranked],
            "joint": None if self.joint is None else asdict(self.joint),
            "locations": None if self.locations is None else asdict(self.locations),
        }
        return {name: _finite(value) for name, value in record.items()}

    def _shape(self, name: str) -> dict[str, Any]:
        return {"shape": asdict(self.shapes[name])} if name in self.shapes else {}

    def to_json(self) -> str:
        """As text."""
        return escaped(json.dumps(self.to_record(), ensure_ascii=False, allow_nan=False))

    def figure(self) -> SvgFigure:
        """A picture of the drifted columns, or of the most distant ones where none has drifted."""
        from retrain_assets.drift.svg_figure import draw

        return draw(self)

    def __bool__(self) -> bool:
        """Refused: `if compare(...)` would always go on."""
        raise TypeError("a Comparison is neither true nor false: ask .drifted, which is True, False or None (unknown)")

    def __repr__(self) -> str:
        verdict = {True: "drift", False: "no drift", None: "unknown"}[self.drifted]
        lines = [f"{verdict}: {self.reason}"]
        of = {verdict: [column for column in self.ranked if column.verdict == verdict] for verdict in _VERDICTS}
        told = [*(of["drift"] or of["stable"][:3]), *of["unknown"]]
        width = max((len(shown(column.name)) for column in told[:12]), default=0)
        for column in told[:12]:
            said = f"{column.before} -> {column.after}: {column.reason}"
            lines.append(f"{_VERDICTS[column.verdict]} {shown(column.name):<{width}}  {said}")
        if len(told) > 12:
            lines.append(f"  and {len(told) - 12} more")
        lines += [f"{_MARKS[each.drifted]} {each.method}: {each.reason}" for each in _there(self.joint, self.locations)]
        return sound("\n".join(lines))


def concluded(
    found: ColumnsCompared,
    together: JointDrift | None,
    locations: JointDrift | None,
    settings: Settings,
    rows: tuple[int, int],
    importance: Mapping[str, float],
) -> Comparison:
    """The verdict over what was found in the columns, and in all of them together.

    Args:
        found: in the columns.
        together: None where it was not asked for.
        locations: of all numbers; None where they are not judged together.
        settings: what counts as drift.
        rows: of the reference and of the current window.
        importance: of columns to the model; empty where nobody told.
    """
    drifts = _completed(found.drifts, found.compared, settings, importance)
    drifted, reason = _verdict(drifts, _there(together, locations), found.basis)
    return Comparison(
        drifted=drifted,
        reason=reason,
        columns=ReadOnly({column.name: column for column in drifts}),
        joint=together,
        locations=locations,
        basis=found.basis,
        settings=settings,
        rows=rows,
        shapes=ReadOnly({column.name: _shape(column) for column in found.compared}),
    )


def nothing_known(reason: str, settings: Settings, rows: tuple[int, int]) -> Comparison:
    """Of too few rows, or of no columns."""
    return Comparison(
        drifted=None,
        reason=reason,
        columns=ReadOnly(),
        joint=None,
        locations=None,
        basis=None,
        settings=settings,
        rows=rows,
        shapes=ReadOnly(),
    )


def _completed(
    drifts: Sequence[ColumnDrift], compared: Sequence[Compared], settings: Settings, importance: Mapping[str, float]
) -> list[ColumnDrift]:
    """With all distances and the importance of each column."""
    by_name = {column.name: column for column in compared}

    def weight_of(name: str) -> float | None:
        return importance.get(name, importance.get(name.removesuffix(SUFFIX), 0.0)) if importance else None

    return [
        replace(
            column if column.verdict == "unknown" else _scored(column, by_name[column.name], settings),
            importance=weight_of(column.name),
        )
        for column in drifts
    ]


def _scored(drift: ColumnDrift, column: Compared, settings: Settings) -> ColumnDrift:
    cells, before, after = column.cells, column.before, column.after
    fine = fine_bins(before, after) if cells.ordered else None
    wanted = dict.fromkeys((settings.distance, *DISTANCES))
    scores = {each: measure(each, cells, before, after, settings.smoothing, fine=fine) for each in wanted}
    errors = sketch_errors(scores, before, after, fine)
    return replace(drift, scores=ReadOnly(scores), score_errors=ReadOnly(errors))


def _there(*tests: JointDrift | None) -> list[JointDrift]:
    return [test for test in tests if test is not None]


def _verdict(drifts: Sequence[ColumnDrift], together: Sequence[JointDrift], basis: Basis) -> tuple[bool | None, str]:
    known = [column for column in drifts if column.verdict != "unknown"]
    drifted = sorted((column for column in known if column.verdict == "drift"), key=by_harm)
    joint = any(test.drifted for test in together)
    if not known and not joint:
        return None, nothing_compared(drifts)
    count = count_of([column.name for column in drifted], len(known))
    # What numbers show by themselves their locations show together.
    alone = {column.name for column in drifted}
    also = "".join(test.counted for test in together if test.method != "location" or alone.isdisjoint(test.named))
    return bool(drifted) or joint, f"{also}{count}{left_out(drifts)}; {basis.sentence}"


def _shape(column: Compared) -> Shape:
    labels, before, after = column.cells.sides
    return Shape(
        cells=labels,
        before=tuple((before / max(int(before.sum()), 1)).tolist()),
        after=tuple((after / max(int(after.sum()), 1)).tolist()),
    )


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return value
