"""A replay judges as production does, or says that it cannot."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from retrain_assets.errors import DataError
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets_tests.replay.streams import book, stream


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scorebook:
    return book(tmp_path_factory.mktemp("cache"), stream())[0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"require": "not_worse_than_champion & is_calibrated"}, "promote.require naming is_calibrated"),
        ({"recall": 2}, "promote.recall"),
        ({"draw_together": "x"}, "promote.draw_together"),
        ({"require": "not_worse_than_champion | not_worth_less", "recall": 1}, "not_worth_less; promote.recall"),
    ],
)
def test_what_it_would_judge_otherwise_is_refused(scores: Scorebook, changed: dict[str, Any], said: str):
    """Else a gate that it cannot ask would be unknown, and nothing ever promoted, without a word."""
    promote = scores.stream.spec.promote.model_copy(update=changed)
    asked = copy(scores)
    asked.stream = replace(scores.stream, spec=scores.stream.spec.model_copy(update={"promote": promote}))
    with pytest.raises(DataError, match=f"cannot judge .*{said} of model"):
        ReplayGate(asked)
