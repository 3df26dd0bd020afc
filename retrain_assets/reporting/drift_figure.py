"""The picture of a drift report: how far each column has moved, and what the most distant look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrain_assets.data.column_profile import ColumnProfile, bin_edges, bins_of
from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.numerals import numeral, telling_apart
from retrain_assets.drift.report import ColumnDrift, DriftReport
from retrain_assets.drift.wording import plural
from retrain_assets.reporting.canvas import INK, Canvas, Scale, cut

BEFORE, AFTER, QUIET, SHADE = "#8a94a6", "#d1495b", "#c3cad6", "#bfc5cf"
SHAPES = 12
MAX_BARS = 12
FEW = 3
"""So many shapes there are in any case, of the most distant columns."""
_WIDTH = 810
_TOP, _BOTTOM = 72, 46
_SLOT, _BETWEEN = 89, 24
"""Height of a shape with its title and axis, and what the last one does not need of it."""
_THICKEST = 48
"""Height of a bar with the space around it, where the shapes beside leave room for more."""
_BARS, _SHAPES = (154, 490), (524, 792)
"""From the left to the right end of both halves."""
_TICKS_FIT = 35
"""Letters below a shape, all its ticks together; where they have more only both ends are written."""


def drift_figure(report: DriftReport, current: TableProfile, reference: TableProfile) -> bytes:
    """A PNG: bars of the distances against the floor, and before and after of the drifted columns.

    What has drifted comes first and is red; of at most `SHAPES` columns there is a shape. How much more there is than
    is drawn is said below either half.

    Args:
        report: what was found.
        current: profile of the batch.
        reference: profile that it was compared with.
    """
    compared = [column for column in report.ranked if column.score is not None]
    shaped = [column for column in compared if column.name in reference and column.name in current]
    shown = shaped[: min(max(_drifted(shaped), FEW), SHAPES)]
    around = _TOP + _BOTTOM - _BETWEEN
    canvas = Canvas(_WIDTH, max(360, 117 + 24 * min(len(compared), MAX_BARS), around + _SLOT * len(shown)))
    _headline(canvas, report)
    if compared:
        _bars(canvas, compared)
    slot = (canvas.height - around) / max(len(shown), 1)
    for place, column in enumerate(shown):
        top = _TOP + place * slot
        _shape(canvas, top, top + slot - 32, column, reference[column.name], current[column.name])
    if more := _drifted(shaped[len(shown) :]):
        told = f"and {plural(more, 'more drifted column', 'more drifted columns')}"
        canvas.text(_SHAPES[1], canvas.height - _BOTTOM + 31, told, size=10, at="rm")
    return canvas.png()


def _drifted(columns: Sequence[ColumnDrift]) -> int:
    return sum(column.verdict == "drift" for column in columns)


def _headline(canvas: Canvas, report: DriftReport) -> None:
    """Verdict and reason above; beside them what the two colours of the shapes are."""
    verdict = report.verdict.replace("_", " ")
    colour = AFTER if report.verdict == "drift" else INK
    headline = cut(f"{report.model}, batch {report.batch}: {verdict}", 60)
    canvas.text(10, 20, headline, size=15, colour=colour, bold=True)
    # It begins with what counts: how much has drifted, and how much it takes.
    reason = report.reason if len(report.reason) <= 115 else f"{report.reason[:114]}…"
    canvas.text(10, 41, reason, size=10.5)
    if report.columns:
        right = _SHAPES[1]
        reference = f"grey: reference of v{report.champion_version}"
        canvas.text(right, 20, reference, size=10.5, colour=BEFORE, bold=True, at="rm")
        canvas.text(right, 41, "red: this batch", size=10.5, colour=AFTER, bold=True, at="rm")


def _bars(canvas: Canvas, columns: Sequence[ColumnDrift]) -> None:
    bars = columns[:MAX_BARS]
    left, right = _BARS
    bottom = canvas.height - _BOTTOM
    floor = bars[0].floor
    scale = Scale(0, 1.15 * max(floor, *(column.score or 0.0 for column in bars)), left, right)
    slot = (bottom - _TOP) / max(len(bars), 5)
    half = 0.35 * min(slot, _THICKEST)
    for place, column in enumerate(bars):
        score, middle = column.score or 0.0, _TOP + (place + 0.5) * slot
        colour = AFTER if column.verdict == "drift" else QUIET
        canvas.box(left, middle - half, scale(score), middle + half, colour)
        canvas.text(scale(score) + 4, middle, f"{score:.2f}", size=9)
        canvas.text(left - 6, middle, cut(column.name, 22), size=9.5, at="rm")
    canvas.dashes(scale(floor), _TOP, bottom)
    canvas.line([(left, _TOP), (left, bottom)])
    _axis(canvas, scale, bottom)
    left_out = columns[MAX_BARS:]
    more = f"; and {len(left_out)} more" if left_out else ""
    if drifted := _drifted(left_out):
        more += f", {'all' if drifted == len(left_out) else drifted} of them drifted"
    measure = bars[0].distance.replace("_", " ")
    label = f"{measure} distance, dashed: floor {floor:g}{more}"
    canvas.text((left + right) / 2, bottom + 31, label, size=10, at="mm")


def _axis(canvas: Canvas, scale: Scale, y: float) -> None:
    canvas.line([(scale.start, y), (scale.end, y)])
    for tick in scale.ticks():
        said = _tick(tick)
        canvas.line([(scale(tick), y), (scale(tick), y + 3)])
        canvas.text(min(scale(tick), canvas.width - 3 * len(said)), y + 10, said, size=9, at="mm")


def _tick(number: float) -> str:
    """In full: it is a round one."""
    return numeral(number, 12)


def _shape(
    canvas: Canvas, top: float, bottom: float, column: ColumnDrift, before: ColumnProfile, after: ColumnProfile
) -> None:
    left, right = _SHAPES
    colour = AFTER if column.verdict == "drift" else INK
    canvas.text(left, top, cut(column.name, 30), size=10.5, colour=colour, bold=True)
    canvas.text(right, top, _missing(before, after), size=9, at="rm")
    draw = _histograms if before.bins or after.bins else _categories
    draw(canvas, top + 10, bottom, before, after)
    canvas.line([(left, bottom), (right, bottom)])


def _histograms(canvas: Canvas, top: float, bottom: float, before: ColumnProfile, after: ColumnProfile) -> None:
    """Both sides over the range that holds 98 % of each, as steps of equal width."""
    ends = [side.quantile(share) for side in (before, after) for share in (0.01, 0.99)]
    low, high = min(end for end in ends if end is not None), max(end for end in ends if end is not None)
    across = Scale(low, high, *_SHAPES)
    edges = np.linspace(across.low, across.high, 33)
    heights = {side: _spread(profile, edges) for side, profile in (("before", before), ("after", after))}
    up = Scale(0, 1.05 * max(float(height.max()) for height in heights.values()), bottom, top)
    for k, share in enumerate(heights["before"]):
        canvas.box(across(edges[k]), up(share), across(edges[k + 1]), bottom, SHADE)
    outline = [(across(edge), up(share)) for k, share in enumerate(heights["after"]) for edge in edges[k : k + 2]]
    canvas.line([(across.start, bottom), *outline, (across.end, bottom)], AFTER, width=1.5)
    if before.kind == "datetime":
        ends = [str(np.datetime64(int(end), "s").astype("datetime64[D]")) for end in (low, high)]
    elif sum(len(_tick(tick)) for tick in across.ticks()) <= _TICKS_FIT:
        _axis(canvas, across, bottom)
        return
    else:
        ends = [numeral(end, telling_apart([low, high])) for end in (low, high)]
    for x, end, at in zip(_SHAPES, ends, ("lm", "rm"), strict=True):
        canvas.text(x, bottom + 10, end, size=9, at=at)


def _spread(profile: ColumnProfile, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shares between the edges, each fine bin spread evenly over its width."""
    if not profile.bins:
        return np.zeros(len(edges) - 1)
    keys, counts = bins_of(profile)
    lows, highs = bin_edges(profile, keys)
    widths = np.maximum(highs - lows, 1e-9 * (edges[-1] - edges[0]))
    reached = (np.clip((edges[:, None] - lows) / widths, 0, 1) * counts).sum(axis=1)
    return np.diff(reached) / max(profile.rows, 1)


def _categories(canvas: Canvas, top: float, bottom: float, before: ColumnProfile, after: ColumnProfile) -> None:
    """The categories with the largest shares on either side."""
    either = {**before.categories, **after.categories}
    largest = {label: max(_share(before, label), _share(after, label)) for label in either}
    labels = sorted(largest, key=lambda label: (-largest[label], label))[:6]
    up = Scale(0, 1.05 * max(largest.values(), default=1.0), bottom, top)
    slot = (_SHAPES[1] - _SHAPES[0]) / max(len(labels), 1)
    for place, label in enumerate(labels):
        middle = _SHAPES[0] + (place + 0.5) * slot
        canvas.box(middle - 0.4 * slot, up(_share(before, label)), middle, bottom, SHADE)
        canvas.box(middle, up(_share(after, label)), middle + 0.4 * slot, bottom, AFTER)
        name = canvas.fitting(" ".join(label.splitlines()), slot - 4, size=9)
        canvas.text(middle, bottom + 10, name, size=9, at="mm")


def _share(profile: ColumnProfile, label: str) -> float:
    return profile.categories.get(label, 0) / max(profile.rows, 1)


def _missing(before: ColumnProfile, after: ColumnProfile) -> str:
    if before.missing == after.missing == 0:
        return ""
    return f"missing {100 * before.missing_share:.3g} % to {100 * after.missing_share:.3g} %"
