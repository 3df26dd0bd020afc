"""Plays some days in a process of its own, as after a restart: nothing is known but what the folder holds.

Usage: python -m retrain_assets_tests.lifecycle.play_on ROOT FIRST END RETRAIN
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from retrain_assets_tests.lifecycle.world import World, make_world

TURNS = (3, 8)
"""At these days the world turns round."""


def play_days(world: World, first: int, end: int) -> None:
    """Delivers and plays day after day, from the first to before the end."""
    for day in range(first, end):
        world.drop(day, flip=sum(day >= turn for turn in TURNS) == 1)
        world.play()


if __name__ == "__main__":
    play_days(make_world(Path(sys.argv[1]), retrain=json.loads(sys.argv[4])), int(sys.argv[2]), int(sys.argv[3]))
