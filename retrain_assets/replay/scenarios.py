"""What a scenario of the drift laboratory does to the rows from its onset on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retrain_assets.errors import DataError, did_you_mean
from retrain_assets.replay.file_table import left_out

GRADUAL_BATCHES = 8
RECURRING_BATCHES = 4
OUTAGE_BATCHES = 4
DEGREES, FREEZING = 1.8, 32.0
"""Fahrenheit of a degree Celsius, and of its zero."""
THOUSAND = 1000.0
MOST_CODES = 100
"""Whole numbers of more values than this are no codes of categories."""
OF_CATEGORIES = frozenset({"recoded"})
"""Scenarios whose feature is text, a category or a whole number of few values; that of all others is numeric."""
OF_LABELS = frozenset({"sudden", "gradual", "recurring", "late", "outage", "feedback"})
"""Scenarios that leave the inputs of every row as they came."""


@dataclass(frozen=True, slots=True)
class Injected:
    """The labelled rows of a history, the batch of each, and what is to happen to them."""

    frame: pd.DataFrame
    position: Any
    onset: int
    feature: str
    target: str
    outcome: frozenset[str]
    task: str
    rng: np.random.Generator

    @property
    def large(self) -> Any:
        """Rows whose feature lies above its median before the onset, or at it where that is nearer to half of them.

        Raises:
            DataError: all rows before the onset are alike.
        """
        # Nullable integers have no truth for what is missing.
        values, early = self.frame[self.feature].astype("float64"), self.position < self.onset
        middle = values[early].median()
        above, upper = ((values > middle).to_numpy(dtype=bool), (values >= middle).to_numpy(dtype=bool))
        large = above if above[early].sum() + upper[early].sum() >= early.sum() else upper
        if large[early].all() or not large[early].any():
            raise DataError(
                f"the feature of a scenario must vary before the onset, so that rows where it is large can be told "
                f"({self.feature!r} does not): name another one behind a colon"
            )
        return large

    def turned(self, rows: Any) -> pd.DataFrame:
        """The target turned round in some rows."""
        labels = self.frame[self.target]
        if self.task == "regression":
            values = labels.astype("float64")
            early = values[self.position < self.onset]
            # A count below zero is none, and a loss that is made for counts refuses it.
            mirrored = (2 * early.mean() - values).clip(early.min(), early.max())
            return self.frame.assign(**{self.target: values.mask(rows, mirrored)})
        classes = sorted(labels.unique())
        other = dict(zip(classes, reversed(classes), strict=True))
        return self.frame.assign(**{self.target: labels.mask(rows, labels.map(other)).astype(labels.dtype)})

    def with_feature(self, values: pd.Series) -> pd.DataFrame:
        return self.frame.assign(**{self.feature: values})


def _sudden(at: Injected) -> pd.DataFrame:
    return at.turned(at.large & (at.position >= at.onset))


def _gradual(at: Injected) -> pd.DataFrame:
    share = np.clip((at.position - at.onset + 1) / GRADUAL_BATCHES, 0, 1)
    return at.turned(at.large & (at.rng.random(len(at.frame)) < share))


def _recurring(at: Injected) -> pd.DataFrame:
    since = at.position - at.onset
    return at.turned(at.large & (since >= 0) & (since % (2 * RECURRING_BATCHES) < RECURRING_BATCHES))


def _covariate(at: Injected) -> pd.DataFrame:
    return at.frame[at.large | (at.position < at.onset)].reset_index(drop=True)


def _missing(at: Injected) -> pd.DataFrame:
    return at.with_feature(at.frame[at.feature].astype("float64").mask(at.position >= at.onset))


def _stuck(at: Injected) -> pd.DataFrame:
    values = at.frame[at.feature]
    known = values[at.position < at.onset].dropna()
    last = known.iloc[-1] if len(known) else np.nan
    return at.with_feature(values.mask(at.position >= at.onset, last))


def _outage(at: Injected) -> pd.DataFrame:
    away = (at.position >= at.onset) & (at.position < at.onset + OUTAGE_BATCHES)
    return _sudden(at)[~away].reset_index(drop=True)


def _feedback(at: Injected) -> pd.DataFrame:
    early = at.position < at.onset
    rated = _rated(at.frame.drop(columns=[*at.outcome]), at.frame[at.target], early, at.task)
    chosen = early | (rated >= np.median(rated[early]))
    return _sudden(at)[chosen].reset_index(drop=True)


def _rated(features: pd.DataFrame, target: pd.Series, early: Any, task: str) -> Any:
    """How high a small model of the rows before the onset rates each row."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    learned = features.drop(columns=[*left_out(features)])  # spans of time among them, which pandas takes for numbers
    numeric = learned.select_dtypes("number").astype("float64")
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = kind(max_iter=20, max_leaf_nodes=8, random_state=0)
    model.fit(numeric[early], target[early])
    if isinstance(model, HistGradientBoostingClassifier):
        return model.predict_proba(numeric)[:, -1]
    return model.predict(numeric)


def _unit(at: Injected) -> pd.DataFrame:
    values = at.frame[at.feature].astype("float64")
    return at.with_feature(values.mask(at.position >= at.onset, DEGREES * values + FREEZING))


def _scale(at: Injected) -> pd.DataFrame:
    values = at.frame[at.feature].astype("float64")
    return at.with_feature(values.mask(at.position >= at.onset, THOUSAND * values))


def _recoded(at: Injected) -> pd.DataFrame:
    """Each category gets the code of another: along a ring of all of them in an order that is drawn."""
    values = at.frame[at.feature]
    known = sorted(values.dropna().unique().tolist())
    if len(known) < 2:
        raise DataError(f"categories can be recoded where there are two or more (got {len(known)} in {at.feature!r})")
    ring = [known[k] for k in at.rng.permutation(len(known))]
    other = dict(zip(ring, [*ring[1:], ring[0]], strict=True))
    late = at.position >= at.onset
    plain = values.astype("object")
    return at.with_feature(plain.mask(late & values.notna().to_numpy(), plain.map(other)).astype(values.dtype))


def _swapped(at: Injected) -> pd.DataFrame:
    """The feature and the numeric column behind it, before the first one for the last, change places."""
    columns = _numeric_features(at.frame, at.outcome)
    if len(columns) < 2:
        raise DataError("columns can be swapped where two or more are numeric (got one)")
    other = columns[(columns.index(at.feature) + 1) % len(columns)]
    late, here, there = at.position >= at.onset, *(at.frame[name].astype("float64") for name in (at.feature, other))
    return at.frame.assign(**{at.feature: here.mask(late, there), other: there.mask(late, here)})


SCENARIOS: Mapping[str, Callable[[Injected], pd.DataFrame]] = {
    "sudden": _sudden,
    "gradual": _gradual,
    "recurring": _recurring,
    "covariate": _covariate,
    "missing": _missing,
    "stuck": _stuck,
    "unit": _unit,
    "scale": _scale,
    "recoded": _recoded,
    "swapped": _swapped,
    "late": _sudden,
    "outage": _outage,
    "feedback": _feedback,
}


def _numeric_features(frame: pd.DataFrame, outcome: frozenset[str]) -> list[str]:
    """The columns of numbers but those of the `outcome`: target, batch and what is no feature."""
    return [
        str(name)
        for name in frame.columns
        if name not in outcome
        and pd.api.types.is_numeric_dtype(frame[name])
        and not pd.api.types.is_bool_dtype(frame[name])
    ]


def _categorical_features(frame: pd.DataFrame, outcome: frozenset[str]) -> list[str]:
    """Those of text, categories or truth values, and behind them those of whole numbers of few values."""
    others = [name for name in frame.columns if name not in outcome]
    kinds = {str(name): pd.api.types.infer_dtype(frame[name], skipna=True) for name in others}
    text = [name for name, kind in kinds.items() if kind in ("string", "categorical", "boolean")]
    whole = [name for name, kind in kinds.items() if kind == "integer" and 1 < frame[name].nunique() <= MOST_CODES]
    return text + whole


def feature_of(frame: pd.DataFrame, kind: str, asked: str | None, outcome: frozenset[str]) -> str:
    """The feature that a scenario changes: the one that was asked for, else the first that fits and is learned from.

    Raises:
        DataError: there is none.
    """
    coded = kind in OF_CATEGORIES
    found = _categorical_features(frame, outcome) if coded else _numeric_features(frame, outcome)
    if asked is None and found:
        learned = frame.drop(columns=[*left_out(frame)])
        return next((name for name in found if name in learned), found[0])
    if asked is None or asked not in found:
        must = "text, a category or a whole number of few values" if coded else "numeric"
        if asked is None:
            raise DataError(f"the scenario {kind!r} needs a feature that is {must}, and there is none: take another")
        raise DataError(
            f"the feature of the scenario {kind!r} must be {must} (got {asked!r}).{did_you_mean(asked, found)}"
        )
    return asked
