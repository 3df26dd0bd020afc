"""On SQLite and PostgreSQL alike: every change is told once, and the log of promotions is a chain."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import event, exc
from sqlalchemy.dialects import sqlite

from retrain_assets.errors import DamagedRecordError, PromotionConflictError, StoreError
from retrain_assets.promotion.approvals import Answer, ApprovalRequest
from retrain_assets.promotion.model_moves import ModelMove
from retrain_assets.stores.state import SqlStateStore
from retrain_assets.stores.state.engine import Database
from retrain_assets.stores.state.ledgers import Ledgers
from retrain_assets.stores.state.schema import JsonText
from retrain_assets_tests.stores.state.records import (
    NOW,
    TOKYO,
    arrival,
    decision,
    episode,
    model_version,
    promotion,
    step,
)

MODEL = "flight_delay"


def kinds(store):
    return [row.kind for row in store.outbox()]


class TestOutbox:
    def test_rows_are_numbered_and_read_from_a_cursor(self, store):
        first = store.append_outbox("event", MODEL, batch="2013-01-01", payload={"name": "strike"}, now=NOW)
        second = store.append_outbox("event", "other", now=NOW)
        third = store.append_outbox("seen", MODEL, now=NOW)
        assert first < second < third == store.last_outbox_id()
        rows = store.outbox()
        assert [row.id for row in rows] == [first, second, third]
        assert (rows[0].kind, rows[0].model, rows[0].batch) == ("event", MODEL, "2013-01-01")
        assert (rows[0].payload, rows[0].recorded_at, rows[1].payload) == ({"name": "strike"}, NOW, {})
        assert [row.id for row in store.outbox(after=first)] == [second, third]
        assert [row.id for row in store.outbox(model=MODEL)] == [first, third]
        assert [row.id for row in store.outbox(kinds=["event"], model=MODEL)] == [first]
        assert [row.id for row in store.outbox(limit=2)] == [first, second]
        assert store.outbox(kinds=[]) == []

    def test_is_empty_at_first(self, store):
        assert store.last_outbox_id() == 0
        assert store.outbox() == []

    def test_a_key_is_used_once_for_a_kind_and_model(self, store):
        assert store.append_outbox("seen", MODEL, key="k", now=NOW) is not None
        assert store.append_outbox("seen", MODEL, key="k", now=NOW) is None
        assert store.append_outbox("seen", "other", key="k", now=NOW) is not None
        assert store.append_outbox("missing", MODEL, key="k", now=NOW) is not None
        assert store.append_outbox("seen", MODEL, now=NOW) is not None
        assert store.append_outbox("seen", MODEL, now=NOW) is not None
        assert len(kinds(store)) == 5

    def test_payloads_come_back_as_plain_values(self, store):
        payload = {"n": np.int64(3), "x": np.float64(0.1), "at": NOW, "t": (1, 2), "s": {"b", "a"}, "ü": None}
        store.append_outbox("event", MODEL, payload=payload, now=NOW)
        assert store.outbox()[0].payload == {
            "n": 3, "x": 0.1, "at": NOW.isoformat(), "t": [1, 2], "s": ["a", "b"], "ü": None
        }  # fmt: skip

    def test_a_payload_that_is_no_data_is_refused(self, store):
        with pytest.raises((TypeError, exc.StatementError), match="plain values"):
            store.append_outbox("event", MODEL, payload={"x": object()}, now=NOW)
        assert store.outbox() == []


class TestTimes:
    def test_come_back_in_utc_whatever_the_zone_was(self, store):
        store.record_arrival(arrival(arrived_at=NOW.astimezone(TOKYO)))
        found = store.arrivals(MODEL)[0].arrived_at
        assert found == NOW
        assert found.utcoffset() == timedelta(0)

    def test_must_have_a_zone(self, store):
        with pytest.raises((ValueError, exc.StatementError), match="must have a zone"):
            store.append_outbox("event", MODEL, now=datetime(2013, 1, 1))  # noqa: DTZ001 - the mistake
        assert store.outbox() == []


class TestArrivals:
    def test_are_kept_once(self, store):
        store.record_arrival(arrival())
        store.record_arrival(arrival(arrived_at=NOW + timedelta(hours=1)))
        assert store.arrivals(MODEL) == [arrival()]
        assert kinds(store) == ["arrival"]
        assert store.outbox()[0].payload == {"revision": 1, "kind": "on_time", "content_hash": "c0ffee"}

    def test_come_in_order_and_by_batch(self, store):
        wanted = [
            arrival(),
            arrival(batch="2013-01-08"),
            arrival(kind="changed", revision=2, content_hash="x", parts=()),
        ]
        for each in wanted:
            store.record_arrival(each)
        store.record_arrival(arrival(model="other"))
        assert store.arrivals(MODEL) == wanted
        assert store.arrivals(MODEL, "2013-01-01") == [wanted[0], wanted[2]]


class TestSteps:
    def test_the_same_attempt_is_replaced(self, store):
        failed = step(outcome="failed")
        for each in (failed, step(job="settle"), step(), step()):
            store.record_step(each)
        assert store.steps(MODEL) == [step(job="settle"), step()]
        assert [row.payload["outcome"] for row in store.outbox()] == ["failed", "done", "done"]

    def test_attempts_are_kept_apart(self, store):
        store.record_step(step())
        store.record_step(step(attempt=2, run_id=None, detail={}))
        assert store.steps(MODEL, "2013-01-01") == [step(), step(attempt=2, run_id=None, detail={})]
        assert store.steps(MODEL, "2013-01-08") == []


class TestDecisions:
    def test_are_kept_for_good(self, store):
        store.record_decision(decision(), run_id="one")
        store.record_decision(decision(), run_id="two")
        assert store.decisions(MODEL) == [decision()]
        assert kinds(store) == ["decision"]
        with pytest.raises(StoreError, match="attempt 1 of flight_delay is recorded as 'retrain'"):
            store.record_decision(decision(verdict="wait"))
        assert store.decisions(MODEL) == [decision()]
        store.record_decision(decision(attempt=2, verdict="wait", retrospective=True, champion_version=3))
        assert [each.verdict for each in store.decisions(MODEL)] == ["retrain", "wait"]
        assert store.decisions(MODEL, "2013-01-01")[1].retrospective is True

    def test_numbers_of_a_policys_state_survive_exactly(self, store):
        state = {"cusum": 0.1 + 0.2, "tiny": 5e-324, "big": 10**30, "unknown": float("nan"), "limit": float("inf")}
        store.record_decision(decision(state=state))
        store.record_decision(decision(state=state))
        found = dict(store.decisions(MODEL)[0].state)
        assert np.isnan(found.pop("unknown"))
        del state["unknown"]
        assert found == state


class TestPromotions:
    def test_are_a_chain(self, store):
        first = store.append_promotion(promotion(id=99))
        second = store.append_promotion(promotion(version=2, previous_id=first.id, action="adopt", attempt=None))
        assert store.promotions(MODEL) == [first, second]
        assert first == promotion(id=first.id)
        assert second.id > first.id
        assert kinds(store) == ["promotion", "promotion"]
        assert store.outbox()[1].payload["promotion_id"] == second.id

    @pytest.mark.parametrize("previous", [None, -1, "first", "other"])
    def test_must_follow_the_newest(self, store, previous):
        first = store.append_promotion(promotion())
        newest = store.append_promotion(promotion(version=2, previous_id=first.id))
        other = store.append_promotion(promotion(model="other"))
        told = store.last_outbox_id()
        names = {"first": first.id, "other": other.id}
        with pytest.raises(PromotionConflictError, match=f"promotion {newest.id} is the newest"):
            store.append_promotion(promotion(version=3, previous_id=names.get(previous, previous)))
        assert [each.version for each in store.promotions(MODEL)] == [1, 2]
        assert store.last_outbox_id() == told

    def test_the_first_must_follow_none(self, store):
        with pytest.raises(PromotionConflictError):
            store.append_promotion(promotion(previous_id=1))

    def test_the_database_itself_refuses_a_fork(self, store):
        """A writer that does not look before it inserts loses all the same."""
        from retrain_assets.stores.state.records import promotion_values
        from retrain_assets.stores.state.schema import PROMOTIONS

        first = store.append_promotion(promotion())
        store.append_promotion(promotion(version=2, previous_id=first.id))
        for previous in (None, first.id):
            with pytest.raises(exc.IntegrityError), store._database.writing() as connection:
                connection.execute(PROMOTIONS.insert().values(promotion_values(promotion(previous_id=previous))))
        with pytest.raises(exc.IntegrityError), store._database.writing() as connection:
            connection.execute(PROMOTIONS.insert().values(promotion_values(promotion(previous_id=12345))))


class TestModelVersions:
    def test_are_kept_for_good(self, store):
        store.record_model_version(model_version())
        store.record_model_version(model_version())
        store.record_model_version(model_version(version=2))
        assert store.model_versions(MODEL) == [model_version(), model_version(version=2)]
        assert kinds(store) == ["model_version", "model_version"]
        with pytest.raises(StoreError, match="v1 is recorded with model hash mm"):
            store.record_model_version(model_version(model_hash="other"))


class TestEpisodes:
    def test_are_updated_in_place(self, store):
        later = episode(id="2013-02-05", opened_batch="2013-02-05")
        seen = episode().acknowledged("2013-01-15")
        for each in (episode(), later, seen, seen):
            store.save_episode(each)
        assert store.episodes(MODEL) == [seen, later]
        store.save_episode(replace(seen, closed_batch="2013-01-22"))
        assert store.episodes(MODEL)[0].closed_batch == "2013-01-22"
        assert [row.payload["open"] for row in store.outbox()] == [True, True, True, False]


class TestLeases:
    TTL = timedelta(minutes=5)

    def test_one_holds_it_until_it_expires(self, store):
        assert store.acquire_lease(MODEL, "a", ttl=self.TTL, now=NOW)
        assert not store.acquire_lease(MODEL, "b", ttl=self.TTL, now=NOW + timedelta(minutes=4))
        assert store.acquire_lease("other", "b", ttl=self.TTL, now=NOW)
        assert store.lease_owner(MODEL, now=NOW) == "a"
        assert store.lease_owner(MODEL, now=NOW + self.TTL) is None
        assert store.acquire_lease(MODEL, "b", ttl=self.TTL, now=NOW + self.TTL)
        assert store.lease_owner(MODEL, now=NOW + self.TTL) == "b"

    def test_is_renewed_silently(self, store):
        store.acquire_lease(MODEL, "a", ttl=self.TTL, now=NOW)
        told = store.last_outbox_id()
        assert store.acquire_lease(MODEL, "a", ttl=self.TTL, now=NOW + timedelta(minutes=4))
        assert store.last_outbox_id() == told
        assert store.lease_owner(MODEL, now=NOW + timedelta(minutes=8)) == "a"

    def test_a_renewal_right_after_another_writes_nothing_and_loses_hardly_any_time(self, store):
        store.acquire_lease(MODEL, "a", ttl=self.TTL, now=NOW)
        asked = []
        event.listen(
            store._database.engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement)
        )
        assert store.acquire_lease(MODEL, "a", ttl=self.TTL, now=NOW + self.TTL / 20)
        assert not [statement for statement in asked if statement.startswith(("INSERT", "UPDATE", "DELETE"))]
        assert store.lease_owner(MODEL, now=NOW + self.TTL * 0.99) == "a"
        assert store.acquire_lease(MODEL, "a", ttl=self.TTL, now=NOW + self.TTL / 10)
        assert store.lease_owner(MODEL, now=NOW + self.TTL) == "a"

    def test_is_given_back_by_its_owner_alone(self, store):
        store.acquire_lease(MODEL, "a", ttl=self.TTL, now=NOW)
        store.release_lease(MODEL, "b")
        assert store.lease_owner(MODEL, now=NOW) == "a"
        store.release_lease(MODEL, "a")
        store.release_lease(MODEL, "a")
        assert store.lease_owner(MODEL, now=NOW) is None
        assert [row.payload for row in store.outbox()] == [{"owner": "a", "held": True}, {"owner": "a", "held": False}]


def test_another_store_on_the_same_database_sees_it_all(store, url):
    store.record_arrival(arrival())
    other = SqlStateStore(url)
    assert other.arrivals(MODEL) == [arrival()]
    other.close()


def test_whatever_is_committed_by_whomever_is_seen_at_the_next_look(store, url):
    other = SqlStateStore(url)
    for number, writer in enumerate([store, other, other, store, other]):
        writer.record_step(step(batch=f"2013-01-{number + 1:02}"))
        writer.record_arrival(arrival(batch=f"2013-01-{number + 1:02}"))
        for reader in (store, other, store):
            assert len(reader.steps(MODEL)) == len(reader.arrivals(MODEL)) == number + 1
    other.close()


def test_what_was_committed_while_a_store_was_closed_is_seen_after_it(store, url):
    """What a connection says of the state of the database tells nothing of what the next one says."""
    other = SqlStateStore(url)
    for number in range(4):
        assert len(store.steps(MODEL)) == number
        store.close()
        other.record_step(step(batch=f"2013-01-{number + 1:02}"))
    other.close()


def test_a_look_at_a_ledger_where_nothing_was_committed_asks_no_table(store, monkeypatch):
    store.record_step(step())
    assert store.steps(MODEL) == [step()]
    if store._database.is_sqlite:
        monkeypatch.setattr(Database, "may_have_grown", None)
        monkeypatch.setattr(Database, "looking", None)
    assert store.steps(MODEL) == [step()]


def test_who_asked_before_sees_that_another_store_moves_a_model(store, url):
    """Moves concern all models and a renaming changes older ones: what was read before is not what there is now."""
    other = SqlStateStore(url)
    assert other.model_moves() == other.approvals("flights") == []
    made = [
        ModelMove(model=MODEL, action="retire", previous=None, actor="ann", reason="", moved_at=NOW),
        ModelMove(model=MODEL, action="return", previous=None, actor="ann", reason="", moved_at=NOW),
        ModelMove(model="flights", action="rename", previous=MODEL, actor="ann", reason="", moved_at=NOW),
    ]
    for number, move in enumerate(made[:2], start=1):
        store.move_model(move)
        assert other.model_moves() == made[:number]
    store.move_model(made[2])
    assert [move.model for move in other.model_moves()] == ["flights"] * 3
    other.close()


def test_who_asked_before_sees_a_model_that_another_store_renamed_under_its_new_name_alone(store, url):
    """Every ledger is followed: approvals, answers and stages no less than the log of promotions."""
    request = ApprovalRequest(
        id=0, model=MODEL, version=1, model_hash="mm", artifact_hash="aa", batch="2013-01-01", attempt=1,
        champion_version=None, reason="", requested_at=NOW, expires_at=NOW,
    )  # fmt: skip
    asked = store.request_approval(request)
    store.record_answer(
        Answer(
            approval_id=asked.id, model=MODEL, version=1, verdict="approve", person="ann", proof="", reason="",
            answered_at=NOW,
        )
    )  # fmt: skip
    store.append_promotion(promotion())
    store.record_step(step())
    other = SqlStateStore(url)

    def read(reader, name):
        ledgers = (
            reader.approvals,
            reader.answers,
            reader.stage_moves,
            reader.promotions,
            reader.steps,
            reader.arrivals,
        )
        return [[record.model for record in ledger(name)] for ledger in ledgers]

    for reader in (store, other):
        assert read(reader, MODEL) == [[MODEL]] * 5 + [[]]
        assert read(reader, "flights") == [[]] * 6
    store.move_model(ModelMove(model="flights", action="rename", previous=MODEL, actor="ann", reason="", moved_at=NOW))
    for reader in (other, store):
        assert read(reader, MODEL) == [[]] * 6
        assert read(reader, "flights") == [["flights"]] * 5 + [[]]
    other.record_arrival(arrival(model="flights"))
    assert [each.model for each in store.arrivals("flights")] == ["flights"], "and follows it on"
    other.close()


def test_what_was_read_before_is_not_asked_of_a_file_again(tmp_path):
    """Ledgers are read a hundred times for every batch, which takes no transaction where nothing was added."""
    store = SqlStateStore(f"sqlite:///{tmp_path / 'state.db'}")
    store.record_step(step())
    asked = []

    def read():
        return store.steps(MODEL), store.decisions(MODEL), store.model_moves(), store.outbox(after=10**9)

    before = read()
    event.listen(store._database.engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
    assert read() == before == ([step()], [], [], [])
    assert asked == []
    store.close()


def test_who_read_before_sees_what_another_store_adds_and_replaces(store, url):
    """A ledger is followed, not read again: neither a new row nor one that replaces the last row may be missed."""
    other = SqlStateStore(url)
    store.record_step(step(attempt=1, outcome="failed"))
    assert other.steps(MODEL) == [step(attempt=1, outcome="failed")]
    store.record_step(step(attempt=1, outcome="done"))
    assert other.steps(MODEL) == store.steps(MODEL) == [step(attempt=1, outcome="done")]
    store.record_step(step(attempt=2, outcome="done"))
    store.record_step(step(attempt=1, outcome="failed"))
    assert [each.attempt for each in other.steps(MODEL)] == [2, 1]
    for number in range(3):
        store.append_outbox("event", MODEL, now=NOW)
        store.append_promotion(promotion(previous_id=(store.promotions(MODEL) or [promotion(id=None)])[-1].id))
        assert len(other.outbox(model=MODEL, kinds=["event"])) == len(other.promotions(MODEL)) == number + 1
    assert other.outbox(model=MODEL) == store.outbox(model=MODEL) == SqlStateStore(url).outbox(model=MODEL)
    assert other.outbox(model="another") == []
    other.close()


@pytest.mark.parametrize("kinds", [[], ["event"], ["person", "event"], ["event", "event"], ["nothing"]])
def test_rows_of_some_kinds_are_those_of_all_in_their_order(store, url, kinds):
    other = SqlStateStore(url)
    for kind in ("event", "lease", "person", "event") * 2:
        store.append_outbox(kind, MODEL, now=NOW)
        store.append_outbox(kind, "another", now=NOW)
        every = other.outbox(model=MODEL)
        for after in (0, every[len(every) // 2].id):
            wanted = [row for row in every if row.kind in kinds and row.id > after]
            assert other.outbox(model=MODEL, kinds=kinds, after=after) == wanted
            assert other.outbox(model=MODEL, kinds=iter(kinds), after=after, limit=2) == wanted[:2]
    other.close()


def test_ledgers_that_are_not_asked_for_leave_the_memory(store):
    """A process that looks after a thousand models for years must not hold all that ever happened."""
    store._ledgers = Ledgers(store._database, limit=10)
    for number in range(6):
        for model in "abc":
            store.append_outbox("event", model, payload={"number": number}, now=NOW)
    for model in "abcab":
        assert [row.payload["number"] for row in store.outbox(model=model)] == list(range(6))
        assert store._ledgers._kept == sum(len(read.records) for read in store._ledgers._read.values()) <= 10


def test_a_failed_change_tells_nothing(store, monkeypatch):
    """The change and its outbox row are one transaction."""
    from retrain_assets.stores.state import governed
    from retrain_assets.stores.state import store as module

    def fail(*_arguments, **_keywords):
        raise RuntimeError("power cut")

    monkeypatch.setattr(module, "_tell", fail)
    monkeypatch.setattr(governed, "tell", fail)
    with pytest.raises(RuntimeError):
        store.record_arrival(arrival())
    with pytest.raises(RuntimeError):
        store.append_promotion(promotion())
    assert store.arrivals(MODEL) == []
    assert store.promotions(MODEL) == []


@pytest.mark.parametrize("asked", ["last_outbox_id", "models", "outbox", "append_outbox"])
def test_a_database_that_is_out_of_reach_or_damaged_is_a_sentence_without_its_password(tmp_path, asked):
    damaged = tmp_path / "state.db"
    damaged.write_bytes(b"this is no database " * 500)
    for url, said in (
        (f"sqlite:///{damaged}", "file is not a database"),
        ("postgresql+psycopg2://ann:hush@127.0.0.1:1/x", "Connection refused"),
    ):
        store = SqlStateStore(url)
        with pytest.raises(StoreError, match="the state database cannot be used: ") as found:
            getattr(store, asked)(
                *(["event", "m"] if asked == "append_outbox" else []),
                **({"now": NOW} if asked == "append_outbox" else {}),
            )
        assert said in str(found.value)
        assert "hush" not in str(found.value)
        store.close()


@pytest.mark.parametrize("stored", ["{x", 7])
def test_what_is_no_json_is_a_damaged_record_whatever_the_driver_gives(stored):
    with pytest.raises(DamagedRecordError, match=f"holds '{stored}' where JSON must stand"):
        JsonText().process_result_value(stored, sqlite.dialect())
