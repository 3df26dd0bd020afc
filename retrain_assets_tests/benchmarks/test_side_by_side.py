"""A tool that is cut off has judged as much of every cell; the table of all tools has what the tools said and took."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.checked import Checked
from benchmarks.false_alarms import pooled
from benchmarks.peers import at_a_glance, closer_look, stored_windows, verdicts
from benchmarks.peers.closer_look import Ahead, look_closer
from benchmarks.peers.environments import OURS, PEERS, Answer
from benchmarks.peers.speed import FLOOR, journal_of
from benchmarks.peers.task import in_turn
from benchmarks.rates import rate_of, table
from benchmarks.streams import COSTLY, DRIFTS, POWER_STREAMS, RARE, STABLE, day_frame

KS = PEERS[0]


def test_wherever_a_tool_is_ended_it_has_judged_as_large_a_part_of_every_cell() -> None:
    cells = {("0", "stable"): 60, ("0", "3"): 20, ("iid100", "stable"): 5}
    seeds = [(cell, kind, number, count // 5) for (cell, kind), count in cells.items() for number in range(5)]
    windows = [
        Path(f"window_{cell}-{seed}_{kind}_{number}.parquet")
        for cell, kind, number, count in seeds
        for seed in range(count)
    ]
    ordered = [path.stem.split("_") for path in in_turn(reversed(windows))]
    assert len(ordered) == len(windows) == 85
    for end in range(1, 85):
        for (cell, kind), count in cells.items():
            judged = sum(stream.rpartition("-")[0] == cell and of == kind for _, stream, of, _ in ordered[:end])
            assert abs(judged / count - end / 85) <= 1 / min(cells.values())
    assert len({stream for _, stream, of, _ in ordered[:12] if of == "stable"}) > 5  # of other seeds first


def test_one_run_gives_the_table_of_all_tools_and_another_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "FOLDER", tmp_path)
    monkeypatch.setattr("benchmarks.journal.FOLDER", tmp_path)
    monkeypatch.setattr(verdicts, "TOOLS", (OURS, KS))
    monkeypatch.setattr(stored_windows, "ROWS", 20)
    monkeypatch.setattr(stored_windows, "DAYS", 2)
    monkeypatch.setattr(at_a_glance.Glance, "ROWS", 20)
    times = journal_of(at_a_glance.DAY_ROWS, resume=False)
    times.write(FLOOR, asdict(Answer(seconds=0.5)))
    times.write(f"{OURS.name}: windows", asdict(Answer(seconds=0.6, gib=1.0)))
    times.write(f"{KS.name}: day", asdict(Answer(failure="over 60 s")))
    asked: list[tuple[str, float | None, int]] = []

    def ask(peer, arguments, *, limit):
        """Says of every window that it has drifted; the other tool is cut off after three."""
        _, folder, told = arguments
        known = told.read_text().splitlines() if told.exists() else []
        asked.append((peer.name, limit, len(known)))
        windows = in_turn(folder.glob("window_*.parquet"))[: None if peer is OURS else 3]
        said = [json.dumps({"window": path.stem.removeprefix("window_"), "drifted": True}) for path in windows]
        told.write_text("\n".join([*known, *said]) + "\n")
        return Answer(failure=None if peer is OURS else "over 9 s")

    monkeypatch.setattr(verdicts, "ask", ask)
    text = verdicts.side_by_side(1, limit=9).markdown("here")
    assert sorted(asked) == [(KS.name, 9, 0), (OURS.name, None, 0)]
    ones, none = "1.00 ± 0.28 of 5", "not measured"
    assert f"| {OURS.name} | {' / '.join([ones] * 3)} | {ones} | {ones} | 1.2x, 1.0 GiB | - |" in text
    assert f"| {KS.name} | {' / '.join([none] * 3)} | {none} | {none} | - | over 60 s |" in text
    assert "Not all windows were judged by KS per column, p < 0.05: over 9 s." in text
    planted = [line for line in text.splitlines() if line.startswith("| ") and ": " in line]
    assert len(planted) == len(POWER_STREAMS) * len(DRIFTS)
    assert set(COSTLY) < set(POWER_STREAMS) < set(STABLE)
    verdicts.side_by_side(1, limit=9, resume=True)
    assert sorted(asked[2:]) == [(KS.name, 9, 3), (OURS.name, None, 0)]


def test_what_was_not_measured_is_not_told_as_a_false_alarm() -> None:
    alarms = {"iid": {"a": rate_of([[False] * 20]), "b": rate_of([[True] * 20])}}
    known: dict[str, bool | None] = {"a": True, "b": False, "c": None}
    found = {"iid: shift": {name: rate_of([[True] * 5]) for name in known}}
    told = table(found, holds=lambda row, name: known[name], methods=list(known))
    assert told.splitlines()[-1] == "| iid: shift | 1.00 ± 0.28 of 5 | (1.00 ± 0.28 of 5) | [1.00 ± 0.28 of 5] |"
    assert table(alarms, methods=list(known)).splitlines()[-1].endswith("| not measured |")


def test_where_another_tool_finds_more_is_told_beyond_chance_and_within_it() -> None:
    """Neither of a tool that alarms on stable windows, nor of this package itself in another setting."""
    shares = {OURS.name: 2, verdicts.WITH_SCORE.name: 20, "far": 19, "near": 5, "less": 1, "loud": 20}
    planted = {
        "iid: shift": {name: rate_of([[place < found] for place in range(20)]) for name, found in shares.items()}
    }
    told = verdicts._compared(planted, lambda row, name: name != "loud")
    beyond, within = told.split(". Within ")
    assert beyond.endswith("beyond two standard errors: iid: shift, far 0.95 instead of 0.10")
    assert within.endswith(": iid: shift, near 0.25 instead of 0.10.")


def test_a_closer_look_judges_new_windows_of_the_cells_in_which_a_tool_is_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_windows, "ROWS", 20)
    monkeypatch.setattr(stored_windows, "DAYS", 2)
    asked: list[tuple[str, int]] = []

    def ask(peer, arguments, *, limit):
        """Finds every planted drift that the other tool is asked for, and of its own none."""
        _, windows, told = arguments
        paths = sorted(windows.glob("window_*.parquet"))
        asked.append((peer.name, len(paths)))
        said = [(path.stem.removeprefix("window_"), peer is KS and "_stable_" not in path.stem) for path in paths]
        told.write_text("".join(json.dumps({"window": window, "drifted": drifted}) + "\n" for window, drifted in said))
        return Answer(failure="over 9 s" if peer is KS else None)

    monkeypatch.setattr(closer_look, "ask", ask)
    assert look_closer(tmp_path, [], seeds=2, limit=9) == []
    cells = [Ahead(stream="iid", drift=drift, peer=KS) for drift in ("0.2 sd in 1", "2 % missing")]
    head, rows, said = look_closer(tmp_path, cells, seeds=2, limit=9)
    assert asked == [(OURS.name, 20), (KS.name, 20)] * 2  # five stable windows and five planted ones of each seed
    assert "by up to 10 windows of other seeds" in head
    assert [line.split(" | ")[0] for line in rows.splitlines()[2:]] == [
        "| iid, stable", "| iid: 0.2 sd in 1", "| iid: 2 % missing",
    ]  # fmt: skip
    assert rows.splitlines()[2].endswith("| 0.00 ± 0.19 of 10 | 0.00 ± 0.19 of 10 |")
    assert rows.splitlines()[3].endswith("| 0.00 ± 0.19 of 10 | 1.00 ± 0.19 of 10 |")
    ahead = ", KS per column, p < 0.05 1.00 instead of 0.00"
    assert said.startswith(
        f"Ahead beyond two standard errors there: iid: 0.2 sd in 1{ahead}; iid: 2 % missing{ahead}. Not all windows"
    )
    assert said.endswith("KS per column, p < 0.05, iid: 2 % missing: over 9 s.")


def test_of_unseen_categories_a_tool_must_hold_the_rate_beside_rare_ones_too() -> None:
    rng = np.random.default_rng(0)
    day = day_frame(np.zeros(4), 20_000, rng, rare=0.002)
    rare = day["c3"].str.startswith("rare")
    assert rare.mean() == pytest.approx(0.002, abs=0.001)
    assert day.loc[rare, "c3"].nunique() > 0.9 * rare.sum()
    assert not day_frame(np.zeros(4), 20_000, rng)["c3"].str.startswith("rare").any()
    stable = {"iid": {"a": rate_of([[False] * 20]), "b": rate_of([[False] * 20]), "c": rate_of([[False] * 20])}}
    stable[RARE] = {"a": rate_of([[False] * 20]), "b": rate_of([[True] * 20])}
    unseen = [verdicts.holds(stable, "iid", "1 % unseen category", name) for name in "abc"]
    assert unseen == [True, False, None]
    assert [verdicts.holds(stable, "iid", "0.2 sd in 1", name) for name in "abc"] == [True, True, True]


def test_rates_are_pooled_over_the_cells_of_a_stream_and_of_a_number_of_columns() -> None:
    answers: Any = {
        Checked(stream=stream, rows=500, columns=columns, drifts=("",), seed=seed): {
            "": {"retrain_assets": [seed == 0] * 4}
        }
        for stream in STABLE[:2]
        for columns in (5, 20)
        for seed in range(2)
    }
    told = table(pooled(answers))
    for group, windows in ((STABLE[0], 16), ("5 columns", 16), ("500 rows a day", 32)):
        line = next(line for line in told.splitlines() if line.startswith(f"| {group} |"))
        assert line.endswith(f" of {windows} |")
