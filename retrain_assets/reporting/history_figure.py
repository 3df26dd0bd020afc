"""The year of a model in one picture: the champion that was kept fresh against the first model left as it was."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, GREY, ORANGE, GREEN = "#2563eb", "#9ca3af", "#ea580c", "#15803d"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """One batch: the loss of the champion that served it and of the first champion; None where there was none."""

    start: datetime
    champion: float | None
    never_retrained: float | None
    retrained: bool = False
    promoted_version: int | None = None


def history_figure(points: Sequence[HistoryPoint], *, title: str, metric: str) -> bytes:
    """A PNG with the loss by batch (lower is better) and below it what retraining has saved so far.

    A retrain stands at the end of the batch that it was decided for, which is the start of the first batch that a
    promoted version served: an orange tick on the lower edge, and with a promotion a dotted line with the new version.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    losses, saved = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.2))
    starts = [point.start for point in points]
    never, live = ([point.never_retrained for point in points], [point.champion for point in points])
    losses.plot(starts, _values(never), color=GREY, lw=1.6, label="first champion, never retrained")
    losses.plot(starts, _values(live), color=BLUE, lw=2, label="live champion", marker="o", ms=3)
    _mark(losses, points)
    losses.set_ylabel(f"{metric} (lower is better)")
    losses.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=26)
    losses.legend(loc="lower left", bbox_to_anchor=(0, 1.005), frameon=False, ncols=4, borderaxespad=0, borderpad=0)
    total = _cumulated(points)
    saved.plot(starts, total, color=GREEN, lw=1.8)
    saved.fill_between(starts, 0, total, color=GREEN, alpha=0.12)
    saved.axhline(0, color=GREY, lw=0.8)
    saved.set_ylabel("saved so far\n(sum over batches)")
    for axes in (losses, saved):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e5e7eb", lw=0.6)
        axes.set_axisbelow(True)
    figure.align_ylabels()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _mark(axes: Axes, points: Sequence[HistoryPoint]) -> None:
    from matplotlib.dates import date2num

    decided = [following.start for point, following in _pairs(points) if point.retrained]
    axes.plot(
        date2num(decided), [0.015] * len(decided), "|", color=ORANGE, ms=11, mew=2,
        transform=axes.get_xaxis_transform(), label="retrain", clip_on=False,
    )  # fmt: skip
    label = "promotion"
    for point, following in _pairs(points):
        if point.promoted_version is not None:
            axes.axvline(float(date2num(following.start)), color=GREEN, lw=1, ls=":", label=label)
            axes.annotate(
                f"v{point.promoted_version}", (following.start, 1.0), xycoords=("data", "axes fraction"),
                xytext=(2, -9), textcoords="offset points", fontsize=8, color=GREEN,
            )  # fmt: skip
            label = ""


def _pairs(points: Sequence[HistoryPoint]) -> Iterator[tuple[HistoryPoint, HistoryPoint]]:
    """Each batch with the one after it; the newest has none yet and stands for itself."""
    return zip(points, [*points[1:], *points[-1:]], strict=True)


def _values(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _cumulated(points: Sequence[HistoryPoint]) -> list[float]:
    total, sums = 0.0, list[float]()
    for point in points:
        if point.champion is not None and point.never_retrained is not None:
            total += point.never_retrained - point.champion
        sums.append(total)
    return sums
