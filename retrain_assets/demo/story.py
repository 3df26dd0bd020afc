"""What happened to a model, batch by batch, told from the stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.errors import NotStoredError
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.history import performance_table
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.settle import labelled_scores, read_labels
from retrain_assets.lifecycle.watch import predictions_of, read_validated
from retrain_assets.performance.metrics import metric_value
from retrain_assets.reporting.history_figure import HistoryPoint
from retrain_assets.stores.protocols import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """One batch: who served it, what that cost, what it would have cost with the first version, and what was decided.

    A loss is None where there was no champion yet, or no matured label.
    """

    batch: str
    start: datetime
    outcome: str
    version: int | None
    champion: float | None
    never_retrained: float | None
    rows: int
    drift: str
    decision: str
    reason: str
    promoted_version: int | None

    @property
    def retrained(self) -> bool:
        """The batch was decided to be the moment to retrain."""
        return self.decision == "retrain"

    @property
    def point(self) -> HistoryPoint:
        """As it is drawn."""
        return HistoryPoint(
            start=self.start,
            champion=self.champion,
            never_retrained=self.never_retrained,
            retrained=self.retrained,
            promoted_version=self.promoted_version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The year of one model."""

    model: str
    metric: str
    weeks: tuple[Week, ...]
    accepted_rows: int
    quarantined_rows: int
    retrains: int
    promotions: int
    champion: int | None
    training_end: datetime | None

    @property
    def parsed_rows(self) -> int:
        """Every row that came is either accepted or in quarantine."""
        return self.accepted_rows + self.quarantined_rows

    @property
    def drift_verdicts(self) -> Mapping[str, int]:
        """How often each verdict was given; a refused batch has none."""
        return Counter(week.drift for week in self.weeks if week.drift)

    @property
    def compared(self) -> tuple[tuple[float, float], ...]:
        """Losses of the live champion and of the first version, for every batch that has both."""
        return tuple(
            (week.champion, week.never_retrained)
            for week in self.weeks
            if week.champion is not None and week.never_retrained is not None
        )

    @property
    def mean_champion(self) -> float | None:
        """Mean loss of the live champion over the compared batches."""
        return _mean([champion for champion, _ in self.compared])

    @property
    def mean_never_retrained(self) -> float | None:
        """Mean loss of the first version over the same batches."""
        return _mean([first for _, first in self.compared])


def tell(stores: Stores, model: DeclaredModel) -> Story:
    """Reads the story of a model; the first champion is scored on every batch that a later one served."""
    name = model.name
    log = stores.state.promotions(name)
    outcomes = {step.batch: step.outcome for step in stores.state.steps(name) if step.job == "watch"}
    decisions = {made.batch: made for made in stores.state.decisions(name) if not made.retrospective}
    promoted = {promotion.batch: promotion.version for promotion in log}
    served = _served(stores, model)
    drift = _drift_verdicts(stores, model)
    weeks: list[Week] = []
    for key in sorted(outcomes):
        batch, loss, decision = model.calendar.batch(key), served.get(key), decisions.get(key)
        weeks.append(
            Week(
                batch=key,
                start=batch.start,
                outcome=outcomes[key],
                version=loss.version if loss else None,
                champion=loss.value if loss else None,
                never_retrained=_first(stores, model, batch, log[0].version, loss) if loss and log else None,
                rows=loss.rows if loss else 0,
                drift=drift.get(key, ""),
                decision=decision.verdict if decision else "",
                reason=decision.reason if decision else "",
                promoted_version=promoted.get(key),
            )
        )
    return Story(
        model=name,
        metric=model.spec.metric,
        weeks=tuple(weeks),
        accepted_rows=sum(commit.rows for commit in stores.tables.commits(model.table("validated")).values()),
        quarantined_rows=_quarantined(stores, model),
        retrains=sum(week.retrained for week in weeks),
        promotions=len(log),
        champion=log[-1].version if log else None,
        training_end=log[-1].training_end if log else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    value: float
    version: int
    rows: int


def _served(stores: Stores, model: DeclaredModel) -> dict[str, _Served]:
    """The newest measurement of what was served, by batch."""
    table = performance_table(stores, model)
    served = table[(table["metric"] == model.spec.metric) & (table["mode"] == "served") & table["value"].notna()]
    newest = served.sort_values("as_of").groupby("ra_batch").tail(1)
    return {
        str(row["ra_batch"]): _Served(value=float(row["value"]), version=int(row["version"]), rows=int(row["rows"]))
        for row in newest.to_dict("records")
    }


def _first(stores: Stores, model: DeclaredModel, batch: Batch, first: int, served: _Served) -> float:
    if served.version == first:
        return served.value
    chosen = registered(stores, model, first)
    predictions = predictions_of(stores, model, chosen, read_validated(stores, model, batch))
    labels, scores = labelled_scores(
        predictions, _newest_labels(stores, model, batch), model, stores.registry.load(chosen).manifest.classes
    )
    return metric_value(model.spec.metric, labels, scores)


def _newest_labels(stores: Stores, model: DeclaredModel, batch: Batch) -> pd.DataFrame:
    return read_labels(stores, model, batch).sort_values("revision").drop_duplicates("ra_row_id", keep="last")


def _quarantined(stores: Stores, model: DeclaredModel) -> int:
    """Rows, not findings: a row that breaks two rules is one row."""
    try:
        table = stores.tables.read(model.table("quarantine"), columns=["ra_batch", "file", "row_number"])
    except NotStoredError:
        return 0
    return len(table[table["row_number"] >= 0].drop_duplicates())


def _drift_verdicts(stores: Stores, model: DeclaredModel) -> dict[str, str]:
    try:
        table = stores.tables.read(model.table("drift_report"), columns=["ra_batch", "column", "verdict"])
    except NotStoredError:
        return {}
    whole = table[table["column"] == ""]
    return dict(zip(whole["ra_batch"].astype(str), whole["verdict"].astype(str), strict=True))


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
