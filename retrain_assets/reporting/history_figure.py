"""The year of a model in one picture: the champion that was kept fresh against the first model left as it was."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
    """A PNG with the loss by batch (lower is better) and below it what retraining has gained so far.

    Retrains are marked by a tick on the lower edge, promotions by a line with the new version.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    losses, gain = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.2))
    starts = [point.start for point in points]
    never, live = _values([p.never_retrained for p in points]), _values([p.champion for p in points])
    losses.plot(starts, never, color=GREY, lw=1.6, label="never retrained")
    losses.plot(starts, live, color=BLUE, lw=2, label="live champion", marker="o", ms=3)
    _mark(losses, points)
    losses.set_ylabel(f"{metric} (lower is better)")
    losses.set_title(title, loc="left", fontsize=12, fontweight="bold")
    losses.legend(loc="lower right", bbox_to_anchor=(1.0, 0.995), frameon=False, ncols=3, borderaxespad=0)
    gained = _cumulated(points)
    gain.plot(starts, gained, color=GREEN, lw=1.8)
    gain.fill_between(starts, 0, gained, color=GREEN, alpha=0.12)
    gain.axhline(0, color=GREY, lw=0.8)
    gain.set_ylabel("gained so far\n(sum over batches)")
    for axes in (losses, gain):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e5e7eb", lw=0.6)
        axes.set_axisbelow(True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _mark(axes, points: Sequence[HistoryPoint]) -> None:  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
    retrains = [point.start for point in points if point.retrained]
    axes.plot(
        retrains, [0.015] * len(retrains), "|", color=ORANGE, ms=11, mew=2,
        transform=axes.get_xaxis_transform(), label="retrain", clip_on=False,
    )  # fmt: skip
    for point in points:
        if point.promoted_version is not None:
            axes.axvline(point.start, color=GREEN, lw=0.9, ls=":")
            axes.annotate(
                f"v{point.promoted_version}", (point.start, 1.0), xycoords=("data", "axes fraction"),
                xytext=(2, -10), textcoords="offset points", fontsize=8, color=GREEN,
            )  # fmt: skip


def _values(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _cumulated(points: Sequence[HistoryPoint]) -> list[float]:
    total, sums = 0.0, []
    for point in points:
        if point.champion is not None and point.never_retrained is not None:
            total += point.never_retrained - point.champion
        sums.append(total)
    return sums
