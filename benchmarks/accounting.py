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

Category = str | Callable[..., str]
_Call = tuple[str, list[float]]
"""Its category, and the wall and processor time of the wrapped functions that it called."""


@dataclass
class Account:
    """Exclusive seconds by category: what a wrapped function calls in another category is not its own.

    Each thread has a stack of calls of its own. `seconds` is wall time; `processor` is what the process computed
    meanwhile, whatever else the machine did.

    Args:
        whole: categories to which belongs all that their functions call, whatever it is booked to elsewhere.
    """

    whole: frozenset[str] = frozenset()

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    processor: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _calling: threading.local = field(default_factory=threading.local)

    def wrap(self, category: Category, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its exclusive time booked to a category, or to what a function of its arguments names."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            booked = category if isinstance(category, str) else category(*args, **kwargs)
            inner = [0.0, 0.0]
            stack: list[_Call] = self._calling.__dict__.setdefault("stack", [])
            if stack and stack[-1][0] in self.whole:
                return function(*args, **kwargs)
            stack.append((booked, inner))
            begun, computed = time.perf_counter(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent, used = time.perf_counter() - begun, time.process_time() - computed
                stack.pop()
                self.seconds[booked] += spent - inner[0]
                self.processor[booked] += used - inner[1]
                self.calls[booked] += 1
                if stack:
                    stack[-1][1][0] += spent
                    stack[-1][1][1] += used

        return timed

    @contextmanager
    def patched(self, targets: list[tuple[Any, str, Category]]) -> Generator[None]:
        """Wraps `(owner, attribute, category)` for the length of a block."""
        originals = [(owner, name, owner.__dict__.get(name, getattr(owner, name))) for owner, name, _ in targets]
        for owner, name, category in targets:
            setattr(owner, name, self.wrap(category, getattr(owner, name)))
        try:
            yield
        finally:
            for owner, name, original in originals:
                setattr(owner, name, original)
