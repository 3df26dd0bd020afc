"""An evaluation of a million rows: five metrics, twenty slices, a thousand bootstrap rounds."""

from __future__ import annotations

import resource
import time
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.tables import Figure, Result
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.blocks import entities_of
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.judged import Judged
from retrain_assets.promotion.measuring import measured
from retrain_assets.spec import PromoteSpec

METRICS = ("log_loss", "expected_log_loss", "brier", "accuracy", "roc_auc")
"""Of a classification all that can be declared, and what a model expects of itself, which each evaluation measures."""
SLICES = 20
PROMOTE = PromoteSpec.model_validate(
    {
        "require": "not_worse_than_champion & beats_baseline & no_slice_regression & not_worth_less",
        "limits": {"slices": ["place"]},
        "worth": {"costs": {"1": {"0": 5.0}, "0": {"1": 1.0}}},
    }
)


def measure(rows: int) -> Result:
    """One evaluation with rows as the unit of chance, one with twelve batches, one with entities of three rows."""
    figures: list[Figure] = []
    for unit, batches in (("rows", 4), ("batches", 12), ("entities", 12)):
        frame, scores = drawn(rows, batches)
        promote = PROMOTE.model_copy(update={"draw_together": "entity"}) if unit == "entities" else PROMOTE
        begun = time.perf_counter()
        evaluated(frame, scores, promote)
        seconds = time.perf_counter() - begun
        figures.append(Figure(what=f"evaluation, {unit} resampled", value=seconds, unit="s", target=30))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Result(
        name="evaluation",
        figures=[*figures, Figure(what="peak memory of the process", value=peak, unit="GiB")],
        notes=[
            (
                f"Three models, {rows:,} reserved rows, {len(METRICS)} metrics ({', '.join(METRICS)}), {SLICES} slices "
                "with every metric and the paired difference, worth by a cost matrix; 1,000 bootstrap rounds of all of "
                "them. Change, calibration, McNemar, DeLong and the gates are part of it. The scores are given: a "
                "model's own time is not."
            )
        ],
    )


def drawn(rows: int, batches: int) -> tuple[pd.DataFrame, dict[str, Scores]]:
    """Reserved rows in `SLICES` places, and what three models say of them."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=rows)
    truth = (rng.random(rows) < 1 / (1 + np.exp(-signal))).astype(int)
    frame = pd.DataFrame(
        {
            "at": pd.Timestamp("2024-01-01", tz="UTC"),
            "place": rng.integers(0, SLICES, rows),
            "entity": rng.integers(0, max(rows // 3, 1), rows),
            "ra_batch": np.sort(rng.integers(0, batches, rows)).astype(str).astype(object),
            "label": truth,
        }
    )

    def noisy(noise: float) -> Scores:
        return Scores(1 / (1 + np.exp(-(signal + rng.normal(0, noise, rows)))), (0, 1))

    return frame, {"candidate": noisy(0.5), "champion": noisy(0.6), "baseline": Scores(np.full(rows, 0.5), (0, 1))}


def evaluated(frame: pd.DataFrame, scores: dict[str, Scores], promote: PromoteSpec = PROMOTE) -> EvaluationReport:
    """The report with its measures, judged by the gates."""
    contest = Contest(
        labels=frame["label"].to_numpy(), batches=frame["ra_batch"].tolist(), scores=scores,  # pyright: ignore[reportArgumentType]
        versions={"candidate": 2, "champion": 1}, together=entities_of(frame, promote),
    )  # fmt: skip
    report = evaluate_models(
        contest, model="m", batch="b", attempt=1, metric=METRICS[0], report_metrics=METRICS[1:], confidence=0.95,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    judged = Judged(
        rows=frame, scores=scores, score=lambda asked: Scores(np.full(len(asked), 0.5), (0, 1)), pipeline=None,  # pyright: ignore[reportArgumentType]
        event_time="at", rng=np.random.default_rng(2),
    )  # fmt: skip
    report = replace(report, measures=measured(report, judged, promote))
    evaluate_gates(report, promote, bootstrapping=False)
    return report
