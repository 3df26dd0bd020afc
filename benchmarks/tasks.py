"""Independent pieces of a long benchmark on all processors, with a journal that a stopped one goes on from."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

from benchmarks.journal import Journal


def run_all(
    tasks: Sequence[Any], solve: Callable[[Any], Any], *, name: str, resume: bool, tell: Callable[[dict[Any, Any]], str]
) -> dict[Any, Any]:
    """The answer to each task. What is known is printed every minute, and when the run is stopped by Ctrl-C.

    Args:
        tasks: in the order in which they are begun; hashable, and written as their `repr`.
        solve: gives what JSON can say; a function of a module, because other processes call it.
        name: of the journal, a file below `.benchmarks`.
        resume: whether the answers of a stopped run count. They do as long as nobody has changed what is measured.
        tell: what is known so far, as text.

    Raises:
        SystemExit: the run was stopped.
    """
    journal = Journal(name, resume=resume)
    known = journal.known()
    answers = {task: known[repr(task)][-1] for task in tasks if repr(task) in known}
    began = told = time.monotonic()
    try:
        for task, answer in _solved([task for task in tasks if task not in answers], solve):
            answers[task] = answer
            journal.write(repr(task), answer)
            if time.monotonic() - told > 60:
                told = time.monotonic()
                _say(f"{told - began:.0f} s, {len(answers)} of {len(tasks)}:\n\n{tell(answers)}")
    except KeyboardInterrupt:
        _say(f"stopped at {len(answers)} of {len(tasks)}; --resume goes on from here:\n\n{tell(answers)}")
        raise SystemExit(130) from None
    return answers


def _solved(tasks: Sequence[Any], solve: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    with (
        _single_threads(),
        ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        begun = {pool.submit(solve, task): task for task in tasks}
        try:
            for done in as_completed(begun):
                yield begun[done], done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _single_threads() -> Generator[None]:
    """A process for each processor: threads of the linear algebra beside them would only wait for each other."""
    before = dict(os.environ)
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
