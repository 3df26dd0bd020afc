"""Can a model tell the current window from the reference, better than it tells any reference batch from the others?"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

import numpy as np

from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.rows import Matrix
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.variation import Array, judge_scalars

ROWS = 1_000
"""Rows that are sampled of either side."""
BATCHES = 20
"""So many reference batches are told from the others: the newest ones."""
FOLDS = 3
_NAMED = 5
_FAR = 1e300
"""Infinities stand here: scikit-learn looks for cuts half-way between values, and their sums must be finite."""


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
    """Fits trees to tell two windows apart, and compares their area under the ROC curve with that of reference batches.

    The area is measured on rows of batches that the trees were not fitted on, so that what is special of one batch does
    not count; it is 1/2 where nothing can be learnt. Its logit has a variance of about `8 / (3 rows)` there, with as
    many rows on either side (Mann and Whitney 1947). A column's part is how much the area falls when its values are
    shuffled (Breiman 2001, "Random forests", Machine Learning 45).

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
    batches = [rows for rows in reference.values() if len(rows) >= settings.min_rows]
    if independent and batches:
        together = rng.permutation(np.concatenate(batches))
        batches = [part for part in np.array_split(together, BATCHES) if len(part) >= settings.min_rows]
    now = np.concatenate(list(current.values()))
    if len(batches) < max(settings.min_batches, FOLDS + 1) or len(now) < settings.min_rows:
        return JointDrift.unknown(
            "classifier",
            f"{len(batches)} reference batches and {len(now)} rows now, and it takes {settings.min_batches} and "
            f"{settings.min_rows}",
        )
    size = min(ROWS, len(now), *(len(rows) for rows in batches))
    from threadpoolctl import threadpool_limits

    # Fits this small lose more to waiting threads than they gain. The limit binds what is loaded before it.
    importlib.import_module("sklearn.ensemble")
    with threadpool_limits(limits=1):
        areas = _areas_of_reference(batches, size, rng)
        area, parts = _area(now, batches, size, rng, wanted=True)
    order = np.argsort(-parts, kind="stable")[:_NAMED]
    return _conclude(
        areas,
        area,
        tuple(columns[int(place)] for place in order if parts[place] > 0),
        _p_value(areas, area, size, merged=1 if independent else len(current)),
        alpha,
        settings,
    )


def _areas_of_reference(batches: Sequence[Matrix], size: int, rng: np.random.Generator) -> Array:
    """How well each of the newest batches is told from all others."""
    judged = range(max(0, len(batches) - BATCHES), len(batches))
    others = [[*batches[:place], *batches[place + 1 :]] for place in judged]
    return np.array(
        [_area(batches[place], rest, size, rng, wanted=False)[0] for place, rest in zip(judged, others, strict=True)]
    )


def _conclude(
    areas: Array, area: float, named: tuple[str, ...], p_value: float, alpha: float, settings: Settings
) -> JointDrift:
    drifted = p_value <= alpha and area >= 0.5 + settings.separability_floor
    return JointDrift(
        method="classifier",
        drifted=drifted,
        score=area,
        p_value=p_value,
        named=named if drifted else (),
        reason=f"a classifier tells the windows apart with an area of {area:.2f}, reference batches from each other "
        f"with {areas.mean():.2f} on average and {areas.max():.2f} at most; p = {p_value:.2g} "
        f"{'is at most' if p_value <= alpha else 'is above'} {alpha:.2g}"
        + (f"; most by {', '.join(named[:3])}" if drifted and named else ""),
    )


def _p_value(areas: Array, area: float, size: int, *, merged: int) -> float:
    """One-sided: a window that is harder to tell apart than usual has not drifted."""

    def logit(values: Array) -> Array:
        inside = np.clip(values, 1e-3, 1 - 1e-3)
        return np.log(inside / (1 - inside))

    rows = np.full((1, len(areas)), float(size))
    tested = judge_scalars(logit(areas)[None], logit(np.array([area])), rows, rows[:, 0], unit=8 / 3, merged=merged)
    half = float(tested.p_values[0]) / 2
    return half if float(tested.statistic[0]) > 0 else 1 - half


def _area(
    window: Matrix, others: Sequence[Matrix], size: int, rng: np.random.Generator, *, wanted: bool
) -> tuple[float, Array]:
    """Mean area over the folds, and what of it each column holds (where wanted).

    A column without a value in the rows that a fold is fitted on has no part in it.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    rows = window[rng.choice(len(window), size, replace=False)]
    row_folds = np.arange(size) % FOLDS
    batch_folds = rng.permutation(len(others)) % FOLDS
    areas: list[float] = []
    parts = np.zeros(window.shape[1])
    for fold in range(FOLDS):
        fitted = _draw([each for each, of in zip(others, batch_folds, strict=True) if of != fold], size, rng)
        judged = _draw([each for each, of in zip(others, batch_folds, strict=True) if of == fold], size, rng)
        mine, kept = rows[row_folds != fold], rows[row_folds == fold]
        fitted, judged = fitted[: len(mine)], judged[: len(kept)]
        learnt = np.concatenate([fitted, mine]).clip(-_FAR, _FAR)
        seen = np.flatnonzero(~np.isnan(learnt).all(axis=0))
        if not len(seen):
            areas.append(0.5)
            continue
        model = HistGradientBoostingClassifier(
            max_iter=40,
            max_leaf_nodes=8,
            learning_rate=0.1,
            early_stopping=False,  # pyright: ignore[reportArgumentType]
            random_state=0,
        )
        model.fit(learnt[:, seen], np.repeat([0, 1], [len(fitted), len(mine)]))
        held, truth = (
            np.concatenate([judged, kept])[:, seen].clip(-_FAR, _FAR),
            np.repeat([0, 1], [len(judged), len(kept)]),
        )
        areas.append(float(roc_auc_score(truth, model.predict_proba(held)[:, 1])))
        for place, column in enumerate(seen) if wanted else ():
            shuffled = held.copy()
            shuffled[:, place] = rng.permutation(shuffled[:, place])
            parts[column] += areas[-1] - float(roc_auc_score(truth, model.predict_proba(shuffled)[:, 1]))
    return float(np.mean(areas)), parts / FOLDS


def _draw(batches: Sequence[Matrix], size: int, rng: np.random.Generator) -> Matrix:
    """Rows of all batches, as many of each as can be, shuffled."""
    share = -(-size // len(batches))
    return rng.permutation(np.concatenate([rows[rng.permutation(len(rows))[:share]] for rows in batches]))[:size]
