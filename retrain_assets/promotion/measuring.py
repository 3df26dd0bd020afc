"""All further measures of an evaluation, as far as a required gate is judged by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import DataError
from retrain_assets.performance.grouped import MANY_ROWS
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores, Values, classes_of
from retrain_assets.promotion.blocks import blocks_of
from retrain_assets.promotion.calibration import calibration_measure
from retrain_assets.promotion.change import change_measures
from retrain_assets.promotion.cost import cost_measures
from retrain_assets.promotion.evaluation import ENOUGH_UNITS, EvaluationReport, Role
from retrain_assets.promotion.explanation import explanation_measures
from retrain_assets.promotion.fairness import fairness_measures
from retrain_assets.promotion.judged import OWN_COLUMNS, Judged, inputs_of
from retrain_assets.promotion.leakage import leakage_measures
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.paired_tests import p_value_measures
from retrain_assets.promotion.robustness import robustness_measures
from retrain_assets.promotion.slices import Slice, declared_slices, searched, slice_measures, slice_metrics
from retrain_assets.promotion.weak_slices import found_slices
from retrain_assets.promotion.worth import paired_measures, ranking_values, worth_of_costs, worth_of_function
from retrain_assets.spec import PromoteSpec

SLICE_RESAMPLES, MANY_RESAMPLES = 200, 1000
"""Bootstrap rounds of a metric on a slice; where rows are drawn in groups more cost next to nothing."""


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
            blocks=blocks_of(report, judged.rows, spec),
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
                blocks=blocks_of(report, judged.rows, spec),
                confidence=spec.confidence if "is_calibrated" in spec.expression.names() else None,
                rng=judged.rng.spawn(1)[0],
            )


def _tests(report: EvaluationReport, judged: Judged) -> Iterator[Measure]:
    if "champion" in judged.scores:
        scores = judged.scores
        yield from p_value_measures(scores["candidate"], scores["champion"], judged.labels, resampled=report.resampled)


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
    blocks = blocks_of(report, judged.rows, spec)
    declared = list(
        declared_slices(judged.rows, limits.slices, limits.group_min_rows, numbered_columns=judged.personal)
    )
    found, judged_on = None, np.zeros(len(excess), dtype=bool)
    if limits.find_slices:
        found, judged_on = _found_slices(judged, excess, spec, blocks)
        yield searched(found, int((~judged_on).sum()))
    found = found or []
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
            number=len(declared) + len(found),
            min_rows=limits.group_min_rows,
        )


def _found_slices(
    judged: Judged, excess: Values, spec: PromoteSpec, blocks: npt.NDArray[np.intp] | None
) -> tuple[list[Slice] | None, npt.NDArray[np.bool_]]:
    """Slices that are looked for in the inputs, and the rows that they are judged on."""
    return found_slices(
        judged.inputs.drop(columns=[judged.event_time, *judged.personal], errors="ignore"),
        excess,
        most=spec.limits.find_slices,
        min_rows=spec.limits.group_min_rows,
        rng=judged.rng,
        blocks=blocks,
        confidence=spec.confidence,
    )


def _over_all_classes(judged: Judged) -> Mapping[Role, Scores]:
    """A class that a model does not know has probability 0 for it, as in the comparison itself."""
    union = classes_of(judged.scores.values())
    return {role: scored.over(union) for role, scored in judged.scores.items()}


def _worth(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:
    rows = judged.rows.drop(columns=[name for name in OWN_COLUMNS if name in judged.rows and name != "label"])
    roles: list[Role] = [role for role in ("candidate", "champion") if role in judged.scores]
    blocks = blocks_of(report, judged.rows, spec)
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
    blocks = blocks_of(report, judged.rows, spec)
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
            blocks=blocks_of(report, judged.rows, spec),
            min_rows=spec.limits.group_min_rows,
            confidence=report.confidence,
            rng=judged.rng,
        )


def _cost(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:  # noqa: ARG001 - one form for all
    yield from cost_measures(judged.pipeline, judged.score, inputs_of(judged.rows), elsewhere=judged.memory)


def _explanation(judged: Judged) -> Iterator[Measure]:
    if "candidate" in judged.importances:
        yield from explanation_measures(judged.importances["candidate"], judged.importances.get("champion"))


def _robustness(report: EvaluationReport, judged: Judged, spec: PromoteSpec) -> Iterator[Measure]:  # noqa: ARG001 - one form for all
    asked = inputs_of(judged.rows)
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
