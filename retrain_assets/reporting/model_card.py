"""The card of a version: from what it was made, how it was judged, and what it is not good for.

After Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from retrain_assets.promotion.approvals import requirement_of
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import GateReport
from retrain_assets.promotion.measures import Measure, MeasureKind
from retrain_assets.reporting.card_pages import ModelCard, Section
from retrain_assets.spec import ModelSpec, format_duration
from retrain_assets.training.bundle import Manifest, ModelVersion

CARD, PAGE = "model_card.md", "model_card.html"
"""What a run keeps of a card: Markdown, and the same for a browser."""
APPROVALS = "approvals.md"
"""Beside it: who was asked about the version and what they answered, which comes after the card."""

TITLES: dict[MeasureKind, str] = {
    "change": "Change against the champion",
    "calibration": "Calibration",
    "test": "Tests against the champion (p-values)",
    "slice": "Slices: difference to the champion",
    "fairness": "Fairness between groups",
    "cost": "Time, size and memory",
    "leakage": "What each column alone predicts",
    "explanation": "Importance of the inputs",
    "robustness": "Missing inputs",
    "servability": "Served by a fresh process",
    "recall": "Earlier champions",
    "worth": "Worth to the business",
    "ranking": "Ranking",
    "holdout": "The newest batches alone",
    "luck": "What the difference to the champion owes to its luck",
    "margin": "Loss beyond the champion's, larger or smaller by a margin",
    "opponent": "Why the champion is not known",
    "unmeasured": "What could not be measured",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Of a version that was taken over from MLflow: what it is, where it was registered, and who took it over."""

    estimator: str
    origin: str
    actor: str
    reason: str


def model_card(
    spec: ModelSpec,
    version: ModelVersion,
    manifest: Manifest,
    report: EvaluationReport | None = None,
    gates: GateReport | None = None,
    figures: Mapping[str, bytes] | None = None,
    *,
    schema: Sequence[tuple[str, str, str, str]] = (),
    table_versions: Mapping[str, int] | None = None,
    why: str = "",
    adoption: Adoption | None = None,
) -> ModelCard:
    """The card of a version: as it was registered, and in its place, once it was evaluated, as it was judged.

    What is not known of a version stands in its section as unknown: of one that was adopted nobody knows here on which
    rows it was trained, and of one whose evaluation did not come nothing is measured.

    Args:
        spec: the declaration.
        version: the candidate.
        manifest: from what it was made.
        report: how it was judged; None before.
        gates: and with what verdict.
        figures: PNGs by the section that they belong to: `comparison`, `calibration`, `explanation`.
        schema: of the rows that it was trained on and scores, as `retrain_assets.data.rule_words` tells it.
        table_versions: of the tables that it was trained from.
        why: it was trained, as the decision says.
        adoption: of a version that was not trained here.
    """
    drawn = dict(figures or {})
    if report is None or gates is None:
        judged = _not_judged(adoption)
    else:
        judged = (
            _performance(report),
            replace(_differences(report), figure=drawn.get("comparison")),
            *_measures(report.measures, drawn),
            _gates(gates),
        )
    return ModelCard(
        title=str(version),
        sections=(
            _purpose(spec),
            _data(version, manifest, table_versions or {}, why)
            if adoption is None
            else _taken_over(manifest, adoption),
            *_schema(schema),
            *_personal(spec),
            _training(spec, manifest, adoption),
            *judged,
            _approval(spec, adoption),
            _limits(spec, manifest, report),
        ),
    )


def _purpose(spec: ModelSpec) -> Section:
    said = spec.description or "No description is declared."
    owners = ", ".join(spec.owners) or "nobody is declared"
    return Section(title="Purpose", lines=(said, f"A {spec.task} of `{spec.target.column}`. Owners: {owners}."))


def _data(version: ModelVersion, manifest: Manifest, tables: Mapping[str, int], why: str) -> Section:
    batches = manifest.training_batches
    return Section(
        title="Data",
        table=(
            ("what", "value"),
            ("training window", f"{len(batches)} batches, {batches[0]} to {batches[-1]}"),
            ("training rows", f"{manifest.training_rows:,}"),
            ("training end", f"{manifest.training_end:%Y-%m-%d %H:%M} UTC"),
            ("decided for", f"batch {version.batch}, attempt {version.attempt}"),
            *([("because", why)] if why else []),
            ("data hash", version.data_hash),
            *(("table version", f"{asset} {number}") for asset, number in sorted(tables.items())),
        ),
    )


def _taken_over(manifest: Manifest, adoption: Adoption) -> Section:
    unknown = "unknown: not trained here"
    return Section(
        title="Data",
        lines=(f"Adopted from {adoption.origin} of MLflow by {adoption.actor}: {adoption.reason}",),
        table=(
            ("what", "value"),
            ("training window", unknown),
            ("training rows", unknown),
            ("training end", f"{manifest.training_end:%Y-%m-%d %H:%M} UTC, by the word of who adopted it"),
            ("data hash", unknown),
            ("hash of the adopted files", manifest.data_hash),
            ("reference for drift", f"batch {manifest.batch}, the newest when it was adopted"),
        ),
    )


def _schema(rows: Sequence[tuple[str, str, str, str]]) -> Iterator[Section]:
    if rows:
        yield Section(
            title="Schema",
            lines=("Rows that break a rule are quarantined, with the reason.",),
            table=(("column", "type", "may be missing", "rules"), *rows),
        )


def _personal(spec: ModelSpec) -> Iterator[Section]:
    if spec.personal_columns:
        yield Section(
            title="Personal data",
            lines=(
                f"Columns of personal data: {', '.join(f'`{name}`' for name in spec.personal_columns)}.",
                (
                    "Their values stand in the kept deliveries and the validated rows alone. They are not profiled, no "
                    "report names them, and slices and groups by them have numbers instead."
                ),
            ),
        )


def _training(spec: ModelSpec, manifest: Manifest, adoption: Adoption | None) -> Section:
    drawn = f"{manifest.seed}, {manifest.threads}"
    return Section(
        title="Model",
        table=(
            ("what", "value"),
            ("estimator", spec.estimator.class_ if adoption is None else adoption.estimator),
            (
                "parameters",
                ", ".join(f"{name}={value}" for name, value in sorted(manifest.params.items())) or "defaults",
            ),
            ("inputs", ", ".join(manifest.features)),
            ("seed, threads", drawn if adoption is None else "unknown: not trained here"),
            (
                "libraries" if adoption is None else "libraries, when it was adopted",
                ", ".join(f"{name} {found}" for name, found in sorted(manifest.libraries.items())),
            ),
            ("code" if adoption is None else "code, when it was adopted", manifest.code_version),
            ("model hash", manifest.model_hash),
        ),
    )


def _not_judged(adoption: Adoption | None) -> tuple[Section, ...]:
    why = "it was registered, and not evaluated" if adoption is None else "it was adopted, not evaluated"
    return tuple(
        Section(title=title, lines=(f"Unknown: {why}.",))
        for title in ("Performance", "Paired differences", "Slices and groups", "Calibration", "Gates")
    )


def _performance(report: EvaluationReport) -> Section:
    rows = [
        (f"{role.role}{f' v{role.version}' if role.version else ''}", each.metric, _number(each.value),
         _interval(each.lower, each.upper), f"{each.rows:,}")
        for role in report.roles for each in role.metrics
    ]  # fmt: skip
    return Section(
        title="Performance",
        lines=(
            (
                f"{report.rows:,} {report.kind_of_rows} of {len(report.batches)} batches, on which no model was "
                f"trained; {report.rows_newer_than_both:,} of them are newer than what either was trained on. "
                f"Intervals of {report.confidence:.0%}, by resampled {report.resampled}."
            ),
        ),
        table=(("model", "metric", "value", "interval", "rows"), *rows),
    )


def _differences(report: EvaluationReport) -> Section:
    rows = [
        (each.label, each.metric, _number(each.value), _interval(each.lower, each.upper), each.scope)
        for each in report.differences
    ]
    return Section(
        title="Paired differences",
        lines=("Below zero the first is better.",),
        table=(("difference", "metric", "value", "interval", "rows"), *rows) if rows else (),
    )


def _measures(measures: Sequence[Measure], figures: Mapping[str, bytes]) -> Iterator[Section]:
    for kind, title in TITLES.items():
        own = [each for each in measures if each.kind == kind]
        if own:
            rows = [
                (
                    each.group or "all rows",
                    each.name,
                    _number(each.value),
                    _interval(each.lower, each.upper),
                    each.reason,
                )
                for each in own
            ]
            head = ("of", "what", "value", "interval", "note")
            yield Section(title=title, table=(head, *rows), figure=figures.get(kind))


def _gates(gates: GateReport) -> Section:
    words = {True: "passed", False: "not passed", None: "unknown"}
    rows = [
        (gate.name, words[gate.passed] if gate.applicable else "not applicable", gate.reason) for gate in gates.results
    ]
    return Section(
        title="Gates",
        lines=(f"{gates.expression}: {words[gates.passed]}",),
        table=(("gate", "truth", "reason"), *rows),
    )


def _approval(spec: ModelSpec, adoption: Adoption | None) -> Section:
    approval = spec.promote.approval
    if adoption is not None:
        return Section(title="Approval", lines=(f"An adoption asks for none: it is the word of {adoption.actor}.",))
    # What is said of it later does not change the card that persons were shown.
    answers = f"`{APPROVALS}` beside this card, and in `retrain-assets approval list {spec.name} --all`"
    told = f"Who was asked and who answered stands in {answers}."
    if approval.when == "never":
        asked = "No person has to agree to a promotion, unless the champion cannot be asked."
        return Section(title="Approval", lines=(f"{asked} {told}",))
    trust = "by signature" if approval.names == "signed" else "on trust"
    asked = (
        f"Asked for: {approval.when}; {requirement_of(approval)} must approve within "
        f"{format_duration(approval.expires)}; names are taken {trust}."
    )
    return Section(title="Approval", lines=(f"{asked} {told}",))


def _limits(spec: ModelSpec, manifest: Manifest, report: EvaluationReport | None) -> Section:
    lines = [
        f"It learned from data up to {manifest.training_end:%Y-%m-%d}; what changed since then it has not seen.",
        "Rows outside the declared schema are quarantined and not scored.",
    ]
    if spec.target.label_delay > timedelta(0):
        lines.append(f"Whether it is right is known {format_duration(spec.target.label_delay)} after the event.")
    if report is None:
        lines.append("No gate vouches for it: nothing of it was measured here.")
        return Section(title="Limits of use", lines=tuple(lines))
    if report.role("champion") is None:
        lines.append("It was compared with the naive baseline alone: there was no champion.")
    judged = {each.kind for each in report.measures}
    missing = [title for kind, title in (("slice", "slices"), ("fairness", "groups")) if kind not in judged]
    if missing:
        lines.append(f"It was not judged by {' or '.join(missing)}: `promote.limits` and `promote.require` ask for it.")
    return Section(title="Limits of use", lines=tuple(lines))


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _interval(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else f"{lower:.4g} to {upper:.4g}"
