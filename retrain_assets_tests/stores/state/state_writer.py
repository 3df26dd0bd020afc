"""Writers of processes of their own, all at once on one database: `python -m ... url what name name ...`."""

import os
import sys
import traceback
from datetime import timedelta

from retrain_assets.errors import PromotionConflictError
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.stores.state.records import NOW, promotion

ROUNDS = 40


def write(url: str, what: str, name: str) -> list[object]:
    """Rows of the outbox, and with `all` promotions and the lease, too; tells the ids, how many it won, who has it."""
    store = SqlStateStore(url)
    rows: list[object] = [store.append_outbox("event", name, now=NOW) for _ in range(ROUNDS)]
    if what == "outbox":
        return rows
    won = 0
    for version in range(ROUNDS):
        log = store.promotions("flight_delay")
        previous = log[-1].id if log else None
        try:
            store.append_promotion(promotion(version=version, previous_id=previous, actor=name))
        except PromotionConflictError:
            continue
        won += 1
    return [*rows, won, store.acquire_lease("flight_delay", name, ttl=timedelta(minutes=1), now=NOW)]


def main(url: str, what: str, *names: str) -> None:
    """Forks them all from here, where everything is loaded; prints a line for each, whoever ends first."""
    for name in names:
        if os.fork() == 0:
            failed = True
            try:
                told = " ".join(map(str, write(url, what, name)))
                os.write(sys.stdout.fileno(), f"{told}\n".encode())  # at once: no line is torn
                failed = False
            finally:
                if failed:
                    traceback.print_exc()
                os._exit(failed)
    sys.exit(sum(status != 0 for _, status in (os.wait() for _ in names)))


if __name__ == "__main__":
    main(*sys.argv[1:])
