"""`compare`: two data frames, or profiles of them, in; a report with its reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypedDict, Unpack, get_args

from retrain_assets.data.profile import TableProfile, merge_tables
from retrain_assets.data.text_lengths import SUFFIX
from retrain_assets.drift.arguments import refuse_arguments, refuse_floor, refuse_unknown, weights_of
from retrain_assets.drift.columns import ColumnsCompared, compare_columns
from retrain_assets.drift.comparison import Comparison, concluded, nothing_known
from retrain_assets.drift.fitted_reference import Basis, FittedReference
from retrain_assets.drift.frames import Prepared, Side, batch_of, is_stream
from retrain_assets.drift.given import LazyRows, as_given, name_of
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.locations import LOCATION_SHARE, judge_locations, located
from retrain_assets.drift.settings import Correction, Settings, Significance
from retrain_assets.drift.together import JOINT_SHARE, OUTPUT_SHARE, judge_together
from retrain_assets.drift.truths import batches_of_window
from retrain_assets.drift.watched import watched_columns
from retrain_assets.drift.window import read_side
from retrain_assets.drift.wording import none_to_compare, plural
from retrain_assets.errors import DataError, NoBatchColumnError, did_you_mean

Joint = Literal["correlation", "classifier", "none"]


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
            reference has its own, by which the current window is told apart where it has that column. Its values are in
            order of time (numbers, times, texts such as "2024-01-31"); profiles are given in it.
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
        ValueError: an option is out of its range, `columns`, `outputs` or `importance` name what neither side has, or
            the distance of another package answers what none can be.

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> days = pd.DataFrame({"day": np.repeat(np.arange(21), 500), "x": rng.normal(size=10_500)})
    >>> today = days[days["day"] == 20]
    >>> report = compare(days[days["day"] < 20], today.assign(x=today["x"] + 1), batch="day")
    >>> report.drifted, report.columns["x"].aspect
    (True, 'location')
    """
    settings = _settled(options)
    refuse_arguments(joint, get_args(Joint), columns, outputs, seed)
    refuse_floor(settings)
    weights = weights_of(importance)
    outputs = [name_of(name, "each of outputs") for name in outputs]
    columns = None if columns is None else [name_of(name, "each of columns") for name in columns]
    batch = None if batch is None else name_of(batch, "batch")
    before, after = as_given(reference), as_given(current)
    batch = batch_of(before, after) if batch is None else batch
    sides, (past, present) = _read(before, after, joint, batch, settings)
    window, apart = batches_of_window(list(present.values()))
    now, known = merge_tables(window), list(past.values())
    rows = sum(profile.rows for profile in known), now.rows
    for name, count, side in zip(("the reference", "the current window"), rows, (reference, current), strict=True):
        if count < settings.min_rows:
            few = f"{name} has {plural(count, 'row', 'rows')}, fewer than min_rows = {settings.min_rows}"
            return nothing_known(few + _read_before(side, count), settings, rows)
    for what, asked in (("columns", columns or ()), ("outputs", outputs), ("importance", weights)):
        refuse_unknown(what, asked, known, now, batch)
    names = _names_to_compare(now, known, columns, outputs, apart)
    if not names:
        there = dict.fromkeys((*now.names, *(name for profile in known for name in profile.names)))
        return nothing_known(none_to_compare(list(there)), settings, rows)
    groups = _groups(names, outputs)
    numbers = located(groups[0][0], known, now, _fitted(sides[0], past, settings, 1.0).basis)
    shares, kept = _shares(groups, joint), dict.fromkeys(numbers, 1.0 - LOCATION_SHARE)
    each = [
        compare_columns(
            group, _fitted(sides[0], past, settings, share), now, window=window, apart=apart, over=over, kept=kept
        )
        for (group, over), share in zip(groups, shares, strict=True)
    ]
    locations = judge_locations(each[0], numbers, settings, alpha=settings.alpha * shares[0])
    found = replace(_joined(each), basis=_with_remedy(each[0].basis, past, settings))
    together: JointDrift | None = None
    if joint != "none":
        names, basis = tuple(column.name for column in found.compared), found.basis
        together = judge_together(
            joint, names, sides, (known, now), batch=batch, settings=settings, basis=basis, seed=seed
        )
    return concluded(found, together, locations, settings, rows, weights)


def _settled(options: Options) -> Settings:
    for name in options:
        if name not in Options.__annotations__:
            raise TypeError(f"compare has no option {name!r}.{did_you_mean(name, Options.__annotations__)}")
    return Settings(**options)


def _names_to_compare(
    now: TableProfile,
    past: Sequence[TableProfile],
    columns: Sequence[str] | None,
    outputs: Sequence[str],
    apart: Mapping[str, str],
) -> tuple[str, ...]:
    """Those that are watched, the outputs, and where none were named those in which the batches do not agree."""
    names = (*watched_columns(now, past, columns), *watched_columns(now, past, outputs))
    return tuple(dict.fromkeys((*names, *(apart if columns is None else ()))))


def _with_remedy(basis: Basis, past: Mapping[str, TableProfile], settings: Settings) -> Basis:
    """What to do where nobody told which rows of the reference came together."""
    if basis.significance == settings.significance or tuple(past) != ("",):
        return basis
    remedy = "batch= names the column that says which rows came together; of profiles, give one for each batch"
    return replace(basis, sentence=f"{basis.sentence} ({remedy})")


def _read_before(side: object, rows: int) -> str:
    """What a reader that has nothing may be: it does not tell whether somebody has read it."""
    return "" if rows or not is_stream(side) else " (a stream that was read before has none left: open it anew)"


def _read(
    reference: Side, current: Side, joint: Joint, batch: str | None, settings: Settings
) -> tuple[tuple[Side, Side], tuple[dict[str, TableProfile], dict[str, TableProfile]]]:
    """The sides, whose rows a joint test looks at once more, and their profiles by batch."""
    reference, past = read_side(reference, "the reference", joint, batch, settings)
    try:
        current, present = read_side(current, "the current window", joint, batch, settings)
    except NoBatchColumnError as error:
        taken = f"A window that is one batch: compare(prepare(reference, batch={batch!r}), current)."
        raise DataError(f"{error} {taken}") from None
    return (reference, current), (past, present)


def _groups(names: Sequence[str], outputs: Sequence[str]) -> list[tuple[list[str], str]]:
    """Columns that are judged together, and what they are: the inputs first where there are some."""
    made = [name for name in names if name.removesuffix(SUFFIX) in outputs]
    if len(made) in (0, len(names)):
        return [(list(names), "columns")]
    return [([name for name in names if name not in made], "inputs"), (made, "outputs")]


def _shares(groups: Sequence[object], joint: Joint) -> list[float]:
    """The part of the level that each group has: what neither the joint test nor outputs have."""
    left = 1.0 - JOINT_SHARE * (joint != "none")
    return [left] if len(groups) == 1 else [left - OUTPUT_SHARE, OUTPUT_SHARE]


def _joined(groups: Sequence[ColumnsCompared]) -> ColumnsCompared:
    """What was found in groups of columns, against the same reference."""
    return ColumnsCompared(
        drifts=tuple(drift for group in groups for drift in group.drifts),
        basis=groups[0].basis,
        compared=tuple(column for group in groups for column in group.compared),
        summaries=None,
    )


def _fitted(reference: Side, past: Mapping[str, TableProfile], settings: Settings, share: float) -> FittedReference:
    """At a part of the level."""
    settled = replace(settings, alpha=settings.alpha * share)
    return reference.fitted(settled) if isinstance(reference, Prepared) else FittedReference([*past.values()], settled)
