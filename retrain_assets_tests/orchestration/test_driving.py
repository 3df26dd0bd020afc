"""While one process drives an installation: nobody else does, and Python seldom looks for cycles."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from retrain_assets.errors import RefusedError
from retrain_assets.orchestration.driver import driving


def test_one_at_a_time_and_another_one_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "home" / "driver.lock"
    with driving(lock), pytest.raises(RefusedError, match="another process drives this installation"), driving(lock):
        pass
    with driving(lock):
        pass


def test_cycles_are_looked_for_seldom_and_afterwards_as_before(tmp_path: Path) -> None:
    def interrupted() -> None:
        with driving(tmp_path / "driver.lock"):
            assert gc.isenabled()
            assert gc.get_threshold() > usual
            raise KeyboardInterrupt

    before, usual = gc.get_threshold(), (700, 10, 10)
    gc.set_threshold(*usual)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert gc.get_threshold() == usual
    finally:
        gc.set_threshold(*before)
