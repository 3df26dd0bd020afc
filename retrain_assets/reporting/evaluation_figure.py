"""The evidence of an evaluation as one picture: each model's loss, and the paired differences that decide."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from retrain_assets.promotion.evaluation import EvaluationReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"candidate": "#1f77b4", "champion": "#444444", "baseline": "#aaaaaa"}
_BETTER, _WORSE, _OPEN = "#2a7f3f", "#b03030", "#777777"


def evaluation_figure(report: EvaluationReport) -> bytes:
    """PNG: on the left the loss of each model with its interval, on the right the differences against zero."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Margins by hand: a layout engine draws everything twice.
    figure = Figure(figsize=(9, 2.6), dpi=80)
    FigureCanvasAgg(figure)
    margins = {"left": 0.12, "right": 0.98, "bottom": 0.14, "top": 0.78, "wspace": 0.66}
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1, 1.25], **margins})
    _draw_roles(left, report)
    _draw_differences(right, report)
    figure.suptitle(
        f"{report.model} {report.batch}, attempt {report.attempt}: {report.rows:,} reserved rows of "
        f"{len(report.batches)} batches, {report.confidence:.0%} intervals",
        fontsize=10,
    )
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_roles(axes: Axes, report: EvaluationReport) -> None:
    known = [role for role in report.roles if role.metric(report.metric).value is not None]
    for place, role in enumerate(known):
        estimate = role.metric(report.metric)
        value = estimate.value or 0.0
        lower = value if estimate.lower is None else estimate.lower
        upper = value if estimate.upper is None else estimate.upper
        axes.plot([lower, upper], [place, place], color=_COLOURS[role.role], linewidth=2)
        axes.plot([value], [place], "o", color=_COLOURS[role.role])
        axes.annotate(
            f"{value:.4g}", (value, place), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8
        )
    labels = [role.role if role.version is None else f"{role.role} v{role.version}" for role in known]
    _finish(axes, labels, f"{report.metric} (smaller is better)")


def _draw_differences(axes: Axes, report: EvaluationReport) -> None:
    # On newer rows only the champion is of interest; the baseline is judged by all reserved rows.
    against = [pair for pair in report.differences if pair.a == "candidate"]
    shown = [pair for pair in against if pair.scope == "reserved" or pair.b == "champion"]
    axes.axvline(0, color="black", linewidth=0.8)
    for place, pair in enumerate(shown):
        colour = _BETTER if pair.upper < 0 else _WORSE if pair.lower > 0 else _OPEN
        axes.plot([pair.lower, pair.upper], [place, place], color=colour, linewidth=2)
        axes.plot([pair.value], [place], "o", color=colour)
        axes.annotate(
            f"{pair.value:+.4g}",
            (pair.value, place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    labels = [f"minus {pair.b}" + (" (newer rows)" if pair.scope == "newer" else "") for pair in shown]
    _finish(axes, labels, "candidate's paired difference (left of 0: better)")


def _finish(axes: Axes, labels: list[str], title: str) -> None:
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.set_ylim(len(labels) - 0.4, -0.7)
    axes.set_title(title, fontsize=9)
    axes.margins(x=0.12)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if not labels:
        axes.text(0.5, 0.5, "not known: too few rows", ha="center", va="center", transform=axes.transAxes)
