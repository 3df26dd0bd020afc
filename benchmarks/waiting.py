"""`python -m benchmarks.waiting`: fits that share the cores, with OpenMP threads that wait as by default or asleep."""

from __future__ import annotations

import os
import subprocess
import sys
import time

POLICY = "OMP_WAIT_POLICY"
FIT = """
import sys, numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
rng = np.random.default_rng(0)
x = rng.normal(size=(50_000, 20))
y = (x[:, 0] + rng.normal(size=50_000) > 0).astype(int)
print("ready", flush=True)
sys.stdin.readline()
HistGradientBoostingClassifier(max_iter=50, early_stopping=False).fit(x, y)
"""


def seconds(processes: int, **settings: str) -> float:
    """Until all of so many processes, which begin together, have fitted their model."""
    environment = {name: value for name, value in os.environ.items() if name != POLICY} | settings
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen([sys.executable, "-c", FIT], stdin=pipe, stdout=pipe, env=environment, text=True)
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    begun = time.perf_counter()
    for process in started:
        process.communicate("\n")
    return time.perf_counter() - begun


def main() -> None:
    """Prints both, for one process alone and for two at once, side by side."""
    print("processes  default  sleeping")
    for processes in (1, 2):
        print(f"{processes:9}  {seconds(processes):6.2f}s  {seconds(processes, **{POLICY: 'PASSIVE'}):7.2f}s")


if __name__ == "__main__":
    main()
