"""Everything that a decision may look at, gathered by the lifecycle as of the batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from retrain_assets.data.windows import Batch
from retrain_assets.drift.episodes import Episode
from retrain_assets.drift.report import DriftReport
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.estimation import LossEstimate
from retrain_assets.performance.loss_chart import ChartReading
from retrain_assets.policy.first_losses import FirstLoss
from retrain_assets.policy.shared_budget import NO_USE, SharedUse
from retrain_assets.spec import ModelSpec


class ChampionInForce(Protocol):
    """What a decision asks of the champion; `retrain_assets.promotion.log.Promotion` answers it."""

    @property
    def version(self) -> int:
        """The version that serves."""
        ...

    @property
    def training_end(self) -> datetime:
        """End of the data it was trained on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionContext:
    """The facts of one decision; batch keys order as the batches do.

    Args:
        spec: the declaration as it is now.
        batch: the batch that is decided.
        attempt: number of this decision of the batch, from 1.
        cause: what launched the decision.
        now: wall time, recorded and never decided by.
        champion: in force as of the batch; None while the model is bootstrapping.
        drift: the batch's report; None when there is none.
        episode: the open drift episode against the champion.
        losses: the champion's own matured batches after its training end, oldest first.
        served: the loss on each matured batch of whichever version served it, oldest first.
        firsts: what the newest champions made by the champion's declaration, itself among them, have lost on the first
            matured batch after their training, oldest first; not of one that was rolled back or adopted.
        estimates: what the champion's batches without labels are estimated to lose, oldest first.
        holdout: its loss when it was promoted; None when that was not recorded (an adopted model).
        trained_rows: rows of the last training that came to an evaluation; None without one.
        trained_until: end of the data of that training.
        new_labels: labels that matured since the champion's training end.
        labelled_rows: rows that a training would have now.
        judging: rows of each of the newest matured batches that would judge a first model, oldest first; None where
            nobody counts them.
        labelled_until: key of the newest batch that it would have.
        retrains: `as_of` of the earlier decisions that led to a training, oldest first.
        champion_training_hash: of the declaration that trained the champion; None when not known.
        current_training_hash: of the declaration as it is now.
        data_is_newer: whether a training would see labelled batches, or another declaration, that the last attempt did
            not; None without one.
        events: business events that no retrain has answered yet.
        events_unseen: why nobody knows of further ones: the last look at them failed; None where it did not.
        persons: requests by persons that no retrain has answered yet.
        freshness_failed: the FreshnessPolicy on the champion failed since the last promotion.
        batch_refused: why the batch was refused.
        unscored: why the champion has no predictions of the batch, and what to do; None where it scored, or nobody did.
        wanted_before: whether the condition held for each earlier batch since the last retrain, oldest first.
        due_since: from when on a date that came due still counts, see `policy.due`; None for the start of the batch.
        newest_decided: key of the newest batch that has a decision, but for those that a clock ahead of now found
            missing.
        largest_drift: the largest drift score of all batches before; None where nobody asks, or none is known.
        open_hold: batch of the decision that holds for a person and was not answered; None without one.
        resumed: what persons said who let the hold go.
        rejected: what persons said who refused it.
        slices: what each declared slice lost beyond the whole, one mapping a matured batch, oldest first.
        chart: what the declared chart of the champion's losses shows; None where it cannot be read.
        rows_since_change: training rows with labels since the open drift episode began; None without one.
        shared: what other models did with the shared budget.
        spent: `as_of` and processor seconds of each training, oldest first.
    """

    spec: ModelSpec
    batch: Batch
    attempt: int
    cause: str
    now: datetime
    champion: ChampionInForce | None
    drift: DriftReport | None
    episode: Episode | None
    losses: tuple[BatchLoss, ...]
    holdout: HoldoutLoss | None
    new_labels: int
    labelled_rows: int
    retrains: tuple[datetime, ...]
    champion_training_hash: str | None
    current_training_hash: str
    served: tuple[BatchLoss, ...] = ()
    firsts: tuple[FirstLoss, ...] = ()
    estimates: tuple[LossEstimate, ...] = ()
    trained_rows: int | None = None
    trained_until: datetime | None = None
    judging: tuple[int, ...] | None = None
    labelled_until: str | None = None
    data_is_newer: bool | None = None
    events: tuple[str, ...] = ()
    events_unseen: str | None = None
    persons: tuple[str, ...] = ()
    freshness_failed: bool = False
    batch_refused: str | None = None
    unscored: str | None = None
    wanted_before: tuple[bool, ...] = ()
    due_since: datetime | None = None
    newest_decided: str | None = None
    largest_drift: float | None = None
    open_hold: str | None = None
    resumed: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    slices: tuple[Mapping[str, float], ...] = ()
    chart: ChartReading | None = None
    rows_since_change: int | None = None
    spent: tuple[tuple[datetime, float], ...] = ()
    shared: SharedUse = NO_USE

    @property
    def as_of(self) -> datetime:
        """The cutoff of the decision."""
        return self.batch.as_of

    @property
    def model_age(self) -> timedelta | None:
        """Batch time since the champion's training end."""
        return None if self.champion is None else self.as_of - self.champion.training_end

    @property
    def retrospective(self) -> bool:
        """A newer batch was decided already."""
        return self.newest_decided is not None and self.batch.key < self.newest_decided
