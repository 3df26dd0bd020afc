"""What happened to a model, batch by batch, told from the stores."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.history import performance_table
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.settle import labelled_scores, read_labels
from retrain_assets.lifecycle.watch import predictions_of, read_validated
from retrain_assets.performance.metrics import metric_value
from retrain_assets.reporting.history_figure import HistoryPoint
from retrain_assets.stores.protocols import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The year of one model."""

    model: str
    metric: str
    points: tuple[HistoryPoint, ...]
    batches: int
    parsed_rows: int
    quarantined_rows: int
    drift_verdicts: dict[str, int]
    retrains: int
    promotions: int
    champion: int | None

    @property
    def compared(self) -> tuple[HistoryPoint, ...]:
        """Batches for which both the live champion and the first model have a loss."""
        return tuple(p for p in self.points if p.champion is not None and p.never_retrained is not None)

    @property
    def mean_champion(self) -> float | None:
        """Mean loss of the live champion over the compared batches."""
        values = [point.champion for point in self.compared if point.champion is not None]
        return sum(values) / len(values) if values else None

    @property
    def mean_never_retrained(self) -> float | None:
        """Mean loss of the first model over the same batches."""
        values = [point.never_retrained for point in self.compared if point.never_retrained is not None]
        return sum(values) / len(values) if values else None


def tell(stores: Stores, model: DeclaredModel) -> Story:
    """Reads the story of a model; the first champion is scored on every batch that a later one served."""
    log = stores.state.promotions(model.name)
    decisions = stores.state.decisions(model.name)
    watched = sorted({step.batch for step in stores.state.steps(model.name) if step.job == "watch"})
    served = _served(stores, model)
    retrained = {decision.batch for decision in decisions if decision.verdict == "retrain" and not decision.retrospective}
    promoted = {promotion.batch: promotion.version for promotion in log}
    points = tuple(
        HistoryPoint(
            start=(batch := model.calendar.batch(key)).start,
            champion=served.get(key, (None, None))[0],
            never_retrained=_first(stores, model, batch, log[0].version, served[key]) if key in served and log else None,
            retrained=key in retrained,
            promoted_version=promoted.get(key),
        )
        for key in watched
    )
    return Story(
        model=model.name,
        metric=model.spec.metric,
        points=points,
        batches=len(watched),
        parsed_rows=_rows(stores, model, "validated") + _quarantined(stores, model),
        quarantined_rows=_quarantined(stores, model),
        drift_verdicts=_drift_verdicts(stores, model),
        retrains=len(retrained),
        promotions=len(log),
        champion=log[-1].version if log else None,
    )


def _served(stores: Stores, model: DeclaredModel) -> dict[str, tuple[float, int]]:
    table = performance_table(stores, model)
    served = table[(table["metric"] == model.spec.metric) & (table["mode"] == "served")].sort_values("as_of")
    newest = served.groupby("ra_batch").tail(1)
    return {str(row.ra_batch): (float(row.value), int(row.version)) for row in newest.itertuples() if pd.notna(row.value)}


def _first(stores: Stores, model: DeclaredModel, batch: Batch, first: int, served: tuple[float, int]) -> float:
    loss, version = served
    if version == first:
        return loss
    chosen = registered(stores, model, first)
    predictions = predictions_of(stores, model, chosen, read_validated(stores, model, batch))
    labels, scores = labelled_scores(
        predictions, _newest_labels(stores, model, batch), model, stores.registry.load(chosen).manifest.classes
    )
    return metric_value(model.spec.metric, labels, scores)


def _newest_labels(stores: Stores, model: DeclaredModel, batch: Batch) -> pd.DataFrame:
    return read_labels(stores, model, batch).sort_values("revision").drop_duplicates("ra_row_id", keep="last")


def _rows(stores: Stores, model: DeclaredModel, asset: str) -> int:
    return sum(commit.rows for commit in stores.tables.commits(model.table(asset)).values())


def _quarantined(stores: Stores, model: DeclaredModel) -> int:
    table = stores.tables.read(model.table("quarantine"))
    return len(table[["ra_batch", "file", "row_number"]].drop_duplicates())


def _drift_verdicts(stores: Stores, model: DeclaredModel) -> dict[str, int]:
    table = stores.tables.read(model.table("drift_report"))
    return {str(verdict): int(count) for verdict, count in table[table["column"] == ""]["verdict"].value_counts().items()}

