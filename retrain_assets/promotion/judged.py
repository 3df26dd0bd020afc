"""What the models were asked, and what they answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.personal import numbered
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.evaluation import Role
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.worth import Function

OWN_COLUMNS = ("ra_batch", "ra_row_id", "ra_reserved", "label")


def inputs_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Labelled rows of some batches as a model is asked about them."""
    return rows.drop(columns=["label", "ra_batch"])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What the models were asked, and what they answered.

    Args:
        rows: the validated rows with their labels, in the order of the scores.
        scores: of each role; over the same rows.
        score: the candidate's answer to some rows, for what has to be asked again.
        pipeline: the candidate's fitted pipeline.
        event_time: a column that no slice or leak is looked for in.
        rng: source of splits and resamples.
        personal: columns whose values are not named: slices and groups of them have numbers.
        optional: input columns that the schema lets be missing.
        importances: of the columns to a model, by its role; of the candidate and, where there is one, the champion.
        worth: a declared function that tells what rows are worth with predictions.
        served: what a fresh process answers, asked only where a gate needs it.
        memory: by how much a fresh process grows while it scores rows, asked only where a gate needs it.
    """

    rows: pd.DataFrame
    scores: Mapping[Role, Scores]
    score: Callable[[pd.DataFrame], Scores]
    pipeline: object
    event_time: str
    rng: np.random.Generator
    personal: frozenset[str] = frozenset()
    optional: tuple[str, ...] = ()
    importances: Mapping[Role, Mapping[str, float]] = field(default_factory=dict[Role, Mapping[str, float]])
    served: Callable[[], Measure] | None = None
    memory: Callable[[pd.DataFrame], Measure] | None = None
    worth: Function | None = None

    def groups(self, column: str) -> pd.Series:
        """The values of a column by which rows are told apart."""
        return numbered(self.rows[column]) if column in self.personal else self.rows[column]

    @property
    def labels(self) -> npt.NDArray[Any]:
        """The truth of each row."""
        return self.rows["label"].to_numpy()

    @property
    def inputs(self) -> pd.DataFrame:
        """The columns of the source alone."""
        return self.rows.drop(columns=[name for name in OWN_COLUMNS if name in self.rows])
