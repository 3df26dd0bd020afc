"""Verdicts of this package and its peers on the same streams, each by its defaults."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.journal import FOLDER
from benchmarks.peers.at_a_glance import GLANCES, Glance, at_a_glance
from benchmarks.peers.environments import OURS, PEERS, WITH_SCORE, Peer, ask
from benchmarks.peers.task import verdicts_of
from benchmarks.rates import ALPHA, Rate, held, rate_of, table
from benchmarks.streams import COSTLY, DRIFTS, POWER_STREAMS, STABLE, Drift, day_frame, levels
from benchmarks.tables import Sections

DAYS, WINDOWS, COLUMNS, ROWS = 30, 5, 20, 500
OWN = (OURS, WITH_SCORE)
TOOLS = (*OWN, *PEERS)
STABLE_STREAMS = 3
"""So many times the seeded streams without any drift: whether a tool holds the rate decides what its power is worth."""
PLANTED = tuple(DRIFTS)
_HEAD = (
    "**Side by side**, each tool with its defaults in an environment of its own, and this package also where it is "
    "told which column is the score: share of windows called drift, {days} reference days, {columns} columns of {rows} "
    "rows a day, up to {windows} windows a cell (half as many of "
    f"{' and of '.join(COSTLY)}), {{more}} times as many stable ones. In brackets where the tool's false alarms on "
    "that stream are above {alpha:g}: what alarms on stable days finds planted drifts as well. In square brackets "
    "where no stable window of that stream was judged in time, so that it is not known. Beside each rate, of how many "
    "windows it is."
)


def side_by_side(streams: int, *, limit: float, resume: bool = False) -> Sections:
    """All tools at a glance; the share of windows called drift, of stable streams and of planted drifts.

    Args:
        streams: seeded references of each planted drift, with `WINDOWS` windows each.
        limit: seconds that one tool may take for all of it; this package takes as long as it takes.
        resume: whether the verdicts of peers in a run that was stopped count.
    """
    folder = FOLDER / "verdicts"
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for own in OWN:  # this package may be another one since
        _journal(folder, own).unlink(missing_ok=True)
    for stream, seed in product(STABLE, range(STABLE_STREAMS * streams)):
        _write(folder, stream, seed, planted=seed < _planted_seeds(stream, streams))
    for glance, seed in product(GLANCES, range(streams)):
        _write_glance(folder, glance, seed)
    # Two at a time: nothing is timed, and most tools use a single processor.
    with ThreadPoolExecutor(2) as pool:
        asked = {
            peer: pool.submit(
                ask, peer, ["verdicts", folder, _journal(folder, peer)], limit=None if peer in OWN else limit
            )
            for peer in TOOLS
        }
        answers = {peer: answer.result() for peer, answer in asked.items()}
    stopped = "; ".join(f"{peer.name}: {answer.failure}" for peer, answer in answers.items() if answer.failure)
    head = _HEAD.format(
        days=DAYS, columns=COLUMNS, rows=ROWS, windows=streams * WINDOWS, more=STABLE_STREAMS, alpha=ALPHA
    )
    return Sections(
        sections=[
            *at_a_glance((OURS, *PEERS), _glances(folder), streams * WINDOWS),
            head,
            *_told(folder),
            *([f"Not all windows were judged by {stopped}."] if stopped else []),
        ]
    )


def _glances(folder: Path) -> dict[str, dict[str, Rate]]:
    verdicts = _verdicts(folder)
    return {glance.key: _rates(verdicts, [glance.key], _STABLE) for glance in GLANCES}


def _verdicts(folder: Path) -> dict[str, dict[str, bool]]:
    return {peer.name: verdicts_of(_journal(folder, peer)) for peer in TOOLS}


_STABLE = "stable"
"""The kind of windows without a drift among those that have some, and of the only windows of a glance."""


def _told(folder: Path) -> list[str]:
    verdicts = _verdicts(folder)
    stable = {stream: _rates(verdicts, [_key(stream)], _STABLE) for stream in STABLE}
    planted = {
        f"{stream}: {drift}": _rates(verdicts, [_key(stream)], str(place))
        for stream in POWER_STREAMS
        for place, drift in enumerate(PLANTED)
    }

    def holds(row: str, name: str) -> bool | None:
        rate = stable[row.partition(":")[0]].get(name)
        return None if rate is None else held(rate)

    return [
        table(
            {f"{stream}, stable": rates for stream, rates in stable.items()}
            | {"all of them": _rates(verdicts, [_key(stream) for stream in STABLE], _STABLE)},
            methods=list(verdicts),
        ),
        table(planted, holds=holds, methods=list(verdicts)),
        _compared(planted, holds),
    ]


def _compared(planted: Mapping[str, Mapping[str, Rate]], holds: Callable[[str, str], bool | None]) -> str:
    """In two sentences: where a tool that holds the rate finds more than this package, beyond chance and within it."""
    beyond, within = list[str](), list[str]()
    for row, rates in planted.items():
        ours = rates[OURS.name]  # which is never cut off
        for name, rate in rates.items():
            if name in {own.name for own in OWN} or not holds(row, name) or rate.share <= ours.share:
                continue
            told = f"{row}, {name} {rate.share:.2f} instead of {ours.share:.2f}"
            apart = (ours.half**2 + rate.half**2) ** 0.5
            (beyond if rate.share - ours.share > apart else within).append(told)
    return (
        f"Tools that hold the rate and find more than {OURS.name}, beyond two standard errors: {_listed(beyond)}. "
        f"Within two standard errors, so that these windows do not tell: {_listed(within)}."
    )


def _listed(cells: Sequence[str]) -> str:
    return "; ".join(cells) if cells else "none"


def _journal(folder: Path, peer: Peer) -> Path:
    return folder / f"{peer.module}.jsonl"


def _write(folder: Path, stream: str, seed: int, *, planted: bool) -> None:
    """One reference with its windows, as files; those of an earlier run are the same."""
    key = f"{_key(stream)}-{seed}"
    if (folder / f"written_{key}").exists():
        return
    rng = np.random.default_rng([seed, len(stream)])
    days = levels(stream, DAYS + WINDOWS, COLUMNS, rng)
    reference = [day_frame(level, ROWS, rng).assign(day=place) for place, level in enumerate(days[:DAYS])]
    pd.concat(reference).to_parquet(folder / f"reference_{key}.parquet", index=False)
    drifts = {str(place): drift for place, drift in enumerate(DRIFTS.values() if planted else ())}
    for (kind, drift), (window, level) in product(({"stable": Drift()} | drifts).items(), enumerate(days[DAYS:])):
        rows = day_frame(level, ROWS, rng, drift)
        rows.to_parquet(folder / f"window_{key}_{kind}_{window}.parquet", index=False)
    (folder / f"written_{key}").touch()


def _write_glance(folder: Path, glance: Glance, seed: int) -> None:
    key = f"{glance.key}-{seed}"
    if (folder / f"written_{key}").exists():
        return
    rng = np.random.default_rng([seed, glance.columns, len(glance.key)])
    days = levels(glance.stream, glance.DAYS + WINDOWS, glance.columns, rng)
    reference = [
        day_frame(level, glance.ROWS, rng).assign(day=place) for place, level in enumerate(days[: glance.DAYS])
    ]
    pd.concat(reference).to_parquet(folder / f"reference_{key}.parquet", index=False)
    for window, level in enumerate(days[glance.DAYS :]):
        rows = day_frame(level, glance.ROWS, rng, DRIFTS.get(glance.drift))
        rows.to_parquet(folder / f"window_{key}_{_STABLE}_{window}.parquet", index=False)
    (folder / f"written_{key}").touch()


def _planted_seeds(stream: str, streams: int) -> int:
    if stream not in POWER_STREAMS:
        return 0
    return max(streams // 2, 1) if stream in COSTLY else streams


def _key(stream: str) -> str:
    return str(STABLE.index(stream))


def _rates(verdicts: Mapping[str, Mapping[str, bool]], cells: Sequence[str], kind: str) -> dict[str, Rate]:
    """By tool, over the seeds of some cells whose windows it has judged."""
    found: dict[str, Rate] = {}
    for name, said in verdicts.items():
        by_seed: dict[str, list[bool]] = {}
        for window, drifted in said.items():
            key, of, _ = window.split("_")
            if key.rpartition("-")[0] in cells and of == kind:
                by_seed.setdefault(key, []).append(drifted)
        if by_seed:
            found[name] = rate_of(list(by_seed.values()))
    return found
