"""Which rows are most worth a label: those a model is unsure of, and those where labels are few."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.scores import Scores, Values

Why = Literal["unsure", "few labels"]


def unsureness(scores: Scores) -> Values:
    """How unsure a model is of each row: one minus the margin between the two most probable classes (0 to 1).

    Of a regression, which tells no probabilities, nothing is known: 0 everywhere. Source: Scheffer, Decomain and
    Wrobel, Active Hidden Markov Models, IDA 2001.

    >>> unsureness(Scores(np.array([0.5, 0.9]), (0, 1))).round(3)
    array([1. , 0.2])
    """
    if not scores.classes:
        return np.zeros(len(scores))
    ordered = np.sort(scores.probabilities, axis=1)
    return 1 - (ordered[:, -1] - ordered[:, -2])


def most_worth_labelling(
    unsure: Values, parts: npt.NDArray[Any], labelled: dict[Any, int], *, rows: int, ids: npt.NDArray[Any]
) -> pd.DataFrame:
    """The rows to ask about: half of them by unsureness, half from the parts with the fewest labels in turn.

    Uncertainty alone asks again and again about the same muddle and never about a part of the data that the model
    misjudges with confidence.

    Args:
        unsure: of each unlabelled row.
        parts: the part of the data that each row belongs to.
        labelled: how many labels each part has.
        rows: how many to choose; all where there are fewer.
        ids: settles ties, so that the same rows give the same choice in any order.

    Returns:
        `position`, `unsure`, `part` and `why` of each, in the order in which to ask.
    """
    order = np.lexsort((ids.astype(str), -unsure))
    wanted = min(rows, len(order))
    chosen: dict[int, Why] = {int(row): "unsure" for row in order[: (wanted + 1) // 2]}
    counts = {part: labelled.get(part, 0) for part in pd.unique(parts)}
    waiting = {part: [int(row) for row in order if parts[row] == part and int(row) not in chosen] for part in counts}
    for row in chosen:
        counts[parts[row]] += 1
    while len(chosen) < wanted:
        part = min((each for each in counts if waiting[each]), key=lambda each: (counts[each], str(each)))
        chosen[waiting[part].pop(0)] = "few labels"
        counts[part] += 1
    places = list(chosen)
    return pd.DataFrame(
        {"position": places, "unsure": unsure[places], "part": parts[places], "why": list(chosen.values())}
    )
