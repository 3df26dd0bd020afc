"""Writers of processes of their own, on one database: `python -m ... url what name`."""

import sys
from datetime import timedelta

from retrain_assets.errors import PromotionConflictError
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.stores.state.records import NOW, promotion

ROUNDS = 40


def main(url: str, what: str, name: str) -> None:
    """Does one kind of writing and prints what came of it."""
    store = SqlStateStore(url)
    if what == "outbox":
        print(*[store.append_outbox("event", name, now=NOW) for _ in range(ROUNDS)])  # noqa: T201 - the parent reads it
    elif what == "promote":
        won = 0
        for version in range(ROUNDS):
            log = store.promotions("flight_delay")
            previous = log[-1].id if log else None
            try:
                store.append_promotion(promotion(version=version, previous_id=previous, actor=name))
            except PromotionConflictError:
                continue
            won += 1
        print(won)  # noqa: T201 - the parent reads it
    elif what == "lease":
        print(store.acquire_lease("flight_delay", name, ttl=timedelta(minutes=1), now=NOW))  # noqa: T201 - as above


if __name__ == "__main__":
    main(*sys.argv[1:])
