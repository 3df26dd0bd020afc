"""Who spends the time: exclusive seconds by category, measured by wrapping functions while a block runs."""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Account:
    """Exclusive seconds by category: what a wrapped function calls in another category is not its own.

    Each thread has a stack of calls of its own. `seconds` is wall time; `processor` is what the process computed
    meanwhile, whatever else the machine did.
    """

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    processor: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _calling: threading.local = field(default_factory=threading.local)

    def wrap(self, category: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its exclusive time booked to a category."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            inner = [0.0, 0.0]
            stack: list[list[float]] = self._calling.__dict__.setdefault("stack", [])
            stack.append(inner)
            begun, computed = time.perf_counter(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent, used = time.perf_counter() - begun, time.process_time() - computed
                stack.pop()
                self.seconds[category] += spent - inner[0]
                self.processor[category] += used - inner[1]
                self.calls[category] += 1
                if stack:
                    stack[-1][0] += spent
                    stack[-1][1] += used

        return timed

    @contextmanager
    def patched(self, targets: list[tuple[Any, str, str]]) -> Generator[None]:
        """Wraps `(owner, attribute, category)` for the length of a block."""
        originals = [(owner, name, owner.__dict__.get(name, getattr(owner, name))) for owner, name, _ in targets]
        for owner, name, category in targets:
            setattr(owner, name, self.wrap(category, getattr(owner, name)))
        try:
            yield
        finally:
            for owner, name, original in originals:
                setattr(owner, name, original)
