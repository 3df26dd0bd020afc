"""The picture of a drift report: always a readable PNG of bounded size, drawn without global state."""

import struct
import subprocess
import sys
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from retrain_assets.data.profile import profile_table
from retrain_assets.drift.detect import detect_drift
from retrain_assets.reporting.canvas import INK, Canvas, Scale
from retrain_assets.reporting.drift_figure import AFTER, MAX_BARS, SHAPES, _tick, drift_figure
from retrain_assets.spec import DriftSpec


def flights(rows: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(int(shift * 10))
    return pd.DataFrame(
        {
            "temperature": np.where(rng.random(rows) < 0.1 * shift, np.nan, rng.normal(50 + 15 * shift, 18, rows)),
            "carrier": rng.choice(
                ["UA", "B6", "EV", "DL"], rows, p=[0.25 + 0.2 * shift, 0.25, 0.25, 0.25 - 0.2 * shift]
            ),
            "distance": rng.lognormal(6 + shift, 1, rows),
            "engines": 2.0,
            "holiday": rng.random(rows) < 0.05 + 0.3 * shift,
            "built": pd.to_datetime("2001-01-01") + pd.to_timedelta(rng.integers(0, 4000, rows), unit="D"),
        }
    )


def draw(reference: pd.DataFrame, current: pd.DataFrame, **declared: object) -> bytes:
    before, after = profile_table(reference), profile_table(current)
    report = detect_drift(
        model="flight_delay",
        batch="2013-07-16",
        champion_version=3,
        current=after,
        reference=[before],
        checks_per_year=52,
        spec=DriftSpec.model_validate(declared),
    )
    return drift_figure(report, after, before)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


WIDE = pd.DataFrame(
    np.random.default_rng(0).normal(size=(500, 60)), columns=[f"a_rather_long_name_of_column_{i}" for i in range(60)]
)


@pytest.mark.parametrize(
    ("reference", "current", "declared"),
    [
        (flights(3000), flights(1000, 1.0), {}),
        (flights(3000), flights(1000), {}),
        (flights(3000), flights(1000, 1.0), {"columns": ("built", "engines", "carrier")}),
        (flights(3000), flights(1000, 1.0), {"distance": "psi"}),
        (flights(3000), flights(1000).assign(distance=np.nan, carrier=None), {}),
        (flights(3000).assign(distance=np.nan), flights(1000), {}),
        (flights(3000), flights(1000).drop(columns=["distance", "carrier"]), {}),
        (flights(3000), flights(10), {}),
        (WIDE, WIDE + 1, {}),
        (pd.DataFrame({"x": np.ones(300)}), pd.DataFrame({"x": np.ones(300)}), {}),
        (pd.DataFrame({"x": ["$a_b^{c}$"] * 300}), pd.DataFrame({"x": ["ü$"] * 300}), {}),
        (pd.DataFrame({"x\ny": ["two\nlines"] * 300}), pd.DataFrame({"x\ny": ["one line"] * 300}), {}),
        (pd.DataFrame({"x": np.full(300, 1e25)}), pd.DataFrame({"x": np.full(300, -1e25)}), {}),
        (pd.DataFrame({"x": 1_700_000_000 + np.arange(300)}), pd.DataFrame({"x": 1_700_000_150 + np.arange(300)}), {}),
    ],
    ids=[
        "drift",
        "stable",
        "times",
        "psi",
        "all-missing",
        "missing-before",
        "gone",
        "unknown",
        "wide",
        "constant",
        "signs",
        "lines",
        "large",
        "seconds",
    ],
)
def test_every_report_has_a_picture_of_bounded_size(
    reference: pd.DataFrame, current: pd.DataFrame, declared: dict[str, object]
) -> None:
    png = draw(reference, current, **declared)
    assert 2_000 < len(png) < 90_000
    width, height = size(png)
    assert width == 810
    assert 300 <= height <= 1_200


def test_many_columns_do_not_make_a_tall_picture() -> None:
    assert size(draw(WIDE, WIDE + 1)) == size(draw(WIDE.iloc[:, :MAX_BARS], WIDE.iloc[:, :MAX_BARS] + 1))


def holds(png: bytes, colour: str, *, left: int, top: int, right: int, bottom: int | None) -> bool:
    """Whether anything in that part of the picture has the colour, as text has in the middle of its strokes."""
    pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)[top:bottom, left:right]
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return bool((np.abs(pixels - wanted) < 60).all(axis=2).any())


@pytest.mark.parametrize(("columns", "said"), [(SHAPES, False), (SHAPES + 1, True), (60, True)])
def test_drifted_columns_whose_shape_is_not_drawn_are_told_below(columns: int, said: bool) -> None:
    some = WIDE.iloc[:, :columns]
    assert holds(draw(some, some + 1), INK, left=600, top=-25, right=800, bottom=None) is said


def test_what_has_drifted_and_has_no_shape_is_no_further_one() -> None:
    some = WIDE.iloc[:, : SHAPES + 1]
    png = draw(some, (some + 1).iloc[:, 1:])
    assert not holds(png, INK, left=600, top=-25, right=800, bottom=None)


def test_in_a_stable_table_the_column_that_has_drifted_is_red_and_no_other_word() -> None:
    frame = WIDE.iloc[:, :MAX_BARS]
    png = draw(frame, frame.assign(**{frame.columns[7]: frame.iloc[:, 7] + 3}))
    assert holds(png, AFTER, left=160, top=75, right=400, bottom=90), "its bar"
    assert not holds(png, AFTER, left=10, top=5, right=600, bottom=60), "verdict and reason"
    titles = [holds(png, AFTER, left=524, top=top - 6, right=792, bottom=top + 6) for top in (72, 176)]
    assert titles == [True, False]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 0.83),
        (20_240_101, 20_240_145),
        (1_700_000_000, 1_700_126_000),
        (-1e6, -999_850),
        (0.5, 0.5000015),
        (0, 1e300),
    ],
)
def test_ticks_of_an_axis_say_where_they_are(low: float, high: float) -> None:
    ticks = Scale(low, high, 0, 100).ticks()
    assert len(ticks) > 1
    assert [float(_tick(tick)) for tick in ticks] == ticks


def test_the_same_report_has_the_same_bytes() -> None:
    assert draw(flights(3000), flights(1000, 1.0)) == draw(flights(3000), flights(1000, 1.0))


def test_importing_it_loads_no_library_and_drawing_no_matplotlib() -> None:
    program = (
        "import sys; import retrain_assets.reporting.drift_figure as f\n"
        "assert 'PIL' not in sys.modules\n"
        "from retrain_assets.drift.report import DriftReport\n"
        "from retrain_assets.data.profile import TableProfile\n"
        "empty = TableProfile(rows=0, columns=())\n"
        "report = DriftReport(model='m', batch='b', champion_version=None, verdict='not_applicable', reason='none',"
        " score=None, columns=())\n"
        "assert f.drift_figure(report, empty, empty).startswith(b'\\x89PNG')\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.parametrize("text", ["MCDONNELL DOUGLAS AIRCRAFT CO", "AIRBUS", "i" * 500, "W", ""])
def test_a_name_below_a_bar_takes_no_more_than_its_room(text: str) -> None:
    canvas = Canvas(200, 40)
    said = canvas.fitting(text, 44, size=9)
    canvas.text(100, 20, said, size=9, at="mm")
    inked = np.flatnonzero((np.asarray(Image.open(BytesIO(canvas.png())).convert("L")) < 200).any(axis=0))
    assert not len(inked) or inked.max() - inked.min() <= 44
    assert said == text or len(said) > 3
