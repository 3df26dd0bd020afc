"""How much each of the last champions counts where they serve together."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

MEMBERS = 5
OLDER = 0.8
"""Weight of a model relative to the next newer one, before any label tells."""
SHARPNESS = 12.0
"""How fast weight falls with excess loss, in units of the batches' mean loss, among models of the same rows; half as
fast among models that have no rows in common."""
MEMORY = 0.7
LABELLED_BATCHES = 12


def overlap(trained: Sequence[Collection[Hashable]]) -> float:
    """Mean share of the older members' training batches that the newest was trained on too; 1 where none is known.

    >>> overlap([{3, 4}, {2, 3}, {1, 2}])
    0.25
    """
    newest, *older = map(frozenset, trained)
    shares = [len(own & newest) / len(own) for own in older if own]
    return sum(shares) / len(shares) if shares else 1.0


def mixture_weights(
    losses: Sequence[Mapping[int, float]],
    rows: Sequence[int] = (),
    *,
    overlap: float = 1.0,
    held: Sequence[Mapping[int, float]] = (),
) -> npt.NDArray[np.float64]:
    """Weights of the members, newest first; they add up to 1.

    With e the mean excess of a member over the best member on each of the newest labelled batches that at least two of
    them were not trained on, discounted by 0.7 a batch, in units of the mean loss there,

        weight = 0.8^rank x (rows / rows of the newest)^2 x exp(-6 (1 + overlap) e), normalized.

    Of two models of which one has learned from half the rows of the other, the other is the better guess. Models of the
    same rows err alike, and the best of them is to be found. Errors of models that share no rows cancel out in the
    mean, which the loss of each by itself does not show: there a small excess is no reason to leave one out.

    A member without such a batch, the newest as a rule, has no excess yet: trust goes to what is new until labels tell
    otherwise. Where rows are only added, the loss on the reserved rows that judged it stands for it meanwhile, on their
    batches, so that an older one that has become stale does not stay. Where a window slides it tells nothing: a model
    of the newest rows does best on their like, whatever comes.

    Exponential weights are those of prediction with expert advice (Vovk, COLT 1990); discounting follows
    Herbster and Warmuth (Machine Learning 32, 1998) in that the best expert may change.

    Args:
        losses: mean loss of each member, newest first, by the position of each batch that it was not trained on.
        rows: training rows of each member; taken for equal where they are not given.
        overlap: how much of what the older ones learned from the newest has seen too, see `overlap`.
        held: of each member the holdout loss of its training, by the position of each batch that gave it.

    >>> mixture_weights([{}, {7: 0.5, 8: 0.5}]).round(2)
    array([0.56, 0.44])
    >>> mixture_weights([{8: 0.4}, {7: 0.5, 8: 0.5}]).round(2)
    array([0.95, 0.05])
    >>> mixture_weights([{}, {7: 0.5, 8: 0.5}], held=[{7: 0.4, 8: 0.4}, {}]).round(2)
    array([0.95, 0.05])
    """
    if not losses:
        raise ValueError("a mixture needs at least one member")
    if held and overlap == 1:
        losses = [own or before for before, own in zip(held, losses, strict=True)]
    newest = max((batch for own in losses for batch in own), default=0)
    recent = [{b: loss for b, loss in own.items() if b > newest - LABELLED_BATCHES} for own in losses]
    shared = {b for own in recent for b in own if sum(b in other for other in recent) > 1}
    best = {b: min(own[b] for own in recent if b in own) for b in shared}
    scale = float(np.mean([loss for own in recent for b, loss in own.items() if b in shared])) if shared else 1.0
    excess = np.array([_excess(own, best, newest) for own in recent]) / (scale if scale > 0 else 1.0)
    learned = np.square(np.asarray(rows) / rows[0]) if len(rows) else np.ones(len(losses))
    sharpness = SHARPNESS * (1 + overlap) / 2
    weights = learned * OLDER ** np.arange(len(losses)) * np.exp(-sharpness * (excess - excess.min()))
    return weights / weights.sum()


def _excess(own: Mapping[int, float], best: Mapping[int, float], newest: int) -> float:
    known = [batch for batch in own if batch in best]
    if not known:
        return 0.0
    discount = np.array([MEMORY ** (newest - batch) for batch in known])
    over = np.array([own[batch] - best[batch] for batch in known])
    return float(discount @ over / discount.sum())
