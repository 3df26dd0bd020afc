"""Do columns still hang together as they did? A change that no column shows by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.multiplicity import sidak
from retrain_assets.drift.rows import Matrix, drawn_places
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.stream_sample import BLOCKS
from retrain_assets.drift.variation import Array, judge_scalars, judge_vectors
from retrain_assets.drift.wording import probability

MAX_COLUMNS = 200
"""More columns have too many pairs; the first ones are looked at, and the reason says so."""
CLIPPED = 3.0
_BLOCK = 4_096
_ENOUGH = 5_000
_NAMED_PAIRS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Correlations:
    """Fisher's z of the pairs' correlations by batch, shape (pairs, batches), with the rows of each batch."""

    values: Array
    rows: Array


def judge_correlations(
    columns: Sequence[str],
    reference: Mapping[str, Matrix],
    current: Mapping[str, Matrix],
    settings: Settings,
    *,
    alpha: float,
    independent: bool,
) -> JointDrift:
    """Tests all correlations of numeric columns, each and all together, against how they vary between batches.

    Values are centred at the reference's median, scaled by its quartiles and clipped at three, so that single far rows
    do not make a correlation; a missing value stands at the median. Fisher's z = artanh(r) has a variance of about
    `1 / rows` (Fisher 1921, "On the probable error of a coefficient of correlation", Metron 1). A window of several
    batches has the mean of theirs: of their rows together it would be what the levels of its days have in common.

    Args:
        columns: their names.
        reference: rows by batch.
        current: rows by batch.
        settings: rows and the floor of a change.
        alpha: level of this test.
        independent: rows are taken for independent draws: blocks of them stand for batches.
    """
    if len(columns) < 2:
        return JointDrift.unknown("correlation", "it takes two numeric columns that vary")
    now = _joined(list(current.values()))
    if len(now) < settings.min_rows:
        return JointDrift.unknown("correlation", f"{len(now)} rows are too few")
    batches = _enough(_blocks(reference.values()) if independent else reference.values(), settings)
    if len(batches) < settings.min_batches:
        return JointDrift.unknown(
            "correlation",
            f"the reference has {len(batches)} {'blocks' if independent else 'batches'} of at least "
            f"{settings.min_rows} rows, and it takes {settings.min_batches}",
        )
    window = _like(batches, now) if independent else _enough(current.values(), settings) or [now]
    looked_at = list(columns)[:MAX_COLUMNS]
    low, middle, high = _quartiles(_sample(batches)[:, : len(looked_at)])
    with np.errstate(over="ignore"):
        scale = np.where(high > low, (high - low) / 1.349, 1.0)
    past = _correlations([rows[:, : len(looked_at)] for rows in batches], middle, scale)
    present = _correlations([rows[:, : len(looked_at)] for rows in window], middle, scale)
    p_values = _p_values(past, present)
    change = np.abs(np.tanh(present.values.mean(axis=1)) - np.tanh(past.values.mean(axis=1)))
    return _conclude(
        looked_at, past, present, change, p_values, alpha, settings, left_out=len(columns) - len(looked_at)
    )


def _p_values(past: _Correlations, present: _Correlations) -> Array:
    """Of the clearest pair (with the number of pairs), and of all pairs together."""
    pairs, merged = len(past.values), len(present.rows)
    rows = np.broadcast_to(past.rows, past.values.shape)
    now, as_exact_as = present.values.mean(axis=1), merged / (1.0 / present.rows).mean()
    single = judge_scalars(past.values, now, rows, np.full(pairs, as_exact_as), unit=1.0, merged=merged)
    whole = judge_vectors(
        past.values.T[None] / 2, now[None] / 2, past.rows[None], np.array([as_exact_as]),
        cells=np.array([float(pairs)]), merged=merged,
    )  # fmt: skip
    return np.array([min(1.0, pairs * float(single.p_values.min())), float(whole.p_values[0])])


def _conclude(
    columns: Sequence[str],
    past: _Correlations,
    present: _Correlations,
    change: Array,
    p_values: Array,
    alpha: float,
    settings: Settings,
    *,
    left_out: int,
) -> JointDrift:
    p_value = float(sidak(np.array([p_values.min()]), np.array([2]))[0])
    first, second = np.triu_indices(len(columns), 1)
    named = tuple(
        f"{columns[int(first[pair])]} ~ {columns[int(second[pair])]}" for pair in np.argsort(-change)[:_NAMED_PAIRS]
    )
    top = int(change.argmax())
    moved = (
        f"the correlation of {columns[int(first[top])]} and {columns[int(second[top])]} was "
        f"{np.tanh(past.values[top].mean()):+.2f} and is {np.tanh(present.values[top].mean()):+.2f}"
    )
    drifted = p_value <= alpha and float(change[top]) >= settings.correlation_floor
    pairs = "of this one pair" if len(change) == 1 else f"over all {len(change)} pairs"
    relation = "is at most" if p_value <= alpha else "is above"
    floor = f"the floor of a change is {settings.correlation_floor:g}"
    more = f"; {left_out} further columns were not looked at" if left_out else ""
    return JointDrift(
        method="correlation",
        drifted=drifted,
        score=float(change[top]),
        p_value=p_value,
        named=named,
        reason=f"{moved}; {pairs} {probability(p_value)} {relation} {alpha:.2g}, {floor}{more}",
    )


def _enough(batches: Iterable[Matrix], settings: Settings) -> list[Matrix]:
    return [rows for rows in batches if len(rows) >= settings.min_rows]


def _blocks(batches: Iterable[Matrix], count: int = BLOCKS) -> list[Matrix]:
    """Of the rows of a batch in random order: as they come they may be sorted, and then no block is like another."""
    rng = np.random.default_rng(0)
    # Places are permuted and taken column by column: the rows of a matrix as a whole take several times as long.
    return np.array_split(_joined([np.take(rows.T, rng.permutation(len(rows)), axis=1).T for rows in batches]), count)


def _like(blocks: Sequence[Matrix], rows: Matrix) -> list[Matrix]:
    """Independent rows in blocks of about the size of the reference's.

    The mean of their correlations varies by as much less as there are more of them, which of one large block is not
    known: what blocks differ by would have to be told from what their rows tell.
    """
    blocks_of_it = len(rows) // max(len(blocks[0]), 1)
    return _blocks([rows], min(max(blocks_of_it, 1), BLOCKS))


def _joined(parts: Sequence[Matrix]) -> Matrix:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _quartiles(rows: Matrix) -> Array:
    """Of the finite values of each column, shape (3, columns); zeros where there is none."""
    shares = [0.25, 0.5, 0.75]
    finite = [column[np.isfinite(column)] for column in rows.T]
    return np.stack([np.quantile(values, shares) if len(values) else np.zeros(3) for values in finite], axis=1)


def _sample(batches: Sequence[Matrix]) -> Matrix:
    """Some 5,000 rows and at least one of each batch: quartiles are then known to a fiftieth of a deviation.

    Drawn, and not every so many: rows may come in turns, from one machine after the other.
    """
    rng, rows = np.random.default_rng(0), sum(map(len, batches))
    if rows <= _ENOUGH:
        return _joined(batches)
    return np.concatenate([part[drawn_places(len(part), max(1, len(part) * _ENOUGH // rows), rng)] for part in batches])


def _standard(rows: Matrix, middle: Array, scale: Array) -> Matrix:
    with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is clipped like all that is far
        standard = rows - middle
        standard /= scale
    np.clip(standard, -CLIPPED, CLIPPED, out=standard)
    standard[np.isnan(standard)] = 0.0
    return standard


def _correlations(batches: Sequence[Matrix], middle: Array, scale: Array) -> _Correlations:
    values: list[Array] = []
    for rows in batches:
        products = _products(rows, middle, scale)
        spread = np.sqrt(np.maximum(np.diag(products), 1e-12))
        pairs = (products / np.outer(spread, spread))[np.triu_indices(rows.shape[1], 1)]
        values.append(np.arctanh(np.clip(pairs, -0.9999, 0.9999)))
    return _Correlations(values=np.stack(values, axis=1), rows=np.array([float(len(rows)) for rows in batches]))


def _products(rows: Matrix, middle: Array, scale: Array) -> Array:
    """Sums of products of deviations from the mean, by blocks that stay in the processor's cache.

    Those within blocks and those between them (Chan, Golub and LeVeque 1983).
    """
    within = np.zeros((rows.shape[1], rows.shape[1]))
    sizes, means = [], []
    for start in range(0, len(rows), _BLOCK):
        block = _standard(rows[start : start + _BLOCK], middle, scale)
        sizes.append(float(len(block)))
        means.append(block.mean(axis=0))
        block -= means[-1]
        within += block.T @ block
    between = np.array(means) - np.average(means, axis=0, weights=sizes)
    return within + (between.T * sizes) @ between
