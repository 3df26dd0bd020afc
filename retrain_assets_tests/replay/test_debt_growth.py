"""The plain rule beside the default: debt of the loss alone, times growth."""

import pytest

from retrain_assets.replay.clock import Course, walk
from retrain_assets.replay.debt_growth import debt_growth
from retrain_assets.replay.gate import ReplayGate
from retrain_assets_tests.replay.streams import book, history, stream


@pytest.fixture(scope="module", params=[None, 4], ids=["all history", "sliding"])
def known(request, tmp_path_factory):
    """A world that turns round at batch 8, after a first model of four batches."""
    replayed = stream(history(batches=14, rows=120), window=request.param)
    scores, _ = book(tmp_path_factory.mktemp("scores"), replayed)
    return scores


def retrains(known, cost):
    return walk(known, Course(first=4), debt_growth(cost), ReplayGate(known)).retrains


def test_it_answers_a_world_that_turned_round_and_leaves_one_that_did_not(known):
    found = retrains(known, 0.5)
    assert found
    # The turn's first labels are known at the end of batch 9.
    assert min(found) >= 9
    assert min(found) <= 11


def test_it_waits_longer_where_a_retrain_is_dear(known):
    cheap, dear = retrains(known, 0.05), retrains(known, 5.0)
    assert len(cheap) > len(dear)
    assert not dear
