"""Better than the newest: a season comes back, and with it the champion that knew it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle.auditing import verify
from retrain_assets.lifecycle.earlier import asked
from retrain_assets.lifecycle.evaluating import incumbent_of
from retrain_assets.lifecycle.facts import as_they_ended
from retrain_assets.lifecycle.history import champion_losses, holdout_of, losses_of_version, told_since
from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.lifecycle.rolling_back import roll_back_if_broken
from retrain_assets.lifecycle.versions import clear, stage_of
from retrain_assets.promotion.evaluation import PairedDifference, Role
from retrain_assets.promotion.measures import Measure, chosen
from retrain_assets.promotion.recall import NOT_JUDGED, recall_of
from retrain_assets_tests.lifecycle.champions import RECALL, SEASONS, copied, execute
from retrain_assets_tests.lifecycle.world import World
from retrain_assets_tests.promotion.test_gates import report


@pytest.fixture(scope="module")
def played(two_seasons: World) -> World:
    return two_seasons


@pytest.fixture
def world(played: World, tmp_path: Path) -> World:
    """It becomes ordinary again with the next batch."""
    return again(played, tmp_path)


def again(played: World, root: Path, **promote: Any) -> World:
    return copied(played, root / "w", **SEASONS | {"promote": RECALL | promote})


def reopened(world: World) -> World:
    """The same installation as another process sees it."""
    return copied(world, world.root, **SEASONS | {"promote": RECALL})


def back_to_ordinary(world: World) -> None:
    for day in (6, 7):
        world.drop(day, rows=1500)
    world.play()


def served(world: World) -> list[tuple[int, str]]:
    return [(made.version, made.action) for made in world.stores.state.promotions("tiny")]


@pytest.mark.covers("promote.recall")
def test_the_champion_of_the_last_such_season_is_recalled_and_only_where_that_is_declared(
    played: World, tmp_path: Path
):
    declared, silent = again(played, tmp_path / "a"), again(played, tmp_path / "b", recall=0)
    assert served(declared)[-1] == (5, "promote")
    for world in (declared, silent):
        back_to_ordinary(world)
    assert served(declared)[-2:] == [(6, "promote"), (2, "recall")]
    assert served(silent)[-1] == (6, "promote"), "the candidate of two mixed days is no better than the naive baseline"
    assert read_evaluation(silent.stores, silent.model, silent.batch(7), 1).earlier == ()
    listed = read_evaluation(declared.stores, declared.model, declared.batch(7), 1)
    assert [each.version for each in listed.earlier] == [5, 4, 2]
    difference = listed.difference("earlier", "champion", version=2)
    assert difference is not None
    assert difference.upper < 0

    made = declared.stores.state.promotions("tiny")[-1]
    first = next(each for each in declared.stores.state.promotions("tiny") if each.version == 2)
    assert (made.batch, made.training_end) == (first.batch, first.training_end), "it is no younger"
    assert made.as_of == declared.batch(7).end
    holdout = holdout_of(made)
    assert holdout is not None
    assert holdout.value == listed.earlier[2].metric("log_loss").value, "decay is told against the season of now"
    assert {gate["name"]: gate["passed"] for gate in made.evidence["gates"]} == {
        "not_worse_than_champion": True, "beats_baseline": True,
    }  # fmt: skip
    stage = {number: stage_of(declared.stores, declared.model, number) for number in (2, 6, 7)}
    assert stage == {2: "champion", 6: "retired", 7: "retired"}
    assert declared.stores.registry.alias("tiny", "champion") == 2
    assert verify(declared.stores, "tiny").faults == ()
    steps = {step.job: step for step in declared.stores.state.steps("tiny", declared.batch(7).key)}
    assert steps["retrain"].detail["outcome"] == "recalled"


def test_to_promote_again_changes_nothing_and_the_evaluation_finds_its_champion(world: World):
    back_to_ordinary(world)
    log, batch = served(world), world.batch(7)
    done = lifecycle.promote(world.stores, world.model, batch, now=world.now, run_id="again")
    assert done.current is not None
    assert done.current.version == 2
    assert served(world) == log
    incumbent = incumbent_of(world.stores, world.model, batch, 1)
    assert incumbent is not None
    assert incumbent.version == 6
    assert lifecycle.evaluate(world.stores, world.model, batch, now=world.now, run_id="x").gates.passed is False


def test_what_it_lost_when_its_season_was_over_does_not_take_a_recalled_champion_back(world: World):
    back_to_ordinary(world)
    stores, recalled = world.stores, world.stores.state.promotions("tiny")[-1]
    lost = losses_of_version(stores, world.model, 2, recalled.training_end, as_of=recalled.as_of)
    assert lost[-1].value > 1, "on the first day of the other season"
    changes = SEASONS | {"promote": RECALL, "rollback": {"watch": "20 days", "max_loss": 1.0}}
    watched = copied(world, world.root, **changes).model
    # As a run does that settles labels which came late, or again: none of those of its new time have matured.
    seen: dict[str, Any] = {"as_of": recalled.as_of, "red": {}, "now": world.now}
    assert roll_back_if_broken(stores, watched, **seen) is None
    world.drop(8, rows=1500)
    world.play()
    after = champion_losses(stores, world.model, recalled, as_of=world.batch(8).end)
    assert [loss.batch for loss in after] == [world.batch(7).key]
    back = lifecycle.roll_back(stores, world.model, to=6, reason="r", actor="person:ann", now=world.now)
    again = lifecycle.roll_back(stores, world.model, to=2, reason="r", actor="person:ann", now=world.now)
    assert back.current is not None
    assert again.current is not None
    assert told_since(world.model, again.current) == told_since(world.model, recalled) > recalled.training_end
    assert told_since(world.model, back.current) == back.current.training_end


def test_a_retrain_that_was_stopped_after_it_had_recalled_has_answered_its_cause(world: World, monkeypatch):
    back_to_ordinary(world)
    recalled, made = world.stores.state.promotions("tiny")[-1], world.stores.state.decisions("tiny")
    monkeypatch.setattr(type(world.stores.state), "steps", lambda *_: [])  # none was written
    ended = {(each.batch, each.attempt): each.verdict for each in as_they_ended(world.stores, world.model, made)}
    assert recalled.caused_by != (recalled.batch, recalled.attempt)
    assert ended[recalled.caused_by] == "retrain"


def test_what_was_rolled_back_is_not_asked_until_a_person_clears_it(world: World):
    state = world.stores.state

    def versions() -> list[int]:
        return [version.version for version in asked(world.stores, world.model, state.promotions("tiny"))]

    assert versions() == [4, 2, 1]
    for number in (2, 4):
        lifecycle.roll_back(world.stores, world.model, to=number, reason="r", actor="person:ann", now=world.now)
    assert versions() == [1], "neither v5, which left first, nor v2"
    clear(world.stores, world.model, 2, actor="person:ann", reason="the feed was at fault", now=world.now)
    assert versions() == [2, 1]


def test_where_persons_agree_to_promotions_a_recall_is_told_and_left_to_them(played: World, tmp_path: Path):
    world = again(played, tmp_path, approval="always")
    back_to_ordinary(world)
    assert served(world)[-1] == (5, "promote")
    told = [row.payload for row in world.stores.state.outbox(kinds=["recall_not_made"])]
    assert [row["version"] for row in told] == [2]
    assert "rollback tiny --to 2" in told[0]["failed"]


def test_an_earlier_champion_whose_files_were_changed_is_named_and_not_recalled(
    played: World, world: World, tmp_path: Path
):
    version = next(each for each in played.stores.state.model_versions("tiny") if each.version == 2)
    changed = tmp_path / "changed"
    shutil.copytree(version.uri, changed)
    world.drop(6, rows=1500)
    world.drop(7, rows=1500)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None:
        if (job.job, job.batch) == ("retrain", world.batch(7).key):
            # What settles and scores has loaded it by now.
            execute(world, f"update ra_model_versions set uri = '{changed}' where version = 2")
            (changed / "model.skops").write_bytes(b"changed")
            world = reopened(world)
        world.run(job)
    assert (2, "recall") not in served(world)
    report = read_evaluation(world.stores, world.model, world.batch(7), 1)
    (silent,) = chosen(report.measures, "recall", NOT_JUDGED)
    assert silent.group == "v2"
    assert "model.skops" in silent.reason
    assert [each.version for each in report.earlier] == [5, 4]


@pytest.mark.parametrize(
    ("against_champion", "against_candidate", "gates", "candidate_passed", "recalled"),
    [
        ((-0.2, -0.1), (0.1, 0.2), 1.0, False, True),
        ((-0.2, -0.1), (-0.2, -0.1), 1.0, True, True),
        ((-0.2, -0.1), (-0.2, 0.1), 1.0, True, False),  # the candidate passed, and is not shown to be worse
        ((-0.2, 0.1), (-0.2, -0.1), 1.0, False, False),  # not shown better than who serves
        ((-0.2, -0.1), (-0.2, -0.1), 0.0, False, False),
        ((-0.2, -0.1), (-0.2, -0.1), None, False, False),  # unknown recalls nobody
    ],
)
def test_who_is_recalled(against_champion, against_candidate, gates, candidate_passed, recalled):
    def pair(b: Role, bounds: tuple[float, float]) -> PairedDifference:
        return PairedDifference(
            a="earlier", b=b, version=3, metric="log_loss", value=sum(bounds) / 2, lower=bounds[0], upper=bounds[1],
            rows=500,
        )  # fmt: skip

    made = report()
    made = replace(
        made,
        roles=(*made.roles, replace(made.roles[0], role="earlier", version=3)),
        differences=(*made.differences, pair("champion", against_champion), pair("candidate", against_candidate)),
        measures=(Measure(kind="recall", name="gates_passed", group="v3", value=gates),),
    )
    found = recall_of(made, candidate_passed=candidate_passed)
    assert (found is not None) is recalled


def test_the_reason_of_a_recall_names_the_rows_and_the_luck_that_was_taken_off():
    made = report()
    pair = replace(made.differences[0], a="earlier", version=3, value=-0.15, lower=-0.2, upper=-0.1)
    season = replace(
        made,
        rows_newer_than_both=made.rows,
        roles=(*made.roles, replace(made.roles[0], role="earlier", version=3)),
        differences=(*made.differences, pair),
        measures=(
            Measure(kind="recall", name="gates_passed", group="v3", value=1.0, reason="passed: all"),
            Measure(kind="luck", name="difference", group="v3", value=-0.05, reason="it looked bad"),
        ),
    )
    found = recall_of(season, candidate_passed=False)
    assert found is not None
    assert found.reason == (
        "v3, an earlier champion, is shown better than the champion: log_loss -0.15 [-0.2, -0.1] on 1,000 rows newer "
        "than all training; -0.05 of it is put down to luck (it looked bad), which leaves -0.1 [-0.15, -0.05]; "
        "passed: all"
    )
