"""Drift that is put into a history on purpose: would my policy have noticed, how late, at what rate of false alarms?

| scenario | from the onset on |
|---|---|
| `sudden` | the relation of a feature to the target is turned round in half of the rows: those where it is large |
| `gradual` | the same, for a share of those rows that rises to all within eight batches |
| `recurring` | the same, for four batches of every eight |
| `covariate` | only rows where the feature is large arrive; what it means for the target stays as it was |
| `missing` | the feature is missing |
| `stuck` | the feature keeps its last value |
| `unit` | the feature comes in another unit: 1.8 x + 32, as degrees Fahrenheit for Celsius |
| `scale` | the feature is a thousand times as large, as grams for kilograms |
| `recoded` | each category of the feature has the code of another |
| `swapped` | the feature and the numeric column behind it have changed places |
| `late` | as `sudden`, and labels come three batches later |
| `outage` | four batches do not come; behind them it is as `sudden`, and the onset is the first one that comes |
| `feedback` | as `sudden`, and only rows that a model of the batches before would have chosen get a label |

`sudden`, `gradual` and `recurring` change the concept only: inputs stay as they were. `concept` is another name of
`sudden`, and `covariate_only` one of `covariate`.

A target is turned round by exchanging its classes in reversed order, or by mirroring a number at the mean before the
onset, no further than to the least and the largest one before it: counts stay counts. Everything is drawn with a seed,
and what lies before the onset is left as it is. A model chooses the half of the rows that it rates highest: by the
probability of the last class, or by the predicted number. The others are neither learned from nor judged, as in life,
where nobody knows what a refused customer would have done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from retrain_assets.errors import DataError, did_you_mean
from retrain_assets.replay.bare_file import in_batches
from retrain_assets.replay.comparison import Outcome
from retrain_assets.replay.scenarios import OUTAGE_BATCHES, SCENARIOS, Injected, feature_of
from retrain_assets.replay.stream import Stream, one_batch_each

LATE_BATCHES = 3
ALIASES = {"concept": "sudden", "concept_only": "sudden", "covariate_only": "covariate"}
_FORM = re.compile(r"([a-z_\-]+)@(\d+)(?::(.+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens, from which batch on (counted from 0), to which feature; None is the first that it fits.

    It fits a feature that models learn from, see `settled`.
    """

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


def settled(
    frame: pd.DataFrame, scenario: Scenario, *, target: str, batch: str, aside: frozenset[str] = frozenset()
) -> Scenario:
    """The scenario with the name of the feature that it changes, which is none of the columns `aside`.

    Raises:
        DataError: there is none.
    """
    outcome = frozenset({target, batch}) | aside
    return replace(scenario, feature=feature_of(frame, scenario.kind, scenario.feature, outcome))


def inject(
    frame: pd.DataFrame,
    scenario: Scenario,
    *,
    target: str,
    batch: str,
    task: str,
    rng: np.random.Generator,
    aside: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """The labelled rows of the history with a scenario in it; batches are counted by them, as a replay does.

    Args:
        frame: the history.
        scenario: what happens.
        target: the column that is predicted.
        batch: the column that tells the batch.
        task: `regression` or `classification`.
        rng: what is drawn is drawn from it.
        aside: further columns that are no features.

    Raises:
        DataError: there is no such batch or feature.
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
    outcome = frozenset({target, batch}) | aside
    feature = feature_of(made, scenario.kind, scenario.feature, outcome)
    return SCENARIOS[scenario.kind](Injected(made, position, scenario.onset, feature, target, outcome, task, rng))


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
