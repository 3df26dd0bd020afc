"""`compare`: two data frames, or profiles of them, in; a report with its reasons out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypedDict, Unpack, get_args

from retrain_assets.data.profile import TableProfile, merge_tables
from retrain_assets.data.sound_texts import escaped, sound
from retrain_assets.data.text_lengths import SUFFIX
from retrain_assets.drift.arguments import refuse_arguments, refuse_floor, refuse_unknown, weights_of
from retrain_assets.drift.columns import ColumnsCompared, Compared, compare_columns
from retrain_assets.drift.distances import DISTANCES, measure
from retrain_assets.drift.distances.fine_bins import fine_bins
from retrain_assets.drift.distances.sketch_error import sketch_errors
from retrain_assets.drift.fitted_reference import Basis, FittedReference
from retrain_assets.drift.frames import Prepared, Side, batch_of, is_stream, profiles_of, read_once
from retrain_assets.drift.given import LazyRows, as_given, name_of
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.report import ColumnDrift, ColumnVerdict, by_harm
from retrain_assets.drift.settings import Correction, Settings, Significance
from retrain_assets.drift.stream_sample import MAX_ROWS, rows_needed
from retrain_assets.drift.together import JOINT_SHARE, OUTPUT_SHARE, judge_together
from retrain_assets.drift.truths import batches_of_window
from retrain_assets.drift.watched import watched_columns
from retrain_assets.drift.wording import first_of, left_out, none_to_compare, nothing_compared, shown
from retrain_assets.errors import did_you_mean

Joint = Literal["correlation", "classifier", "none"]
_VERDICTS: Mapping[ColumnVerdict, str] = {"drift": "!", "stable": " ", "unknown": "?"}
"""With the marks that stand before columns."""


class Options(TypedDict, total=False):
    """Fields of `Settings`, as keywords of `compare`."""

    distance: str
    effect_floor: float
    alpha: float
    correction: Correction
    significance: Significance
    min_batches: int
    min_rows: int
    bins: int
    smoothing: float
    correlation_floor: float
    separability_floor: float


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
        basis: what significance rests on.
        settings: what counted as drift.
        rows: of the reference and of the current window.
        shapes: of the compared columns.
    """

    drifted: bool | None
    reason: str
    columns: Mapping[str, ColumnDrift]
    joint: JointDrift | None
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
        return {
            "format": 2,
            "drifted": self.drifted,
            "reason": self.reason,
            "rows": {"reference": self.rows[0], "current": self.rows[1]},
            "basis": None if self.basis is None else asdict(self.basis),
            "settings": asdict(self.settings),
            "columns": [{**asdict(column), **self._shape(column.name)} for column in self.ranked],
            "joint": None if self.joint is None else asdict(self.joint),
        }

    def _shape(self, name: str) -> dict[str, Any]:
        return {"shape": asdict(self.shapes[name])} if name in self.shapes else {}

    def to_json(self) -> str:
        """As text."""
        return escaped(json.dumps(_finite(self.to_record()), ensure_ascii=False, allow_nan=False))

    def figure(self) -> Any:
        """A picture of the drifted columns, or of the most distant ones where none has drifted: see `SvgFigure`."""
        from retrain_assets.drift.svg_figure import draw

        return draw(self)

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
        if self.joint is not None:
            mark = {True: "!", False: " ", None: "?"}[self.joint.drifted]
            lines.append(f"{mark} {self.joint.method}: {self.joint.reason}")
        return sound("\n".join(lines))


def compare(
    reference: Side | LazyRows,
    current: Side | LazyRows,
    *,
    batch: str | None = None,
    columns: Sequence[str] | None = None,
    outputs: Sequence[str] = (),
    joint: Joint = "correlation",
    importance: Mapping[str, float] | None = None,
    seed: int = 0,
    **options: Unpack[Options],
) -> Comparison:
    """Has the current window drifted from the reference?

    Args:
        reference: rows (pandas, Polars, anything that exports Arrow), or profiles of its batches.
        current: rows or profiles of the window in question.
        batch: column that says which rows came together (a day, a file). A difference counts when it exceeds how much
            such batches of the reference differ from each other. Without it rows are taken for independent. A prepared
            reference has its own, by which the current window is told apart where it has that column.
        columns: those to compare; by default all but times. Names that begin with `ra_` are the platform's own, and
            never compared.
        outputs: columns that the model makes, or that tell what then happened: its score, a label, a residual. They are
            compared in any case, and judged apart: how much inputs differ from day to day says nothing about them.
            They have a quarter of `alpha`.
        joint: what to look for in the columns together: changed `correlation` of numbers, or all that a `classifier`
            can learn, which costs seconds of one processor (up to 63 small fits, however many rows there are), and
            longer the more it is shared. Both need rows: of a stream a sample is kept for them, of profiles the report
            says that it is unknown.
        importance: how much each column matters to the model, at least zero; the report leads with what can hurt. A
            column that is not named does not matter.
        seed: of the rows that a classifier samples.
        **options: fields of `Settings`: `alpha`, `effect_floor`, `distance`, and more.

    Raises:
        DataError: the batch column is missing or has gaps, is another one than the reference was prepared with, or
            column names are not unique.
        TypeError: a side is neither rows nor profiles, or an option has another type than it must have.
        ValueError: an option is out of its range, `importance` or `outputs` name no column, or the distance of another
            package answers what none can be.

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> days = pd.DataFrame({"day": np.repeat(np.arange(21), 500), "x": rng.normal(size=10_500)})
    >>> today = days[days["day"] == 20]
    >>> report = compare(days[days["day"] < 20], today.assign(x=today["x"] + 1), batch="day")
    >>> report.drifted, report.columns["x"].aspect
    (True, 'location')
    """
    for name in options:
        if name not in Options.__annotations__:
            raise TypeError(f"compare has no option {name!r}.{did_you_mean(name, Options.__annotations__)}")
    settings = Settings(**options)
    refuse_arguments(joint, get_args(Joint), columns, outputs, seed)
    refuse_floor(settings)
    weights = weights_of(importance)
    outputs = [name_of(name, "each of outputs") for name in outputs]
    columns = None if columns is None else [*(name_of(name, "each of columns") for name in columns), *outputs]
    batch = None if batch is None else name_of(batch, "batch")
    before, after = as_given(reference), as_given(current)
    batch = batch_of(before, after) if batch is None else batch
    sides, (past, present) = _read(before, after, joint, batch, settings)
    window, apart = batches_of_window(list(present.values()))
    now = merge_tables(window)
    rows = sum(profile.rows for profile in past.values()), now.rows
    for name, count, side in zip(("reference", "current window"), rows, (reference, current), strict=True):
        if count < settings.min_rows:
            reason = (
                f"the {name} has {count} rows, fewer than min_rows = {settings.min_rows}{_read_before(side, count)}"
            )
            return _unknown(reason, settings, rows)
    watched = watched_columns(now, list(past.values()), columns)
    names = tuple(dict.fromkeys((*watched, *watched_columns(now, list(past.values()), outputs))))
    names = (*names, *(name for name in apart if columns is None and name not in names))
    for what, asked in (("importance", weights), ("outputs", outputs)):
        refuse_unknown(what, asked, list(past.values()), now)
    if not names:
        return _unknown(none_to_compare(list(dict.fromkeys(now.names + _names(past)))), settings, rows)
    found = _joined(
        compare_columns(group, _fitted(sides[0], past, settings, share), now, window=window, apart=apart, over=over)
        for group, share, over in _groups(names, outputs, joint)
    )
    found = replace(found, basis=_with_remedy(found.basis, past, settings))
    together: JointDrift | None = None
    if joint != "none":
        profiles, basis = (list(past.values()), now), found.basis
        names = tuple(column.name for column in found.compared)
        together = judge_together(joint, names, sides, profiles, batch=batch, settings=settings, basis=basis, seed=seed)
    return _concluded(found, together, settings, rows, weights)


def _with_remedy(basis: Basis, past: Mapping[str, TableProfile], settings: Settings) -> Basis:
    """What to do where nobody told which rows of the reference came together."""
    if basis.significance == settings.significance or tuple(past) != ("",):
        return basis
    remedy = "batch= names the column that says which rows came together; of profiles, give one for each batch"
    return replace(basis, sentence=f"{basis.sentence} ({remedy})")


def _names(profiles: Mapping[str, TableProfile]) -> tuple[str, ...]:
    return tuple(name for profile in profiles.values() for name in profile.names)


def _read_before(side: object, rows: int) -> str:
    """What a reader that has nothing may be: it does not tell whether somebody has read it."""
    return "" if rows or not is_stream(side) else " (a stream that was read before has none left: open it anew)"


def _read(
    reference: Side, current: Side, joint: Joint, batch: str | None, settings: Settings
) -> tuple[tuple[Side, Side], tuple[dict[str, TableProfile], dict[str, TableProfile]]]:
    """The sides, whose rows a joint test looks at once more, and their profiles by batch."""
    if joint != "none":
        alike = batch is None and joint == "correlation"
        most = rows_needed(settings.correlation_floor, settings.min_rows) if alike else MAX_ROWS
        reference = read_once(reference, name="reference", batch=batch, most=most)
        current = read_once(current, name="current", batch=batch, most=most)
    past = profiles_of(reference, name="reference", batch=batch)
    return (reference, current), (past, profiles_of(current, name="current", batch=batch))


def _groups(names: Sequence[str], outputs: Sequence[str], joint: Joint) -> list[tuple[list[str], float, str]]:
    """Columns that are judged together, the part of the level that each group has, and what they are."""
    made = [name for name in names if name.removesuffix(SUFFIX) in outputs]
    left = 1.0 if joint == "none" else 1.0 - JOINT_SHARE
    if len(made) in (0, len(names)):
        return [(list(names), left, "columns")]
    inputs = [name for name in names if name not in made]
    return [(inputs, left - OUTPUT_SHARE, "inputs"), (made, OUTPUT_SHARE, "outputs")]


def _joined(groups: Iterable[ColumnsCompared]) -> ColumnsCompared:
    """What was found in groups of columns, against the same reference."""
    groups = list(groups)
    return ColumnsCompared(
        drifts=tuple(drift for group in groups for drift in group.drifts),
        basis=groups[0].basis,
        compared=tuple(column for group in groups for column in group.compared),
    )


def _fitted(reference: Side, past: Mapping[str, TableProfile], settings: Settings, share: float) -> FittedReference:
    """At a part of the level."""
    settled = replace(settings, alpha=settings.alpha * share)
    return reference.fitted(settled) if isinstance(reference, Prepared) else FittedReference([*past.values()], settled)


def _concluded(
    found: ColumnsCompared,
    together: JointDrift | None,
    settings: Settings,
    rows: tuple[int, int],
    importance: Mapping[str, float],
) -> Comparison:
    drifts = _completed(found.drifts, found.compared, settings, importance)
    drifted, reason = _verdict(drifts, together, found.basis)
    return Comparison(
        drifted=drifted,
        reason=reason,
        columns={column.name: column for column in drifts},
        joint=together,
        basis=found.basis,
        settings=settings,
        rows=rows,
        shapes={column.name: _shape(column) for column in found.compared},
    )


def _unknown(reason: str, settings: Settings, rows: tuple[int, int]) -> Comparison:
    return Comparison(
        drifted=None, reason=reason, columns={}, joint=None, basis=None, settings=settings, rows=rows, shapes={}
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
    return replace(drift, scores=scores, score_errors=sketch_errors(scores, before, after, fine))


def _verdict(drifts: Sequence[ColumnDrift], joint: JointDrift | None, basis: Basis) -> tuple[bool | None, str]:
    known = [column for column in drifts if column.verdict != "unknown"]
    drifted = sorted((column for column in known if column.verdict == "drift"), key=by_harm)
    together = joint is not None and joint.drifted
    if not known and not together:
        return None, nothing_compared(drifts)
    named = f" ({first_of([column.name for column in drifted])})" if drifted else ""
    count = f"{len(drifted)} of {len(known)} columns {'has' if len(drifted) == 1 else 'have'} drifted{named}"
    also = f", and the columns have together by their {joint.method}" if joint is not None and together else ""
    return bool(drifted) or bool(together), f"{count}{also}{left_out(drifts)}; {basis.sentence}"


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
