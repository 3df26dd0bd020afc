"""Legal moves only."""

import itertools
from typing import get_args

import pytest

from retrain_assets.errors import RefusedError
from retrain_assets.promotion.stages import LEGAL, Stage, require_legal

STAGES = get_args(Stage)


def test_every_stage_has_its_moves():
    assert set(LEGAL) == set(STAGES)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STAGES, STAGES)))
def test_only_legal_moves_are_allowed(before, after):
    if after in LEGAL[before]:
        require_legal("sales", 1, before, after)
    else:
        with pytest.raises(RefusedError, match=f"sales v1 is {before} and cannot become {after}"):
            require_legal("sales", 1, before, after)


def test_what_was_rolled_back_is_no_candidate_again():
    assert LEGAL["rolled_back"] == {"retired", "champion"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_version_without_a_record_may_begin_anywhere(stage):
    require_legal("sales", 1, None, stage)
