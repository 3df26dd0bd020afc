"""All further measures of an evaluation, as far as a required gate is judged by them."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.personal import numbered
from retrain_assets.errors import DataError
from retrain_assets.performance.grouped import MANY_ROWS
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores, Values
from retrain_assets.promotion.calibration import calibration_measure
from retrain_assets.promotion.change import change_measures
from retrain_assets.promotion.evaluation import ENOUGH_UNITS, EvaluationReport, Role
from retrain_assets.promotion.explanation import explanation_measures
from retrain_assets.promotion.fairness import fairness_measures
from retrain_assets.promotion.leakage import leakage_measures
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.paired_tests import delong, mcnemar
from retrain_assets.promotion.robustness import robustness_measures
from retrain_assets.promotion.slices import declared_slices, searched, slice_measures, slice_metrics
from retrain_assets.promotion.weak_slices import found_slices
from retrain_assets.promotion.worth import (
    Function,
    paired_measures,
    ranking_values,
    worth_of_costs,
    worth_of_function,
)
from retrain_assets.spec import PromoteSpec

OWN_COLUMNS = ("ra_batch", "ra_row_id", "ra_reserved", "label")
TIMED_ROWS, MEASURED_ROWS = 50, 1000
SLICE_RESAMPLES, MANY_RESAMPLES = 200, 1000
"""Bootstrap rounds of a metric on a slice; where rows are drawn in groups more cost next to nothing."""


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
    """

    rows: pd.DataFrame
    scores: Mapping[Role, Scores]
    score: Callable[[pd.DataFrame], Scores]
    pipeline: Any
    event_time: str
    rng: np.random.Generator
    personal: frozenset[str] = frozenset()
    optional: tuple[str, ...] = ()
    importances: Mapping[Role, Mapping[str, float]] = field(default_factory=dict[Role, Mapping[str, float]])
    served: Callable[[], Measure] | None = None
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


def measured(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> tuple[Measure, ...]:
    """What the gates beyond the losses are judged by, on the same rows.

    Change, calibration and the classical tests are always told; what costs time (their intervals too) or needs a
    declaration is measured where `promote.require` names its gate. What cannot be measured is told with its reason, and
    its gate is unknown.
    """
    required = spec.expression.names()
    made = [
        *_change(report, judged, spec),
        *_calibration(report, judged, spec),
        *_tests(report, judged),
        *_explanation(judged),
    ]
    further: Mapping[str, Callable[[EvaluationReport, Judged, PromoteSpec], Iterator[Measure]]] = {
        "no_slice_regression": _slices,
        "is_fair": _fairness,
        "is_affordable": _cost,
        "has_no_leak": _leakage,
        "is_robust": _robustness,
        "not_worth_less": _worth,
        "ranks_not_worse": _ranking,
        "is_servable": _servability,
    }
    for gate, measure in further.items():
        if gate in required:
            try:
                made += list(measure(report, judged, spec))
            except (ValueError, DataError) as error:
                made.append(_unmeasured(gate, error, judged))
    return tuple(made)


def _unmeasured(gate: str, error: Exception, judged: Judged) -> Measure:
    """Words of a library may quote a value of a row."""
    said = f"{type(error).__name__}, withheld: there are personal columns" if judged.personal else str(error)
    return Measure(kind="unmeasured", name=gate, value=None, reason=f"it could not be measured: {said}")


def _change(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:
    if "champion" in judged.scores:
        yield from change_measures(
            judged.scores["candidate"],
            judged.scores["champion"],
            judged.labels,
            blocks=_blocks(report, judged, spec),
            confidence=spec.confidence if "is_stable" in spec.expression.names() else None,
            rng=judged.rng.spawn(1)[0],
        )


def _calibration(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:
    for role in ("candidate", "champion"):
        if role in judged.scores:
            yield calibration_measure(
                judged.scores[role],
                judged.labels,
                group="" if role == "candidate" else role,
                blocks=_blocks(report, judged, spec),
                confidence=spec.confidence if "is_calibrated" in spec.expression.names() else None,
                rng=judged.rng.spawn(1)[0],
            )


def _tests(report: EvaluationReport, judged: Judged) -> Iterator[Measure]:
    """McNemar on right and wrong, DeLong on the areas of two classes: p-values against the champion.

    Both suppose that rows are independent; where they are not, that is said.
    """
    if "champion" not in judged.scores or not judged.scores["candidate"].classes or judged.rows.empty:
        return
    classes = tuple(dict.fromkeys((*judged.scores["candidate"].classes, *judged.scores["champion"].classes)))
    candidate, champion = (judged.scores[role].over(classes).probabilities for role in ("candidate", "champion"))
    names, truth = np.asarray(classes, dtype=object), judged.labels.astype(object)
    right = [names[each.argmax(axis=1)] == truth for each in (candidate, champion)]
    said = "" if report.resampled == "rows" else f"as if the rows of the same {report.resampled} were independent"
    yield Measure(kind="test", name="mcnemar_p", value=mcnemar(right[0], right[1]), rows=len(truth), reason=said)
    if len(classes) == 2:
        made = delong(candidate[:, 1], champion[:, 1], truth == names[1])
        if made is not None:
            yield Measure(kind="test", name="roc_auc_difference", value=made[0], rows=len(truth))
            yield Measure(kind="test", name="delong_p", value=made[1], rows=len(truth), reason=said)


def _slices(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:
    if "champion" not in judged.scores:
        return
    limits = spec.limits
    scores = _over_all_classes(judged)
    losses: dict[str, Values] = {
        role: row_losses(report.metric, judged.labels, scores[role]) for role in ("candidate", "champion")
    }
    excess = losses["candidate"] - losses["champion"]
    if not np.isfinite(excess).all():
        raise DataError(f"{report.metric} of some rows is beyond what numbers hold")
    declared = list(
        declared_slices(judged.rows, limits.slices, limits.group_min_rows, numbered_columns=judged.personal)
    )
    blocks = _blocks(report, judged, spec)
    inputs = judged.inputs.drop(columns=[judged.event_time, *judged.personal], errors="ignore")
    found, judged_on = (
        found_slices(
            inputs,
            excess,
            most=limits.find_slices,
            min_rows=limits.group_min_rows,
            rng=judged.rng,
            blocks=blocks,
            confidence=spec.confidence,
        )
        if limits.find_slices
        else (None, np.zeros(len(excess), dtype=bool))
    )
    if limits.find_slices:
        yield searched(found, int((~judged_on).sum()))
    found = found or []
    number = len(declared) + len(found)
    named = [each.metric for each in report.roles[0].metrics]
    for slices, rows in ((declared, None), (found, judged_on)):
        yield from slice_metrics(
            slices,
            judged.labels,
            scores["candidate"],
            named,
            judged=rows,
            blocks=blocks,
            confidence=spec.confidence,
            rng=judged.rng,
            resamples=SLICE_RESAMPLES if len(excess) < MANY_ROWS else MANY_RESAMPLES,
            min_rows=limits.group_min_rows,
        )
        yield from slice_measures(
            slices,
            excess,
            losses["champion"],
            judged=rows,
            blocks=blocks,
            confidence=spec.confidence,
            number=number,
            min_rows=limits.group_min_rows,
        )


def _over_all_classes(judged: Judged) -> Mapping[Role, Scores]:
    """A class that a model does not know has probability 0 for it, as in the comparison itself."""
    union = tuple(dict.fromkeys(name for scored in judged.scores.values() for name in scored.classes))
    return {role: scored.over(union) for role, scored in judged.scores.items()}


def _blocks(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> npt.NDArray[np.intp] | None:
    """What is drawn whole, as numbers; None for single rows."""
    if report.resampled == "rows":
        return None
    return pd.factorize(judged.rows["ra_batch"])[0] if report.resampled == "batches" else entities_of(judged.rows, spec)


def entities_of(rows: pd.DataFrame, spec: PromoteSpec) -> npt.NDArray[np.intp] | None:
    """The number of each row's entity; a row without one is an entity of its own. None where none is declared."""
    if spec.draw_together is None:
        return None
    found = pd.factorize(rows[spec.draw_together])[0]
    alone = found < 0
    return np.where(alone, found.max(initial=-1) + np.cumsum(alone), found)


def _worth(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:
    rows = judged.rows.drop(columns=[name for name in OWN_COLUMNS if name in judged.rows and name != "label"])
    roles: list[Role] = [role for role in ("candidate", "champion") if role in judged.scores]
    blocks = _blocks(report, judged, spec)
    values = {
        role: worth_of_costs(spec.worth.costs, judged.labels, judged.scores[role])
        if judged.worth is None
        else worth_of_function(judged.worth, rows, judged.scores[role])
        for role in roles
    }
    yield from paired_measures(
        "worth", "worth", values["candidate"], values.get("champion"),
        confidence=spec.confidence, rng=judged.rng, blocks=blocks, least=2 if blocks is None else ENOUGH_UNITS,
    )  # fmt: skip


def _ranking(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:
    """Groups are drawn; where each lies within one batch or entity, these."""
    column = spec.worth.rank_within
    if column is None:
        return
    blocks = _blocks(report, judged, spec)
    roles: list[Role] = [role for role in ("candidate", "champion") if role in judged.scores]
    made = {role: ranking_values(judged.rows[column], judged.labels, judged.scores[role]) for role in roles}
    if blocks is not None:
        of_groups = pd.Series(blocks).groupby(judged.rows[column].to_numpy())
        within = bool((of_groups.nunique() == 1).all())  # customers that come back each week are units by themselves
        blocks = of_groups.first().loc[made["candidate"].index].to_numpy() if within else None
    for name in ("ndcg", "mrr"):
        yield from paired_measures(
            "ranking",
            name,
            made["candidate"][name].to_numpy(),
            made["champion"][name].to_numpy() if "champion" in made else None,
            confidence=spec.confidence,
            rng=judged.rng,
            blocks=blocks,
            least=ENOUGH_UNITS,
        )


def _fairness(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:
    for column in spec.limits.groups:
        yield from fairness_measures(
            judged.scores["candidate"],
            judged.labels,
            judged.groups(column),
            blocks=_blocks(report, judged, spec),
            min_rows=spec.limits.group_min_rows,
            confidence=report.confidence,
            rng=judged.rng,
        )


def _cost(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:  # noqa: ARG001 - one form for all
    import cloudpickle  # as models are stored: pickle refuses a transform of the user's own file

    yield Measure(kind="cost", name="megabytes", value=len(cloudpickle.dumps(judged.pipeline)) / 1e6)
    seconds: list[float] = []
    for position in range(min(TIMED_ROWS, len(judged.rows))):
        row = judged.rows.drop(columns=["label", "ra_batch"]).iloc[[position]]
        begun = time.perf_counter()
        judged.score(row)
        seconds.append(time.perf_counter() - begun)
    median = 1000 * float(np.median(seconds)) if seconds else None
    yield Measure(kind="cost", name="milliseconds", value=median, rows=len(seconds))
    yield _memory(judged)


def _memory(judged: Judged) -> Measure:
    asked = judged.rows.drop(columns=["label", "ra_batch"]).iloc[:MEASURED_ROWS]
    if asked.empty:
        return Measure(kind="cost", name="memory_megabytes", value=None, reason="there are no rows")
    traced = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        judged.score(asked)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not traced:
            tracemalloc.stop()
    return Measure(kind="cost", name="memory_megabytes", value=(peak - before) / 1e6, rows=len(asked))


def _explanation(judged: Judged) -> Iterator[Measure]:
    if "candidate" in judged.importances:
        yield from explanation_measures(judged.importances["candidate"], judged.importances.get("champion"))


def _robustness(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:  # noqa: ARG001 - one form for all
    asked = judged.rows.drop(columns=["label", "ra_batch"])
    columns = [name for name in judged.optional if name in asked]
    if not asked.empty:
        yield from robustness_measures(asked, judged.labels, judged.score, columns=columns, metric=report.metric)


def _servability(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:  # noqa: ARG001 - one form for all
    if judged.served is not None:
        yield judged.served()


def _leakage(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:  # noqa: ARG001 - one form for all
    regression = not judged.scores["candidate"].classes
    ignored = frozenset({judged.event_time})
    yield from leakage_measures(judged.inputs, judged.labels, regression=regression, ignored=ignored)
