"""Verdicts of this package and its peers on the same streams, each by its defaults."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.journal import FOLDER
from benchmarks.peers.at_a_glance import GLANCES, Glance, at_a_glance
from benchmarks.peers.closer_look import Ahead, look_closer
from benchmarks.peers.environments import OURS, PEERS, WITH_SCORE, ask
from benchmarks.peers.stored_windows import (
    COLUMNS,
    DAYS,
    ROWS,
    STABLE_KIND,
    STREAMS,
    WINDOWS,
    journal_of,
    key_of,
    kind_of,
    rates,
    write_seed,
    write_windows,
)
from benchmarks.rates import ALPHA, Rate, held, table
from benchmarks.streams import COSTLY, DRIFTS, POWER_STREAMS, RARE, Drift, levels
from benchmarks.tables import Sections

OWN = (OURS, WITH_SCORE)
TOOLS = (*OWN, *PEERS)
STABLE_STREAMS = 3
"""So many times the seeded streams without any drift: whether a tool holds the rate decides what its power is worth."""
CLOSER = 10
"""So many times the seeded streams of a planted drift for a closer look."""
_HEAD = (
    "**Side by side**, each tool with its defaults in an environment of its own, and this package also where it is "
    "told which column is the score: share of windows called drift, {days} reference days, {columns} columns of {rows} "
    "rows a day, up to {windows} windows a cell (half as many of "
    f"{' and of '.join(COSTLY)}), {{more}} times as many stable ones. In brackets where the tool's false alarms on "
    "that stream are above {alpha:g} (of unseen categories also where they are above it beside rare ones): what alarms "
    "on stable days finds planted drifts as well. In square brackets where no stable window of that stream was judged "
    "in time, so that it is not known. Beside each rate, of how many "
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
        journal_of(folder, own).unlink(missing_ok=True)
    for stream, seed in product(STREAMS, range(STABLE_STREAMS * streams)):
        write_seed(folder, stream, seed, list(DRIFTS) if seed < _planted_seeds(stream, streams) else [])
    for glance, seed in product(GLANCES, range(streams)):
        _write_glance(folder, glance, seed)
    # Two at a time: nothing is timed, and most tools use a single processor.
    with ThreadPoolExecutor(2) as pool:
        asked = {
            peer: pool.submit(
                ask, peer, ["verdicts", folder, journal_of(folder, peer)], limit=None if peer in OWN else limit
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
            *_told(folder, seeds=CLOSER * streams, limit=limit),
            *([f"Not all windows were judged by {stopped}."] if stopped else []),
        ]
    )


def _glances(folder: Path) -> dict[str, dict[str, Rate]]:
    return {glance.key: rates(folder, TOOLS, [glance.key], STABLE_KIND) for glance in GLANCES}


def _told(folder: Path, *, seeds: int, limit: float) -> list[str]:
    stable = {stream: rates(folder, TOOLS, [key_of(stream)], STABLE_KIND) for stream in STREAMS}
    planted = {
        f"{stream}: {drift}": rates(folder, TOOLS, [key_of(stream)], kind_of(drift))
        for stream in POWER_STREAMS
        for drift in DRIFTS
    }
    names = [peer.name for peer in TOOLS]

    def holding(row: str, name: str) -> bool | None:
        stream, _, drift = row.partition(": ")
        return holds(stable, stream, drift, name)

    return [
        table(
            {f"{stream}, stable": alarms for stream, alarms in stable.items()}
            | {"all of them": rates(folder, TOOLS, [key_of(stream) for stream in STREAMS], STABLE_KIND)},
            methods=names,
        ),
        table(planted, holds=holding, methods=names),
        _compared(planted, holding),
        *look_closer(folder / "closer", _ahead(planted, holding), seeds=seeds, limit=limit),
    ]


def holds(stable: Mapping[str, Mapping[str, Rate]], stream: str, drift: str, name: str) -> bool | None:
    """Whether a tool holds the declared rate where a drift is planted; None where it is not known.

    Args:
        stable: false alarms by stream and tool.
        stream: in which the drift is planted.
        drift: its name. What alarms at any new category finds unseen ones: there rare ones must not make it alarm.
        name: of the tool.
    """
    streams = (stream, RARE) if DRIFTS[drift].kind == "unseen" else (stream,)
    alarms = [stable[each].get(name) for each in streams]
    return None if None in alarms else all(held(rate) for rate in alarms if rate is not None)


def _ahead(planted: Mapping[str, Mapping[str, Rate]], holds: Callable[[str, str], bool | None]) -> list[Ahead]:
    """The tools that hold the rate and find more than this package, beyond chance or not."""
    return [
        Ahead(stream=row.partition(": ")[0], drift=row.partition(": ")[2], peer=peer)
        for row, found in planted.items()
        for peer in PEERS
        if peer.name in found and holds(row, peer.name) and found[peer.name].share > found[OURS.name].share
    ]


def _compared(planted: Mapping[str, Mapping[str, Rate]], holds: Callable[[str, str], bool | None]) -> str:
    """In two sentences: where a tool that holds the rate finds more than this package, beyond chance and within it."""
    beyond, within = list[str](), list[str]()
    for row, told in planted.items():
        ours = told[OURS.name]  # which is never cut off
        for name, rate in told.items():
            if name in {own.name for own in OWN} or not holds(row, name) or rate.share <= ours.share:
                continue
            said = f"{row}, {name} {rate.share:.2f} instead of {ours.share:.2f}"
            apart = (ours.half**2 + rate.half**2) ** 0.5
            (beyond if rate.share - ours.share > apart else within).append(said)
    return (
        f"Tools that hold the rate and find more than {OURS.name}, beyond two standard errors: {_listed(beyond)}. "
        f"Within two standard errors, so that these windows do not tell: {_listed(within)}."
    )


def _listed(cells: Sequence[str]) -> str:
    return "; ".join(cells) if cells else "none"


def _write_glance(folder: Path, glance: Glance, seed: int) -> None:
    rng = np.random.default_rng([seed, glance.columns, len(glance.key)])
    days = levels(glance.stream, glance.DAYS + WINDOWS, glance.columns, rng)
    kinds = {STABLE_KIND: DRIFTS.get(glance.drift, Drift())}
    write_windows(folder, f"{glance.key}-{seed}", days, glance.ROWS, kinds, rng)


def _planted_seeds(stream: str, streams: int) -> int:
    if stream not in POWER_STREAMS:
        return 0
    return max(streams // 2, 1) if stream in COSTLY else streams
