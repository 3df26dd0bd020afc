"""approve, reject and approval, as a person types them."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest

from retrain_assets.errors import StoreError
from retrain_assets.lifecycle.waiting import holds
from retrain_assets.orchestration import approvals
from retrain_assets.stores.mlflow_session import Silence
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets_tests.commands.conftest import Call, calling
from retrain_assets_tests.lifecycle.champions import HELD, execute, registry_of
from retrain_assets_tests.lifecycle.world import World


@pytest.fixture
def call(held: World, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a command on the installation in which v4 waits."""
    return calling(held, monkeypatch)


def hash_of(world: World) -> str:
    return world.stores.state.model_versions("tiny")[-1].model_hash[:12]


def test_what_waits_is_listed_with_its_evidence_and_approved(held: World, call: Call):
    approval = {"promote": {"min_rows": 50, "approval": "always"}}
    listed = call("approval", "list", declare=approval).stdout
    assert "tiny v4: pending" in listed
    assert "why: promote.approval is `always`" in listed
    assert "beats_baseline: " in listed
    assert "churn: " in listed
    assert "beats_baseline: passed: " in listed
    assert "candidate - champion, log_loss: " in listed
    (page,) = [line.removeprefix("  model card: ") for line in listed.splitlines() if "model card: " in line]
    assert "<h1>tiny v4</h1>" in Path(page).read_text(encoding="utf-8")
    assert "the card is as persons were shown it" in call("approval", "show", "tiny", "4").stdout
    waits = "waits for approval until 21"
    assert f"tiny: v4 {waits}" in call("status").stdout
    assert f"approval     v4 {waits}" in call("status", "tiny").stdout
    wrong = call("approve", "tiny", "4", "--hash", "0" * 12, "--reason", "good")
    assert (wrong.exit_code, "the answer is for the model" in wrong.stderr) == (1, True)
    done = call("approve", "tiny", "4", "--hash", hash_of(held), "--reason", "good", "--person", "ann")
    assert done.exit_code == 0, done.output
    assert "tiny: v4 is approved (approved by ann; your answer: the name was taken on trust" in done.stdout
    assert call("approval", "list").stdout == "nothing waits for an answer\n"
    (waiting,) = json.loads(call("status", "--json").stdout)[0]["approvals"]
    assert waiting == {
        "version": 4, "state": "approved", "until": None, "text": "v4 is approved, to be carried out",
    }  # fmt: skip
    assert "approve by ann on " in call("approval", "list", "tiny", "--all").stdout


def test_it_is_told_who_may_answer_and_how_many_must(held: World, call: Call):
    asked = {"when": "always", "persons": 2, "approvers": {"ann": {"role": "risk"}, "bob": {}}}
    listed = call("approval", "list", declare={"promote": {"min_rows": 50, "approval": asked}}).stdout
    assert "  must approve: 2 persons; ann (risk), bob may answer, names are taken on trust\n" in listed
    first = call("approve", "tiny", "4", "--hash", hash_of(held), "--reason", "good", "--person", "ann").stdout
    assert first.startswith("tiny: v4 is pending (approved by ann; ")
    assert "\n  2 persons must approve\n" in first
    second = call("approve", "tiny", "4", "--hash", hash_of(held), "--reason", "good", "--person", "bob").stdout
    assert "must approve" not in second
    assert "must approve" not in call("approval", "list", "tiny", "--all").stdout


def test_a_name_that_no_model_has_is_said_before_anybody_signs(call: Call, tmp_path: Path):
    (key := tmp_path / "ann.key").write_text("7" * 64)
    typed = call("approve", "tinny", "4", "--hash", "0" * 12, "--reason", "good", "--key", str(key))
    assert "Did you mean 'tiny'?" in typed.stderr


def test_a_hold_whose_time_has_passed_is_not_listed_as_if_it_still_waited(held: World, call: Call):
    """No daemon has rejected it yet."""
    execute(held, "UPDATE ra_approvals SET expires_at = '2026-01-02 00:00:00.000000'")
    listed = call("approval", "list", declare={"promote": {"min_rows": 50, "approval": "always"}}).stdout
    assert "tiny v4: pending, but its time has passed: it is to be rejected" in listed
    late = call("approve", "tiny", "4", "--hash", hash_of(held), "--reason", "good")
    assert (late.exit_code, "v4 is expired already" in late.stderr) == (1, True)


def test_what_became_of_an_approved_promotion_is_told_where_it_is_run(
    held: World, call: Call, monkeypatch: pytest.MonkeyPatch
):
    def down(*_: object, **__: object) -> None:
        raise StoreError("connection refused,\n  twice") from ConnectionError("of no interest")

    approval = {"promote": {"min_rows": 50, "approval": "always"}}
    call("approve", "tiny", "4", "--hash", hash_of(held), "--reason", "good", declare=approval)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowRegistry, "place", down)
        failed = call("run", "tiny")
    assert "approved    promote  failed" in failed.stdout
    assert "StoreError: connection refused, twice (run " in failed.stdout
    with registry_of(held)._session.client() as client:
        client.delete_model_version("tiny", "4")
    monkeypatch.setattr(approvals, "rest_until", lambda *_: None)
    assert "v4 is void: tiny v4 was deleted in the registry by hand" in call("run", "tiny").stdout


def told_of(world: World) -> str:
    """What the run of the newest version says became of it: copies share its files, and not its tags."""
    run = world.stores.state.model_versions("tiny")[-1].run_id
    with registry_of(world)._session.client() as client:
        return client.get_run(run).data.tags["retrain_assets.outcome"]


def test_what_is_rejected_is_no_challenger_any_more(held: World, call: Call):
    done = call("reject", "tiny", "4", "--hash", hash_of(held), "--reason", "too many alarms")
    assert "tiny: v4 is rejected" in done.stdout
    assert told_of(held) == "rejected"
    assert held.stores.registry.alias("tiny", "challenger") is None
    assert call("reconcile").stdout == "tiny: v3 is champion; the registry agrees\n"


def test_a_rejection_is_recorded_while_the_server_is_down(held: World, call: Call, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RETRAIN_ASSETS_TRACKING_URI", "http://127.0.0.1:9")
    begun = time.monotonic()
    done = call("reject", "tiny", "4", "--hash", hash_of(held), "--reason", "too many alarms")
    assert time.monotonic() - begun < 30
    assert (done.exit_code, "tiny: v4 is rejected" in done.stdout) == (0, True)
    assert "the registry does not show it yet: the next retrain will" in done.stderr
    assert told_of(held) == "held"
    monkeypatch.delenv("RETRAIN_ASSETS_TRACKING_URI")
    call("reconcile")
    assert told_of(held) == "rejected"


def test_a_hold_that_expires_is_told_by_the_sensor_that_ends_it(held: World, call: Call):
    execute(held, "UPDATE ra_approvals SET expires_at = '2026-01-02 00:00:00.000000'")
    assert told_of(held) == "held"
    call("run", "tiny", declare={"promote": {"min_rows": 50, "approval": "always"}})
    assert holds(held.stores.state, held.model)[-1].state == "expired"
    assert told_of(held) == "rejected"


def test_a_run_says_at_once_that_the_server_is_down(held: World, call: Call, monkeypatch: pytest.MonkeyPatch):
    """What was approved needs it: MLflow would ask again for minutes."""
    call("approve", "tiny", "4", "--hash", hash_of(held), "--reason", "good", declare={"promote": HELD})
    monkeypatch.setenv("RETRAIN_ASSETS_TRACKING_URI", "http://127.0.0.1:9")
    begun = time.monotonic()
    ran = call("run", "tiny")
    assert time.monotonic() - begun < 30
    assert "the tracking server http://127.0.0.1:9 does not answer ([Errno 111] Connection refused)" in ran.stderr
    assert "approved    promote  failed" in ran.stdout


def test_reconcile_says_at_once_that_the_server_is_down(held: World, call: Call, monkeypatch: pytest.MonkeyPatch):
    """MLflow alone would keep a person waiting for minutes, without a word."""
    monkeypatch.setenv("RETRAIN_ASSETS_TRACKING_URI", "http://127.0.0.1:9")
    begun = time.monotonic()
    found = call("reconcile", "tiny")
    assert time.monotonic() - begun < 30
    assert found.exit_code == 1
    assert (
        "http://127.0.0.1:9 does not answer ([Errno 111] Connection refused): what needs it fails after" in found.stderr
    )


def test_a_run_waits_for_a_server_that_is_slow(held: World, call: Call, monkeypatch: pytest.MonkeyPatch):
    """A busy one would fail a retrain that it could take."""

    def hurried(_: MlflowRegistry) -> None:
        raise AssertionError

    call("approve", "tiny", "4", "--hash", hash_of(held), "--reason", "good", declare={"promote": HELD})
    monkeypatch.setattr(MlflowRegistry, "silence", lambda _: Silence(reason="timed out", slow=True))
    monkeypatch.setattr(MlflowRegistry, "briefly", hurried)
    ran = call("run", "tiny")
    assert "does not answer (timed out): what needs it waits for it" in ran.stderr
    assert "approved    promote  ok" in ran.stdout


def test_where_answers_are_signed_only_the_key_of_the_person_counts(held: World, call: Call, tmp_path: Path):
    file = tmp_path / "ann.key"
    made = call("approval", "key", "--out", str(file))
    public = made.stdout.split()[-1]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().strip() not in made.stdout
    assert call("approval", "key", "--out", str(file)).exit_code == 2
    signed = {"when": "always", "names": "signed", "approvers": {"ann": {"key": public}}}
    arguments = ("approve", "tiny", "4", "--hash", hash_of(held), "--reason", "good", "--person", "ann")
    refused = call(*arguments, declare={"promote": {"min_rows": 50, "approval": signed}})
    assert (refused.exit_code, "must prove the name with a token" in refused.stderr) == (1, True)
    token = call("approval", "sign", "tiny", "4", "--person", "ann", "--key", str(file)).stdout.strip()
    assert call(*arguments, "--token", token + "A").exit_code == 1
    assert f"signed with the key {public[:16]}" in call(*arguments, "--token", token).stdout


def test_a_key_signs_at_once_and_no_key_is_said(held: World, call: Call, tmp_path: Path):
    broken = tmp_path / "broken.key"
    broken.write_text("no key")
    assert call("approval", "sign", "tiny", "4", "--key", str(broken)).exit_code == 2
    assert call("approval", "sign", "tiny", "9", "--key", str(broken)).exit_code == 1
