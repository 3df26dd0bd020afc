"""A promotion that waits for a person: durable, for exactly this version, and rejected when nobody answers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import (
    DamagedRecordError,
    DataError,
    IntegrityError,
    NotStoredError,
    RefusedError,
    StoreError,
)
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.approval_record import approval_text
from retrain_assets.lifecycle.approving import answer, hold_reason, prove_name
from retrain_assets.lifecycle.auditing import verify
from retrain_assets.lifecycle.cards import NO_CARD, card_since, kept_card
from retrain_assets.lifecycle.promote import carry_out, read_evaluation
from retrain_assets.lifecycle.versions import stage_of
from retrain_assets.lifecycle.waiting import holds, settle_requests
from retrain_assets.promotion.approvals import Answer, ApprovalRequest, signed_with
from retrain_assets.promotion.evaluation import differences_in
from retrain_assets.promotion.proofs import proof_of, unproven
from retrain_assets.promotion.tokens import make_key, sign
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets_tests.lifecycle.champions import DECLARED, HELD, copied, execute, play, registry_of
from retrain_assets_tests.lifecycle.world import World, declaration
from retrain_assets_tests.promotion.test_approvals import REQUEST

ANSWER = Answer(
    approval_id=1, model="tiny", version=4, verdict="approve", person="ann", proof="", reason="I never said so",
    answered_at=REQUEST.requested_at,
)  # fmt: skip


def declared(world: World, **approval: Any) -> World:
    promote = {"min_rows": 50, "approval": {"when": "always", **approval}}
    spec = ModelSpec.model_validate(declaration(**DECLARED, promote=promote))
    return replace(world, model=DeclaredModel(spec=spec, root=world.root))


def say(world: World, verdict: Any = "approve", person: str = "ann", **changes: Any):
    hash_ = world.stores.state.model_versions("tiny")[-1].model_hash
    given: dict[str, Any] = {
        "verdict": verdict, "model_hash": hash_[:12], "person": person, "reason": "read the card", "token": None,
        "now": world.now,
    }  # fmt: skip
    asked: dict[str, Any] = {"version": 4} | given | changes
    return answer(world.stores, world.model, **asked)


def carried(world: World):
    return carry_out(world.stores, world.model, now=world.now, run_id="carry out")


def champion_of(world: World) -> int:
    return world.stores.state.promotions("tiny")[-1].version


def test_the_hold_is_a_row_and_the_champion_serves_on(held: World):
    (hold,) = holds(held.stores.state, held.model)
    assert (hold.state, hold.request.version, hold.request.champion_version) == ("pending", 4, 3)
    assert hold.request.evidence["gates"]
    report = read_evaluation(held.stores, held.model, held.batch(4), 1)
    assert differences_in(hold.request.evidence) == report.differences
    assert {each.a for each in report.differences} >= {"candidate"}
    assert (champion_of(held), stage_of(held.stores, held.model, 4)) == (3, "challenger")
    assert registry_of(held).alias("tiny", "challenger") == 4
    step = [step for step in held.stores.state.steps("tiny") if step.job == "retrain"][-1]
    assert (step.outcome, step.detail["outcome"]) == ("done", "held")
    assert "held for approval by 1 person until" in step.detail["reason"]
    assert lifecycle.next_job(held.stores, held.model, now=held.now) is None
    assert held.stores.state.lease_owner("tiny", now=held.now) is None


def test_the_hold_names_the_card_that_persons_were_shown(held: World):
    (hold,) = holds(held.stores.state, held.model)
    version, card = held.stores.state.model_versions("tiny")[-1], hold.request.evidence["card"]
    kept = Path(card["url"]).with_name(card["file"]).read_bytes()
    assert card["sha256"] == hashlib.sha256(kept).hexdigest()
    assert "# tiny v4" in kept.decode()
    assert card_since(held.stores, version, hold.request.evidence) == "as persons were shown it"
    lifecycle.evaluate(held.stores, held.model, held.batch(4), now=held.now, run_id="again")
    assert card_since(held.stores, version, hold.request.evidence) == "as persons were shown it", "the same evidence"
    assert f"card {card['sha256']}" in shown(held)[1]
    assert card_since(held.stores, version, {"gates": []}) == "unknown: the hold names no card"


def test_persons_are_asked_also_where_the_card_cannot_be_read(promoted: World, monkeypatch: pytest.MonkeyPatch):
    def down(*_: object) -> None:
        raise StoreError("connection refused")

    monkeypatch.setattr(MlflowRegistry, "text", down)
    world = declared(promoted, expires="36500 days")
    world.drop(4)
    world.play()
    (hold,) = holds(world.stores.state, world.model)
    version, card = world.stores.state.model_versions("tiny")[-1], hold.request.evidence["card"]
    assert (hold.state, hold.request.version, card["sha256"]) == ("pending", 4, None)
    assert Path(card["url"]).is_file()
    assert card["reason"] == "it could not be read when persons were asked: connection refused"
    assert card_since(world.stores, version, hold.request.evidence) == f"unknown: {card['reason']}"


def test_a_version_whose_card_could_not_be_kept_is_in_the_record(promoted: World, monkeypatch: pytest.MonkeyPatch):
    log = MlflowRegistry.log

    def no_card(registry: MlflowRegistry, run: str, **told: Any) -> None:
        if "texts" in told:
            raise StoreError("connection refused")
        log(registry, run, **told)

    monkeypatch.setattr(MlflowRegistry, "log", no_card)
    promoted.drop(4)
    with pytest.raises(StoreError, match="connection refused"):
        promoted.play()
    known = [version.version for version in promoted.stores.state.model_versions("tiny")]
    assert (known, stage_of(promoted.stores, promoted.model, 4)) == ([1, 2, 3, 4], "candidate")
    with registry_of(promoted)._session.client() as client:
        assert sorted(int(each.version) for each in client.search_model_versions("name = 'tiny'")) == known


def test_a_card_that_changed_or_is_gone_is_told(held: World, monkeypatch: pytest.MonkeyPatch):
    (hold,) = holds(held.stores.state, held.model)
    version = held.stores.state.model_versions("tiny")[-1]
    monkeypatch.setattr(MlflowRegistry, "text", lambda *_: "# better")
    assert card_since(held.stores, version, hold.request.evidence).startswith("another than persons were shown")
    monkeypatch.setattr(MlflowRegistry, "text", lambda *_: None)
    assert card_since(held.stores, version, hold.request.evidence) == "gone since persons were asked"
    card = kept_card(held.stores, version).to_evidence()
    assert (card["sha256"], card["reason"]) == (None, NO_CARD)


def test_a_version_whose_rejection_was_killed_on_the_way_waits_no_longer(held: World):
    """The answer is in the record, and the version still stood as a challenger."""
    version = held.stores.state.model_versions("tiny")[-1]
    (hold,) = holds(held.stores.state, held.model)
    no = replace(ANSWER, approval_id=hold.request.id, verdict="reject", reason="bad", answered_at=held.now)
    held.stores.state.record_answer(no)
    assert stage_of(held.stores, held.model, version.version) == "challenger"
    assert settle_requests(held.stores, held.model, now=held.now) == []
    assert stage_of(held.stores, held.model, version.version) == "retired"


def test_an_approval_promotes_exactly_that_version(held: World):
    assert carried(held) is None
    assert say(held).state == "approved"
    assert champion_of(held) == 3, "an answer promotes nobody by itself"
    made = carried(held)
    assert made is not None
    assert made.promotion is not None
    assert made.promotion.version == 4
    assert made.promotion.evidence["approved_by"] == ["ann"]
    assert "on trust" in made.promotion.evidence["approval_proofs"][0]
    assert (stage_of(held.stores, held.model, 4), stage_of(held.stores, held.model, 3)) == ("champion", "retired")
    assert (registry_of(held).alias("tiny", "champion"), registry_of(held).alias("tiny", "challenger")) == (4, None)
    assert carried(held) is None
    assert verify(held.stores, "tiny").faults == ()
    run = held.stores.state.model_versions("tiny")[-1].run_id
    with registry_of(held)._session.client() as client:
        text = Path(client.download_artifacts(run, "approvals.md")).read_text(encoding="utf-8")
    first = held.stores.state.model_versions("tiny")[0].run_id
    assert "No person was asked about it." in (registry_of(held).text(first, "approvals.md") or "")
    assert "# Approval of tiny v4" in text
    assert "It is approved." in text
    assert "- approve by ann on " in text


def test_the_asset_champion_by_hand_carries_it_out_and_a_rollback_to_it_claims_no_approval(held: World):
    say(held)
    made = lifecycle.assert_champion(held.stores, held.model, now=held.now, run_id="by hand")
    assert made.promotion is not None
    assert made.promotion.version == 4
    for to in (3, 4):
        back = lifecycle.roll_back(held.stores, held.model, to=to, reason="x", actor="person:ann", now=held.now)
    assert back.promotion is not None
    assert made.promotion.evidence.keys() - back.promotion.evidence.keys() == {
        "approval", "approved_by", "approval_proofs",
    }  # fmt: skip


def test_what_was_watched_meanwhile_stays_the_older_champions(held: World):
    say(held)
    state = held.stores.state
    newest = held.batch(6)
    watched = next(step for step in state.steps("tiny") if step.job == "watch")
    state.record_step(replace(watched, batch=newest.key, attempt=1))
    made = carried(held)
    assert made is not None
    assert made.promotion is not None
    assert made.promotion.as_of == newest.end


def shown(world: World) -> tuple[dict[str, str], str]:
    """Tags of the run of v4, and its page of approvals."""
    run = world.stores.state.model_versions("tiny")[-1].run_id
    with registry_of(world)._session.client() as client:
        text = Path(client.download_artifacts(run, "approvals.md")).read_text(encoding="utf-8")
        return client.get_run(run).data.tags, text


def test_what_persons_write_is_text_on_the_page_of_approvals(held: World):
    """It is shown as Markdown: an image would tell its owner who looks."""
    reason = "as ![agreed](http://evil.example/seen)\r\n# Approved by all\n<img src=http://evil.example/seen>"
    say(held, "reject", person="[ann](http://evil.example)", reason=reason)
    text = approval_text(held.stores, held.model, held.stores.state.model_versions("tiny")[-1])
    assert "](" not in text
    assert "<img" not in text
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# Approval of tiny v4"]
    assert "&lt;img src=http://evil.example/seen>" in text


@pytest.mark.parametrize("end", ["rejected", "expired", "void"])
def test_the_run_of_a_version_that_nobody_approved_says_so_at_the_next_reconcile(held: World, end: str):
    assert shown(held)[0]["retrain_assets.outcome"] == "held"
    if end == "rejected":
        say(held, "reject")
    elif end == "expired":
        settle_requests(held.stores, held.model, now=holds(held.stores.state, held.model)[0].request.expires_at)
    else:
        lifecycle.roll_back(held.stores, held.model, to=2, reason="x", actor="person:ann", now=held.now)
    lifecycle.reconcile(held.stores, held.model, now=held.now)
    assert registry_of(held).alias("tiny", "challenger") is None
    tags, text = shown(held)
    assert tags["retrain_assets.outcome"] == "rejected"
    who = "ann: read the card" if end == "rejected" else "retrain_assets: "
    assert tags["retrain_assets.reason"].startswith(f"{end}: {who}")
    assert f"It is {end}." in text
    logged = held.stores.registry.model_tags("tiny")["answers"]
    assert logged == str(len(held.stores.state.answers("tiny"))) == "1"


def test_the_runs_of_first_versions_say_so_too_and_each_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """There is no champion whose promotion would show them."""
    world = play(tmp_path, days=2, promote=HELD)
    told: list[str] = []
    log = world.stores.registry.log

    def spied(run_id: str, **texts: Any) -> None:
        told.append(run_id)
        log(run_id, **texts)

    for day in (1, 2):
        if day == 2:
            world.drop(day)
            world.play()
        (version,) = world.stores.state.model_versions("tiny")[day - 1 :]
        assert shown(world)[0]["retrain_assets.outcome"] == "held"
        say(world, "reject", version=version.version)
        with monkeypatch.context() as patch:
            patch.setattr(world.stores.registry, "log", spied)
            for _ in range(2):
                assert lifecycle.reconcile(world.stores, world.model, now=world.now).champion is None
        tags, text = shown(world)
        assert (tags["retrain_assets.outcome"], told) == ("rejected", [version.run_id])
        assert "It is rejected." in text
        told.clear()


def test_a_rejection_rejects(held: World):
    assert say(held, "reject").state == "rejected"
    assert carried(held) is None
    assert (champion_of(held), stage_of(held.stores, held.model, 4)) == (3, "retired")
    with pytest.raises(RefusedError, match="tiny v4 is rejected already: an answer comes too late"):
        say(held, person="bob")
    again = lifecycle.promote(held.stores, held.model, held.batch(4), now=held.now, run_id="again")
    assert (again.promotion, again.held) == (None, False)


@pytest.mark.covers("promote.approval.expires")
def test_a_hold_that_nobody_answers_is_rejected(held: World):
    late = holds(held.stores.state, held.model)[0].request.expires_at
    assert settle_requests(held.stores, held.model, now=late - timedelta(seconds=1)) == []
    assert holds(held.stores.state, held.model)[0].state == "pending"
    for _ in range(2):
        settle_requests(held.stores, held.model, now=late)
    (hold,) = holds(held.stores.state, held.model)
    assert (hold.state, [given.person for given in hold.answers]) == ("expired", ["retrain_assets"])
    with pytest.raises(RefusedError, match="is expired already"):
        say(held, now=late)
    assert stage_of(held.stores, held.model, 4) == "retired"
    soon = declared(held, expires="1 hour")
    assert soon.model.spec.promote.approval.expires == timedelta(hours=1)
    version = held.stores.state.model_versions("tiny")[2]
    asked = ApprovalRequest(
        id=0, model="tiny", version=version.version, model_hash=version.model_hash,
        artifact_hash=version.artifact_hash, batch=version.batch, attempt=version.attempt, champion_version=3,
        reason="", requested_at=held.now, expires_at=held.now + soon.model.spec.promote.approval.expires,
    )  # fmt: skip
    held.stores.state.request_approval(asked)
    settle_requests(held.stores, held.model, now=held.now + timedelta(hours=2))
    assert holds(held.stores.state, held.model)[-1].state == "expired"


def test_an_answer_names_the_exact_hash(held: World):
    with pytest.raises(RefusedError, match="the answer is for the model 'ffffffffffff', but tiny v4 is"):
        say(held, model_hash="f" * 12)
    with pytest.raises(RefusedError, match="name at least 8 digits"):
        say(held, model_hash=held.stores.state.model_versions("tiny")[-1].model_hash[:7])
    with pytest.raises(RefusedError, match="nobody is asked about tiny v3"):
        say(held, version=3)
    with pytest.raises(RefusedError, match="an answer needs the name of a person"):
        say(held, person="")
    for forged in ("ann\n- approve by boss", "\u200bretrain_assets"):
        with pytest.raises(RefusedError, match="in characters that can be seen"):
            say(held, person=forged)


def test_a_person_answers_once(held: World):
    two = declared(held, persons=2)
    assert say(two).state == "pending"
    with pytest.raises(RefusedError, match="ann has answered request"):
        say(two)
    assert carried(two) is None
    assert say(two, person="bob").state == "approved"


@pytest.mark.covers(
    "promote.approval.persons",
    "promote.approval.role",
    "promote.approval.approvers",
    "promote.approval.approvers.*.role",
)
def test_who_is_on_the_list_and_of_the_role(held: World):
    people = {"ann": {"role": "analyst"}, "bob": {"role": "analyst"}, "lea": {"role": "lead"}}
    world = declared(held, approvers=people, persons=2, role="lead")
    with pytest.raises(RefusedError, match=r"eve may not answer: promote\.approval.approvers names ann, bob, lea"):
        say(world, person="eve")
    assert say(world, person="ann").state == "pending"
    alone = declared(held, approvers=people, role="lead")
    assert holds(alone.stores.state, alone.model)[0].state == "pending"
    assert say(alone, person="bob").state == "pending", "nobody but a lead suffices where no number is declared"
    assert say(alone, person="lea").state == "approved"
    assert declared(held, persons=1).model.spec.promote.approval.role is None


@pytest.mark.covers("promote.approval.names", "promote.approval.approvers.*.key")
def test_signed_names_need_the_persons_token(held: World):
    private, public = make_key()
    other, _ = make_key()
    trusting = declared(held, names="on_trust").model.spec.promote.approval
    assert "on trust" in prove_name(trusting, REQUEST, "ann", "approve", None)
    with pytest.raises(RefusedError, match=r"a token proves nothing of ann: .* names no key of that name"):
        prove_name(trusting, REQUEST, "ann", "approve", "a.token")
    listed = declared(held, approvers={"ann": {"key": public}}).model.spec.promote.approval
    assert "on trust" in prove_name(listed, REQUEST, "ann", "approve", None)
    assert "signed" in prove_name(listed, REQUEST, "ann", "approve", sign(REQUEST, "ann", "approve", private))
    with pytest.raises(RefusedError, match="not signed with the key"):
        prove_name(listed, REQUEST, "ann", "approve", sign(REQUEST, "ann", "approve", other))
    world = declared(held, names="signed", approvers={"ann": {"key": public}, "bob": {"key": make_key()[1]}})
    (hold,) = holds(world.stores.state, world.model)
    with pytest.raises(RefusedError, match="ann must prove the name with a token"):
        say(world)
    with pytest.raises(RefusedError, match="not signed with the key"):
        say(world, token=sign(hold.request, "ann", "approve", other))
    with pytest.raises(RefusedError, match="for something else: verdict"):
        say(world, token=sign(hold.request, "ann", "reject", private))
    given = say(world, token=sign(hold.request, "ann", "approve", private))
    assert given.answers[0].shown_proof == f"signed with the key {public[:16]}"
    assert verify(world.stores, "tiny").faults == ()
    carried(world)
    assert champion_of(world) == 4
    assert verify(world.stores, "tiny").faults == ()


def test_an_answer_that_only_claims_a_signature_promotes_nobody_and_is_found(held: World):
    """Written into the table past the platform: with no token, and with one that another key signed."""
    (private, public), (other, forger) = make_key(), make_key()
    approvers = {"ann": {"key": public}}
    world = declared(held, names="signed", approvers=approvers)
    (hold,) = holds(world.stores.state, world.model)
    request = hold.request
    sentence = signed_with(public)
    own = sign(request, "ann", "approve", private)
    assert unproven(replace(ANSWER, proof=proof_of(public, own)), request, {"tiny"}) is None
    assert unproven(replace(ANSWER, proof=proof_of(public, own), verdict="reject"), request, ["tiny"])
    renamed = replace(request, model="small")
    assert unproven(replace(ANSWER, proof=proof_of(public, own)), renamed, ["tiny", "small"]) is None
    foreign = sign(request, "ann", "approve", other)
    told = unproven(replace(ANSWER, proof=f"{sentence}: {public[:16]}{forger[16:]}.{foreign}"), request, [], key=public)
    assert told is not None
    assert "not signed" in told
    forged = replace(ANSWER, approval_id=request.id, answered_at=world.now, proof=sentence)
    world.stores.state.record_answer(forged)
    assert [str(fault) for fault in verify(world.stores, "tiny").faults] == [
        "the answer of ann claims a signature that was not kept with it"
    ]
    made = carried(world)
    assert made is not None
    assert (made.promotion, champion_of(world)) == (None, 3)
    (hold,) = holds(world.stores.state, world.model)
    assert (hold.state, hold.answers[-1].reason) == (
        "void", "the answer of ann claims a signature that was not kept with it",
    )  # fmt: skip


@pytest.mark.parametrize("error", [IntegrityError, NotStoredError, DataError])
def test_an_approval_of_a_version_that_changed_or_is_gone_is_void(
    held: World, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    """It promotes nobody, and bars the way of no later one."""
    say(held)

    def changed(*_: object, **__: object) -> None:
        raise error("model.pkl was changed after registration")

    monkeypatch.setattr(held.stores.registry, "load", changed)
    made = carried(held)
    assert made is not None
    assert (made.promotion, made.reason) == (None, "model.pkl was changed after registration")
    assert champion_of(held) == 3
    (hold,) = holds(held.stores.state, held.model)
    assert (hold.state, hold.answers[-1].reason) == ("void", "model.pkl was changed after registration")
    assert stage_of(held.stores, held.model, 4) == "retired"
    assert carried(held) is None


def test_an_approved_version_that_needs_a_column_which_the_schema_lost_since_is_void(held: World):
    """It could score the rows that were stored then, but none that come."""
    say(held)
    schema = {name: rule for name, rule in declaration()["schema"].items() if name != "z"}
    spec = ModelSpec.model_validate(declaration(**DECLARED, promote=HELD, schema=schema))
    made = carried(replace(held, model=DeclaredModel(spec=spec, root=held.root)))
    assert made is not None
    assert made.promotion is None
    assert "z" in made.reason
    assert champion_of(held) == 3
    assert [hold.state for hold in holds(held.stores.state, held.model)] == ["void"]


def test_an_approval_outlives_a_record_that_cannot_be_read(held: World):
    """The damage says nothing of what was approved: once a backup is back, it is carried out."""
    say(held)
    execute(held, "UPDATE ra_steps SET detail = '{x' WHERE job = 'settle'")
    with pytest.raises(DamagedRecordError, match="Put a backup of it back"):
        carried(held)
    execute(held, "UPDATE ra_steps SET detail = '{}' WHERE job = 'settle'")
    (hold,) = holds(held.stores.state, held.model)
    assert hold.state == "approved"
    assert carried(held) is not None
    assert champion_of(held) == 4


DUMMY = {"class": "sklearn.dummy.DummyClassifier", "params": {"strategy": "uniform"}}


def trained_again(world: World, **promote: Any) -> World:
    """Another estimator is declared, and `candidate` of the newest batch is materialized alone: it is v5."""
    spec = ModelSpec.model_validate(declaration(**DECLARED, estimator=DUMMY, promote={"min_rows": 50} | promote))
    other = replace(world, model=DeclaredModel(spec=spec, root=world.root))
    made = lifecycle.train(other.stores, other.model, other.batch(4), now=other.now, run_id="by hand")
    assert made.version.version == 5
    return other


def test_no_version_is_promoted_on_the_evaluation_of_another(held: World):
    """The evaluation of v4 passed; nobody evaluated v5."""
    other = trained_again(held)
    made = lifecycle.promote(other.stores, other.model, other.batch(4), now=other.now, run_id="by hand")
    assert (made.promotion, made.reason) == (None, "the evaluation judged v4, not v5: evaluate again")
    assert champion_of(other) == 3


def test_an_evaluation_whose_rows_were_edited_promotes_nobody(held: World):
    """The loss of the candidate in the table, through the table store itself."""
    say(held)
    batch, table = held.batch(4), held.model.table("evaluation_report")
    rows = held.stores.tables.read(table, [batch.key])
    lower = rows.assign(value=rows["value"].where(rows["role"] != "candidate", 0.1))
    held.stores.tables.write(table, batch.key, lower, run_id="mallory")
    made = lifecycle.promote(held.stores, held.model, batch, now=held.now, run_id="by hand")
    assert made.promotion is None
    assert "is no evidence, it is not what was written: somebody changed it" in made.reason
    (hold,) = holds(held.stores.state, held.model)
    assert (hold.state, champion_of(held)) == ("void", 3)
    lifecycle.evaluate(held.stores, held.model, batch, now=held.now, run_id="again")
    assert lifecycle.promote(held.stores, held.model, batch, now=held.now, run_id="by hand").held


@pytest.mark.parametrize("evaluated", [False, True])
def test_an_approval_is_carried_out_for_the_version_that_was_approved_and_for_no_later_one(
    held: World, evaluated: bool
):
    say(held)
    other = trained_again(held, approval=HELD["approval"])
    if evaluated:
        lifecycle.evaluate(other.stores, other.model, other.batch(4), now=other.now, run_id="by hand")
    made = carried(other)
    assert made is not None
    (hold,) = holds(other.stores.state, other.model)
    if evaluated:
        assert (made.promotion, champion_of(other), hold.state) == (None, 3, "void")
        assert hold.answers[-1].reason == "the evaluation judged v5, not v4: evaluate again"
    else:
        assert (champion_of(other), hold.promoted) == (4, True)
    asked = lifecycle.promote(other.stores, other.model, other.batch(4), now=other.now, run_id="by hand")
    assert not asked.held, "a dummy passes no gate, and the evaluation of v4 is not its own"


def test_an_approval_outlasts_a_registry_that_is_down(held: World, monkeypatch: pytest.MonkeyPatch):
    say(held)

    def down(*_: object, **__: object) -> None:
        raise StoreError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(held.stores.registry, "load", down)
        with pytest.raises(StoreError, match="connection refused"):
            carried(held)
    assert holds(held.stores.state, held.model)[0].state == "approved"
    carried(held)
    assert champion_of(held) == 4


@pytest.mark.parametrize("answered", [True, False])
def test_what_persons_were_asked_is_void_once_another_is_champion_and_they_are_asked_anew(held: World, answered: bool):
    if answered:
        say(held)
    back = lifecycle.roll_back(held.stores, held.model, reason="x", actor="person:ann", now=held.now)
    assert back.reason == "x (void, as compared with the champion that leaves: the approval of v4)"
    (hold,) = holds(held.stores.state, held.model)
    assert (hold.state, stage_of(held.stores, held.model, 4)) == ("void", "retired")
    assert "v3 was champion when persons were asked, and v2 is now: evaluate batch" in hold.answers[-1].reason
    assert carried(held) is None
    with pytest.raises(RefusedError, match=r"v4 is void already \(v3 was champion .* an answer comes too late"):
        say(held, person="bob")
    stale = lifecycle.assert_champion(held.stores, held.model, now=held.now, run_id="too soon")
    assert "the evaluation compared with v3, but v2 is champion now" in stale.reason
    assert not stale.held

    evaluated = lifecycle.evaluate(held.stores, held.model, held.batch(4), now=held.now, run_id="again")
    assert (evaluated.champion and evaluated.champion.version, evaluated.gates.passed) == (2, True)
    for _ in range(2):
        asked = lifecycle.assert_champion(held.stores, held.model, now=held.now, run_id="again")
        assert asked.held
    _, hold = holds(held.stores.state, held.model)
    assert (hold.state, hold.request.champion_version, hold.request.attempt) == ("pending", 2, 2)
    say(held)
    carried(held)
    assert (champion_of(held), stage_of(held.stores, held.model, 4)) == (4, "champion")
    assert verify(held.stores, "tiny").faults == ()


@pytest.fixture(scope="module")
def two_held_once(held_once: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The sixth day brought v5, which waits beside v4."""
    world = copied(held_once, tmp_path_factory.mktemp("two") / "w", promote=HELD)
    world.drop(5)
    world.play()
    for version in world.stores.state.model_versions("tiny")[3:]:
        say(world, version=version.version, model_hash=version.model_hash)
    return world


@pytest.mark.parametrize("gone", [False, True])
def test_of_two_approvals_the_newer_is_carried_out_and_the_older_where_it_cannot_be(
    two_held_once: World, tmp_path: Path, gone: bool
):
    world = copied(two_held_once, tmp_path / "w", promote=HELD)
    if gone:
        with registry_of(world)._session.client() as client:
            client.delete_model_version("tiny", "5")
    made = carried(world)
    assert made is not None
    assert made.promotion is not None
    assert made.promotion.version == champion_of(world) == (4 if gone else 5)
    older, newer = holds(world.stores.state, world.model)
    assert (older.state, newer.state) == (("approved", "void") if gone else ("void", "approved"))
    said = (newer if gone else older).answers[-1].reason
    assert ("v5 was deleted in the registry by hand" if gone else "superseded: v5 was trained later") in said
    assert carried(world) is None


@pytest.mark.covers("promote.approval.when")
def test_only_what_is_large_is_held(held: World):
    report = read_evaluation(held.stores, held.model, held.batch(4), 1)

    def reason(bootstrapping: bool = False, **approval: Any) -> str | None:
        return hold_reason(report, declared(held, **approval).model.spec.promote.approval, bootstrapping=bootstrapping)

    assert reason(when="never") is None
    assert reason() == "promote.approval is `always`"
    assert reason(bootstrapping=True) == "promote.approval is `always`"
    large = {"churn": 0.0, "score_shift": 0.0}
    assert "the scores lie" in str(reason(when="on_large_change", large_change=large))
    assert reason(when="on_large_change", large_change=large, bootstrapping=True) is None
    assert reason(when="on_large_change", large_change={"churn": 1.0, "score_shift": 1.0}) is None
