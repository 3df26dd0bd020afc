"""The pictures of a model card: what was said against what came true, and what the model listens to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retrain_assets.promotion.measures import Measure, chosen
from retrain_assets.reporting.canvas import INK, Canvas, Scale, cut

CANDIDATE, CHAMPION, QUIET = "#1f77b4", "#444444", "#c3cad6"
MOST_BARS = 12
Points = Sequence[tuple[float, float, int]]


def calibration_figure(curves: Mapping[str, Points], *, regression: bool) -> bytes | None:
    """PNG: in bins of equal mass the mean that was said (across) against what came true (up); None without rows.

    Args:
        curves: of the candidate and the champion, as `retrain_assets.promotion.calibration.reliability` gives them.
        regression: whether means of numbers are compared, instead of probabilities with shares.
    """
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return None
    canvas = Canvas(420, 360)
    ends = [value for said, true, _ in points for value in (said, true)] if regression else [0.0, 1.0]
    across, up = Scale(min(ends), max(ends), 60, 400), Scale(min(ends), max(ends), 310, 36)
    canvas.line([(across(across.low), up(across.low)), (across(across.high), up(across.high))], QUIET)
    canvas.line([(60, 36), (60, 310), (400, 310)])
    for tick in across.ticks():
        canvas.text(across(tick), 322, f"{tick:g}", size=9, at="mm")
        canvas.text(54, up(tick), f"{tick:g}", size=9, at="rm")
    for role, curve in curves.items():
        colour = CANDIDATE if role == "candidate" else CHAMPION
        canvas.line([(across(said), up(true)) for said, true, _ in curve], colour, width=1.5)
        for said, true, _ in curve:
            canvas.dot(across(said), up(true), colour)
    for place, role in enumerate(curves):
        canvas.text(70, 46 + 14 * place, role, colour=CANDIDATE if role == "candidate" else CHAMPION, bold=True)
    said = "mean prediction" if regression else "probability that was said"
    canvas.text(230, 342, f"{said}; up: {'mean label' if regression else 'share that came true'}", at="mm")
    canvas.text(230, 18, "Calibration: on the grey line what is said is true", size=12, at="mm")
    return canvas.png()


def importance_figure(measures: Sequence[Measure]) -> bytes | None:
    """PNG: bars of how much the loss grows when a column is shuffled, the largest first; None where that is unknown."""
    bars = chosen(measures, "explanation", "importance")[:MOST_BARS]
    if not bars:
        return None
    canvas = Canvas(560, 64 + 22 * len(bars))
    values = [each.value or 0.0 for each in bars]
    scale = Scale(min(0.0, *values), max(0.0, *values), 190, 490)
    canvas.text(280, 18, "Importance: growth of the loss when a column is shuffled", size=12, at="mm")
    for place, each in enumerate(bars):
        y, value = 44 + 22 * place, each.value or 0.0
        canvas.box(min(scale(0), scale(value)), y - 7, max(scale(0), scale(value)), y + 7, CANDIDATE)
        canvas.text(182, y, cut(each.group, 28), at="rm")
        canvas.text(scale(max(value, 0.0)) + 5, y, f"{value:.3g}", size=9)
    canvas.line([(scale(0), 34), (scale(0), 44 + 22 * len(bars) - 12)], INK)
    return canvas.png()
