"""The picture of a drift report: how far each column has moved, and what the most distant look like."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from retrain_assets.data.column_profile import ColumnProfile, bin_edges, bins_of
from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.report import ColumnDrift, DriftReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEFORE, AFTER, QUIET, INK = "#8a94a6", "#d1495b", "#c3cad6", "#2b2f36"
SHAPES = 3
MAX_BARS = 12


def drift_figure(report: DriftReport, current: TableProfile, reference: TableProfile) -> bytes:
    """A PNG: bars of the distances against the floor, and before and after of the `SHAPES` most distant columns.

    Args:
        report: what was found.
        current: profile of the batch.
        reference: profile that it was compared with.
    """
    # Here, and without pyplot: matplotlib costs a second to import, and pyplot keeps every figure in a global list.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    compared = [column for column in report.ranked if column.score is not None]
    shown = [column for column in compared if column.name in reference and column.name in current][:SHAPES]
    figure = Figure(figsize=(9, max(4.0, 1.3 + 0.27 * min(len(compared), MAX_BARS))), dpi=90, facecolor="white")
    FigureCanvasAgg(figure)
    _headline(figure, report)
    if not compared:
        return _png(figure)
    top = 1 - 0.85 / figure.get_figheight()
    grid = figure.add_gridspec(
        max(len(shown), 1), 2,
        left=0.19, right=0.975, top=top, bottom=0.52 / figure.get_figheight(),
        width_ratios=(1.25, 1), wspace=0.12, hspace=0.75,
    )  # fmt: skip
    _bars(figure.add_subplot(grid[:, 0]), compared)
    for place, column in enumerate(shown):
        _shape(figure.add_subplot(grid[place, 1]), column, reference[column.name], current[column.name])
    return _png(figure)


def _headline(figure: Figure, report: DriftReport) -> None:
    """Verdict and reason above; beside them what the two colours of the shapes are."""
    height = figure.get_figheight()
    verdict = report.verdict.replace("_", " ")
    colour = AFTER if report.verdict == "drift" else INK
    first, second = 1 - 0.27 / height, 1 - 0.5 / height
    figure.text(
        0.012, first, f"{report.model}, batch {report.batch}: {verdict}", color=colour, fontsize=12, weight="bold"
    )
    figure.text(0.012, second, _cut(report.reason, 110), color=INK, fontsize=8.5)
    if report.columns:
        reference = f"grey: reference of v{report.champion_version}"
        figure.text(0.975, first, reference, color=BEFORE, fontsize=8.5, ha="right", weight="bold")
        figure.text(0.975, second, "red: this batch", color=AFTER, fontsize=8.5, ha="right", weight="bold")


def _bars(axes: Axes, columns: Sequence[ColumnDrift]) -> None:
    bars = columns[:MAX_BARS]
    places = np.arange(len(bars))[::-1]
    scores = [column.score or 0.0 for column in bars]
    axes.barh(places, scores, color=[AFTER if column.verdict == "drift" else QUIET for column in bars], height=0.7)
    axes.axvline(bars[0].floor, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    reach = 1.18 * max(*scores, bars[0].floor)
    for place, score in zip(places, scores, strict=True):
        axes.text(score + 0.012 * reach, place, f"{score:.2f}", va="center", fontsize=7, color=INK)
    axes.set_yticks(places, [_cut(column.name, 22) for column in bars])
    axes.set_xlim(0, reach)
    axes.set_ylim(min(-0.6, len(bars) - 5.6), len(bars) - 0.4)  # a single bar is as thick as one of five
    more = f"; {len(columns) - MAX_BARS} nearer columns are not drawn" if len(columns) > MAX_BARS else ""
    measure = bars[0].distance.replace("_", " ")
    axes.set_xlabel(f"{measure} distance, dashed: floor {bars[0].floor:g}{more}", fontsize=8, color=INK)
    _plain(axes)


def _shape(axes: Axes, column: ColumnDrift, before: ColumnProfile, after: ColumnProfile) -> None:
    if before.bins or after.bins:
        _histograms(axes, before, after)
    else:
        _categories(axes, before, after)
    axes.set_title(_cut(column.name, 30), fontsize=8.5, loc="left", color=INK, fontweight="bold", pad=3)
    axes.set_title(_missing(before, after), fontsize=7, loc="right", color=INK, pad=3)
    axes.set_yticks([])
    _plain(axes)
    axes.spines["left"].set_visible(False)


def _histograms(axes: Axes, before: ColumnProfile, after: ColumnProfile) -> None:
    """Both sides over the range that holds 98 % of each, as steps of equal width."""
    ends = [side.quantile(share) for side in (before, after) for share in (0.01, 0.99)]
    low, high = min(end for end in ends if end is not None), max(end for end in ends if end is not None)
    high = high if high > low else low + 1.0
    edges = np.linspace(low, high, 33)
    for side, colour in ((before, BEFORE), (after, AFTER)):
        heights = _spread(side, edges)
        if colour == BEFORE:
            axes.stairs(heights, edges, fill=True, color=colour, alpha=0.55)
        else:
            axes.stairs(heights, edges, color=colour, linewidth=1.4)
    axes.set_xlim(low, high)
    axes.set_ylim(0, None)
    if before.kind == "datetime":
        axes.set_xticks([low, high], [str(np.datetime64(int(end), "s").astype("datetime64[D]")) for end in (low, high)])
    else:
        axes.locator_params(axis="x", nbins=5)


def _spread(profile: ColumnProfile, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shares between the edges, each fine bin spread evenly over its width."""
    if not profile.bins:
        return np.zeros(len(edges) - 1)
    keys, counts = bins_of(profile)
    lows, highs = bin_edges(profile, keys)
    widths = np.maximum(highs - lows, 1e-9 * (edges[-1] - edges[0]))
    reached = (np.clip((edges[:, None] - lows) / widths, 0, 1) * counts).sum(axis=1)
    return np.diff(reached) / max(profile.rows, 1)


def _categories(axes: Axes, before: ColumnProfile, after: ColumnProfile) -> None:
    """The categories with the largest shares on either side."""
    either = {**before.categories, **after.categories}
    largest = {label: max(_share(before, label), _share(after, label)) for label in either}
    labels = sorted(largest, key=lambda label: (-largest[label], label))[:6]
    places = np.arange(len(labels))
    axes.bar(places - 0.2, [_share(before, label) for label in labels], width=0.4, color=BEFORE, alpha=0.75)
    axes.bar(places + 0.2, [_share(after, label) for label in labels], width=0.4, color=AFTER)
    axes.set_xticks(places, [_cut(label, 9) for label in labels])


def _share(profile: ColumnProfile, label: str) -> float:
    return profile.categories.get(label, 0) / max(profile.rows, 1)


def _missing(before: ColumnProfile, after: ColumnProfile) -> str:
    if before.missing == after.missing == 0:
        return ""
    return f"missing {100 * before.missing_share:.3g} % to {100 * after.missing_share:.3g} %"


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=7.5, length=2, colors=INK)


def _cut(text: str, length: int) -> str:
    """Shortened in the middle: names often differ at their end. A dollar would begin a formula."""
    half = length // 2
    shown = text if len(text) <= length else f"{text[:half]}…{text[half - length + 1 :]}"
    return shown.replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
