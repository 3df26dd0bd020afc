"""`python -m benchmarks.gate_staleness`: what a gate owes to luck where `staleness` fired for a sound champion.

The champion and the world do not change, and the candidate is worse: whoever promotes it errs.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit

from benchmarks import machine
from benchmarks.gate import CHAMPION_NOISE, GATES, PAGE, Losses, table
from benchmarks.tables import write_between_markers
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.scores import Scores
from retrain_assets.policy.staleness import StalenessFacts, judge_staleness
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.luck import noticed_in
from retrain_assets.spec import DecaySpec

ROWS, BATCHES, JUDGING = 500, 12, 4
"""Rows of a batch, matured batches after the training, and the newest of them by whose rows the candidate is judged."""
TRAINED_ROWS = 6000
WORSE = 0.9
"""The candidate's error in the logit: the `worse` of the other trials."""
COSTS = (0.5, 0.05, 0.02, 0.01)
"""Costs of a retrain in batches' worth of loss; the first is the default."""
GATE = "not_worse_than_champion, margin 2 %"
SEEN = "margin 2 %, luck not taken off"


class Life:
    """Twelve batches of a champion that does not grow stale, and of a candidate that is worse."""

    def __init__(self, rng: np.random.Generator, rows: int = ROWS) -> None:
        shape = (BATCHES, rows)
        logit = rng.normal(0, 2, shape)
        self.labels = (rng.random(shape) < expit(logit)).astype(float)
        self.champion: Losses = expit(logit + rng.normal(0, CHAMPION_NOISE, shape))
        self.candidate: Losses = expit(logit + rng.normal(0, WORSE, shape))
        said = self.champion
        self.losses: Losses = -np.log(np.where(self.labels == 1, said, 1 - said))
        self.expected: Losses = -(said * np.log(said) + (1 - said) * np.log(1 - said))

    def seen(self) -> list[BatchLoss]:
        """The champion's loss on each batch, as the platform measures it."""
        error = self.losses.std(axis=1) / np.sqrt(self.losses.shape[1])
        means = zip(self.losses.mean(axis=1), error, self.expected.mean(axis=1), strict=True)
        return [
            BatchLoss(batch=f"{number:02}", value=float(m), standard_error=float(e), rows=ROWS, expected=float(x))
            for number, (m, e, x) in enumerate(means)
        ]

    def judged(self, newest: int, holdout: HoldoutLoss, rng: np.random.Generator) -> EvaluationReport:
        """Both models on the rows of the batches up to the newest, as far as they judge."""
        span = slice(newest + 1 - JUDGING, newest + 1)
        contest = Contest(
            labels=self.labels[span].ravel(),
            batches=np.repeat([f"{number:02}" for number in range(BATCHES)][span], ROWS).tolist(),
            scores={
                "candidate": Scores(self.candidate[span].ravel(), (0.0, 1.0)),
                "champion": Scores(self.champion[span].ravel(), (0.0, 1.0)),
                "baseline": Scores(np.full(JUDGING * ROWS, 0.5), (0.0, 1.0)),
            },
            versions={"candidate": 2, "champion": 1, "baseline": None},
            noticed=noticed_in(self.seen()[: newest + 1], holdout, DecaySpec(), holdout_batches=JUDGING),
        )
        return evaluate_models(
            contest, model="m", batch="b", attempt=1, metric="log_loss", confidence=0.95, rng=rng, resamples=400
        )


def first_fire(seen: Sequence[BatchLoss], holdout: HoldoutLoss, cost: float) -> int | None:
    """The batch in which a retrain is taken to pay; None where it never is."""
    grown = round(0.8 * ROWS)
    for newest in range(JUDGING - 1, BATCHES):
        facts = StalenessFacts(
            losses=seen[: newest + 1], holdout=holdout, trained_rows=TRAINED_ROWS,
            new_rows=[grown] * (newest + 1), available_rows=TRAINED_ROWS + grown * (newest + 1), cost=cost,
        )  # fmt: skip
        verdict = judge_staleness(facts)
        if verdict is not None and verdict.fired:
            return newest
    return None


def measured(lives: int, seed: int) -> str:
    """How often the trigger fires, and how often the gate then promotes the worse candidate."""
    long = Life(np.random.default_rng(seed), rows=100_000)
    holdout = HoldoutLoss(value=float(long.losses.mean()), standard_error=0.0, expected=float(long.expected.mean()))
    rng = np.random.default_rng([seed, 1])
    fired: Mapping[float, list[EvaluationReport]] = {cost: [] for cost in COSTS}
    for _ in range(lives):
        life = Life(rng)
        seen = life.seen()
        for cost, reports in fired.items():
            newest = first_fire(seen, holdout, cost)
            if newest is not None:
                reports.append(life.judged(newest, holdout, rng))
    head = ["cost of a retrain", "fired", "promoted though worse", "luck not taken off"]
    return table(head, [[f"{cost:g}", f"{len(found) / lives:.2%}", *_promoted(found)] for cost, found in fired.items()])


def _promoted(reports: Sequence[EvaluationReport]) -> list[str]:
    nothing = np.zeros(0)
    return [
        f"{np.mean([GATES[name](report, nothing, nothing) for report in reports]):.1%} of {len(reports)}"
        if reports
        else "never compared"
        for name in (GATE, SEEN)
    ]


def main() -> None:
    """Measures, and writes it into the documentation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate_staleness", description=main.__doc__)
    parser.add_argument("--lives", type=int, default=1500, help="seeded lives of a sound champion")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    said = (
        f"{options.lives:,} lives of a champion that is not stale, {BATCHES} batches of {ROWS} rows each, seed "
        f"{options.seed}; the gate is `not_worse_than_champion` with a margin of 2 %."
    )
    text = f"{measured(options.lives, options.seed)}\n\n{said}\n\nMeasured {machine.describe()}"
    print(text)
    if not options.no_write:
        write_between_markers(PAGE, "staleness", text)


if __name__ == "__main__":
    main()
