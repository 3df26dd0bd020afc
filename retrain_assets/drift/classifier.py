"""Can a model tell the current window from the reference, better than it tells any reference batch from the others?"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

import numpy as np

from retrain_assets.drift.joint import JointDrift, too_few_batches, too_few_rows
from retrain_assets.drift.rows import Matrix
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.told_apart import FOLDS, area
from retrain_assets.drift.variation import Array, judge_scalars
from retrain_assets.drift.wording import first_of, plural

ROWS = 1_000
"""Rows that are sampled of either side."""
BATCHES = 20
"""So many reference windows are told from the other batches: the newest batches, or groups of batches."""
_NAMED = 5


def judge_separability(
    columns: Sequence[str],
    reference: Mapping[str, Matrix],
    current: Mapping[str, Matrix],
    settings: Settings,
    *,
    alpha: float,
    independent: bool,
    seed: int,
) -> JointDrift:
    """Fits trees to tell two windows apart, and compares their area under the ROC curve with that of reference windows.

    The area is measured on rows of batches that the trees were not fitted on, so that what is special of one batch does
    not count; it is 1/2 where nothing can be learnt. Its logit has a variance of about `8 / (3 rows)` there, with as
    many rows on either side (Mann and Whitney 1947). A column's part is how much the area falls when its values are
    shuffled (Breiman 2001, "Random forests", Machine Learning 45).

    A window of several batches is compared with groups of as many reference batches, each told from the others: drawn
    at random, they vary as groups of exchangeable batches do (Pitman 1937, "Significance tests which may be applied to
    samples from any populations", JRSS Supplement 4). Of a window of more batches than half of the reference so many
    stand for it, drawn at random. A group of k of n reference batches is told from the n - k others, the window from
    all n.

    Source: Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests", ICLR; Rabanser, Guennemann and Lipton
    2019, "Failing loudly", NeurIPS.

    Args:
        columns: names of the matrices' columns.
        reference: rows by batch.
        current: rows by batch.
        settings: rows, batches and the floor of the area above one half.
        alpha: level of this test.
        independent: rows are taken for independent draws: blocks of them stand for batches.
        seed: of the rows that are sampled.
    """
    rng = np.random.default_rng(seed)
    # In each fold a row of either side is judged, by trees that saw other batches.
    needed, least = max(settings.min_batches, FOLDS + 1), max(settings.min_rows, FOLDS)
    batches, window = _batches(reference, current, least, rng, independent=independent)
    rows = sum(map(len, window))
    if rows < least:
        return JointDrift.unknown("classifier", f"{plural(rows, 'row is', 'rows are')} too few")
    if len(batches) < needed:
        few = (
            too_few_rows(sum(map(len, reference.values())), BATCHES, least)
            if independent
            else too_few_batches(len(batches), needed, least)
        )
        return JointDrift.unknown("classifier", few)
    window = _some(window, min(len(window), len(batches) // 2), rng)
    from threadpoolctl import threadpool_limits

    # Fits this small lose more to waiting threads than they gain. The limit binds what is loaded before it.
    importlib.import_module("sklearn.ensemble")
    with threadpool_limits(limits=1):
        size = min(ROWS, sum(map(len, window)), len(window) * min(map(len, batches)))
        areas = _areas_of_reference(batches, len(window), size, rng)
        found, parts = area(window, batches, size, rng, wanted=True)
    order = np.argsort(-parts, kind="stable")[:_NAMED]
    named = tuple(columns[int(place)] for place in order if parts[place] > 0)
    return _conclude(areas, found, named, _p_value(areas, found, size), alpha, settings)


def _batches(
    reference: Mapping[str, Matrix],
    current: Mapping[str, Matrix],
    least: int,
    rng: np.random.Generator,
    *,
    independent: bool,
) -> tuple[list[Matrix], list[Matrix]]:
    """The batches of both sides that have enough rows; of independent rows blocks of the reference, and one window."""
    batches, window = ([rows for rows in side.values() if len(rows) >= least] for side in (reference, current))
    if current and (independent or not window):
        window = [np.concatenate(list(current.values()))]
    if independent and reference:
        parts = np.array_split(rng.permutation(np.concatenate(list(reference.values()))), BATCHES)
        batches = [part for part in parts if len(part) >= least]
    return batches, window


def _some(batches: Sequence[Matrix], count: int, rng: np.random.Generator) -> list[Matrix]:
    return [batches[place] for place in rng.permutation(len(batches))[:count]]


def _areas_of_reference(batches: Sequence[Matrix], grouped: int, size: int, rng: np.random.Generator) -> Array:
    """How well each of the newest batches is told from all others, or groups of as many batches as are asked for."""
    every = range(len(batches))
    areas: list[float] = []
    for newest in every[-BATCHES:]:
        group = {newest} if grouped == 1 else set(rng.permutation(len(batches))[:grouped].tolist())
        inside, outside = ([batches[place] for place in every if (place in group) is there] for there in (True, False))
        areas.append(area(inside, outside, size, rng)[0])
    return np.array(areas)


def _conclude(
    areas: Array, found: float, named: tuple[str, ...], p_value: float, alpha: float, settings: Settings
) -> JointDrift:
    drifted = p_value <= alpha and found >= 0.5 + settings.separability_floor
    return JointDrift(
        method="classifier",
        drifted=drifted,
        score=found,
        p_value=p_value,
        named=named if drifted else (),
        reason=f"a classifier tells the windows apart with an area of {found:.2f}, reference batches from each other "
        f"with {areas.mean():.2f} on average and {areas.max():.2f} at most; p = {p_value:.2g} "
        f"{'is at most' if p_value <= alpha else 'is above'} {alpha:.2g}"
        + (f"; most by {first_of(named[:3])}" if drifted and named else ""),
    )


def _p_value(areas: Array, found: float, size: int) -> float:
    """One-sided: a window that is harder to tell apart than usual has not drifted."""

    def logit(values: Array) -> Array:
        inside = np.clip(values, 1e-3, 1 - 1e-3)
        return np.log(inside / (1 - inside))

    rows = np.full((1, len(areas)), float(size))
    tested = judge_scalars(logit(areas)[None], logit(np.array([found])), rows, rows[:, 0], unit=8 / 3, merged=1.0)
    half = float(tested.p_values[0]) / 2
    return half if float(tested.statistic[0]) > 0 else 1 - half
