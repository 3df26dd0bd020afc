"""The luck of a champion that was compared because it looked bad is taken off where a candidate must show something."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.policy.decision import Decision, TriggerState
from retrain_assets.policy.staleness import StalenessFacts, judge_staleness
from retrain_assets.promotion.evaluation import Role
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.luck import (
    Noticed,
    expected_luck,
    luck_measures,
    most_luck,
    noticed_by,
    noticed_in,
    noticed_on,
    owed_to_luck,
)
from retrain_assets.promotion.margins import name_of
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.recall import in_candidates_place, most_promising
from retrain_assets.spec import DecaySpec, PromoteSpec
from retrain_assets_tests.promotion.test_gates import at_margin, report, role

ROWS, BATCHES = 200, 4


def luck_of(value: float, group: str = "") -> Measure:
    return Measure(kind="luck", name="difference", group=group, value=value, reason="it looked bad")


def test_most_of_what_the_trigger_chose_is_taken_off():
    """Of two equal models, compared because one looked bad, by all rows or a fifth of those on which it did."""
    rng, batches = np.random.default_rng(0), np.repeat([f"b{k}" for k in range(BATCHES)], ROWS)
    for seen in (ROWS, 5 * ROWS):
        found: list[tuple[float, float]] = []
        while len(found) < 300:
            shared, champion, candidate = rng.normal(size=(3, 400, seen))
            newest = shared + champion
            for k in np.flatnonzero(newest.mean(axis=1) > 2 * (2 / seen) ** 0.5):
                older = rng.normal(size=(3, (BATCHES - 1) * ROWS))
                losses = np.append(older[0] + older[1], newest[k, :ROWS])
                others = np.append(older[0] + older[2], (shared + candidate)[k, :ROWS])
                error = float(newest[k].std()) / seen**0.5
                noticed = noticed_in(
                    [BatchLoss(batch="b3", value=float(newest[k].mean()), standard_error=error, rows=seen)],
                    HoldoutLoss(value=0.0, standard_error=0.0),
                    DecaySpec(batches=1),
                    holdout_batches=BATCHES,
                )
                if noticed is not None:
                    (made,) = luck_measures(noticed, {"candidate": others, "champion": losses}, batches)
                    found.append((float((others - losses).mean()), made.value or 0.0))
        biases, taken = np.array(found).T
        error = biases.std() / len(biases) ** 0.5
        # The mean of a normal score beyond 2 is 2.37; half the loss is the rows', and a fourth of them were seen.
        expected = -2.37 * (2 / seen) ** 0.5 / 2 / BATCHES
        assert biases.mean() == pytest.approx(expected, abs=3 * error), "the trigger makes the candidate look better"
        assert 0.65 < taken.mean() / expected < 1, "a score far beyond its threshold may also be luck, and seldom is"


def test_what_a_cheap_retrain_owes_to_the_luck_of_its_newest_batch_is_told():
    """Of a champion that is not stale, for which `staleness` fires by chance: most of that is the last batch's."""
    rng, error, true, told = np.random.default_rng(0), 0.03, list[float](), list[float]()
    for _ in range(400):
        chance = rng.normal(0, error, 8)
        seen = [
            BatchLoss(batch=f"b{k}", value=0.5 + value, standard_error=error, rows=500)
            for k, value in enumerate(chance.tolist())
        ]
        for count in range(1, len(seen) + 1):
            facts = StalenessFacts(
                losses=seen[:count], holdout=HoldoutLoss(value=0.49, standard_error=0.0), trained_rows=4000,
                new_rows=[400] * count, available_rows=4000 + 400 * count, cost=0.005,
            )  # fmt: skip
            verdict = judge_staleness(facts)
            if verdict is not None and verdict.newest is not None:
                noticed = noticed_on(verdict.newest)
                true.append(float(chance[count - 1]))
                told.append(0.0 if noticed is None else noticed.luck)
                break
    assert 100 < len(true) < 400
    assert np.mean(true) > 0.8 * error
    assert 0.65 < np.mean(told) / np.mean(true) < 1.1, "what so few batches differ by is not quite known"


def test_staleness_is_asked_only_where_it_asked_for_the_retrain():
    newest = {"batch": "b3", "value": 0.06, "needed": 0.05, "error": 0.03, "rows_error": 0.03}
    asked = Decision(
        model="m", batch="b4", attempt=1, verdict="retrain", reason="", cause="batch", champion_version=1,
        triggers=(TriggerState(name="staleness", fired=True, reason=""),), state={"staleness": {"newest": newest}},
        as_of=datetime(2013, 1, 1, tzinfo=UTC), decided_at=datetime(2013, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    found = noticed_by(asked, 1)
    assert found is not None
    assert (found.batches, found.score, found.threshold) == (("b3",), 2.0, pytest.approx(5 / 3))
    assert noticed_by(asked, 2) is None, "a rollback came between: that one's luck is none of v2's"
    assert noticed_by(None, 1) is None
    assert noticed_by(replace(asked, triggers=()), 1) is None
    assert noticed_by(replace(asked, state={"staleness": {"newest": None}}), 1) is None
    well = {**newest, "value": -0.01, "needed": -0.02}
    assert noticed_by(replace(asked, state={"staleness": {"newest": well}}), 1) is None
    decayed = Noticed(batches=("b2", "b3"), score=2.1, threshold=2.0, standard_error=0.02, rows_error=0.02)
    assert most_luck(None, found) == found
    assert most_luck(decayed, found) == decayed, "more of it, over two batches"
    assert most_luck(None, None) is None


def test_just_beyond_the_threshold_all_may_be_luck_and_far_beyond_hardly_any():
    shares = [expected_luck(score, 2.0) / score for score in (2.01, 2.3, 2.5, 3.0, 4.0, 8.0, 40.0)]
    assert shares[:2] == [1.0, 1.0]
    assert shares == sorted(shares, reverse=True)
    assert shares[-3] < 0.02
    assert shares[-1] == 0.0
    assert expected_luck(12.0, 9.0) < 0.2, "a far threshold is computed as well"


@pytest.mark.parametrize("margin", [0.02, 0.1, 0.5, 1.0, 3.0])
def test_how_much_is_luck_depends_on_the_distance_to_the_threshold_wherever_that_is(margin: float):
    """What does not make it all of the score is the same for every threshold, also where tails underflow."""
    thresholds = np.arange(0.0, 120.0, 0.25)
    lucks = np.array([expected_luck(threshold + margin, threshold) for threshold in thresholds])
    assert (np.diff(lucks) >= -1e-6).all()
    known = lucks < thresholds + margin - 1e-6
    assert (margin < 0.1) or known[-1]
    assert np.ptp(lucks[known]) < 1e-6


def test_the_champion_is_noticed_as_performance_decay_tells():
    values = (0.5, 0.5, 0.5, 0.5, 0.5, 0.6)
    losses = [BatchLoss(batch=f"b{k}", value=value, standard_error=0.01, rows=100) for k, value in enumerate(values)]
    holdout = HoldoutLoss(value=0.5, standard_error=0.01)
    found = noticed_in(losses, holdout, DecaySpec(batches=1), holdout_batches=4)
    assert found is not None
    assert found.batches == ("b5",)
    assert found.rows_error == pytest.approx(0.01)
    assert found.standard_error > 0.01
    assert noticed_in(losses[:5], holdout, DecaySpec(batches=1), holdout_batches=4) is None
    assert noticed_in(losses, holdout, DecaySpec(batches=9), holdout_batches=4) is None
    assert noticed_in(losses, None, DecaySpec(batches=1), holdout_batches=4) is None


def test_where_rows_are_many_the_floor_is_what_the_champion_had_to_exceed():
    """With the default floor of 2 % and a standard error of 0.2 % ten of these, not two, are noticed."""
    holdout = HoldoutLoss(value=0.5, standard_error=0.0)

    def noticed(value: float) -> Noticed | None:
        losses = [BatchLoss(batch="b", value=value, standard_error=0.001, rows=100_000)]
        return noticed_in(losses, holdout, DecaySpec(batches=1), holdout_batches=4)

    assert noticed(0.5099) is None
    found = noticed(0.5102)
    assert found is not None
    assert found.threshold == pytest.approx(10.0)
    assert found.luck == pytest.approx(0.0048, abs=1e-4), "just beyond the floor nearly half of the excess"
    few = noticed_in(
        [BatchLoss(batch="b", value=0.6, standard_error=0.02, rows=200)], holdout, DecaySpec(batches=1),
        holdout_batches=4,
    )  # fmt: skip
    assert few is not None
    assert few.threshold == 2.0


def test_models_that_lose_alike_owe_nothing_and_neither_do_other_batches():
    noticed = Noticed(batches=("b",), score=2.1, threshold=2.0, standard_error=0.1, rows_error=0.1)
    rows = np.random.default_rng(0).random(50)
    batches = np.array(["b"] * 50, dtype=object)

    def owed(candidate: np.ndarray, batches: np.ndarray) -> float:
        losses: dict[Role, np.ndarray] = {"candidate": candidate, "champion": rows}
        (made,) = luck_measures(noticed, losses, batches)
        return made.value or 0.0

    assert owed(rows + 0.3, batches) == pytest.approx(0.0)
    assert owed(np.zeros(50), batches) == pytest.approx(-2.1 * 0.1)
    assert owed(np.zeros(50), np.array(["a"] * 50, dtype=object)) == 0.0
    models: dict[Role, np.ndarray] = {"candidate": rows + 0.3, "champion": rows}
    loss = [made.value for made in luck_measures(noticed, models, batches, (0.1, -0.1))]
    assert loss == pytest.approx([0.0, -0.1 * 2.1 * 0.1, 0.1 * 2.1 * 0.1]), "a margin is of a loss that is part luck"
    assert list(luck_measures(None, {"candidate": rows, "champion": rows}, batches)) == []
    assert list(luck_measures(noticed, {"candidate": rows}, batches)) == []


def test_the_gate_says_what_is_left_without_the_luck():
    """And says so in words where there is none: a champion that looks bad by ten standard errors is bad."""
    rows, batches = np.random.default_rng(0).random(200), np.array(["b"] * 200, dtype=object)

    def said(score: float) -> str:
        noticed = Noticed(batches=("b",), score=score, threshold=2.0, standard_error=0.02, rows_error=0.02)
        owed = tuple(luck_measures(noticed, {"candidate": np.zeros(200), "champion": rows}, batches))
        made = replace(report(champion=(-0.06, -0.04)), measures=owed)
        return evaluate_gates(made, PromoteSpec(require="better_than_champion"), bootstrapping=False).results[0].reason

    assert said(2.1).endswith(
        "reserved rows; -0.042 of it is put down to luck (the champion looked "
        "bad on the newest matured batch: 2.1 standard errors above its holdout, 2.1 of which are expected to be "
        "luck), which leaves -0.008 [-0.018, +0.002]: not shown better"
    )
    assert said(12.0).endswith(
        "on 1,000 reserved rows, none of which is put down to luck (the champion looked bad on the newest matured "
        "batch: 12.0 standard errors above its holdout, too many to be luck): shown better"
    )


def test_of_a_row_that_outweighs_all_others_the_luck_may_fall_by_more_than_the_difference_rises():
    """The exception that the gates' page names: elsewhere a candidate's loss counts for more than what it takes off."""
    champion = np.append(np.random.default_rng(0).random(99), 50.0)
    error = float(champion.std()) / 10
    noticed = Noticed(batches=("b",), score=2.1, threshold=2.0, standard_error=error, rows_error=error)
    batches = np.array(["b"] * 100, dtype=object)

    def shown(raised: int | None) -> float:
        candidate = np.zeros(100) + (0.0 if raised is None else np.eye(100)[raised])
        (made,) = luck_measures(noticed, {"candidate": candidate, "champion": champion}, batches)
        return float((candidate - champion).mean()) - (made.value or 0.0)

    assert shown(raised=99) < shown(raised=None)
    assert all(shown(raised=row) > shown(raised=None) for row in range(99))


@pytest.mark.parametrize(
    ("require", "margin", "as_seen", "corrected"),
    [
        ("not_worse_than_champion", 0.0, True, True),
        ("not_worse_than_champion", 0.04, True, False),  # 0.018 of the tolerated 0.02, and 0.005 are luck
        ("better_than_champion", 0.0, False, False),
    ],
)
def test_a_gate_that_asks_for_proof_takes_it_off(require: str, margin: float, as_seen: bool, corrected: bool):
    made, spec = at_margin(report(champion=(-0.01, 0.018)), margin), PromoteSpec(require=require, margin=margin)
    owed = luck_of(-0.005)
    lucky = replace(made, measures=(*made.measures, owed, replace(owed, name=name_of(margin))))
    assert evaluate_gates(made, spec, bootstrapping=False).passed is as_seen
    judged = evaluate_gates(lucky, spec, bootstrapping=False)
    assert judged.passed is corrected
    left = "-0.011 [-0.025, +0.003]" if margin else "+0.009 [-0.005, +0.023]"
    told = f"; -0.005 of it is put down to luck (it looked bad), which leaves {left}: "
    assert (told in judged.reason) is (require != "not_worse_than_champion" or margin > 0)
    better, spec = report(champion=(-0.02, -0.004)), PromoteSpec(require="better_than_champion")
    assert evaluate_gates(better, spec, bootstrapping=False).passed is True
    assert evaluate_gates(replace(better, measures=(luck_of(-0.005),)), spec, bootstrapping=False).passed is False


def test_an_earlier_champion_owes_luck_of_its_own():
    made = report(champion=(-0.02, -0.004))
    pair = replace(made.differences[0], a="earlier", version=2)
    before = replace(role("earlier", 0.4), version=2)
    season = replace(made, roles=(*made.roles, before), differences=(*made.differences, pair))
    assert most_promising(season, {2}) == 2
    assert most_promising(season, {3}) is None
    season = replace(season, measures=(luck_of(-0.001), luck_of(-0.005, "v2")))
    assert most_promising(season, {2}) is None
    owed = owed_to_luck(in_candidates_place(season, 2).measures)
    assert owed is not None
    assert owed.value == -0.005
