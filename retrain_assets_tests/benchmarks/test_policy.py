"""What the policy benchmark replays, keeps and compares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.policy import __main__ as command
from benchmarks.policy import replays
from benchmarks.policy.intervals import interval
from benchmarks.policy.mixtures import DATES, WEIGHTS, mix_all, published
from benchmarks.policy.replays import CALENDARS, CHARTS, Case, Measured, replay_all, units
from benchmarks.policy.report import (
    cost_table,
    estimator_table,
    loss_table,
    mixture_table,
    rival_stream_table,
    rival_table,
    skill_table,
    stationary_table,
    tuned_elsewhere,
)
from benchmarks.policy.variants import VARIANTS, high, multiclass, regression, shuffled, thinned
from retrain_assets.replay.comparison import COST_RATIOS
from retrain_assets_tests.replay.streams import history


@pytest.fixture
def frame() -> pd.DataFrame:
    return history(batches=12, rows=60, turns=(6,)).drop(columns="kind")


def test_rows_are_thinned_within_each_batch_by_the_seed(frame):
    kept = thinned(frame, 20, seed=1)
    assert kept.groupby("batch").size().tolist() == [20] * 12
    assert kept.equals(thinned(frame, 20, seed=1))
    assert not kept.equals(thinned(frame, 20, seed=2))
    assert thinned(frame, 0, seed=1) is frame


def test_shuffled_rows_keep_the_sizes_of_their_batches(frame):
    made = shuffled(frame.iloc[5:], seed=0)
    assert made["batch"].tolist() == frame["batch"].iloc[5:].tolist()
    assert sorted(made["x"]) == sorted(frame["x"].iloc[5:])
    assert made["x"].tolist() != frame["x"].iloc[5:].tolist()


def test_another_target_is_no_input_and_more_classes_know_the_early_batches_only(frame):
    number = regression(frame, 4)
    assert set(number.columns) == {"z", "batch", "y"}
    assert number["y"].equals(frame["x"])
    late = frame.assign(x=np.where(frame["batch"] >= 4, frame["x"] + 1000, frame["x"]))
    classes = multiclass(late, 4)
    assert set(classes["y"].unique()) == {0, 1, 2, 3}
    assert set(classes.loc[classes["batch"] >= 4, "y"]) == {1, 3}  # all above the early median
    assert "x" not in classes
    above = high(late, 4)
    assert above.loc[above["batch"] < 4, "y"].mean() == pytest.approx(0.5, abs=0.01)
    assert (above.loc[above["batch"] >= 4, "y"] == 1).all()
    assert above["known_y"].equals(late["y"])
    assert "x" not in above


def test_targets_go_by_the_number_of_distinct_values(frame):
    coarse = frame.assign(z=frame["z"].round(1))
    assert VARIANTS["regression"](coarse, 4)["y"].equals(coarse["x"])
    assert VARIANTS["regression_2"](coarse, 4)["y"].equals(coarse["z"])
    assert set(VARIANTS["high_2"](coarse, 4).columns) == {"x", "known_y", "y", "batch"}
    with pytest.raises(SystemExit, match="rank 3: 2 numeric columns"):
        VARIANTS["high_3"](coarse, 4)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    for seed, name in enumerate(("one", "two")):
        made = history(batches=14, rows=60, turns=(7,), seed=seed).drop(columns="kind")
        made.to_parquet(folder / f"{name}.parquet")
    work = units(
        sorted(folder.glob("*.parquet")), ("as_it_is",), ("linear",), (0,), delays=(1,), starts=(0,), rows=40,
        shuffled=False, cache=folder / "cache",
    )  # fmt: skip
    return work, {unit: replays.replay_unit(unit) for unit in work}


def test_a_second_run_reads_what_the_first_kept(replayed, monkeypatch, capsys):
    work, made = replayed
    monkeypatch.setattr(replays, "replay_unit", lambda _unit: pytest.fail("replayed again"))
    again = replay_all(work, 1)
    assert again == {case: each for results in made.values() for case, each in results.items()}
    assert "4 of 4 kept from before" in capsys.readouterr().out


def test_the_dates_and_weights_of_a_mixture_are_measured_on_the_same_models(replayed):
    """As it is served, and the newest member alone, it is what the benchmark replays."""
    work, made = replayed
    mixed = mix_all(work)
    assert mixed.keys() == {case for results in made.values() for case in results}
    for unit in work:
        for case, known in made[unit].items():
            for named, told in (("default", "newest alone"), ("default+mixture", "as served")):
                assert mixed[case][f"`default`, {told}"].skill == pytest.approx(known[named].skill)
    assert mixture_table(mixed).count("\n") == 1 + len(DATES) * len(WEIGHTS) * 2


def test_published_weights_ask_for_what_was_lost_on_the_same_batches():
    """An excess of 0.1 nats on the newest batch, and of none on one before it, discounted by 0.7."""
    weights = published([{9: 0.5}, {8: 0.4, 9: 0.6}, {8: 0.4, 9: 0.5}], [3, 2, 1], overlap=1.0, held=[])
    expected = np.array([1, 0.8 * np.exp(-30 * 0.1 / 1.7), 0.64])
    assert weights == pytest.approx(expected / expected.sum())


def test_another_setting_is_another_result(replayed):
    work, _ = replayed
    assert len({unit.kept() for unit in work}) == len(work)
    assert not any(unit.kept().exists() for unit in units(
        [work[0].file], ("as_it_is",), ("linear",), (1,), delays=(1,), starts=(0,), rows=40, shuffled=False,
        cache=work[0].cache,
    ))  # fmt: skip


def test_the_tables_show_each_policy_beside_rivals_that_were_tuned_on_the_other_streams(replayed):
    _, made = replayed
    results = {case: each for own in made.values() for case, each in own.items()}
    skills, costs = skill_table(results), cost_table(results)
    for name in (
        "`default`",
        "`cara`",
        "`upf`",
        "`debt_growth`",
        "`adwin`",
        "`ddm`",
        "`page_hinkley`",
        "never",
        "every batch",
        "oracle",
    ):
        assert f"| {name} | all history |" in skills
    assert "| calendar of the other streams | sliding |" in skills
    assert costs.count("|\n") == 2 * 7 + 1
    worth = loss_table(results).splitlines()[2:]
    assert [line.split(" | ")[1] for line in worth] == ["sliding"] * 4


def test_no_rival_is_tuned_on_the_stream_that_it_is_judged_on():
    def measured(best: str) -> dict[str, Measured]:
        return {
            name: Measured(skill=0.0, share=0.1, totals={0.2: 1.0 if name == best else 2.0}, best={}) for name in CHARTS
        }

    def case(stream: str) -> Case:
        return Case(
            stream=stream, task="as_it_is", window="sliding", delay=1, estimator="linear", seed=0, start=0
        )  # fmt: skip

    results = {case("own"): measured(CHARTS[0]), case("other"): measured(CHARTS[3])}
    assert tuned_elsewhere(results, CHARTS, case("own"), 0.2) == CHARTS[3]
    assert tuned_elsewhere(results, CHARTS, case("other"), 0.2) == CHARTS[0]


def test_retrains_without_drift_are_counted_by_the_declared_period(frame, tmp_path):
    frame.to_parquet(tmp_path / "one.parquet")
    (unit,) = units(
        [tmp_path / "one.parquet"], ("as_it_is",), ("linear",), (0,), delays=(1,), starts=(0,), rows=0,
        shuffled=True, cache=tmp_path,
    )[:1]  # fmt: skip
    table = stationary_table(replays.replay_unit(unit))
    assert "| `default` | all history | 1 | 0.00 | 0.00 | 0 of 1 |" in table


def case_of(stream: str, *, window: str = "all history", delay: int = 1, seed: int = 0, start: int = 0) -> Case:
    return Case(
        stream=stream, task="as_it_is", window=window, delay=delay, estimator="linear", seed=seed, start=start
    )  # fmt: skip


def mean(cells: np.ndarray) -> np.ndarray:
    return np.nanmean(cells, axis=1)


def test_an_interval_is_as_wide_as_streams_and_seeds_lie_apart():
    same = {case_of(stream, seed=seed): 0.4 for stream in "abcd" for seed in (0, 1)}
    assert interval(same, mean) == pytest.approx((0.4, 0.4))
    by_stream = {case: float("abcd".index(case.stream)) for case in same}
    low, high = interval(by_stream, mean)
    assert (low, high) == pytest.approx((0.5, 2.5), abs=0.3)
    assert low < np.mean(list(by_stream.values())) < high
    # Many replays of few streams make it no narrower: a stream is drawn with all that it has.
    often = {case_of(stream, seed=0, start=start, delay=delay): value for start in range(5) for delay in (1, 3)
             for stream, value in zip("abcd", range(4), strict=True)}  # fmt: skip
    assert interval({case: float(value) for case, value in often.items()}, mean) == pytest.approx((low, high), abs=0.1)
    by_seed = {case: float(case.seed) for case in same}
    assert interval(by_seed, mean) == pytest.approx((0.125, 0.875), abs=0.13)


def test_an_interval_leaves_out_what_has_no_value():
    values = {case_of("a", delay=1): 1.0, case_of("a", delay=3): 3.0, case_of("b", delay=1): 1.0}
    assert interval(values, lambda cells: np.nanmedian(cells, axis=1)) == pytest.approx((1, 2))


def test_costs_stand_beside_the_rivals_with_an_interval_and_by_stream():
    def measured(total: float) -> Measured:
        return Measured(skill=0.5, share=0.1, totals=dict.fromkeys(COST_RATIOS, total), best={})

    dear = {"a": 1.1, "b": 0.9}
    results = {
        case_of(stream, seed=seed): {
            **{name: measured(dear[stream]) for name in ("default", "default+mixture")},
            **{name: measured(1.0) for name in (*CALENDARS, *CHARTS)},
        }
        for stream in dear
        for seed in (0, 1)
    }
    line = rival_table(results).splitlines()[2]
    assert line.startswith("| `default` | calendar of the other streams | all history | 0.995 (0.900 to 1.100) |")
    assert rival_stream_table(results).splitlines()[2:5] == [
        f"| a | {rival} | all history | {' | '.join(['1.100'] * 5)} |"
        for rival in ("calendar of the other streams", "CUSUM of the other streams", "every batch")
    ]


def test_medians_stand_by_delay_beside_that_of_all():
    skills = {1: 0.2, 3: 0.6}
    results = {
        case_of(stream, delay=delay): {
            name: Measured(skill=skills[delay], share=0.1, totals=dict.fromkeys(COST_RATIOS, 1.0), best={})
            for name in ("never", *replays.JUDGED, *CALENDARS, *CHARTS, "oracle")
        }
        for stream in "ab"
        for delay in skills
    }
    head, _, line, *_ = skill_table(results).splitlines()
    shown = dict(zip(head.split(" | "), line.split(" | "), strict=True))
    assert (shown["median"], shown["delay 1"], shown["delay 3"]) == ("+0.40", "+0.20", "+0.60")
    assert shown["95 % interval"] == "+0.40 to +0.40"
    assert "| 95 % interval | range of the seeds |" in estimator_table(results)


def test_streams_whose_batches_are_too_small_for_drift_are_told(tmp_path):
    for name, rows in (("large", 260), ("small", 60)):
        history(batches=6, rows=rows).to_parquet(tmp_path / f"{name}.parquet")
    files = sorted(tmp_path.glob("*.parquet"))
    assert command.too_small(files, 300) == "Drift is unknown of batches of fewer than 200 rows: 6 of 6 of small."
    assert command.too_small(files[:1], 0) == "No batch has fewer than the 200 rows that a drift report takes."
    assert "6 of 6 of large, 6 of 6 of small" in command.too_small(files, 150)
