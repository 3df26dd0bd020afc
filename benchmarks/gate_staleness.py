"""`python -m benchmarks.gate_staleness`: what a gate owes to luck where `staleness` fired for a sound champion.

The champion and the world do not change. One candidate is worse, and whoever promotes it errs; the other is better.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit

from benchmarks import machine
from benchmarks.gate import CHAMPION_NOISE, FEW, GATES, MARGINS, NOISES, PAGE, PROVING, Losses, table
from benchmarks.tables import write_between_markers
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.scores import Scores
from retrain_assets.policy.staleness import StalenessFacts, StalenessVerdict, judge_staleness
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.luck import most_luck, noticed_in, noticed_on
from retrain_assets.spec import DecaySpec

ROWS, BATCHES, FEWEST = 500, 12, 4
"""Rows of a batch, matured batches after the training, and how many there must be for a trigger to fire."""
TRAINED_ROWS = 6000
CANDIDATES = ("worse", "better")
"""As in the other trials."""
COSTS = (0.5, 0.05, 0.02)
"""Costs of a retrain in batches' worth of loss; the first is the default."""
GATE = "not_worse_than_champion, margin 2 %"
SEEN = "margin 2 %, luck not taken off"


class Life:
    """Twelve batches of a champion that does not grow stale, and of two candidates."""

    def __init__(self, rng: np.random.Generator, rows: int = ROWS) -> None:
        shape = (BATCHES, rows)
        logit = rng.normal(0, 2, shape)
        self.labels = (rng.random(shape) < expit(logit)).astype(float)
        self.champion: Losses = expit(logit + rng.normal(0, CHAMPION_NOISE, shape))
        self.candidates = {name: expit(logit + rng.normal(0, NOISES[name], shape)) for name in CANDIDATES}
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

    def judged(self, name: str, fired: StalenessVerdict, holdout: HoldoutLoss, seed: int) -> EvaluationReport:
        """Champion and a candidate on the rows of the batches up to that on which the trigger fired."""
        assert fired.newest is not None
        newest = int(fired.newest.batch)
        span = slice(max(newest + 1 - PROVING, 0), newest + 1)
        contest = Contest(
            labels=self.labels[span].ravel(),
            batches=np.repeat([f"{number:02}" for number in range(BATCHES)][span], ROWS).tolist(),
            scores={
                "candidate": Scores(self.candidates[name][span].ravel(), (0.0, 1.0)),
                "champion": Scores(self.champion[span].ravel(), (0.0, 1.0)),
                "baseline": Scores(np.full((span.stop - span.start) * ROWS, 0.5), (0.0, 1.0)),
            },
            versions={"candidate": 2, "champion": 1, "baseline": None},
            noticed=most_luck(
                noticed_in(self.seen()[: newest + 1], holdout, DecaySpec(), holdout_batches=FEW),
                noticed_on(fired.newest),
            ),
        )
        return evaluate_models(
            contest, model="m", batch="b", attempt=1, metric="log_loss", margins=MARGINS, confidence=0.95,
            rng=np.random.default_rng(seed), resamples=400,
        )  # fmt: skip


def first_fire(seen: Sequence[BatchLoss], holdout: HoldoutLoss, cost: float) -> StalenessVerdict | None:
    """The verdict by which a retrain is first taken to pay; None where it never is."""
    grown = round(0.8 * ROWS)
    for newest in range(FEWEST - 1, BATCHES):
        facts = StalenessFacts(
            losses=seen[: newest + 1], holdout=holdout, trained_rows=TRAINED_ROWS,
            new_rows=[grown] * (newest + 1), available_rows=TRAINED_ROWS + grown * (newest + 1), cost=cost,
        )  # fmt: skip
        verdict = judge_staleness(facts)
        if verdict is not None and verdict.fired:
            return verdict
    return None


def measured(lives: int, seed: int) -> str:
    """How often the trigger fires, and how often the gate then promotes either candidate."""
    long = Life(np.random.default_rng(seed), rows=100_000)
    holdout = HoldoutLoss(value=float(long.losses.mean()), standard_error=0.0, expected=float(long.expected.mean()))
    rng = np.random.default_rng([seed, 1])
    compared: Mapping[float, list[dict[str, EvaluationReport]]] = {cost: [] for cost in COSTS}
    for number in range(lives):
        life = Life(rng)
        seen = life.seen()
        for cost, reports in compared.items():
            fired = first_fire(seen, holdout, cost)
            if fired is not None:
                reports.append({name: life.judged(name, fired, holdout, number) for name in CANDIDATES})
    rows = [[f"{cost:g}", f"{len(found) / lives:.2%}", *_promoted(found)] for cost, found in compared.items()]
    seen_alone = "luck not taken off"
    head = ["cost of a retrain", "fired", "promoted though worse", seen_alone, "promoted and better", seen_alone]
    return table(head, rows)


def _promoted(reports: Sequence[Mapping[str, EvaluationReport]]) -> list[str]:
    nothing = np.zeros(0)
    return [
        f"{np.mean([GATES[gate](report[name], nothing, nothing) for report in reports]):.1%} of {len(reports)}"
        if reports
        else "never compared"
        for name in CANDIDATES
        for gate in (GATE, SEEN)
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
