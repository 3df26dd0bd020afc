"""How well trees tell the rows of one group of batches from those of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from retrain_assets.drift.rows import Matrix
from retrain_assets.drift.variation import Array

FOLDS = 3
_FAR = 1e300
"""Infinities stand here: scikit-learn looks for cuts half-way between values, and their sums must be finite."""


def area(
    window: Sequence[Matrix], others: Sequence[Matrix], size: int, rng: np.random.Generator, *, wanted: bool = False
) -> tuple[float, Array]:
    """Mean area under the ROC curve over folds, and what of it each column holds.

    Trees are judged on batches that they were not fitted on, of the window too where it has several: what is special of
    one batch does not count. The rows of a single one are split at random.

    Args:
        window: its batches.
        others: batches that it is told from; at least two.
        size: rows that are taken of either side.
        rng: of the rows, and of the folds.
        wanted: whether the parts of the columns are asked for; zeros where not.
    """
    folds = min(FOLDS, len(others), FOLDS if len(window) == 1 else len(window))
    areas: list[float] = []
    parts = np.zeros(window[0].shape[1])
    for (mine, kept), (fitted, judged) in zip(
        _split(window, size, folds, rng), _split(others, size, folds, rng), strict=True
    ):
        found, lost = _judged([fitted[: len(mine)], mine], [judged[: len(kept)], kept], rng, wanted=wanted)
        areas.append(found)
        parts += lost
    return float(np.mean(areas)), parts / folds


def _split(
    batches: Sequence[Matrix], size: int, folds: int, rng: np.random.Generator
) -> Iterator[tuple[Matrix, Matrix]]:
    """Rows to fit on and rows to judge by, for each fold."""
    if len(batches) == 1:
        rows = batches[0][rng.choice(len(batches[0]), size, replace=False)]
        of = np.arange(size) % folds
        yield from ((rows[of != fold], rows[of == fold]) for fold in range(folds))
        return
    of = rng.permutation(len(batches)) % folds
    kept = size // folds
    for fold in range(folds):
        inside, outside = (
            [rows for rows, its in zip(batches, of, strict=True) if bool(its == fold) is there]
            for there in (True, False)
        )
        yield _draw(outside, size - kept, rng), _draw(inside, kept, rng)


def _draw(batches: Sequence[Matrix], size: int, rng: np.random.Generator) -> Matrix:
    """Rows of all batches, as many of each as can be, shuffled."""
    share = -(-size // len(batches))
    return rng.permutation(np.concatenate([rows[rng.permutation(len(rows))[:share]] for rows in batches]))[:size]


def _judged(
    fitted: Sequence[Matrix], judged: Sequence[Matrix], rng: np.random.Generator, *, wanted: bool
) -> tuple[float, Array]:
    """The area of trees fitted on rows of both groups, and how much it falls when a column is shuffled.

    A column without a value in the rows that the trees are fitted on has no part in it.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    lost = np.zeros(fitted[0].shape[1])
    learnt = np.concatenate(fitted).clip(-_FAR, _FAR)
    seen = np.flatnonzero(~np.isnan(learnt).all(axis=0))
    if not len(seen):
        return 0.5, lost
    model = HistGradientBoostingClassifier(
        max_iter=40,
        max_leaf_nodes=8,
        learning_rate=0.1,
        early_stopping=False,  # pyright: ignore[reportArgumentType]  # scikit-learn's own type leaves it out
        random_state=0,
    )
    model.fit(learnt[:, seen], np.repeat([0, 1], [len(rows) for rows in fitted]))
    held = np.concatenate(judged)[:, seen].clip(-_FAR, _FAR)
    truth = np.repeat([0, 1], [len(rows) for rows in judged])
    found = float(roc_auc_score(truth, model.predict_proba(held)[:, 1]))
    for place, column in enumerate(seen) if wanted else ():
        shuffled = held.copy()
        shuffled[:, place] = rng.permutation(shuffled[:, place])
        lost[column] = found - float(roc_auc_score(truth, model.predict_proba(shuffled)[:, 1]))
    return found, lost
