"""Which rows are most worth a label: those a model is unsure of or has seen nothing like, and where labels are few."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.scores import Scores, Values

Reason = Literal["unsure", "novel"]
Why = Literal[Reason, "few labels"]


def unsureness(scores: Scores) -> Values:
    """How unsure a model is of each row: one minus the margin between the two most probable classes (0 to 1).

    Source: Scheffer, Decomain and Wrobel, Active Hidden Markov Models, IDA 2001.

    >>> unsureness(Scores(np.array([0.5, 0.9]), (0, 1))).round(3)
    array([1. , 0.2])
    """
    ordered = np.sort(scores.probabilities, axis=1)
    return 1 - (ordered[:, -1] - ordered[:, -2])


def most_worth_labelling(
    unclear: Values,
    parts: npt.NDArray[Any],
    labelled: Mapping[Any, int],
    *,
    rows: int,
    ids: npt.NDArray[Any],
    reason: Reason = "unsure",
) -> pd.DataFrame:
    """The rows to ask about: half of them by how unclear they are, half from the parts with the fewest labels in turn.

    Uncertainty alone asks again and again about the same muddle and never about a part of the data that the model
    misjudges with confidence.

    Args:
        unclear: of each unlabelled row, the more the larger.
        parts: (n, k) the parts of the data that each row belongs to, one of each of k ways to divide it. No two ways
            share the name of a part.
        labelled: how many labels each part has.
        rows: how many to choose; all where there are fewer.
        ids: settles ties, so that the same rows give the same choice in any order.
        reason: what `unclear` says of a row.

    Returns:
        `position`, `unclear`, `part` and `why` of each, in the order in which to ask. The part is the one for which it
        was chosen, else the one of its parts that had the fewest labels.
    """
    order = [int(row) for row in np.lexsort((ids.astype(str), -unclear))]
    counts: Counter[Any] = Counter({part: labelled.get(part, 0) for part in pd.unique(parts.ravel())})
    waiting: dict[Any, deque[int]] = {part: deque() for part in counts}
    for row in order:
        for part in parts[row]:
            waiting[part].append(row)
    chosen: dict[int, tuple[Any, Why]] = {}

    def fewest(among: Iterable[Any]) -> Any:
        return min(among, key=lambda part: (counts[part], str(part)))

    wanted = min(rows, len(order))
    for row in order[: (wanted + 1) // 2]:
        chosen[row] = fewest(parts[row]), reason
        counts.update(parts[row])
    while len(chosen) < wanted:
        part = fewest(part for part, left in waiting.items() if left)
        row = waiting[part].popleft()
        if row not in chosen:
            chosen[row] = part, "few labels"
            counts.update(parts[row])
    places = list(chosen)
    return pd.DataFrame(
        {
            "position": places,
            "unclear": unclear[places],
            "part": [part for part, _ in chosen.values()],
            "why": [why for _, why in chosen.values()],
        }
    )
