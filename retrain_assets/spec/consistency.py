"""Mistakes that only show when several fields of a declaration are looked at together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrain_assets.errors import did_you_mean
from retrain_assets.spec.approval import spelt_alike
from retrain_assets.spec.column_rules import column_problems
from retrain_assets.spec.expressions import can_be_true
from retrain_assets.spec.firing import can_fire
from retrain_assets.spec.holdout import holdout_problems
from retrain_assets.spec.label_next import label_next_problems
from retrain_assets.spec.personal import personal_problems

if TYPE_CHECKING:
    from retrain_assets.spec.approval import ApprovalSpec
    from retrain_assets.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Inconsistency:
    """One contradiction: `field` is where it is best put right, `involves` the other fields that take part in it."""

    field: str
    message: str
    involves: tuple[str, ...] = ()


class InconsistentError(ValueError):
    """All contradictions of one declaration."""

    def __init__(self, found: tuple[Inconsistency, ...]) -> None:
        self.found = found
        super().__init__("; ".join(f"{each.field} {each.message}" for each in found))


def inconsistencies(spec: ModelSpec) -> Iterator[Inconsistency]:
    """Everything in a declaration that contradicts something else in it."""
    yield from _metrics(spec)
    yield from _columns(spec)
    yield from (Inconsistency(field=field, message=message) for field, message in column_problems(spec))
    yield from _triggers(spec)
    yield from _manners(spec)
    yield from _approval(spec.promote.approval)
    yield from _requirement(spec)
    yield from _limits(spec)
    yield from _classes(spec)
    for field, message, other in (*holdout_problems(spec), *label_next_problems(spec)):
        yield Inconsistency(field=field, message=message, involves=(other,))
    for field, message, other in personal_problems(spec):
        yield Inconsistency(field=field, message=message, involves=(other,))
    if spec.drift.reference == "same_weekday" and spec.batches.every not in ("hour", "day"):
        yield Inconsistency(
            field="drift.reference",
            message=f"must not be same_weekday: a {spec.batches.every} has no weekday of its own",
            involves=("batches.every",),
        )
    if spec.target.labels is not None and not spec.row_id:
        yield Inconsistency(
            field="target.labels",
            message="needs row_id: labels are joined to rows by it",
            involves=("row_id",),
        )


def _approval(spec: ApprovalSpec) -> Iterator[Inconsistency]:
    """What could never be answered."""
    field = "promote.approval"
    if spec.names == "signed":
        if not spec.approvers:
            yield Inconsistency(
                field=f"{field}.approvers",
                message="must name who may sign, each with a key: names are signed",
                involves=(f"{field}.names",),
            )
        for name, approver in spec.approvers.items():
            if approver.key is None:
                yield Inconsistency(
                    field=f"{field}.approvers.{name}",
                    message="needs a key: names are signed. `retrain-assets approval key` makes one",
                    involves=(f"{field}.names",),
                )
    yield from _two_names(spec)
    if spec.role is not None and spec.role not in spec.roles.values():
        yield Inconsistency(
            field=f"{field}.role",
            message=f"must be the role of an approver (got '{spec.role}'): nobody could answer as it",
            involves=(f"{field}.approvers",),
        )
    if spec.role is not None and spec.persons == 1:
        yield Inconsistency(
            field=f"{field}.persons",
            message=f"must be 2 or more, or left out, beside a role (got 1): one person who is no {spec.role} would do",
            involves=(f"{field}.role",),
        )
    if spec.approvers and spec.role is None and (spec.persons or 1) > len(spec.approvers):
        yield Inconsistency(
            field=f"{field}.persons",
            message=f"must not be more than there are approvers (got {spec.persons}, {len(spec.approvers)} are named)",
            involves=(f"{field}.approvers",),
        )


def _two_names(spec: ApprovalSpec) -> Iterator[Inconsistency]:
    """One person who could answer as two."""
    names: dict[str, str] = {}
    keys: dict[str, str] = {}
    for name, approver in spec.approvers.items():
        field = f"promote.approval.approvers.{name}"
        if name != name.strip() or not name.isprintable():
            yield Inconsistency(field=field, message=f"must be a name without blanks around it (got {name!r})")
        twin = names.setdefault(spelt_alike(name), name)
        if twin != name:
            yield Inconsistency(
                field=field, message=f"must not be the name of another approver (got '{name}', '{twin}')"
            )
        owner = keys.setdefault(approver.key, name) if approver.key is not None else name
        if owner != name:
            yield Inconsistency(
                field=field, message=f"must have a key of its own: that is {owner}'s, who could sign for two persons"
            )


def _requirement(spec: ModelSpec) -> Iterator[Inconsistency]:
    """A candidate can pass."""
    if not can_be_true(spec.promote.expression):
        message = f"can never be true, whatever a candidate does: {spec.promote.require!r}"
        yield Inconsistency(field="promote.require", message=message)


def _limits(spec: ModelSpec) -> Iterator[Inconsistency]:
    """A gate that is required needs what it judges by."""
    limits, required = spec.promote.limits, spec.promote.expression.names()
    known = {*spec.task_metrics}
    for name in limits.metrics:
        if name not in known:
            yield Inconsistency(
                field="promote.limits.metrics",
                message=f"must name metrics of {spec.task}: {', '.join(sorted(known))} (got '{name}')",
                involves=("metric",),
            )
    needs = {
        "meets_thresholds": ("metrics", bool(limits.metrics)),
        "no_slice_regression": ("slices", bool(limits.slices) or limits.find_slices > 0),
        "is_fair": ("groups", bool(limits.groups)),
    }
    worth = spec.promote.worth
    of_worth = {
        "not_worth_less": ("costs", bool(worth.costs) or worth.function is not None),
        "ranks_not_worse": ("rank_within", worth.rank_within is not None),
    }
    fields = {gate: (f"limits.{field}", given) for gate, (field, given) in needs.items()}
    fields |= {gate: (f"worth.{field}", given) for gate, (field, given) in of_worth.items()}
    for gate, (field, given) in fields.items():
        if gate in required and not given:
            yield Inconsistency(
                field=f"promote.{field}",
                message=f"must be set: promote.require names {gate}",
                involves=("promote.require",),
            )
    for field in ("slices", "groups"):
        for name in getattr(limits, field):
            if isinstance(spec.schema_, dict) and name not in {*spec.schema_, spec.event_time}:
                yield Inconsistency(
                    field=f"promote.limits.{field}",
                    message=f"must be columns of the schema (got '{name}').{did_you_mean(name, spec.schema_)}",
                    involves=("schema",),
                )
    if spec.task == "regression" and worth.costs:
        message = "must be a function: a cost matrix is one of classes"
        yield Inconsistency(field="promote.worth.costs", message=message, involves=("metric",))
    if spec.task == "regression" and "is_fair" in required:
        yield Inconsistency(
            field="promote.require", message="must not name is_fair: it compares two classes", involves=("metric",)
        )


def _classes(spec: ModelSpec) -> Iterator[Inconsistency]:
    """What is asked of the classes of the target, where the schema says which there are."""
    column = spec.schema_.get(spec.target.column) if isinstance(spec.schema_, dict) else None
    if column is None or column.values is None or spec.task != "classification":
        return
    classes, costs = sorted(map(str, column.values)), spec.promote.worth.costs
    strange = sorted({*costs, *(said for row in costs.values() for said in row)} - set(classes))
    if strange:
        yield Inconsistency(
            field="promote.worth.costs",
            message=f"must name classes of the target: {', '.join(classes)} (got {', '.join(strange)})",
            involves=("schema", "target"),
        )
    if len(classes) > 2 and "ranks_not_worse" in spec.promote.expression.names():
        yield Inconsistency(
            field="promote.require",
            message="must not name ranks_not_worse: that needs a target of two classes, the second relevant, "
            f"or of numbers that are gains (got the classes {', '.join(classes)})",
            involves=("schema", "target"),
        )
    if len(classes) > 2 and not can_be_true(spec.promote.expression, unknown={"is_fair"}):
        yield Inconsistency(
            field="promote.require",
            message="can never be true without is_fair, which compares two classes "
            f"(got the classes {', '.join(classes)}): take it out",
            involves=("schema", "target"),
        )


def _manners(spec: ModelSpec) -> Iterator[Inconsistency]:
    """What could never bind, or always would, or would show what it must not."""
    for index, name in enumerate(spec.retrain.slices):
        if name in spec.personal_columns:
            yield Inconsistency(
                field=f"retrain.slices[{index}]",
                message=f"must not be a personal column (got '{name}'): slices are told by value",
                involves=("personal_columns",),
            )
    spend, cost = spec.retrain.spend, spec.retrain.cost
    if spend is not None and spend.unit == "money":
        if cost.unit_loss is None:
            yield Inconsistency(
                field="retrain.spend",
                message="is in money: retrain.cost.unit_loss must be set, with which cost.retrain is in money too",
                involves=("retrain.cost.unit_loss",),
            )
        elif cost.retrain > spend.limit:
            yield Inconsistency(
                field="retrain.spend",
                message=f"never suffices for one retrain: {spend.limit:g} is less than cost.retrain {cost.retrain:g}",
                involves=("retrain.cost.retrain",),
            )


def _metrics(spec: ModelSpec) -> Iterator[Inconsistency]:
    allowed = spec.task_metrics
    for index, name in enumerate(spec.report_metrics):
        if name not in allowed:
            yield Inconsistency(
                field=f"report_metrics[{index}]",
                message=f"must be a metric of {spec.task}, which `metric: {spec.metric}` makes this: "
                f"{', '.join(allowed)} (got '{name}')",
                involves=("metric",),
            )


def _columns(spec: ModelSpec) -> Iterator[Inconsistency]:
    seen = [each for each in spec.named_columns() if not each[0].startswith(("target.", "leak_columns"))]
    for field, name in (*seen, *spec.chosen_inputs()):
        if name in spec.hidden_columns:
            yield Inconsistency(
                field=field,
                message=f"must not be the target or a leak column (got '{name}'): those are split off at ingest",
                involves=("target.column", "leak_columns", "features.transform"),
            )
    # Only what the schema names comes through it; the event time always does.
    if isinstance(spec.schema_, dict):
        known = {*spec.schema_, spec.event_time}
        for field, name in spec.chosen_inputs():
            if name not in known and name not in spec.hidden_columns:
                yield Inconsistency(
                    field=field,
                    message=f"must be a column of the schema (got '{name}').{did_you_mean(name, known)}",
                    involves=("schema", "event_time", "features.transform"),
                )


def _triggers(spec: ModelSpec) -> Iterator[Inconsistency]:
    triggers = spec.retrain.expression.names()
    needs = {
        "model_age": ("freshness.model_age", spec.freshness.model_age, "12 weeks"),
        "freshness": ("freshness.champion", spec.freshness.champion, "30 days"),
        "schedule": ("retrain.schedule", spec.retrain.schedule, "0 6 * * 1"),
        "slice_decay": ("retrain.slices", spec.retrain.slices or None, "[origin]"),
        **{
            f"{output}_drift": ("drift.outputs", output in spec.drift.outputs or None, f"[{output}]")
            for output in ("score", "label", "residual")
        },
    }
    if not can_fire(spec.retrain.expression, model_age=spec.freshness.model_age):
        yield Inconsistency(field="retrain.when", message=f"can never be true, whatever happens: {spec.retrain.when!r}")
    # The default of `when` names model_age, which then simply never fires.
    chosen = triggers if "when" in spec.retrain.model_fields_set else triggers - {"model_age"}
    for trigger, (field, value, example) in needs.items():
        if trigger in chosen and value is None:
            yield Inconsistency(
                field="retrain.when",
                message=f"names {trigger}: {field} must be set (for example '{example}')",
                involves=(field,),
            )
