"""What answers come to, in every order; and tokens that are worth nothing for anything else."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from retrain_assets.errors import RefusedError
from retrain_assets.promotion.approvals import (
    Answer,
    ApprovalRequest,
    Requirement,
    approval_state,
    holds_of,
    signed_with,
)
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.tokens import make_key, sign, verify
from retrain_assets.spec import ApprovalSpec
from retrain_assets_tests.stores.state.records import NOW

REQUEST = ApprovalRequest(
    id=7, model="sales", version=3, model_hash="aa" * 32, artifact_hash="bb" * 32, batch="2024-01-01", attempt=1,
    champion_version=2, reason="large", requested_at=NOW, expires_at=NOW + timedelta(days=7),
)  # fmt: skip


def said(verdict: Any, person: str = "ann", *, days: int = 1, request: int = 7) -> Answer:
    return Answer(
        approval_id=request, model="sales", version=3, verdict=verdict, person=person, proof="", reason="",
        answered_at=NOW + timedelta(days=days),
    )  # fmt: skip


TWO = Requirement(persons=2, role="lead", roles={"ann": "", "bob": "", "lea": "lead"})


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([], "pending"),
        ([said("approve")], "pending"),
        ([said("approve"), said("approve", "bob")], "approved"),
        ([said("approve", "lea")], "approved"),
        ([said("approve"), said("approve")], "pending"),
        ([said("approve"), said("reject", "bob")], "rejected"),
        ([said("reject", "bob"), said("approve", "lea")], "rejected"),
        ([said("approve", "lea"), said("reject", "bob")], "approved"),
        ([said("expire", "retrain_assets"), said("approve", "lea")], "expired"),
        ([said("approve", "lea", days=8)], "pending"),
        ([said("approve", "lea"), said("void", "retrain_assets")], "void"),
        ([said("void", "retrain_assets"), said("approve", "lea")], "void"),
        ([said("approve", "lea", request=8)], "pending"),
    ],
)
def test_what_answers_come_to(answers, state):
    assert approval_state(REQUEST, answers, TWO) == state


def test_one_person_suffices_by_default():
    assert approval_state(REQUEST, [said("approve")], Requirement()) == "approved"


def test_an_answer_is_held_to_the_declaration_of_now():
    trusted = said("approve", "mallory")
    listed = Requirement(keys={"ann": "ab" * 32}, signed=True)
    assert approval_state(REQUEST, [trusted], Requirement()) == "approved"
    assert approval_state(REQUEST, [trusted], listed) == "pending"
    assert approval_state(REQUEST, [said("approve")], listed) == "pending"
    signed = replace(said("approve"), proof=signed_with("ab" * 32))
    assert approval_state(REQUEST, [signed], listed) == "approved"
    assert approval_state(REQUEST, [signed], replace(listed, keys={"ann": "cd" * 32})) == "pending"


def test_one_name_in_two_spellings_is_one_person():
    two = Requirement(persons=2)
    assert approval_state(REQUEST, [said("approve"), said("approve", "Ann ")], two) == "pending"
    assert approval_state(REQUEST, [said("approve"), said("approve", "\uff41nn")], two) == "pending", "full-width"


def test_what_was_carried_out_stays_approved_whatever_is_declared_later():
    spec = ApprovalSpec(when="always", persons=2)
    made = Promotion(
        id=1, model="sales", version=3, action="promote", previous_id=None, batch="2024-01-01", attempt=1, as_of=NOW,
        training_end=NOW, actor="retrain_assets", reason="", promoted_at=NOW, evidence={"approval": 7},
    )  # fmt: skip
    (hold,) = holds_of([REQUEST], [said("approve")], [made], spec)
    assert (hold.state, hold.open, hold.ready) == ("approved", False, False)


def test_a_requirement_says_itself():
    assert str(TWO) == "one lead or 2 persons"
    assert str(Requirement()) == "1 person"
    assert str(replace(TWO, persons=None)) == "one lead"


def test_a_token_proves_person_verdict_and_version():
    private, public = make_key()
    token = sign(REQUEST, "ann", "approve", private)
    verify(token, REQUEST, "ann", "approve", public)


@pytest.mark.parametrize(
    ("changes", "person", "verdict", "found"),
    [
        ({"version": 4}, "ann", "approve", "version 3 instead of 4"),
        ({"model_hash": "cc" * 32}, "ann", "approve", "model_hash"),
        ({"artifact_hash": "cc" * 32}, "ann", "approve", "artifact_hash"),
        ({"model": "churn"}, "ann", "approve", "model 'sales' instead of 'churn'"),
        ({"id": 8}, "ann", "approve", "request 7 instead of 8"),
        ({}, "bob", "approve", "person 'ann' instead of 'bob'"),
        ({}, "ann", "reject", "verdict 'approve' instead of 'reject'"),
    ],
)
def test_a_token_is_worth_nothing_for_anything_else(changes, person, verdict, found):
    private, public = make_key()
    token = sign(REQUEST, "ann", "approve", private)
    with pytest.raises(RefusedError, match=found):
        verify(token, replace(REQUEST, **changes), person, verdict, public)


def test_another_key_and_every_changed_character_are_refused():
    private, public = make_key()
    token = sign(REQUEST, "ann", "approve", private)
    with pytest.raises(RefusedError, match="not signed with the key that is declared for ann"):
        verify(token, REQUEST, "ann", "approve", make_key()[1])
    for position in itertools.chain(range(0, len(token) - 1, 17)):
        letter = "A" if token[position] != "A" else "B"
        with pytest.raises(RefusedError):
            verify(token[:position] + letter + token[position + 1 :], REQUEST, "ann", "approve", public)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "ü.ü"])
def test_what_is_no_token_is_refused(token):
    with pytest.raises(RefusedError):
        verify(token, REQUEST, "ann", "approve", make_key()[1])
