"""Drift episodes: one cause alarms once.

A drift verdict opens an episode. A decision acknowledges it, whatever the gate says later. It closes when a batch is
green again. It re-arms (alarms once more) when its score has grown by the declared factor since then, and when labels
of its batches have matured that the acknowledging decision did not have: only now can a retrain learn from the drift.
A new champion that was trained on older batches only inherits the episode: it is the same cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.drift.report import DriftReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One stretch of drift against one champion version; `id` is `<first batch>@v<version>`.

    Batch keys order as the batches do. `score` is that of the last drifted batch. `acknowledged_early` says that no
    drifted batch had labels yet when the episode was acknowledged.
    """

    model: str
    id: str
    champion_version: int
    opened_batch: str
    last_batch: str
    score: float
    acknowledged_batch: str | None = None
    acknowledged_score: float | None = None
    acknowledged_early: bool = False
    closed_batch: str | None = None

    def alarming(self, rearm_growth: float, labelled_until: str | None = None) -> bool:
        """Open, and either not acknowledged, or grown by the factor or learnable since.

        Args:
            rearm_growth: the declared factor.
            labelled_until: key of the newest batch whose labels have matured.
        """
        if self.closed_batch is not None:
            return False
        if self.acknowledged_score is None or self.score >= self.acknowledged_score * rearm_growth:
            return True
        return self.acknowledged_early and self.learnable(labelled_until)

    def learnable(self, labelled_until: str | None) -> bool:
        """Labels of a drifted batch have matured."""
        return labelled_until is not None and labelled_until >= self.opened_batch

    def acknowledged(self, batch: str, labelled_until: str | None = None) -> Episode:
        """The episode after a decision that saw it."""
        return replace(
            self,
            acknowledged_batch=batch,
            acknowledged_score=self.score,
            acknowledged_early=not self.learnable(labelled_until),
        )

    def covers(self, batch: str) -> bool:
        """Whether the batch lies in the stretch, its closing batch included."""
        return self.opened_batch <= batch and (self.closed_batch is None or batch <= self.closed_batch)


def advance(episodes: Sequence[Episode], report: DriftReport, *, trained_until: str | None = None) -> Episode | None:
    """The episode that a report belongs to, as it is after the report; to be kept by (model, id).

    `drift` opens an episode or carries the open one on, `stable` closes it. `unknown` changes nothing, and where there
    is no champion there is no episode. The same batch again gives the same episode, unless its report has changed:
    then the newer report counts. A batch older than what the champion's episodes have seen changes none of them.

    Args:
        episodes: those of the model, in order of opening.
        report: of the batch that is watched.
        trained_until: key of the newest batch that the champion was trained on.
    """
    version = report.champion_version
    if version is None or report.verdict == "not_applicable":
        return None
    mine = [episode for episode in episodes if episode.model == report.model and episode.champion_version == version]
    newest = mine[-1] if mine else None
    if newest is not None and report.batch < (newest.closed_batch or newest.last_batch):
        return next((episode for episode in reversed(mine) if episode.covers(report.batch)), None)
    current = newest if newest is not None and newest.closed_batch in (None, report.batch) else None
    if report.verdict == "drift":
        return _drifting(current or _inherited(episodes, report, trained_until), report, version)
    if current is not None and current.closed_batch is None and report.verdict == "stable":
        return replace(current, closed_batch=report.batch)
    return current


def superseded(episodes: Sequence[Episode], report: DriftReport) -> tuple[Episode, ...]:
    """Open episodes of earlier champions, closed: the champion that they alarmed about no longer serves."""
    return tuple(
        replace(episode, closed_batch=report.batch)
        for episode in episodes
        if episode.closed_batch is None
        and report.champion_version is not None
        and episode.model == report.model
        and episode.champion_version != report.champion_version
        and episode.last_batch < report.batch
    )


def _inherited(episodes: Sequence[Episode], report: DriftReport, trained_until: str | None) -> Episode | None:
    """The episode of the champion before, where the new champion has learned nothing of it."""
    for episode in reversed(episodes):
        others = episode.model == report.model and episode.champion_version != report.champion_version
        ended_now = episode.closed_batch is None or episode.closed_batch == report.batch
        if others and ended_now and trained_until is not None and trained_until < episode.opened_batch < report.batch:
            return replace(
                episode,
                id=f"{episode.opened_batch}@v{report.champion_version}",
                champion_version=report.champion_version or 0,
                # Scores against another reference cannot be compared: growth is counted from here.
                acknowledged_score=None if episode.acknowledged_score is None else report.score or 0.0,
            )
    return None


def _drifting(current: Episode | None, report: DriftReport, version: int) -> Episode:
    score = report.score or 0.0
    if current is None:
        return Episode(
            model=report.model,
            id=f"{report.batch}@v{version}",
            champion_version=version,
            opened_batch=report.batch,
            last_batch=report.batch,
            score=score,
        )
    return replace(current, last_batch=report.batch, score=score, closed_batch=None)
