"""Polars frames are taken as they are, with the types that Polars has of its own."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from retrain_assets.drift import compare, prepare

RNG = np.random.default_rng(5)


def days(count: int, *, first: int = 0, shift: float = 0.0, rows: int = 300) -> pl.DataFrame:
    total = count * rows
    return pl.DataFrame(
        {
            "day": [date(2024, 1, 1) + timedelta(days=first + row // rows) for row in range(total)],
            "x": RNG.normal(shift, 1, total),
            "small": RNG.integers(0, 200, total).astype(np.uint8),
            "text": RNG.choice(["a", "b"], total),
            "level": pl.Series(RNG.choice(["low", "high"], total), dtype=pl.Enum(["low", "high"])),
            "kind": pl.Series(RNG.choice(["p", "q"], total), dtype=pl.Categorical),
            "flag": RNG.random(total) < 0.3,
            "at": pl.Series(RNG.integers(0, 10**9, total)).cast(pl.Datetime("ms", "UTC")),
            "length": pl.Series(RNG.integers(0, 10**6, total)).cast(pl.Duration("ms")),
            "gaps": pl.Series([None if gap else 1.5 for gap in RNG.random(total) < 0.2], dtype=pl.Float32),
        }
    )


KINDS = {
    "x": "numeric", "small": "numeric", "text": "categorical", "level": "categorical", "kind": "categorical",
    "flag": "boolean", "length": "numeric", "gaps": "numeric",
}  # fmt: skip


def test_a_polars_frame_is_compared_as_its_pandas_twin_is() -> None:
    reference, current = days(10), days(1, first=10, shift=1.0)
    found = compare(reference, current, batch="day")
    assert {name: column.kind for name, column in found.columns.items()} == KINDS
    assert [column.name for column in found.ranked if column.verdict == "drift"] == ["x"]
    assert (found.rows, found.joint is not None and found.joint.drifted) == ((3_000, 300), False)
    pandas = compare(reference.to_pandas(), current.to_pandas(), batch="day")
    for name in KINDS:
        assert found.columns[name].scores == pandas.columns[name].scores, name
        assert found.columns[name].p_value == pytest.approx(pandas.columns[name].p_value, rel=1e-9), name


def test_a_lazy_plan_is_no_table_and_a_prepared_polars_reference_is_one() -> None:
    reference = prepare(days(8), batch="day")
    assert compare(reference, days(1, first=8, shift=2.0), batch="day").drifted is True
    assert compare(reference, days(1, first=8), batch="day").drifted is False
    separable = compare(reference, days(1, first=8, shift=2.0), batch="day", joint="classifier").joint
    assert separable is not None
    assert separable.named[0] == "x"
