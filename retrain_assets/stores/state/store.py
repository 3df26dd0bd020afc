"""The state database: what happened, in tables that only grow, and the numbered outbox that tells of it."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, TypeVar

import sqlalchemy as sa

from retrain_assets.data.arrivals import Arrival
from retrain_assets.drift.episodes import Episode
from retrain_assets.errors import StoreError
from retrain_assets.policy.decision import Decision
from retrain_assets.stores.protocols import OutboxRow, Step
from retrain_assets.stores.state import records
from retrain_assets.stores.state.chain import insert_chained as _insert_chained
from retrain_assets.stores.state.engine import Database
from retrain_assets.stores.state.governed import GovernedTables
from retrain_assets.stores.state.ledgers import Ledgers
from retrain_assets.stores.state.rows import find as _find
from retrain_assets.stores.state.rows import insert as _insert
from retrain_assets.stores.state.rows import tell as _tell
from retrain_assets.stores.state.schema import (
    ARRIVALS,
    DECISIONS,
    EPISODES,
    LEASES,
    MODEL_VERSIONS,
    OUTBOX,
    STEPS,
)
from retrain_assets.stores.state.upgrade import upgrade
from retrain_assets.training.bundle import ModelVersion

Record = TypeVar("Record")


class SqlStateStore(GovernedTables):
    """StateStore in a SQL database, which is created or upgraded at first use.

    Args:
        url: `sqlite:///folder/state.db`, or `postgresql://user@host/database` (read through psycopg2).
        clock: The wall clock for outbox rows of records that carry no time of their own.
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = Database(url)
        self._clock = clock
        self._ledgers = Ledgers(self._database)
        self._lock = threading.Lock()
        self._upgraded = False

    def upgrade(self) -> None:
        """Creates the tables or runs the migrations that are missing. Any other method does so at first use."""
        if self._upgraded:
            return
        with self._lock:
            if not self._upgraded:
                upgrade(self._database)
                self._upgraded = True

    def close(self) -> None:
        """Closes all connections; the next call opens new ones."""
        self._database.close()

    def append_outbox(
        self,
        kind: str,
        model: str,
        *,
        batch: str | None = None,
        payload: Mapping[str, Any] | None = None,
        key: str | None = None,
        now: datetime,
    ) -> int | None:
        with self._writing() as connection:
            if key is not None:
                used = sa.select(OUTBOX.c.id).where(OUTBOX.c.kind == kind, OUTBOX.c.model == model, OUTBOX.c.key == key)
                if connection.execute(used).first() is not None:
                    return None
            return _tell(connection, kind, model, batch=batch, payload=payload, key=key, now=now)

    def outbox(
        self, *, after: int = 0, model: str | None = None, kinds: Iterable[str] | None = None, limit: int = 1000
    ) -> list[OutboxRow]:
        if model is not None:
            if kinds is None:
                rows = self._followed(OUTBOX, model, records.outbox_row)
            else:
                self._begin()
                rows = self._ledgers.follow_kinds(OUTBOX, model, records.outbox_row, list(kinds))
            return rows[bisect_right(rows, after, key=attrgetter("id")) :][:limit]
        self._begin()
        if not self._database.may_have_grown(OUTBOX.name, after):
            return []
        if kinds is None:
            return self._all(_TOLD, records.outbox_row, after=after, limit=limit)
        return self._all(_TOLD_OF_KINDS, records.outbox_row, after=after, limit=limit, kinds=list(kinds))

    def last_outbox_id(self) -> int:
        with self._looking() as connection:
            return connection.execute(_LAST_TOLD).scalar() or 0

    def record_arrival(self, arrival: Arrival) -> None:
        values = records.arrival_values(arrival)
        with self._writing() as connection:
            if _find(connection, ARRIVALS, values, "model", "batch", "revision", "kind", "content_hash") is not None:
                return
            _insert(connection, ARRIVALS, values)
            payload = {name: values[name] for name in ("revision", "kind", "content_hash")}
            _tell(connection, "arrival", arrival.model, batch=arrival.batch, payload=payload, now=arrival.arrived_at)

    def arrivals(self, model: str, batch: str | None = None) -> list[Arrival]:
        arrivals = self._followed(ARRIVALS, model, records.arrival_of)
        return arrivals if batch is None else [arrival for arrival in arrivals if arrival.batch == batch]

    def record_step(self, step: Step) -> None:
        values = records.step_values(step)
        with self._writing() as connection:
            earlier = _find(connection, STEPS, values, "model", "batch", "job", "attempt")
            if earlier is not None:
                if records.same(STEPS, earlier, values):
                    return
                if self._database.is_sqlite:
                    # It would give the id of a deleted last row again, and who follows would miss the new one.
                    values = values | {"id": connection.execute(sa.select(sa.func.max(STEPS.c.id) + 1)).scalar_one()}
                connection.execute(STEPS.delete().where(STEPS.c.id == earlier["id"]))
            _insert(connection, STEPS, values)
            payload = {name: values[name] for name in ("job", "attempt", "revision", "outcome", "cause")}
            _tell(connection, "step", step.model, batch=step.batch, payload=payload, now=step.finished_at)

    def steps(self, model: str, batch: str | None = None) -> list[Step]:
        steps = self._followed(STEPS, model, records.step_of, key=("batch", "job", "attempt"))
        return steps if batch is None else [step for step in steps if step.batch == batch]

    def record_decision(self, decision: Decision, *, run_id: str | None = None) -> None:
        values = records.decision_values(decision) | {"run_id": run_id}
        with self._writing() as connection:
            earlier = _find(connection, DECISIONS, values, "model", "batch", "attempt")
            if earlier is not None:
                # The same decision of another run is the same decision.
                if records.same(DECISIONS, earlier, values, but=frozenset({"run_id"})):
                    return
                raise StoreError(
                    f"decision {decision.batch} attempt {decision.attempt} of {decision.model} is recorded as "
                    f"'{earlier['verdict']}' ({earlier['reason']}) and must stay so: a new decision is a new attempt"
                )
            _insert_chained(connection, DECISIONS, values)
            payload = {name: values[name] for name in ("attempt", "verdict", "cause", "retrospective")}
            _tell(
                connection, "decision", decision.model, batch=decision.batch, payload=payload, now=decision.decided_at
            )

    def decisions(self, model: str, batch: str | None = None) -> list[Decision]:
        decisions = self._followed(DECISIONS, model, records.decision_of)
        return decisions if batch is None else [decision for decision in decisions if decision.batch == batch]

    def record_model_version(self, version: ModelVersion) -> None:
        values = records.model_version_values(version)
        with self._writing() as connection:
            earlier = _find(connection, MODEL_VERSIONS, values, "model", "version")
            if earlier is not None:
                if records.same(MODEL_VERSIONS, earlier, values):
                    return
                raise StoreError(
                    f"{version} is recorded with model hash {earlier['model_hash']} at {earlier['uri']} and must stay "
                    f"so (got {version.model_hash} at {version.uri})"
                )
            _insert(connection, MODEL_VERSIONS, values)
            payload = {"version": version.version, "model_hash": version.model_hash}
            _tell(connection, "model_version", version.model, batch=version.batch, payload=payload, now=self._clock())

    def model_versions(self, model: str) -> list[ModelVersion]:
        # One that a killed run left behind is recorded after later ones.
        found = self._followed(MODEL_VERSIONS, model, records.model_version_of)
        return sorted(found, key=lambda version: version.version)

    def save_episode(self, episode: Episode) -> None:
        values = records.episode_values(episode)
        with self._writing() as connection:
            earlier = _find(connection, EPISODES, values, "model", "episode")
            if earlier is None:
                _insert(connection, EPISODES, values)
            elif records.same(EPISODES, earlier, values):
                return
            else:
                connection.execute(EPISODES.update().where(EPISODES.c.id == earlier["id"]).values(values))
            payload = {"episode": episode.id, "open": episode.closed_batch is None}
            _tell(connection, "episode", episode.model, batch=episode.last_batch, payload=payload, now=self._clock())

    def episodes(self, model: str) -> list[Episode]:
        return self._all(_EPISODES, records.episode_of, model=model)

    def models(self) -> list[str]:
        told = sa.select(OUTBOX.c.model).where(OUTBOX.c.kind == "labels_read")
        query = sa.union(sa.select(ARRIVALS.c.model), told).order_by("model")
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def acquire_lease(self, model: str, owner: str, *, ttl: timedelta, now: datetime) -> bool:
        until = now + ttl
        values = {"model": model, "owner": owner, "expires_at": until}
        with self._writing() as connection:
            held = connection.execute(_LEASE, {"model": model}).mappings().first()
            if held is None:
                connection.execute(_TAKE_LEASE, values)
            elif held["owner"] != owner and held["expires_at"] > now:
                return False
            elif held["owner"] != owner or not _is_fresh(held["expires_at"], until, ttl):
                connection.execute(_CHANGE_LEASE, values | {"of": model})
            # A renewal changes nothing that anybody waits for.
            if held is None or held["owner"] != owner:
                _tell(connection, "lease", model, payload={"owner": owner, "held": True}, now=now)
            return True

    def release_lease(self, model: str, owner: str) -> None:
        with self._writing() as connection:
            if connection.execute(_GIVE_BACK, {"of": model, "by": owner}).rowcount:
                _tell(connection, "lease", model, payload={"owner": owner, "held": False}, now=self._clock())

    def lease_owner(self, model: str, *, now: datetime) -> str | None:
        with self._looking() as connection:
            return connection.execute(_HOLDER, {"model": model, "now": now}).scalar()

    def _begin(self) -> None:
        if not self._upgraded:
            self.upgrade()

    @contextmanager
    def _reading(self) -> Generator[sa.Connection, None, None]:
        self._begin()
        with self._database.reading() as connection:
            yield connection

    @contextmanager
    def _looking(self) -> Generator[sa.Connection, None, None]:
        self._begin()
        with self._database.looking() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Generator[sa.Connection, None, None]:
        self._begin()
        with self._database.writing() as connection:
            yield connection

    def _all(self, query: sa.Select[Any], record_of: Callable[[records.Row], Record], **values: Any) -> list[Record]:
        with self._looking() as connection:
            return [record_of(row) for row in connection.execute(query, values).mappings()]

    def _followed(
        self, table: sa.Table, model: str, record_of: Callable[[records.Row], Record], key: Sequence[str] = ("id",)
    ) -> list[Record]:
        self._begin()
        return self._ledgers.follow(table, model, record_of, key)

    def _whole(self, table: sa.Table, record_of: Callable[[records.Row], Record]) -> list[Record]:
        self._begin()
        return self._ledgers.whole(table, record_of)


# Statements that every batch executes several times: putting them together takes longer than the database.
_TOLD = (
    sa.select(OUTBOX)
    .where(OUTBOX.c.id > sa.bindparam("after"))
    .order_by(OUTBOX.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_TOLD_OF_KINDS = _TOLD.where(OUTBOX.c.kind.in_(sa.bindparam("kinds", expanding=True)))
_LAST_TOLD = sa.select(sa.func.max(OUTBOX.c.id))
_EPISODES = sa.select(EPISODES).where(EPISODES.c.model == sa.bindparam("model")).order_by(EPISODES.c.id)
_LEASE = sa.select(LEASES).where(LEASES.c.model == sa.bindparam("model"))
_HOLDER = sa.select(LEASES.c.owner).where(
    LEASES.c.model == sa.bindparam("model"), LEASES.c.expires_at > sa.bindparam("now")
)
_TAKE_LEASE = LEASES.insert()
_CHANGE_LEASE = LEASES.update().where(LEASES.c.model == sa.bindparam("of"))
_GIVE_BACK = LEASES.delete().where(LEASES.c.model == sa.bindparam("of"), LEASES.c.owner == sa.bindparam("by"))


def _is_fresh(expires_at: datetime, wanted: datetime, ttl: timedelta) -> bool:
    """Renewed so lately that it need not be again: the steps of a run follow one another within the second."""
    return timedelta(0) <= wanted - expires_at <= ttl / 20
