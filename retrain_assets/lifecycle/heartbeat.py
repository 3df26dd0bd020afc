"""A thread that keeps a lease alive while a run works, so that an expired lease means a process that is gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

_LOG = logging.getLogger(__name__)


class Heartbeat:
    """Calls `renew` again and again, from `start` (or entering) to `stop` (or leaving).

    A renewal that fails is logged and tried again at the next beat: the work goes on, and whether the lease is still
    held is asked again where it is taken for the next step.

    Args:
        renew: renews the lease.
        wait: waits for the next beat unless the event is set meanwhile; true ends the thread.
    """

    def __init__(self, renew: Callable[[], object], *, wait: Callable[[threading.Event], bool]) -> None:
        self._renew = renew
        self._wait = wait
        self._stopped = threading.Event()
        # A daemon thread: it must not keep a process alive that has nothing else to do.
        self._thread = threading.Thread(target=self._beat, name="retrain_assets.heartbeat", daemon=True)

    def start(self) -> Self:
        """Begins to beat."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends the beats; when it returns, no renewal is under way that could take a lease given back meanwhile."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _beat(self) -> None:
        while not self._wait(self._stopped):
            try:
                self._renew()
            except Exception:  # noqa: BLE001 - the thread's end: nobody above could handle it, and the next beat may succeed
                _LOG.exception("The lease could not be renewed; trying again at the next beat")
