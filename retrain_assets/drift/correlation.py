"""Do columns still hang together as they did? A change that no column shows by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.joint import JointDrift, too_few_batches, too_few_rows
from retrain_assets.drift.multiplicity import sidak
from retrain_assets.drift.pairwise import Correlations, correlations_of
from retrain_assets.drift.rows import Matrix
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.stream_sample import BLOCKS
from retrain_assets.drift.variation import Array, judge_scalars, judge_vectors
from retrain_assets.drift.wording import first_of, plural, probability, shown

MAX_COLUMNS = 200
"""More columns have too many pairs; the first ones are looked at, and the reason says so."""
_NAMED_PAIRS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCorrelations:
    """Those of a reference, taken once for any number of windows.

    Args:
        rows: of the reference.
        sizes: rows of each of its batches that have enough of them, or of the blocks that stand for batches.
        correlations: of these; None where there are too few.
        independent: rows are taken for independent draws: blocks of them stand for batches.
    """

    rows: int
    sizes: tuple[int, ...]
    correlations: Correlations | None
    independent: bool


def past_correlations(
    columns: Sequence[str], reference: Mapping[str, Matrix], settings: Settings, *, independent: bool
) -> PastCorrelations:
    """Of the first `MAX_COLUMNS` columns.

    Args:
        columns: their names.
        reference: rows by batch.
        settings: how many batches, of how many rows, there must be.
        independent: rows are taken for independent draws.
    """
    batches = _enough(_blocks(reference.values()) if independent and reference else reference.values(), settings)
    enough = len(columns) > 1 and len(batches) >= settings.min_batches
    return PastCorrelations(
        rows=sum(map(len, reference.values())),
        sizes=tuple(map(len, batches)),
        correlations=_correlations(batches, settings, alike=independent) if enough else None,
        independent=independent,
    )


def judge_correlations(
    columns: Sequence[str],
    past: PastCorrelations,
    current: Mapping[str, Matrix],
    settings: Settings,
    *,
    alpha: float,
) -> JointDrift:
    """Tests all correlations of numeric columns, each and all together, against how they vary between batches.

    Each batch by its own centre and scale, each pair by the rows that have both values (see `correlations_of`).
    Fisher's z = artanh(r) has a variance of about `1 / rows` (Fisher 1921, "On the probable error of a coefficient of
    correlation", Metron 1). A window of several batches has the mean of theirs: of their rows together it would be what
    the levels of its days have in common. A pair is judged that the window knows, and at least half of the reference
    batches (at least `min_batches` of them).

    Args:
        columns: their names.
        past: of the same columns in the reference.
        current: rows by batch.
        settings: rows and the floor of a change.
        alpha: level of this test.
    """
    if len(columns) < 2:
        return JointDrift.unknown("correlation", "it takes two numeric columns that vary")
    rows = sum(map(len, current.values()))
    if rows < settings.min_rows:
        return JointDrift.unknown("correlation", f"{plural(rows, 'row is', 'rows are')} too few")
    if past.correlations is None:
        few = (
            too_few_rows(past.rows, BLOCKS, settings.min_rows)
            if past.independent
            else too_few_batches(len(past.sizes), settings.min_batches, settings.min_rows)
        )
        return JointDrift.unknown("correlation", few)
    now = _joined(list(current.values()))
    window = _like(past.sizes[0], now) if past.independent else _enough(current.values(), settings) or [now]
    before, present = past.correlations, _correlations(window, settings, alike=past.independent)
    known = (present.known > 0) & (before.known >= max(settings.min_batches, len(past.sizes) / 2))
    if not known.any():
        return JointDrift.unknown(
            "correlation", f"no two columns vary and have {settings.min_rows} rows with both values on both sides"
        )
    looked_at = list(columns)[:MAX_COLUMNS]
    sides = before.of(known).without_gaps(), present.of(known)
    return _conclude(looked_at, known, *sides, settings, alpha, len(columns))


def _correlations(batches: Sequence[Matrix], settings: Settings, *, alike: bool) -> Correlations:
    first = [rows[:, :MAX_COLUMNS] for rows in batches]
    return correlations_of(first, at_least=settings.min_rows, alike=alike)


def _p_values(past: Correlations, present: Correlations) -> tuple[Array, float]:
    """Of the clearest pair (with the number of pairs), and of all pairs together; and what most resembles the past."""
    pairs = len(past.values)
    now, merged, as_exact_as = present.mean()
    single = judge_scalars(past.values, now, past.rows, as_exact_as, unit=1.0, merged=merged)
    whole = judge_vectors(
        past.values.T[None] / 2, now[None] / 2, 1.0 / (1.0 / past.rows).mean(axis=0)[None],
        np.array([1.0 / (1.0 / as_exact_as).mean()]),
        cells=np.array([float(pairs)]), merged=1.0 / (1.0 / merged).mean(),
    )  # fmt: skip
    p_values = np.array([min(1.0, pairs * float(single.p_values.min())), float(whole.p_values[0])])
    return p_values, float(max(single.resemblance.max(), whole.resemblance[0]))


def _conclude(
    columns: Sequence[str],
    known: npt.NDArray[np.bool_],
    past: Correlations,
    present: Correlations,
    settings: Settings,
    alpha: float,
    asked: int,
) -> JointDrift:
    p_values, resemblance = _p_values(past, present)
    before, now = np.tanh(past.values.mean(axis=1)), np.tanh(present.mean()[0])
    change = np.abs(now - before)
    p_value = float(sidak(np.array([p_values.min()]), np.array([2]))[0])
    first, second = (places[known] for places in np.triu_indices(len(columns), 1))
    named = tuple(
        f"{columns[int(first[pair])]} ~ {columns[int(second[pair])]}" for pair in np.argsort(-change)[:_NAMED_PAIRS]
    )
    top = int(change.argmax())
    moved = (
        f"the correlation of {shown(columns[int(first[top])])} and {shown(columns[int(second[top])])} was "
        f"{before[top]:+z.2f} and is {now[top]:+z.2f}"
    )
    drifted = p_value <= alpha and float(change[top]) >= settings.correlation_floor
    pairs = "of this one pair" if len(change) == 1 else f"over all {len(change)} pairs"
    relation = "is at most" if p_value <= alpha else "is above"
    floor = f"the floor of a change is {settings.correlation_floor:g}"
    left_out, few = (
        asked - len(columns),
        [name for place, name in enumerate(columns) if place not in first and place not in second],
    )
    more = f"; {left_out} further columns were not looked at" if left_out else ""
    more += f"; of {first_of(few)} too little is known" if few else ""
    return JointDrift(
        method="correlation",
        drifted=drifted,
        score=float(change[top]),
        p_value=p_value,
        named=named,
        reason=f"{moved}; {pairs} {probability(p_value)} {relation} {alpha:.2g}, {floor}{more}",
        resemblance=resemblance,
    )


def _enough(batches: Iterable[Matrix], settings: Settings) -> list[Matrix]:
    return [rows for rows in batches if len(rows) >= settings.min_rows]


def _blocks(batches: Iterable[Matrix], count: int = BLOCKS) -> list[Matrix]:
    """Of the rows of a batch in random order: as they come they may be sorted, and then no block is like another."""
    rng = np.random.default_rng(0)
    # Places are permuted and taken column by column: the rows of a matrix as a whole take several times as long.
    return np.array_split(_joined([np.take(rows.T, rng.permutation(len(rows)), axis=1).T for rows in batches]), count)


def _like(size: int, rows: Matrix) -> list[Matrix]:
    """Independent rows in blocks of about the size of the reference's.

    The mean of their correlations varies by as much less as there are more of them, which of one large block is not
    known: what blocks differ by would have to be told from what their rows tell.
    """
    return _blocks([rows], min(max(len(rows) // max(size, 1), 1), BLOCKS))


def _joined(parts: Sequence[Matrix]) -> Matrix:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
