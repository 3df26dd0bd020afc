"""All models of a history, fitted once: on the cores there are, kept on disk, resumed where it was interrupted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np

from retrain_assets.replay.scoring import Evidence, score_model
from retrain_assets.replay.stream import Stream
from retrain_assets.replay.windows import SINCE_CHANGE
from retrain_assets.training.environment import libraries
from retrain_assets.training.source import TransformSource

FORMAT = 2
"""Raised when what is stored changes its meaning."""
_DECIDES = {"event_time", "row_id", "features", "estimator", "metric"}
"""Of the declaration; when labels come decides which models there are, not what they say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCache:
    """Evidence of models in a folder, one file each, by everything that decides it."""

    folder: Path

    @classmethod
    def of(cls, root: Path, stream: Stream, source: TransformSource | None = None) -> ScoreCache:
        """The cache of a stream below a root folder."""
        drift = stream.spec.drift
        made_by = "\n".join(
            [
                str(FORMAT),
                stream.content_hash,
                stream.spec.model_dump_json(by_alias=True, include=_DECIDES),
                str(stream.window if stream.window != SINCE_CHANGE else (SINCE_CHANGE, stream.spec.window.min_rows)),
                str(stream.spec.window.holdout_batches),
                *(["all that may judge"] if stream.more_may_judge else []),
                *([f"outputs of {drift.reference} {drift.reference_batches}"] if drift.outputs else []),
                "" if source is None else source.source,
                *(f"{name}={version}" for name, version in sorted(libraries(stream.spec.estimator.class_).items())),
            ]
        )
        return cls(folder=root / hashlib.sha256(made_by.encode()).hexdigest()[:24])

    def path(self, newest: int) -> Path:
        """File of the model whose newest training batch it is."""
        return self.folder / f"{newest:06}.npy"

    def read(self, newest: int) -> Evidence | None:
        """The evidence; empty where no model could be trained, None where it was not computed yet."""
        try:
            return np.load(self.path(newest), mmap_mode="r", allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            # A file that cannot be read is computed anew.
            return None

    def write(self, newest: int, evidence: Evidence | None) -> None:
        """Keeps the evidence, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            np.save(file, np.empty(0) if evidence is None else evidence, allow_pickle=False)
        Path(file.name).replace(self.path(newest))


def fit_missing(
    stream: Stream,
    newest: Sequence[int],
    cache: ScoreCache,
    *,
    source: TransformSource | None = None,
    workers: int | None = None,
    told: Callable[[int, int], None] | None = None,
) -> int:
    """Fits and scores the models that the cache does not hold; returns how many those were.

    Args:
        stream: the history.
        newest: the newest training batch of each model.
        cache: where scores are kept as soon as they are there.
        source: text of the declared transform.
        workers: processes; by default one for each core.
        told: called with the number of models that are done and of all.
    """
    missing = [each for each in newest if cache.read(each) is None]
    done = len(newest) - len(missing)
    if told is not None:
        told(done, len(newest))
    for _ in _fitted(stream, missing, cache, source, min(workers or os.cpu_count() or 1, max(1, len(missing)))):
        done += 1
        if told is not None:
            told(done, len(newest))
    return len(missing)


def _fitted(
    stream: Stream, missing: Sequence[int], cache: ScoreCache, source: TransformSource | None, workers: int
) -> Iterator[int]:
    # The largest first: the last to end should be a small one.
    order = sorted(missing, reverse=True)
    if workers == 1 or len(order) < 2:
        for newest in order:
            cache.write(newest, score_model(stream, newest, source=source))
            yield newest
        return
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(stream, cache, source)
    ) as pool:
        try:
            for future in as_completed([pool.submit(_fit_one, newest) for newest in order]):
                yield future.result()
        except BaseException:
            # Waited for here: the pool's own end would take the cancelling back before it was heard.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_work: tuple[Stream, ScoreCache, TransformSource | None] | None = None


def _begin(stream: Stream, cache: ScoreCache, source: TransformSource | None) -> None:
    global _work  # noqa: PLW0603 - what a worker process works on is sent to it once
    _work = (stream, cache, source)
    one_thread()


def one_thread() -> None:
    """One core for this process; called before its first model.

    An OpenMP library that is loaded later reads the variable: a limit set by then does not reach it.
    """
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = "1"
    threadpool_limits(1)


def _fit_one(newest: int) -> int:
    if _work is None:
        raise RuntimeError("the worker has no stream")
    stream, cache, source = _work
    cache.write(newest, score_model(stream, newest, source=source))
    return newest
