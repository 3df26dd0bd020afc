"""A replay judges as production does, or says that it cannot."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrain_assets.errors import DataError
from retrain_assets.promotion.luck import Noticed, owed_to_luck
from retrain_assets.replay.clock import Course, walk
from retrain_assets.replay.declared import declared
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.gate import ReplayGate, report_of
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.spec import PromoteSpec
from retrain_assets_tests.replay.streams import book, history, stream

CANDIDATE = 9


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


def test_a_declared_power_takes_as_many_batches_as_it_asks_for(tmp_path: Path):
    """As the lifecycle does, by the same function; the champion is asked about batches before its own holdout."""
    asked: dict[float, int] = {}
    passed: dict[float, bool] = {}
    for detectable in (5.0, 0.015, 0.001):
        promote = {
            "require": "not_worse_than_champion & has_enough_rows", "min_rows": 50, "limits": {"detectable": detectable}
        }  # fmt: skip
        made = stream(history(batches=12, turns=()))
        spec = made.spec.model_copy(update={"promote": PromoteSpec.model_validate(promote)})
        powered = book(tmp_path, replace(made, spec=spec))[0]
        report = report_of(powered, CANDIDATE, 5)
        asked[detectable] = len(report.batches)
        low, high = powered.stream.starts[[CANDIDATE + 1 - asked[detectable], CANDIDATE + 1]]
        assert report.rows == powered.stream.reserved[low:high].sum()
        passed[detectable] = ReplayGate(powered).passes(CANDIDATE, 5)
    assert asked[5.0] == 4 < asked[0.015] < asked[0.001] == CANDIDATE + 1
    assert passed[5.0] is True
    assert passed[0.001] is False, "unknown"


@pytest.mark.parametrize(("require", "judging"), [("better_than_champion", 8), ("not_worse_than_champion", 4)])
def test_where_a_candidate_must_be_proven_eight_batches_judge(tmp_path: Path, require: str, judging: int):
    made = stream(history(batches=12, turns=()))
    promote = PromoteSpec.model_validate({"require": require, "min_rows": 50})
    proven = book(tmp_path, replace(made, spec=made.spec.model_copy(update={"promote": promote})))[0]
    assert len(report_of(proven, CANDIDATE, 5).batches) == judging


def test_of_few_batches_the_upper_end_counts_what_they_differ_by(scores: Scorebook):
    four, eight = (report_of(scores, CANDIDATE, 5, proof=proof) for proof in (False, True))
    assert (four.resampled, len(four.batches)) == ("rows", 4)
    assert len(eight.batches) == 4, "older scores are kept only where the declaration asks for proof"
    difference = four.difference("candidate", "champion")
    assert difference is not None
    assert difference.upper - difference.value > difference.value - difference.lower


def test_a_champion_that_looked_bad_is_known_as_the_lifecycle_knows_it(scores: Scorebook):
    """The relation turned at batch 8: the last champion of before lost on the three batches after it."""
    owed = owed_to_luck(report_of(scores, 10, 7).measures)
    assert owed is not None
    assert owed.reason.startswith("the champion looked bad on the newest 3 matured batches: ")
    assert owed.rows == scores.stream.reserved[scores.stream.starts[8] : scores.stream.starts[11]].sum()
    assert owed_to_luck(report_of(scores, 7, 4).measures) is None


def test_a_champion_that_looked_stale_is_known_as_the_lifecycle_knows_it(scores: Scorebook):
    """The gate is told by how much the decision's newest batch lay beyond what a retrain asks for."""
    asked: list[tuple[int, int, Noticed | None]] = []

    class Listening(ReplayGate):
        def passes(self, candidate: int, champion: int, noticed: Noticed | None = None) -> bool:
            asked.append((candidate, champion, noticed))
            return super().passes(candidate, champion, noticed)

    rule = declared(scores.stream.spec, DriftBook(scores.stream), when="staleness", cost={"retrain": 0.1})()
    walk(scores, Course(first=4), rule, Listening(scores))
    candidate, champion, noticed = next(each for each in asked if each[0] == 8)
    assert noticed is not None
    assert noticed.batches == (scores.stream.batches[8].key,)
    owed = owed_to_luck(report_of(scores, candidate, champion, noticed).measures)
    assert owed is not None
    assert "above what a new model is expected to lose" in owed.reason
