"""The loss that a model expects of itself: what its own probabilities say it will lose, before any label is known.

On a hard week a model that knows it is unsure expects a high loss, and gets it. What it loses beyond that, it did not
know: this is the part that learning anew can mend.
"""

from __future__ import annotations

import numpy as np

from retrain_assets.performance.scores import SMALLEST, Scores, Values

PREFIX = "expected_"
"""Of the names under which expected losses are measured beside the losses themselves."""
EXPECTED_LOSSES = ("log_loss", "brier")
"""Losses of which probabilities tell the expectation; a predicted value does not tell its error."""


def expected_losses(loss: str, scores: Scores) -> Values:
    """The expectation of each row's loss under the model's own probabilities, (n,).

    With p_k the probability of class k: for `log_loss` the entropy, - sum p_k log p_k; for `brier` p (1 - p) of two
    classes and 1 - sum p_k^2 of more, as the losses themselves are scaled. Its mean is what confidence-based
    performance estimation takes for the loss where there are no labels; it is right where the probabilities are
    calibrated.

    >>> expected_losses("log_loss", Scores(np.array([0.5, 1.0]), (0, 1))).round(3)
    array([0.693, 0.   ])

    Raises:
        ValueError: not one of `EXPECTED_LOSSES`.
    """
    if loss not in EXPECTED_LOSSES:
        raise ValueError(f"only {', '.join(EXPECTED_LOSSES)} can be expected from probabilities (got {loss!r})")
    probabilities = scores.probabilities
    if loss == "log_loss":
        return (probabilities * -np.log(np.maximum(probabilities, SMALLEST))).sum(axis=1)
    spread = 1 - np.square(probabilities).sum(axis=1)
    return spread / 2 if scores.values.ndim == 1 else spread


def expectable(metric: str) -> tuple[str, ...]:
    """The name under which the expectation of a loss is measured; none where there is none.

    >>> expectable("log_loss"), expectable("squared_error")
    (('expected_log_loss',), ())
    """
    return (PREFIX + metric,) if metric in EXPECTED_LOSSES else ()
