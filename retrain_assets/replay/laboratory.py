"""Drift that is put into a history on purpose: would my policy have noticed, how late, at what rate of false alarms?

| scenario | from the onset on |
|---|---|
| `sudden` | the relation of a feature to the target is turned round in half of the rows: those where it is large |
| `gradual` | the same, for a share of those rows that rises to all within eight batches |
| `recurring` | the same, for four batches of every eight |
| `covariate` | only rows where the feature is large arrive; what it means for the target stays as it was |
| `missing` | the feature is missing |
| `stuck` | the feature keeps its last value |
| `late` | as `sudden`, and labels come three batches later |
| `outage` | four batches do not come; behind them it is as `sudden`, and the onset is the first one that comes |
| `feedback` | as `sudden`, and only rows that a model of the batches before would have chosen get a label |

`sudden`, `gradual` and `recurring` change the concept only: inputs stay as they were. `concept` is another name of
`sudden`, and `covariate_only` one of `covariate`.

A target is turned round by exchanging its classes in reversed order, or by mirroring a number at the mean before the
onset. Everything is drawn with a seed, and what lies before the onset is left as it is. A model chooses the half of the
rows that it rates highest: by the probability of the last class, or by the predicted number. The others are neither
learned from nor judged, as in life, where nobody knows what a refused customer would have done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retrain_assets.errors import DataError, did_you_mean
from retrain_assets.replay.bare_file import in_batches
from retrain_assets.replay.comparison import Outcome
from retrain_assets.replay.stream import Stream, one_batch_each

GRADUAL_BATCHES = 8
RECURRING_BATCHES = 4
LATE_BATCHES = 3
OUTAGE_BATCHES = 4
ALIASES = {"concept": "sudden", "concept_only": "sudden", "covariate_only": "covariate"}
_FORM = re.compile(r"([a-z_\-]+)@(\d+)(?::(.+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens, from which batch on (counted from 0), to which feature; None is the first numeric one."""

    kind: str
    onset: int
    feature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """How a policy answered an injected drift, in batches.

    `after` counts from the onset to the first retrain that has labels of it, `false_alarms` is the share of the
    decisions before the onset that retrained; None where there was no such retrain, or no such decision.
    """

    after: int | None
    false_alarms: float | None


def parse_scenario(text: str) -> Scenario:
    """Reads `KIND@BATCH` or `KIND@BATCH:FEATURE`.

    >>> parse_scenario("sudden@30:temperature")
    Scenario(kind='sudden', onset=30, feature='temperature')
    >>> parse_scenario("concept-only@30").kind
    'sudden'

    Raises:
        ValueError: another form, or an unknown kind (with a hint).
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"must read like 'sudden@30' or 'sudden@30:FEATURE' (got {text!r})")
    kind = match[1].replace("-", "_")
    kind = ALIASES.get(kind, kind)
    if kind not in SCENARIOS:
        raise ValueError(f"has an unknown scenario '{match[1]}'.{did_you_mean(kind, SCENARIOS)}")
    return Scenario(kind=kind, onset=int(match[2]), feature=match[3])


def inject(
    frame: pd.DataFrame, scenario: Scenario, *, target: str, batch: str, task: str, rng: np.random.Generator
) -> pd.DataFrame:
    """The labelled rows of the history with a scenario in it; batches are counted by them, as a replay does.

    Raises:
        DataError: there is no such batch or numeric feature.
    """
    made, keys, position = in_batches(frame, target, batch)
    if not 0 < scenario.onset < len(keys):
        raise DataError(
            f"the onset must be batch 1 to {len(keys) - 1} of those with labels, counted from 0 (got {scenario.onset})"
        )
    if scenario.kind == "outage" and scenario.onset + OUTAGE_BATCHES >= len(keys):
        last = len(keys) - OUTAGE_BATCHES - 1
        raise DataError(
            f"the onset of an outage must be batch {last} at most: {OUTAGE_BATCHES} do not come, others must"
        )
    feature = _feature(made, scenario, target, batch)
    return SCENARIOS[scenario.kind](_Injected(made, position, scenario.onset, feature, target, task, rng))


@dataclass(frozen=True, slots=True)
class _Injected:
    frame: pd.DataFrame
    position: Any
    onset: int
    feature: str
    target: str
    task: str
    rng: np.random.Generator

    @property
    def large(self) -> Any:
        """Rows whose feature lies above its median before the onset."""
        values = self.frame[self.feature]
        return (values > values[self.position < self.onset].median()).to_numpy(dtype=bool)

    def turned(self, rows: Any) -> pd.DataFrame:
        """The target turned round in some rows."""
        labels = self.frame[self.target]
        if self.task == "regression":
            values = labels.astype("float64")
            mean = values[self.position < self.onset].mean()
            return self.frame.assign(**{self.target: values.mask(rows, 2 * mean - values)})
        classes = sorted(labels.unique())
        other = dict(zip(classes, reversed(classes), strict=True))
        return self.frame.assign(**{self.target: labels.mask(rows, labels.map(other)).astype(labels.dtype)})

    def with_feature(self, values: pd.Series) -> pd.DataFrame:
        return self.frame.assign(**{self.feature: values})


def _sudden(at: _Injected) -> pd.DataFrame:
    return at.turned(at.large & (at.position >= at.onset))


def _gradual(at: _Injected) -> pd.DataFrame:
    share = np.clip((at.position - at.onset + 1) / GRADUAL_BATCHES, 0, 1)
    return at.turned(at.large & (at.rng.random(len(at.frame)) < share))


def _recurring(at: _Injected) -> pd.DataFrame:
    since = at.position - at.onset
    return at.turned(at.large & (since >= 0) & (since % (2 * RECURRING_BATCHES) < RECURRING_BATCHES))


def _covariate(at: _Injected) -> pd.DataFrame:
    return at.frame[at.large | (at.position < at.onset)].reset_index(drop=True)


def _missing(at: _Injected) -> pd.DataFrame:
    return at.with_feature(at.frame[at.feature].astype("float64").mask(at.position >= at.onset))


def _stuck(at: _Injected) -> pd.DataFrame:
    values = at.frame[at.feature]
    last = values[at.position < at.onset].iloc[-1]
    return at.with_feature(values.mask(at.position >= at.onset, last))


def _outage(at: _Injected) -> pd.DataFrame:
    away = (at.position >= at.onset) & (at.position < at.onset + OUTAGE_BATCHES)
    return _sudden(at)[~away].reset_index(drop=True)


def _feedback(at: _Injected) -> pd.DataFrame:
    early = at.position < at.onset
    rated = _rated(at.frame.drop(columns=[at.target]), at.frame[at.target], early, at.task)
    chosen = early | (rated >= np.median(rated[early]))
    return _sudden(at)[chosen].reset_index(drop=True)


def _rated(features: pd.DataFrame, target: pd.Series, early: Any, task: str) -> Any:
    """How high a small model of the rows before the onset rates each row."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    numeric = features.select_dtypes("number").astype("float64")
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = kind(max_iter=20, max_leaf_nodes=8, random_state=0)
    model.fit(numeric[early], target[early])
    if isinstance(model, HistGradientBoostingClassifier):
        return model.predict_proba(numeric)[:, -1]
    return model.predict(numeric)


def with_timing(stream: Stream, scenario: Scenario) -> Stream:
    """The stream with labels as late, and with the time between its batches, as the scenario has them."""
    if scenario.kind == "late":
        return replace(stream, late=(scenario.onset, LATE_BATCHES))
    return _with_gap(stream, scenario.onset) if scenario.kind == "outage" else stream


def _with_gap(stream: Stream, onset: int) -> Stream:
    """What comes from the onset on comes so many batches later; labels of before become known meanwhile."""
    windows = one_batch_each(stream.spec, len(stream) + OUTAGE_BATCHES)
    batches = windows[:onset] + windows[onset + OUTAGE_BATCHES :]
    times = pd.DatetimeIndex([batch.start for batch in batches]).repeat(stream.rows)
    frame = stream.frame.assign(**{stream.spec.event_time: times})
    return replace(stream, frame=frame, batches=batches, gap=(onset, OUTAGE_BATCHES))


SCENARIOS: Mapping[str, Callable[[_Injected], pd.DataFrame]] = {
    "sudden": _sudden,
    "gradual": _gradual,
    "recurring": _recurring,
    "covariate": _covariate,
    "missing": _missing,
    "stuck": _stuck,
    "late": _sudden,
    "outage": _outage,
    "feedback": _feedback,
}


def _feature(frame: pd.DataFrame, scenario: Scenario, target: str, batch: str) -> str:
    numeric = [
        str(name)
        for name in frame.columns
        if name not in (target, batch)
        and pd.api.types.is_numeric_dtype(frame[name])
        and not pd.api.types.is_bool_dtype(frame[name])
    ]
    if scenario.feature is None and numeric:
        return numeric[0]
    if scenario.feature not in numeric:
        raise DataError(
            f"the feature of a scenario must be numeric (got {scenario.feature!r})."
            f"{did_you_mean(scenario.feature or '', numeric)}"
        )
    return scenario.feature


def noticed(outcomes: Sequence[Outcome], stream: Stream, scenario: Scenario, first_decision: int) -> dict[str, Noticed]:
    """How each policy answered, by name.

    Args:
        outcomes: of the policies.
        stream: the history with the scenario in it.
        scenario: what was injected.
        first_decision: the batch of the first decision that is replayed.
    """
    # The first decision that has a label of the drifted batches, and so could know.
    last = len(stream) - 1
    knowable = next((t for t in range(scenario.onset, last) if stream.labelled(t) >= scenario.onset), last)
    before = max(0, knowable - first_decision)
    return {
        each.name: Noticed(
            after=next((made - scenario.onset for made in each.retrains if made >= knowable), None),
            false_alarms=sum(made < knowable for made in each.retrains) / before if before else None,
        )
        for each in outcomes
    }
