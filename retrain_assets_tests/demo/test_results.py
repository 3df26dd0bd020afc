"""What the demo writes is valid, complete, and read back as it was told."""

import csv
import json
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from retrain_assets.demo.results import Written, read_stories, summary_table, write_results
from retrain_assets.demo.story import Story, Week

START = datetime(2013, 1, 1, tzinfo=UTC)


def week(number: int, live: float | None, first: float | None, **changes: object) -> Week:
    start = START + timedelta(weeks=number)
    told = Week(
        batch=f"{start:%Y-%m-%d}",
        start=start,
        outcome="done",
        version=None if live is None else 1,
        champion=live,
        never_retrained=first,
        rows=100,
        drift="stable" if live is not None else "not_applicable",
        decision="wait",
        reason="no trigger fired",
        promoted_version=None,
    )
    return replace(told, **changes)


STORY = Story(
    model="flight_delay",
    metric="log_loss",
    weeks=(
        week(0, None, None),
        week(1, None, None, decision="retrain", promoted_version=1, reason='first_model: enough, "really"'),
        week(2, 0.5, 0.5),
        week(3, 0.6, 0.6, drift="drift", decision="retrain", promoted_version=2),
        week(4, 0.4, 0.5, version=2),
        week(5, 0.55, 0.5, version=2),
    ),
    accepted_rows=590,
    quarantined_rows=10,
    retrains=2,
    promotions=2,
    champion=2,
    training_end=START + timedelta(weeks=3),
)
EMPTY = Story(
    model="bike_rentals", metric="poisson_deviance", weeks=(), accepted_rows=0, quarantined_rows=0, retrains=0,
    promotions=0, champion=None, training_end=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "demo"
    write_results((STORY, EMPTY), folder, outbox_id=7)
    return folder


def chunks(png: bytes) -> list[bytes]:
    """Names of the chunks of a PNG, each with its checksum verified."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        body = png[at + 4 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(body),)
        found.append(body[:4])
        at += length + 12
    return found


@pytest.mark.parametrize("model", ["flight_delay", "bike_rentals"])
def test_a_figure_is_a_whole_png_of_a_size_to_look_at(folder: Path, model: str) -> None:
    png = (folder / f"{model}.png").read_bytes()
    assert chunks(png)[0] == b"IHDR"
    assert chunks(png)[-1] == b"IEND"
    width, height = struct.unpack(">II", png[16:24])
    assert 1000 <= width <= 1600
    assert 500 <= height <= 1000


def test_the_weekly_numbers_have_one_line_for_each_batch(folder: Path) -> None:
    with (folder / "weeks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["batch"] for row in rows] == [week.batch for week in STORY.weeks]
    assert {row["model"] for row in rows} == {"flight_delay"}
    assert (rows[0]["champion"], rows[0]["never_retrained"]) == ("", "")
    assert (float(rows[4]["champion"]), float(rows[4]["never_retrained"])) == (0.4, 0.5)
    assert rows[1]["reason"] == 'first_model: enough, "really"'


def test_the_summary_compares_where_both_are_known(folder: Path) -> None:
    flights, bikes = json.loads((folder / "summary.json").read_text())["models"]
    assert flights["comparison"] == {
        "batches": 4,
        "mean_loss": pytest.approx(0.5125),
        "mean_loss_never_retrained": pytest.approx(0.525),
        "difference": pytest.approx(-0.0125),
        "better": 1,
        "worse": 1,
    }
    assert bikes["comparison"]["difference"] is None


def test_what_was_told_is_read_back_while_nothing_has_happened(folder: Path) -> None:
    assert read_stories(folder, outbox_id=7) == (STORY, EMPTY)
    assert read_stories(folder, outbox_id=8) is None
    assert read_stories(folder / "nowhere", outbox_id=7) is None


def test_a_lost_file_is_told_again(tmp_path: Path) -> None:
    written = write_results((STORY,), tmp_path, outbox_id=1)
    assert written == Written.in_folder(tmp_path, (STORY,))
    for path in written.paths:
        content = path.read_bytes()
        path.unlink()
        assert read_stories(tmp_path, outbox_id=1) is None
        path.write_bytes(content)
    assert read_stories(tmp_path, outbox_id=1) == (STORY,)


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal_and_says_it_all(width: int) -> None:
    console = Console(file=StringIO(), width=width)
    console.print(summary_table((STORY, EMPTY)))
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for said in ("600", "1 of 4 judged", "v2", "2013-01-22", "0.5125", "0.5250", "-0.0125 (-2.4%)", "none yet"):
        assert said in text
