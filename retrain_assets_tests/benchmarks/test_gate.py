"""The tables of how often gates err have a row for each gate, and rates that can be right."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.gate import (
    APART,
    CHAMPION_NOISE,
    COLUMNS,
    FEW,
    GATES,
    NOISES,
    PROVING,
    ROWS,
    TRIGGERS,
    Setting,
    _error_table,
    _kept,
    declared_errors,
    noise_of,
    streams,
    synthetic,
    trial,
)
from benchmarks.gate_equal import EqualPair, errors_of_equals
from benchmarks.gate_staleness import CANDIDATES, Life, measured
from benchmarks.rates import rate_of
from retrain_assets.performance.decay import HoldoutLoss
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores
from retrain_assets.policy.staleness import NewestExcess, StalenessVerdict
from retrain_assets.replay.bare_file import FileSettings, stream_of_frame
from retrain_assets.replay.clock import Course
from retrain_assets.replay.fitting import ScoreCache
from retrain_assets.replay.run import open_book
from retrain_assets_tests.replay.streams import history

NEITHER_PROMOTED = "not_worse_than_champion, margin 2 %"
TRIALS = 4


def cells(table: str) -> list[list[str]]:
    """The rows of a table, without its head."""
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


@pytest.fixture(scope="module")
def rates() -> list[dict[str, list[float]]]:
    """The share that each gate promotes of each kind of candidate: of all comparisons, and given each trigger."""
    parts = synthetic(TRIALS, seed=0, workers=1).split("\n\n")
    return [
        {row[0]: [float(cell.removesuffix("%")) / 100 for cell in row[1:]] for row in cells(table)}
        for table in parts[1::2]
    ]


@pytest.mark.parametrize("asked", range(1 + len(TRIGGERS)))
def test_every_gate_has_a_rate_of_each_kind_of_candidate(rates: list, asked: int) -> None:
    own = rates[asked]
    assert list(own) == list(GATES)
    assert {len(row) for row in own.values()} == {len(NOISES)}
    assert {rate * TRIALS % 1 for row in own.values() for rate in row} == {0.0}
    assert own["no gate"] == [1.0] * len(NOISES)


@pytest.mark.parametrize("asked", range(1 + len(TRIGGERS)))
def test_what_is_far_worse_is_not_promoted_and_what_is_far_better_is(rates: list, asked: int) -> None:
    much_worse, *_, much_better = rates[asked][NEITHER_PROMOTED]
    assert much_worse == 0.0
    assert much_better >= 0.5
    for strict, lenient in (
        ("better_than_champion", "not_worse_than_champion (default)"),
        (NEITHER_PROMOTED, "not_worse_than_champion, margin 5 %"),
        (NEITHER_PROMOTED, "margin 2 %, luck not taken off"),
    ):
        assert all(np.array(rates[asked][strict]) <= rates[asked][lenient]), (strict, lenient)


def test_the_same_seed_plays_the_same_trials() -> None:
    first, again, other = (trial(np.random.default_rng(seed), 0.9, Setting())[1:] for seed in (1, 1, 2))
    assert np.array_equal(first[0], again[0])
    assert first[2] == again[2]
    assert not np.array_equal(first[0], other[0])


def test_a_trial_knows_who_is_better_and_what_both_lost() -> None:
    report, candidate, champion, difference = trial(np.random.default_rng(3), NOISES["much better"], Setting())
    assert difference < 0
    found = report.difference("candidate", "champion")
    assert found is not None
    assert found.value == pytest.approx(float(candidate.mean() - champion.mean()))
    assert (report.rows, len(report.batches)) == (ROWS, PROVING)
    assert not [each for each in report.measures if each.kind == "luck"], "nothing fired"
    few = trial(np.random.default_rng(3), NOISES["equal"], Setting(batches=FEW))[0]
    assert (few.rows, len(few.batches)) == (ROWS, FEW)


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("apart", [0.0, APART])
def test_a_trigger_has_fired_by_the_rows_that_judge(trigger: str, apart: float) -> None:
    report, _, champion, _ = trial(np.random.default_rng(3), NOISES["equal"], Setting(trigger=trigger, apart=apart))
    assert {each.kind for each in report.measures} == {"luck", "margin"}
    newest = ROWS // PROVING * TRIGGERS[trigger].decay.batches
    assert champion[-newest:].mean() > champion[:-newest].mean(), "which it looked bad on"


def test_a_candidate_at_the_edge_is_worse_by_what_its_gate_tolerates() -> None:
    """Else the rates beside the declared ones would be of candidates that the declaration says nothing of."""
    assert noise_of(0.0) == CHAMPION_NOISE
    relative: list[float] = []
    for seed in range(40):
        _, _, champion, difference = trial(np.random.default_rng(seed), noise_of(0.05), Setting())
        relative.append(difference / float(champion.mean()))
    error = float(np.std(relative)) / np.sqrt(len(relative))
    assert np.mean(relative) == pytest.approx(0.05, abs=4 * error)
    assert error < 0.005


def test_each_gate_that_declares_an_error_is_held_against_it() -> None:
    rows = cells(declared_errors(1, seed=0, workers=1))
    proofs = ("not_worse_than_champion, margin 2 %", "not_worse_than_champion, margin 5 %", "better_than_champion")
    assert [(row[0], row[1]) for row in rows] == [
        *((gate, str(batches)) for gate in proofs for batches in (PROVING, FEW)),
        ("not_worse_than_champion (default)", str(FEW)),
    ]
    assert {len(row) - 3 for row in rows} == {len(COLUMNS)}
    assert all(cell.endswith(("held", "**missed**")) for row in rows for cell in row[3:])
    verdicts = [True] * 10 + [False] * 190
    assert _kept(rate_of([[each] for each in verdicts]), 0.025) == "5.0% ± 3.3%, held"
    assert _kept(rate_of([[each] for each in verdicts * 10]), 0.025) == "5.0% ± 1.0%, **missed**"


def test_streams_have_a_cost_and_errors_for_each_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.gate.FileSettings", partial(FileSettings, estimator="linear"))
    for seed, name in enumerate(("one", "two")):
        made = history(batches=22, rows=80, turns=(7,), seed=seed).drop(columns="kind")
        made.to_parquet(tmp_path / f"{name}.parquet")
    cost, errors, equals = streams(tmp_path, step=1, cache=tmp_path / "cache", trials=40, seed=0)
    head, *_ = cost.splitlines()
    assert head == "| gate | one | two |"
    assert [row[0] for row in cells(cost)] == list(GATES)
    of_none = next(row for row in cells(cost) if row[0] == "no gate")
    assert [cell.split()[1] for cell in of_none[1:]] == ["(+0.00%)"] * 2
    table, _, counted = errors.rpartition("\n\n")
    assert [row[0] for row in cells(table)] == list(GATES)
    assert "pairs of models, of" in counted
    lenient = next(row for row in cells(table) if row[0] == "no gate")
    assert lenient[1] == "100.0%", "without a gate each worse one is promoted"
    assert lenient[3] == "0.0%", "and no better one rejected"
    assert [(row[0], row[1]) for row in cells(equals)] == [(n, b) for n in ("one", "two") for b in ("8", "4")]
    assert all(row[2].endswith(("held", "**missed**")) for row in cells(equals))


def test_equal_models_are_equal_over_all_later_batches_and_hardly_shown_better(tmp_path: Path) -> None:
    settings = FileSettings(target="y", batch="batch", estimator="linear")
    frame = history(batches=22, rows=80, turns=(7,), seed=0).drop(columns="kind")
    stream = stream_of_frame(frame, settings)
    book = open_book(stream, Course(first=6), ScoreCache.of(tmp_path, stream), workers=1)
    pair = EqualPair(book, 8, 6)
    excess = [candidate - champion for candidate, champion in zip(pair.candidate, pair.champion, strict=True)]
    assert np.mean([each.mean() for each in excess]) == pytest.approx(0, abs=1e-12)
    assert len(excess) == 22 - 9
    rates = errors_of_equals(book, superior=lambda _: True, default=lambda _: True, batches=4, trials=40, seed=0)
    assert (rates["better_than_champion"].share, rates["default rejects"].share) == (1.0, 0.0)


def test_rates_are_means_over_the_streams_however_many_models_each_has() -> None:
    first = next(iter(GATES))

    def pairs(stream: str, promoted: list[bool], **truth: bool) -> pd.DataFrame:
        return pd.DataFrame({"stream": stream, "promoted": promoted, "gate": first, **truth})

    found = pd.concat(
        [
            pairs("a", [True], worse=True, alarm=False),
            pairs("b", [False] * 9 + [True], worse=True, alarm=True),
            pairs("a", [False], worse=False, alarm=False),
        ]
    )
    row = cells(_error_table(found).partition("\n\n")[0])[0]
    assert row == [first, "55.0%", "10.0%", "100.0%", "no such pair"]


def test_a_sound_champion_is_compared_on_the_batches_up_to_the_one_that_fired() -> None:
    life = Life(np.random.default_rng(0))
    newest = NewestExcess(batch="07", value=0.05, needed=0.04, error=0.02, rows_error=0.02)
    fired = StalenessVerdict(
        fired=True, debt=1, debt_error=0, gain=1, gain_error=0, growth=0, limit=0.5, slack=0, cost=0.5, informed=True,
        newest=newest,
    )  # fmt: skip
    holdout = HoldoutLoss(value=float(life.losses.mean()), standard_error=0.0, expected=float(life.expected.mean()))
    worse, better = (life.judged(name, fired, holdout, seed=1) for name in CANDIDATES)
    assert worse.batches == better.batches == tuple(f"{number:02}" for number in range(8))
    losses = row_losses("log_loss", life.labels[:8].ravel(), Scores(life.champion[:8].ravel(), (0.0, 1.0)))
    champion = worse.role("champion")
    assert champion is not None
    assert champion.metric("log_loss").value == pytest.approx(float(losses.mean()))
    worst, best = (made.difference("candidate", "champion") for made in (worse, better))
    assert worst is not None
    assert best is not None
    assert worst.value > best.value
    assert {each.kind for each in worse.measures} == {"luck", "margin"}


def test_the_table_of_staleness_has_a_row_for_each_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cheaper a retrain, the sooner it is taken to pay."""
    monkeypatch.setattr("benchmarks.gate_staleness.COSTS", (0.5, 1e-6))
    dear, cheap = cells(measured(lives=2, seed=0))
    assert (dear[0], cheap[0]) == ("0.5", "1e-06")
    shares = [float(row[1].removesuffix("%")) for row in (dear, cheap)]
    assert 0 <= shares[0] <= shares[1] <= 100
    assert shares[1] > 0
    assert all("% of " in cell for cell in cheap[2:])
