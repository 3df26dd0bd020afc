"""Ctrl-C and SIGTERM while Dagster executes: a run catches them, so who asked for the run would never know."""

from __future__ import annotations

import os
import signal
from types import TracebackType
from typing import Any, Self


class Interrupts:
    """Remembers every SIGINT and SIGTERM, whatever handler is in place; SIGTERM is taken as Ctrl-C is.

    Python writes the number of a signal into a pipe before any handler runs: that is what is read here.
    """

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._terminate: Any = signal.signal(signal.SIGTERM, signal.default_int_handler)
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        signal.signal(signal.SIGTERM, self._terminate)
        os.close(self._read)
        os.close(self._write)

    def check(self) -> None:
        """Raises KeyboardInterrupt if one came."""
        try:
            signals = os.read(self._read, 4096)
        except BlockingIOError:
            return
        if {signal.SIGINT, signal.SIGTERM} & set(signals):
            raise KeyboardInterrupt
