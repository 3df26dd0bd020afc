"""The search for garbage while the demo plays."""

from __future__ import annotations

import gc

import pytest

from retrain_assets.demo.garbage import seldom_collected


def test_is_as_it_was_after_the_play_also_where_that_was_interrupted():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with seldom_collected():
        assert gc.get_threshold() > before
        assert gc.get_freeze_count() > frozen
    with pytest.raises(KeyboardInterrupt), seldom_collected():
        raise KeyboardInterrupt
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_what_was_made_meanwhile_is_still_found():
    with seldom_collected():
        node: list[object] = []
        node.append(node)
        del node
        assert gc.collect() > 0
