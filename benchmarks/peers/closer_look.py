"""Many more windows of the cells in which a tool that holds the rate is ahead: few leave open which is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.environments import OURS, Peer, ask
from benchmarks.peers.stored_windows import STABLE_KIND, WINDOWS, journal_of, key_of, kind_of, rates, write_seed
from benchmarks.rates import Rate, table

_FIRST_SEED = 1_000
"""Other ones than those that chose the cells: there whoever was ahead was lucky too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A tool that finds more of a planted drift."""

    stream: str
    drift: str
    peer: Peer

    def __str__(self) -> str:
        return f"{self.stream}: {self.drift}"


def look_closer(folder: Path, cells: Sequence[Ahead], *, seeds: int, limit: float) -> list[str]:
    """Windows of new seeds, judged by the tool that is ahead and by this package.

    Args:
        folder: of their files.
        cells: in which another tool is ahead.
        seeds: references of each cell, with five windows each, and as many stable ones.
        limit: seconds that a tool may take.
    """
    if not cells:
        return []
    found: dict[str, dict[str, Rate]] = {}
    stopped: list[str] = []
    for cell in cells:
        stream, kind, peer = key_of(cell.stream), kind_of(cell.drift), cell.peer
        windows = folder / f"{peer.module}_{stream}_{kind}"
        windows.mkdir(parents=True, exist_ok=True)
        journal_of(windows, OURS).unlink(missing_ok=True)  # this package may be another one since
        for seed in range(seeds):
            write_seed(windows, cell.stream, _FIRST_SEED + seed, [cell.drift])
        for judge, most in ((OURS, None), (peer, limit)):
            answer = ask(judge, ["verdicts", windows, journal_of(windows, judge)], limit=most)
            stopped += [f"{judge.name}, {cell}: {answer.failure}"] if answer.failure else []
        for row, of in ((f"{cell.stream}, stable", STABLE_KIND), (str(cell), kind)):
            found.setdefault(row, {}).update(rates(windows, (OURS, peer), [stream], of))
    head = (
        "**A closer look** at the cells in which a tool that holds the rate is ahead, by up to "
        f"{seeds * WINDOWS} windows of other seeds:"
    )
    cut = f" Not all windows were judged by {'; '.join(stopped)}." if stopped else ""
    return [head, table(dict(sorted(found.items()))), _compared(found) + cut]


def _compared(found: dict[str, dict[str, Rate]]) -> str:
    """Where the other tool finds more, beyond chance."""
    beyond = [
        f"{row}, {name} {rate.share:.2f} instead of {judged[OURS.name].share:.2f}"
        for row, judged in found.items()
        for name, rate in judged.items()
        if not row.endswith(STABLE_KIND)
        and rate.share - judged[OURS.name].share > (rate.half**2 + judged[OURS.name].half ** 2) ** 0.5
    ]
    return f"Ahead beyond two standard errors there: {'; '.join(beyond) or 'none'}."
