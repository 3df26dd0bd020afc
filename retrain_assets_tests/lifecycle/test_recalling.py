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
from retrain_assets.promotion.evaluation import EvaluationReport, PairedDifference, Role
from retrain_assets.promotion.gates import GateReport
from retrain_assets.promotion.measures import LEVEL, Measure, chosen
from retrain_assets.promotion.recall import (
    LEFT_TO_A_PERSON,
    NOT_JUDGED,
    left_to_a_person,
    recall_of,
    said_of_earlier,
)
from retrain_assets.reporting.model_card import CARD
from retrain_assets.reporting.unmade import unmade
from retrain_assets.spec import PromoteSpec
from retrain_assets_tests.lifecycle.champions import RECALL, SEASONS, copied, execute, fail_to_score
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


def reopened(world: World, **promote: Any) -> World:
    """The same installation as another process sees it."""
    return copied(world, world.root, **SEASONS | {"promote": RECALL | promote})


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
    left = read_evaluation(silent.stores, silent.model, silent.batch(7), 1)
    assert [each.version for each in left.earlier] == [5, 4], "by default the latest two"
    said = said_of_earlier(left)
    assert said is not None
    assert said.startswith("v4, an earlier champion, is shown better than the champion")
    assert ", though not better than the naive baseline. " in said, "half of its days were of this season"
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


@pytest.mark.covers("promote.earlier")
def test_an_earlier_champion_that_is_better_is_told_and_left_to_a_person_and_nothing_else_changes(
    played: World, tmp_path: Path
):
    alone, beside = (again(played, tmp_path / str(earlier), recall=0, earlier=earlier) for earlier in (0, 3))
    for world in (alone, beside):
        back_to_ordinary(world)
    assert served(alone) == served(beside)
    without, made = (read_evaluation(each.stores, each.model, each.batch(7), 1) for each in (alone, beside))
    assert without.earlier == ()
    assert without.roles == made.roles[:3]
    assert without.differences == tuple(each for each in made.differences if each.version is None), "to the last bit"
    assert without.measures == tuple(each for each in made.measures if not each.group.startswith("v"))
    gates = [
        GateReport.from_frame(each.stores.tables.read("tiny/evaluation_report", [each.batch(7).key]))
        for each in (alone, beside)
    ]
    assert gates[0] == gates[1]

    assert [each.version for each in made.earlier] == [5, 4, 2]
    (told,) = chosen(made.measures, "recall", LEFT_TO_A_PERSON)
    difference = made.difference("earlier", "champion", version=2)
    assert difference is not None
    assert (told.group, told.value, told.upper) == ("v2", difference.value, difference.upper)
    assert "at a level shared over 3 earlier champions. It comes back" in told.reason
    assert "`retrain-assets rollback tiny --to 2 --may-return --reason ...`" in told.reason
    assert "`promote.recall: 3`" in told.reason
    assert chosen(made.measures, "recall", "gates_passed") == [], "no gate is tried where nothing may come of it"
    (row,) = unmade(beside.stores.state, "tiny")
    assert row == f"a recall was not made (promote.recall is 0): {told.reason}"
    assert unmade(alone.stores.state, "tiny") == ()
    version = next(each for each in beside.stores.state.model_versions("tiny") if each.batch == beside.batch(7).key)
    card = beside.stores.registry.text(version.run_id, CARD)
    assert card is not None
    assert "Earlier champions" in card
    assert told.reason in card

    again_judged = lifecycle.evaluate(beside.stores, beside.model, beside.batch(7), now=beside.now, run_id="again")
    assert again_judged.report == made
    done = lifecycle.promote(beside.stores, beside.model, beside.batch(7), now=beside.now, run_id="again")
    assert done.promotion is None
    assert unmade(beside.stores.state, "tiny") == (row,)
    back = lifecycle.roll_back(
        beside.stores, beside.model, to=2, may_return=True, reason="summer", actor="person:ann", now=beside.now
    )
    assert back.current is not None
    assert back.current.version == 2
    assert unmade(beside.stores.state, "tiny") == ()
    assert stage_of(beside.stores, beside.model, 6) == "retired"
    log = beside.stores.state.promotions("tiny")
    assert [each.version for each in asked(beside.stores, beside.model, log).versions] == [6, 5, 4]


def passed_by(played: World, root: Path) -> World:
    """The candidate of the season's return passes, and v2, which knows that season, would be better still."""
    world = again(played, root, recall=0, earlier=3, require="not_worse_than_champion")
    back_to_ordinary(world)
    assert served(world)[-2:] == [(6, "promote"), (7, "promote")]
    return world


def test_an_earlier_champion_that_is_better_than_what_was_just_promoted_is_told_after_it(played: World, tmp_path: Path):
    world = passed_by(played, tmp_path)
    (row,) = unmade(world.stores.state, "tiny")
    assert "v2, an earlier champion, is shown better than the champion and than the candidate, which passed" in row
    lifecycle.promote(world.stores, world.model, world.batch(7), now=world.now, run_id="again")
    assert unmade(world.stores.state, "tiny") == (row,), "a repetition tells it once"


def test_what_was_found_beside_a_champion_that_is_gone_is_not_told(played: World, tmp_path: Path):
    world = again(played, tmp_path, recall=0, earlier=0)
    back_to_ordinary(world)
    world = reopened(world, recall=0, earlier=3)
    lifecycle.evaluate(world.stores, world.model, world.batch(7), now=world.now, run_id="h")
    lifecycle.roll_back(
        world.stores, world.model, to=2, may_return=True, reason="summer", actor="person:ann", now=world.now
    )
    lifecycle.promote(world.stores, world.model, world.batch(7), now=world.now, run_id="h")
    assert served(world)[-1] == (2, "rollback")
    assert unmade(world.stores.state, "tiny") == (), "v2 serves already"


@pytest.mark.parametrize("may_return", [True, False])
def test_no_repetition_puts_back_what_a_person_took_out_of_force(played: World, tmp_path: Path, may_return: bool):
    """Neither the version itself, nor the same training under a new number, as after a run that was killed."""
    world = passed_by(played, tmp_path)
    lifecycle.roll_back(
        world.stores, world.model, may_return=may_return, reason="season", actor="person:ann", now=world.now
    )
    after = served(world)
    assert after[-1] == (6, "rollback")
    repeated = lifecycle.promote(world.stores, world.model, world.batch(7), now=world.now, run_id="again")
    assert repeated.promotion is None
    assert f"v7 was {'put in force by this attempt before' if may_return else 'rolled back'}" in repeated.reason
    lifecycle.assert_champion(world.stores, world.model, now=world.now, run_id="again")
    assert served(world) == after
    execute(world, f"delete from ra_steps where job='retrain' and batch='{world.batch(7).key}'")
    world = reopened(world, recall=0, earlier=3, require="not_worse_than_champion")
    world.play()
    assert max(each.version for each in world.stores.state.model_versions("tiny")) == 8, "it was trained once more"
    assert served(world) == after
    assert verify(world.stores, "tiny").faults == ()


def test_what_is_only_told_does_not_weaken_what_may_be_recalled(played: World, tmp_path: Path):
    reports = []
    for earlier in (0, 3):
        world = again(played, tmp_path / str(earlier), recall=1, earlier=earlier)
        back_to_ordinary(world)
        reports.append(read_evaluation(world.stores, world.model, world.batch(7), 1))
    one, three = reports
    assert [[each.version for each in made.earlier] for made in reports] == [[5], [5, 4, 2]]
    assert one.earlier[0] == three.earlier[0]
    assert one.difference("earlier", "champion", version=5) == three.difference("earlier", "champion", version=5)
    levels = {each.group: each.value for each in chosen(three.measures, "recall", LEVEL)}
    assert levels == {"v5": pytest.approx(0.95), "v4": pytest.approx(1 - 0.05 / 3), "v2": pytest.approx(1 - 0.05 / 3)}


def test_an_earlier_champion_that_cannot_be_asked_keeps_nobody_from_being_judged(
    played: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """One whose record was changed, one whose row is gone, one that cannot score: each is told with its reason."""
    world = again(played, tmp_path, recall=0, earlier=4)
    back_to_ordinary(world)
    execute(world, "update ra_model_versions set model_hash = 'other' where version = 5")
    execute(world, "delete from ra_model_versions where version = 4")
    fail_to_score(monkeypatch, {2})
    world = reopened(world, recall=0, earlier=4)
    made = lifecycle.evaluate(world.stores, world.model, world.batch(7), now=world.now, run_id="again")
    assert [each.version for each in made.report.earlier] == [1]
    why = {each.group: each.reason for each in chosen(made.report.measures, "recall", NOT_JUDGED)}
    assert "somebody changed it" in why["v5"]
    assert "no version 4" in why["v4"]
    assert "Input X contains infinity" in why["v2"]
    said = said_of_earlier(made.report)
    assert said is not None
    assert "v2 was not judged" in said
    assert made.gates.passed is False


def test_an_earlier_champion_that_was_fitted_on_rows_which_judge_is_not_asked(world: World):
    log = world.stores.state.promotions("tiny")
    everybody = asked(world.stores, world.model, log)
    assert [each.version for each in everybody.versions] == [4, 2, 1]
    ends = {each.version: each.training_end for each in everybody.versions}
    found = asked(world.stores, world.model, log, fitted_until=ends[2])
    assert [each.version for each in found.versions] == [2, 1]
    assert found.recallable == {2, 1}
    assert [(each.group, each.name) for each in found.silent] == [("v4", NOT_JUDGED)]
    assert "later than candidate and champion" in found.silent[0].reason


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
        return [version.version for version in asked(world.stores, world.model, state.promotions("tiny")).versions]

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
    assert "`retrain-assets rollback tiny --to 2 --may-return --reason ...`" in told[0]["failed"]
    assert "v5, which leaves, stays out until `retrain-assets clear tiny 5 --reason ...`" in told[0]["failed"]


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
    made = beside_three(against_champion, against_candidate)
    made = replace(made, measures=(Measure(kind="recall", name="gates_passed", group="v3", value=gates),))
    found = recall_of(made, candidate_passed=candidate_passed)
    assert (found is not None) is recalled


def beside_three(against_champion: tuple[float, float], against_candidate: tuple[float, float]) -> EvaluationReport:
    """A comparison in which v3 took part, with these intervals."""

    def pair(b: Role, bounds: tuple[float, float]) -> PairedDifference:
        return PairedDifference(
            a="earlier", b=b, version=3, metric="log_loss", value=sum(bounds) / 2, lower=bounds[0], upper=bounds[1],
            rows=500,
        )  # fmt: skip

    made = report()
    return replace(
        made,
        roles=(*made.roles, replace(made.roles[0], role="earlier", version=3)),
        differences=(*made.differences, pair("champion", against_champion), pair("candidate", against_candidate)),
    )


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


@pytest.mark.parametrize(
    ("against_champion", "against_candidate", "candidate_passed", "promote", "told"),
    [
        ((-0.2, -0.1), (0.1, 0.2), False, {}, True),
        ((-0.2, -0.1), (0.1, 0.2), True, {}, False),  # the candidate passed, and is better still
        ((-0.2, -0.1), (-0.2, -0.1), True, {}, True),
        ((-0.2, 0.1), (-0.2, -0.1), False, {}, False),
        ((-0.2, -0.1), (0.1, 0.2), False, {"min_rows": 5000}, False),  # of too few rows nothing is known
    ],
)
def test_what_is_told_of_an_earlier_champion(against_champion, against_candidate, candidate_passed, promote, told):
    made = beside_three(against_champion, against_candidate)
    found = left_to_a_person(made, PromoteSpec(**promote), candidate_passed=candidate_passed)
    assert (found is not None) is told


def test_where_persons_agree_to_promotions_no_recall_is_advised():
    made = beside_three((-0.2, -0.1), (0.1, 0.2))
    by_platform = left_to_a_person(made, PromoteSpec(), candidate_passed=False)
    by_person = left_to_a_person(made, PromoteSpec(approval="always"), candidate_passed=False)  # pyright: ignore[reportArgumentType]
    assert by_platform is not None
    assert by_person is not None
    assert "promote.recall: 2" in by_platform.reason
    assert "promote.recall" not in by_person.reason
