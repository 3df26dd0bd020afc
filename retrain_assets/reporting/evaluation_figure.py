"""The evidence of an evaluation as one picture: each model's loss, and the paired differences that decide."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.reporting.canvas import Canvas, Scale, cut

_COLOURS = {"candidate": "#1f77b4", "champion": "#444444", "baseline": "#aaaaaa", "earlier": "#8c6bb1"}
_BETTER, _WORSE, _OPEN = "#2a7f3f", "#b03030", "#777777"
_WIDTH, _HEIGHT = 720, 208
_MOST_ROWS = 6
_TOP, _BOTTOM = 54, 178


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interval:
    """One row of a panel."""

    label: str
    value: float
    lower: float
    upper: float
    shown: str
    colour: str


def evaluation_figure(report: EvaluationReport) -> bytes:
    """PNG: on the left the loss of each model with its interval, on the right the differences against zero."""
    canvas = Canvas(_WIDTH, _HEIGHT)
    title = (
        f"{report.model} {report.batch}, attempt {report.attempt}: {report.rows:,} {report.kind_of_rows} of "
        f"{len(report.batches)} batches, {report.confidence:.0%} intervals"
    )
    canvas.text(_WIDTH / 2, 16, cut(title, 100), size=12, at="mm")
    _panel(canvas, 96, 296, f"{report.metric} (smaller is better)", _losses(report))
    _panel(canvas, 470, 704, "paired difference (left of 0: the first is better)", _differences(report), zero=True)
    return canvas.png()


def _losses(report: EvaluationReport) -> list[_Interval]:
    intervals: list[_Interval] = []
    for role in report.roles:
        estimate = role.metric(report.metric)
        if estimate.value is None:
            continue
        intervals.append(
            _Interval(
                label=role.role if role.version is None else f"{role.role} v{role.version}",
                value=estimate.value,
                lower=estimate.value if estimate.lower is None else estimate.lower,
                upper=estimate.value if estimate.upper is None else estimate.upper,
                shown=f"{estimate.value:.4g}",
                colour=_COLOURS[role.role],
            )
        )
    return intervals[:_MOST_ROWS]


def _differences(report: EvaluationReport) -> list[_Interval]:
    # On newer rows, and of an earlier champion, only the champion is of interest; the baseline is judged by all rows.
    told = [
        pair for pair in report.differences if pair.b == "champion" or (pair.a, pair.scope) == ("candidate", "reserved")
    ]
    intervals = [
        _Interval(
            label=f"{f'v{pair.version}' if pair.version else pair.a} - {pair.b}"
            + (" (newer)" if pair.scope == "newer" else ""),
            value=pair.value,
            lower=pair.lower,
            upper=pair.upper,
            shown=f"{pair.value:+.4g}",
            colour=_BETTER if pair.upper < 0 else _WORSE if pair.lower > 0 else _OPEN,
        )
        for pair in told
    ]
    return intervals[:_MOST_ROWS]


def _panel(
    canvas: Canvas, left: float, right: float, title: str, intervals: list[_Interval], *, zero: bool = False
) -> None:
    canvas.text((left + right) / 2, 40, title, size=10.5, at="mm")
    canvas.line([(left, _TOP), (left, _BOTTOM), (right, _BOTTOM)])
    if not intervals:
        canvas.text((left + right) / 2, (_TOP + _BOTTOM) / 2, "not known: too few rows", size=10.5, at="mm")
        return
    ends = [end for interval in intervals for end in (interval.lower, interval.upper)] + ([0.0] if zero else [])
    room = 0.12 * (max(ends) - min(ends))
    scale = Scale(min(ends) - room, max(ends) + room, left, right)
    if zero:
        canvas.line([(scale(0), _TOP), (scale(0), _BOTTOM)], "black", width=0.8)
    for tick in scale.ticks(4):
        canvas.line([(scale(tick), _BOTTOM), (scale(tick), _BOTTOM + 3)])
        canvas.text(scale(tick), _BOTTOM + 11, f"{tick:g}", size=9, at="mm")
    slot = (_BOTTOM - _TOP) / len(intervals)
    for place, interval in enumerate(intervals):
        y = _TOP + (place + 0.6) * slot
        canvas.line([(scale(interval.lower), y), (scale(interval.upper), y)], interval.colour, width=2)
        canvas.dot(scale(interval.value), y, interval.colour)
        canvas.text(scale(interval.value), y - 7, interval.shown, size=10, at="ms")
        canvas.text(left - 6, y, interval.label, size=10.5, at="rm")
