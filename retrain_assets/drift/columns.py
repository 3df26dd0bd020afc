"""The columns of a batch against those of the reference batches: effect, significance, verdict and its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.exact import EXACT
from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.accumulation import Accumulation
from retrain_assets.drift.aspects import ASPECTS, judge, weighted
from retrain_assets.drift.cells import ColumnCells
from retrain_assets.drift.compared import Compared, counted
from retrain_assets.drift.distances import measure
from retrain_assets.drift.fitted_reference import Basis, FittedReference
from retrain_assets.drift.independent import judge_independent
from retrain_assets.drift.measures import change_of
from retrain_assets.drift.multiplicity import CORRECTIONS
from retrain_assets.drift.report import ColumnDrift, ColumnVerdict
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.settled import latest_of
from retrain_assets.drift.summaries import Summaries, summarize
from retrain_assets.drift.variation import Array
from retrain_assets.drift.wording import describe, ends_of, movers, plural, probability


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsCompared:
    """What was found in each column, on which basis, and the counts it was found in.

    `summaries` are of the compared columns, in their order; None where rows are taken for independent.
    """

    drifts: tuple[ColumnDrift, ...]
    basis: Basis
    compared: tuple[Compared, ...]
    summaries: Summaries | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """What the tests of one column say, and how many of the reference batches it was judged by, the latest ones.

    `resemblance` is that of these batches to the one before.
    """

    aspect: str
    p_value: float
    adjusted: float
    less_unusual: int
    batches: int
    resemblance: float


def compare_columns(
    names: Sequence[str],
    reference: FittedReference,
    current: TableProfile,
    *,
    window: Sequence[TableProfile] = (),
    apart: Mapping[str, str] | None = None,
    accumulation: Accumulation | None = None,
    over: str = "columns",
    kept: Mapping[str, float] | None = None,
) -> ColumnsCompared:
    """Compares the named columns.

    Args:
        names: columns; what one side does not have is compared as missing, what the reference does not have is
            `unknown`.
        reference: the reference batches, with the settings.
        current: profile of the current window.
        window: profiles of the batches that the current window consists of, where they are more than one.
        apart: why a column is unknown in which the batches of the current window do not agree.
        accumulation: evidence of the windows before, where windows follow each other.
        over: what the columns are called, over all of which p-values are adjusted.
        kept: the part of its level that a column has kept, where another test has the rest: p-values with weights, as
            Genovese, Roeder and Wasserman 2006, "False discovery control with p-value weighting", Biometrika 93.
    """
    settings, basis = reference.settings, reference.basis
    trusted = _trusted(window, settings) if basis.significance == "batches" else ()
    if basis.significance == "batches" and len(window) > 1 and not trusted:
        few = f"all {len(window)} batches of the window have fewer than {settings.min_rows} rows and are judged as one"
        basis = replace(basis, sentence=f"{basis.sentence}; {few}")
    window = trusted
    compared: list[Compared] = []
    drifts: dict[str, ColumnDrift] = {}
    for name in names:
        found = counted(name, reference, current, window, (apart or {}).get(name))
        if isinstance(found, Compared):
            compared.append(found)
        else:
            drifts[name] = found if accumulation is None else replace(found, evidence=accumulation.keep(name))
    cells = [column.cells for column in compared]
    summaries = summarize(cells) if cells and basis.significance == "batches" else None
    parts = np.array([(kept or {}).get(column.name, 1.0) for column in compared])
    for column, tested in zip(compared, _test(cells, summaries, settings, basis, parts), strict=True):
        gone = column.name not in current
        drifts[column.name] = _conclude(column, tested, settings, basis, gone, accumulation, over)
    return ColumnsCompared(
        drifts=tuple(drifts[name] for name in names), basis=basis, compared=tuple(compared), summaries=summaries
    )


def _trusted(window: Sequence[TableProfile], settings: Settings) -> Sequence[TableProfile]:
    """The batches of enough rows, as those of the reference; none where the window is judged as a single batch."""
    enough = [batch for batch in window if batch.rows >= settings.min_rows]
    return enough if len(window) > 1 else ()


def _test(
    cells: Sequence[ColumnCells], summaries: Summaries | None, settings: Settings, basis: Basis, kept: Array
) -> list[_Tested]:
    """Of each column, which has kept so much of its level, shape (columns,)."""
    if not cells:
        return []
    judged = None if summaries is None else judge(summaries)
    p_values = judge_independent(cells)[0] if judged is None else judged.p_values
    by_aspect = weighted(p_values)
    deciding, by_column = _deciding(p_values, by_aspect), by_aspect.min(axis=0)
    adjusted = CORRECTIONS[settings.correction](np.minimum(by_column / kept, 1.0))
    batches = np.full(len(cells), basis.batches)
    if judged is not None:
        batches[judged.by_latest[deciding, np.arange(len(cells))]] = latest_of(basis.batches)
    less_unusual = batches.copy()
    for count in np.unique(batches):
        candidates = np.flatnonzero((adjusted <= settings.alpha) & (batches == count))
        if summaries is not None and len(candidates):
            judged_by = summaries.of(candidates).latest(int(count))
            less_unusual[candidates] = _less_unusual(judged_by, deciding[candidates])
    return [
        _Tested(
            aspect=ASPECTS[int(deciding[place])],
            p_value=float(by_column[place]),
            adjusted=float(adjusted[place]),
            less_unusual=int(less_unusual[place]),
            batches=int(batches[place]),
            resemblance=0.0 if judged is None else float(judged.resemblance[place]),
        )
        for place in range(len(cells))
    ]


def _deciding(p_values: Array, by_aspect: Array) -> npt.NDArray[np.intp]:
    """The clearest aspect of each column, of those that it has; of a column that has none its shape."""
    there = ~np.isnan(p_values)
    found = np.where(there, by_aspect, np.inf).argmin(axis=0)
    return np.where(there.any(axis=0), found, ASPECTS.index("shape"))


def _less_unusual(summaries: Summaries, deciding: npt.NDArray[np.intp]) -> Array:
    """So many reference batches differ less from all others than the current window does, by the deciding aspect.

    Each batch in turn is compared with the others and the current window together. Where batches are exchangeable, the
    rank of the current window is uniform whatever their distribution (Vovk, Gammerman and Shafer 2005, "Algorithmic
    learning in a random world").
    """
    places = np.arange(len(deciding))
    everything = summaries.with_current()
    count = everything.rows.shape[1]
    with_shapes = bool((deciding == ASPECTS.index("shape")).any())
    among = (
        judge(everything.without(batch), with_shapes=with_shapes).statistics[deciding, places] for batch in range(count)
    )
    unusual = np.abs(np.array([*among]))
    return (np.nan_to_num(unusual[:-1], nan=-1.0) < unusual[-1]).sum(axis=0).astype(np.float64)


def _conclude(
    column: Compared,
    tested: _Tested,
    settings: Settings,
    basis: Basis,
    gone: bool,
    accumulation: Accumulation | None,
    over: str,
) -> ColumnDrift:
    score = measure(settings.distance, column.cells, column.before, column.after, settings.smoothing)
    verdict, reason = _judge(score, tested, settings, basis, over)
    evidence = None
    if accumulation is not None:
        carried = accumulation.add(column.name, tested.p_value, score, resemblance=tested.resemblance)
        evidence = accumulation.clear(column.name, tested.p_value) if verdict == "drift" else carried.evidence
        if verdict == "stable" and carried.drifted(score, settings.effect_floor):
            verdict, reason = "drift", carried.reason(score, settings.effect_floor)
    reason = _nothing_varies(column.before, column.after) or reason
    hidden = _lost_in_doubles(column.before, column.after) if verdict == "stable" else None
    verdict, reason = (verdict, reason) if hidden is None else ("unknown", hidden)
    novel = tested.aspect == "novel"
    named = movers(column.before, column.after, new=novel, told=column.cells.told)
    ends = ends_of(column.before, column.after) if novel else ("", "")
    return ColumnDrift(
        name=column.name,
        kind=column.before.kind if column.before.present else column.after.kind,
        distance=settings.distance,
        score=None if hidden else score,
        floor=settings.effect_floor,
        p_value=None if hidden else tested.p_value,
        adjusted_p_value=None if hidden else tested.adjusted,
        aspect=None if hidden else tested.aspect,
        evidence=evidence,
        verdict=verdict,
        reason=f"the column has gone from the batch: {reason}" if gone else column.note + reason,
        measures=change_of(column.before, None if gone else column.after, column.cells),
        before=describe(column.before, named, ends=ends[0]),
        after="not there" if gone else describe(column.after, named, ends=ends[1]),
    )


def _nothing_varies(before: ColumnProfile, after: ColumnProfile) -> str | None:
    """What both sides are, where all their rows are the same: the distance is then what smoothing makes of them."""
    if not any(side.rows > side.missing for side in (before, after)):
        return "neither side has a value in any row"
    if before.kind != after.kind or any(side.missing or side.infinite for side in (before, after)):
        return None
    values = {end for side in (before, after) for end in (side.minimum, side.maximum)}
    labels = {label for side in (before, after) for label in side.categories}
    # Lengths are told of labels that were cut, which may stand for several values.
    whole = not any(side.other or side.lengths is not None for side in (before, after))
    single = len(labels) == 1 and whole if labels else values != {None} and len(values) == 1
    return "both sides have the same single value in every row" if single else None


def _lost_in_doubles(before: ColumnProfile, after: ColumnProfile) -> str | None:
    """Why no change of whole numbers could be seen: all of both sides are one double, which stands for several."""
    ends = {end for side in (before, after) for end in (side.minimum, side.maximum)}
    value = ends.pop() if before.kind == after.kind == "numeric" else None
    if value is None or ends or abs(value) < EXACT:
        return None
    apart = np.spacing(abs(value))
    return (
        f"all values of both sides are {value:.4g} as doubles, of which one stands for {apart:.4g} whole numbers: "
        "what differs among these is lost. Subtract a constant, or give the column as text"
    )


def _judge(score: float, tested: _Tested, settings: Settings, basis: Basis, over: str) -> tuple[ColumnVerdict, str]:
    if score < settings.effect_floor:
        return "stable", f"the distance {score:.3g} is below the floor {settings.effect_floor:g}"
    reached = f"the distance {score:.3g} reaches the floor {settings.effect_floor:g}"
    adjusted = f"{tested.aspect}: {probability(tested.adjusted)} over all {over}"
    latest = f"latest {tested.batches} " if tested.batches < basis.batches else ""
    if latest:
        adjusted += f", by the {latest}reference batches alone (the column moved before them, and is level since)"
    if tested.adjusted > settings.alpha:
        differences = f"the differences of the {latest}reference batches explain"
        chance = differences if basis.significance == "batches" else "chance explains"
        return "stable", f"{reached}, but {chance} it ({adjusted} is above {settings.alpha:.2g})"
    allowed = max(int(settings.alpha * (tested.batches + 1)) - 1, 0)
    if tested.less_unusual < tested.batches - allowed:
        others = tested.batches - tested.less_unusual
        unusual = plural(others, "reference batch is", "reference batches are")
        return "stable", f"{reached}, but {unusual} as unusual{f' among the {latest.strip()}' if latest else ''}"
    return "drift", f"{reached}, and {adjusted} is at most {settings.alpha:.2g}"
