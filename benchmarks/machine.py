"""The machine that a measurement was made on, in one line."""

from __future__ import annotations

import os
import platform
import statistics
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

PACKAGES = ("dagster", "mlflow", "deltalake", "pandas", "scikit-learn", "sqlalchemy")


def describe() -> str:
    """Cores, memory, system, Python, the versions that matter, how busy the machine was, and how fast."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}: {cores} cores ({_processor()}), {_memory_gib():.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}. Load averages before: {load}. "
        f"Yardstick: {yardstick():.3f} s."
    )


def yardstick(times: int = 15) -> float:
    """Median seconds of a fixed computation: a loop of Python and a sort by one core.

    The same machine is not always as fast: figures of two measurements are to be compared by their yardsticks.
    """
    numbers = np.random.default_rng(0).random(500_000)
    seconds: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        sum(number * number for number in range(500_000))
        np.sort(numbers)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
