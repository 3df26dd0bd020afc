"""history, audit verify, reconcile, rollback and clear, as a person types them."""

from __future__ import annotations

import json
import time
from datetime import timedelta, timezone
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets.data.labels import no_labels
from retrain_assets.home import Home
from retrain_assets.lifecycle.auditing import Verified
from retrain_assets.lifecycle.reconciling import Reconciled
from retrain_assets.promotion.audit import Fault
from retrain_assets_tests.commands.conftest import Call, calling
from retrain_assets_tests.lifecycle.champions import execute
from retrain_assets_tests.lifecycle.world import World, make_world


def shown(world: World) -> object:
    """The version on the page of `champion`."""
    with dg.DagsterInstance.from_config(str(Home.at(world.root).dagster_home)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tiny", "champion"]))
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization.metadata["version"].value


def test_history_says_who_was_champion_when_and_why(promoted: World, call: Call):
    result = call("history", "tiny", "--json")
    assert result.exit_code == 0
    lines = json.loads(result.stdout)
    assert [(line["version"], line["stage"], line["action"]) for line in lines] == [
        (1, "retired", "promote"),
        (2, "retired", "promote"),
        (3, "champion", "promote"),
    ]
    assert lines[0]["in_force_until"] == lines[1]["in_force_from"]
    assert lines[2]["evidence"]["gates"]
    assert lines[2]["data_hash"] == promoted.stores.state.model_versions("tiny")[-1].data_hash
    then = json.loads(call("history", "tiny", "--as-of", "2024-01-04", "--json").stdout)
    assert [line["version"] for line in then] == [2]
    assert "not_worse_than_champion" in call("history", "tiny").stdout
    assert call("history", "tiny", "--as-of", "2020-01-01").stdout == "tiny: no champion as of 2020-01-01 00:00\n"


def test_before_the_first_champion_there_is_no_history_and_of_a_typo_there_is_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    call = calling(make_world(tmp_path), monkeypatch)
    assert call("history", "tiny").stdout == "tiny: no champion yet\n"
    assert json.loads(call("history", "tiny", "--json").stdout) == []
    for command in (["history"], ["audit", "verify"]):
        refused = call(*command, "tini")
        assert refused.exit_code == 1
        assert "Did you mean 'tiny'" in refused.stderr


def test_what_reconcile_and_audit_tell_moves_no_cursor(promoted: World, call: Call, monkeypatch: pytest.MonkeyPatch):
    """An error may quote what a server or a file holds."""
    said = "no\x1b]0;north\x07"
    found = Reconciled(model="tiny", champion=3, broken=said)
    checked = Verified(model="tiny", entries=1, head=None, faults=(Fault(sequence=1, message=said),), unseen=said)
    monkeypatch.setattr("retrain_assets.lifecycle.reconciling.reconcile", lambda *_, **__: found)
    monkeypatch.setattr("retrain_assets.lifecycle.auditing.verify", lambda *_, **__: checked)
    for printed, times in ((call("reconcile", "tiny").stdout, 1), (call("audit", "verify", "tiny").stderr, 2)):
        assert printed.count(r"no\x1b]0;north\x07") == times
        assert not {"\x1b", "\x07"} & set(printed)


def test_audit_verify_fails_when_somebody_touched_the_record(promoted: World, call: Call):
    whole = call("audit", "verify")
    assert (whole.exit_code, whole.stdout.startswith("tiny: 15 entries, whole")) == (0, True), whole.output
    execute(promoted, "UPDATE ra_promotions SET reason = 'because I say so' WHERE version = 2")
    broken = call("audit", "verify", "tiny")
    assert broken.exit_code == 1
    assert "promotion 2, of which it tells, was changed" in broken.stderr
    assert json.loads(call("audit", "verify", "--json").stdout)[0]["whole"] is False
    promoted.stores.registry.tag_model("tiny", {"audit_head": "garbled"})
    garbled = call("audit", "verify", "tiny")
    assert "audit_head must be <entry>:<hash> (got 'garbled')" in garbled.stderr
    execute(promoted, "UPDATE ra_decisions SET state = '{x'")
    damaged = call("audit", "verify", "tiny")
    assert damaged.exit_code == 1
    assert damaged.stderr.startswith("tiny: a row is damaged, and the chain could not be verified: the state database")


def test_reconcile_puts_an_alias_back_and_shows_the_champion_in_dagster(promoted: World, call: Call):
    promoted.stores.registry.set_alias("tiny", "champion", 1)
    result = call("reconcile")
    assert result.exit_code == 0
    assert "was moved to v1 by hand and is back at v3" in result.stdout
    assert promoted.stores.registry.alias("tiny", "champion") == 3
    assert shown(promoted) == 3
    assert call("reconcile", "tiny").stdout == "tiny: v3 is champion; the registry agrees\n"


def test_reconcile_follows_no_other_record_until_a_person_accepts_it(promoted: World, call: Call):
    promoted.stores.registry.tag_model("tiny", {"audit_head": "99:abc"})
    other = call("reconcile", "tiny")
    assert (other.exit_code, "the registry saw entry 99 of the record" in other.stdout) == (1, True)
    assert call("audit", "verify", "tiny").exit_code == 1
    for given in ((), ("tiny",), ("--json",)):
        assert "the registry saw entry 99 of the record" in call("status", *given).stdout
    assert call("reconcile", "--accept-head").exit_code == 2
    assert call("reconcile", "tiny", "--adopt", "--accept-head", "--reason", "x").exit_code == 2
    accepted = call("reconcile", "tiny", "--accept-head", "--reason", "restored the backup of Monday")
    assert (accepted.exit_code, "The record says that you accepted it" in accepted.stdout) == (0, True), accepted.output
    assert call("audit", "verify", "tiny").exit_code == 0
    assert "the registry saw" not in call("status").stdout
    said = call("history", "tiny").stdout
    assert "record accepted although the registry had seen 99:abc by person:" in said
    assert "restored the backup of Monday" in said


def test_rollback_and_clear(promoted: World, call: Call):
    result = call("rollback", "tiny", "--to", "1", "--reason", "scores every night flight 1")
    assert result.exit_code == 0, result.output
    assert "tiny: v1 is champion again instead of v3" in result.stdout
    assert shown(promoted) == 1
    assert promoted.stores.registry.alias("tiny", "champion") == 1
    made = promoted.stores.state.promotions("tiny")[-1]
    assert made.actor.startswith("person:")
    assert made.reason == "scores every night flight 1"
    cleared = call("clear", "tiny", "3", "--reason", "the feed was at fault")
    assert (cleared.exit_code, "who is champion has not changed" in cleared.stdout) == (0, True)
    again = call("clear", "tiny", "3", "--reason", "the feed was at fault")
    assert (again.exit_code, "v3 is retired: there is nothing to clear" in again.stderr) == (1, True)
    assert call("audit", "verify").exit_code == 0


def test_whose_season_is_over_may_return_after_a_rollback(promoted: World, call: Call):
    result = call("rollback", "tiny", "--to", "1", "--may-return", "--reason", "winter is over")
    assert result.exit_code == 0, result.output
    assert "v3 may be recalled again" in result.stdout
    assert "clear" not in result.stdout
    assert promoted.stores.state.stage_moves("tiny")[-2].stage == "retired"
    again = call("clear", "tiny", "3", "--reason", "x")
    assert (again.exit_code, "v3 is retired: there is nothing to clear" in again.stderr) == (1, True)
    assert call("audit", "verify").exit_code == 0


def test_a_rollback_does_not_wait_for_a_server_that_is_down(
    promoted: World, call: Call, monkeypatch: pytest.MonkeyPatch
):
    """MLflow would ask again for minutes."""
    monkeypatch.setenv("RETRAIN_ASSETS_TRACKING_URI", "http://127.0.0.1:9")
    begun = time.monotonic()
    result = call("rollback", "tiny", "--reason", "bad nights")
    assert time.monotonic() - begun < 30
    assert result.exit_code == 0, result.output
    first, *_ = result.stdout.splitlines()
    assert first == "tiny: v2 is champion again instead of v3"
    assert "the registry does not show it yet: the next decision will" in result.stdout
    assert promoted.stores.registry.alias("tiny", "champion") == 3
    monkeypatch.delenv("RETRAIN_ASSETS_TRACKING_URI")
    assert "the registry had not seen the newest promotion: shown now" in call("reconcile").stdout
    assert promoted.stores.registry.alias("tiny", "champion") == 2


def test_a_moment_may_name_its_offset(promoted: World, call: Call):
    """As `history --json` prints it."""
    first, second, *_ = [made.as_of for made in promoted.stores.state.promotions("tiny")]
    for text, version in (
        (second.isoformat(), 2),
        (second.astimezone(timezone(timedelta(hours=2))).isoformat(), 2),
        (second.replace(tzinfo=timezone(timedelta(hours=2))).isoformat(), 1),
        (f"{first:%Y-%m-%d %H:%M}", 1),
    ):
        (line,) = json.loads(call("history", "tiny", "--as-of", text, "--json").stdout)
        assert line["version"] == version, text
    for none in ("yesterday", "0001-01-01T00:00+05:00"):
        refused = call("rollback", "tiny", "--as-of", none, "--reason", "x")
        assert (refused.exit_code, "it must be a moment such as 2013-06-01" in refused.stderr) == (2, True)
    assert "v1 is champion again" in call("rollback", "tiny", "--as-of", first.isoformat(), "--reason", "x").stdout


def test_a_rollback_needs_a_reason_and_one_target(call: Call):
    assert call("rollback", "tiny").exit_code == 2
    blank = call("rollback", "tiny", "--reason", " ")
    assert (blank.exit_code, "a reason must be given in words (got ' ')" in blank.stderr) == (1, True)
    assert call("rollback", "tiny", "--to", "1", "--as-of", "2024-01-04", "--reason", "x").exit_code == 2
    refused = call("rollback", "tiny", "--to", "7", "--reason", "x")
    assert (refused.exit_code, "v7 never was champion" in refused.stderr) == (1, True)


def test_a_reproduced_model_is_compared_with_the_recorded_one(call: Call):
    same = call("reproduce", "tiny", "2")
    assert (same.exit_code, "was made again with the same hash" in same.stdout) == (0, True), same.output
    changed = {"class": "sklearn.linear_model.LogisticRegression", "params": {"C": 0.01}}
    other = call("reproduce", "tiny", "2", declare={"estimator": changed})
    assert other.exit_code == 1
    assert "declaration, with the modules of its schema and transform: " in other.stdout
    assert "parameter C: 1.0 then, 0.01 now" in other.stdout


def test_gc_shows_first_and_frees_with_yes(promoted: World, call: Call):
    promoted.drop(3, seed=5)
    promoted.play()
    shown = call("gc")
    assert shown.exit_code == 0, shown.output
    assert "can be freed" in shown.stdout
    assert "nothing was changed: --yes frees it" in shown.stdout
    wanted = json.loads(call("gc", "tiny", "--json").stdout)[0]["files"]
    assert wanted > 0
    assert f"tiny: {wanted:,} files" in call("gc", "tiny", "--yes").stdout
    assert json.loads(call("gc", "--json").stdout)[0]["files"] == 0
    assert call("reproduce", "tiny", "2").exit_code == 0


def test_an_alias_that_was_moved_by_hand_is_adopted_where_a_person_says_so(promoted: World, call: Call):
    promoted.stores.registry.set_alias("tiny", "champion", 2)
    assert call("reconcile", "tiny", "--adopt").exit_code == 2, "a reason is wanted"
    result = call("reconcile", "tiny", "--adopt", "--reason", "during the outage")
    assert result.exit_code == 0, result.output
    assert "v2 is champion, as the alias said" in result.stdout
    assert shown(promoted) == 2


def test_the_rows_most_worth_a_label_are_exported(promoted: World, call: Call):
    none = call("label-next", "tiny", "--batches", "1", "--out", "next.csv")
    assert (none.exit_code, "has its label" in none.stderr) == (1, True)
    promoted.stores.tables.write("tiny/labels", promoted.batch(3).key, no_labels())
    result = call("label-next", "tiny", "--rows", "6", "--batches", "1", "--out", "next.csv")
    assert result.exit_code == 0, result.output
    assert "wrote 6 rows to next.csv: 3 that it is unsure of" in result.stdout
    lines = (promoted.root / "next.csv").read_text().splitlines()
    assert len(lines) == 7
    assert lines[0].startswith('"batch","id","at","x","z","kind"')
    refused = call("label-answers", "tiny", "next.csv")
    assert (refused.exit_code, "labels of tiny come with the rows" in refused.stderr) == (1, True)


def test_a_model_gets_another_name_and_history_tells_of_it(promoted: World, call: Call):
    result = call("rename", "tiny", "arrivals", "--reason", "clearer")
    assert result.exit_code == 0, result.output
    assert "tiny is arrivals now" in result.stdout
    assert "write `name: arrivals` into its declaration" in result.stdout
    refused = call("rollback", "tiny", "--reason", "x")
    assert (refused.exit_code, "tiny was renamed to arrivals" in refused.stderr) == (1, True)
    assert "left out: tiny was renamed to arrivals" in call("reconcile").stderr
    told = call("history", "arrivals", declare={"name": "arrivals"}).stdout
    assert "renamed from tiny to arrivals by person:" in told
    assert "tiny: no champion under this name: `retrain-assets history arrivals`\n" in call("history", "tiny").stdout
    assert call("rename", "tiny", "arrivals", "--reason", "again").exit_code == 0, "it may be given again"
    assert call("audit", "verify").exit_code == 0
    assert call("rollback", "arrivals", "--reason", "worse").exit_code == 0


def test_a_model_is_retired_and_taken_back(promoted: World, call: Call):
    assert "tiny is retired; v3 serves no more" in call("retire", "tiny", "--reason", "done").stdout
    assert "retired by person:" in call("history", "tiny").stdout
    refused = call("retrain", "tiny", "--reason", "x")
    assert (refused.exit_code, "retire tiny --undo" in refused.stderr) == (1, True)
    freed = call("gc", "--yes")
    assert (freed.exit_code, "tiny: " in freed.stdout) == (0, True), freed.output
    assert "left out: tiny was retired" in call("reconcile").stderr
    assert json.loads(call("status", "tiny", "--json").stdout)[0]["state"] == "retired"
    shown = call("status").stdout
    assert "tiny was retired on " in shown
    assert "batch 2024" not in shown, "nothing comes next"
    assert "v3 is champion" in call("retire", "tiny", "--undo", "--reason", "not yet").stdout
    assert json.loads(call("status", "tiny", "--json").stdout)[0]["state"] == "serving"
    assert call("audit", "verify").exit_code == 0


@pytest.mark.slow
def test_a_renamed_model_goes_on_in_dagster(promoted: World, call: Call):
    assert call("rename", "tiny", "arrivals", "--reason", "clearer").exit_code == 0
    promoted.drop(4)
    ran = call("run", "arrivals", "--batch", promoted.batch(4).key, declare={"name": "arrivals"})
    assert ran.exit_code == 0, ran.output
    state = promoted.stores.state
    assert [made.version for made in state.promotions("arrivals")] == [1, 2, 3, 4]
    assert state.steps("arrivals")[-1].outcome == "done"
    assert call("audit", "verify").exit_code == 0
