"""Polars: all columns in one lazy query, which it runs in parallel."""

from __future__ import annotations

import math

import polars as pl

from benchmarks.peers.engine_task import ACCURACY, run


def summarize(path: str) -> int:
    """Counts by logarithmic bin or category, moments and extremes of each column."""
    scan = pl.scan_parquet(path)
    schema = scan.collect_schema()
    numbers = [name for name, kind in schema.items() if kind.is_numeric()]
    width = math.log((1 + ACCURACY) / (1 - ACCURACY))
    moments = scan.select(
        *(pl.col(name).min().alias(f"{name}_min") for name in numbers),
        *(pl.col(name).max().alias(f"{name}_max") for name in numbers),
        *(pl.col(name).mean().alias(f"{name}_mean") for name in numbers),
        *(pl.col(name).var().alias(f"{name}_var") for name in numbers),
        *(pl.col(name).null_count().alias(f"{name}_null") for name in schema),
    )
    keys = {
        name: ((pl.col(name).abs().cast(pl.Float64).log() / width).ceil(), pl.col(name).sign())
        if name in numbers
        else (pl.col(name),)
        for name in schema
    }
    counts = [
        scan.group_by(*(key.alias(f"key{place}") for place, key in enumerate(own))).len() for own in keys.values()
    ]
    return sum(len(found) for found in pl.collect_all([moments, *counts])[1:])


if __name__ == "__main__":
    run(summarize)
