"""The clock shows a policy what was known, and nothing else."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from retrain_assets.performance.metrics import row_losses
from retrain_assets.replay.clock import Course, Moment, batch_losses, scheduled, walk
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.oracle import hindsight
from retrain_assets.replay.policies import every, never
from retrain_assets.training.predict import predict
from retrain_assets.training.trainer import train
from retrain_assets_tests.replay.streams import book, history, stream


@pytest.fixture(scope="module", params=[1, 3])
def replayed(request, tmp_path_factory):
    scores, course = book(tmp_path_factory.mktemp("cache"), stream(label_delay=request.param))
    return scores, course, ReplayGate(scores)


def test_a_retrain_learns_what_had_labels_and_serves_from_the_next_batch(replayed):
    scores, course, gate = replayed
    delay = scores.stream.label_delay
    walked = walk(scores, course, scheduled([9]), gate)
    assert walked.retrains == (9,)
    start = course.starts_at(scores.stream)
    assert walked.served[: 10 - start].tolist() == [3] * (10 - start)
    if walked.promotions:
        assert set(walked.served[10 - start :].tolist()) == {9 - delay}


def test_a_deployment_takes_its_time(replayed):
    scores, _, gate = replayed
    walked = walk(scores, Course(first=4, lag=2), scheduled([10]), gate)
    if walked.promotions:
        assert walked.champions[1][1] == 13


def test_without_new_labels_there_is_no_retrain(replayed):
    scores, course, gate = replayed
    seen = []

    def rule(moment: Moment) -> bool:
        seen.append((moment.labelled, moment.attempted))
        return True

    walk(scores, course, rule, gate)
    assert all(labelled > attempted for labelled, attempted in seen)


def test_losses_are_those_of_the_pipeline_that_the_platform_trains(replayed):
    """One model by hand, the way the lifecycle does it."""
    scores, course, gate = replayed
    known = scores.stream
    rows = np.flatnonzero(~known.reserved & (np.arange(len(known.labels)) < known.starts[4]))
    fitted = train(known.spec, known.frame.iloc[rows], known.labels[rows])
    batch = slice(known.starts[9], known.starts[10])
    scored = predict(fitted.pipeline, known.frame.iloc[batch], task="classification", classes=fitted.classes)
    by_hand = row_losses("log_loss", known.labels[batch], scored).mean()
    walked = walk(scores, course, never(), gate)
    assert batch_losses(scores, walked)[9 - walked.first_served] == pytest.approx(by_hand, rel=1e-5)


def test_a_worse_candidate_is_trained_and_not_promoted(tmp_path):
    """One batch is the other way round: a model of that batch alone is worse on those before."""
    frame = history(batches=12, turns=(9, 10))
    scores, course = book(tmp_path, stream(frame, window=1))
    walked = walk(scores, course, scheduled([10]), ReplayGate(scores))
    assert (walked.retrains, walked.promotions) == ((10,), ())
    assert set(walked.served.tolist()) == {3}


def test_the_future_changes_no_decision(tmp_path):
    """Two histories that differ from batch 12 on: until then all is the same."""
    one, other = history(), history()
    later = other["batch"] >= 12
    other.loc[later, "y"] = 1 - other.loc[later, "y"]
    walks = []
    for number, frame in enumerate((one, other)):
        scores, course = book(tmp_path / str(number), stream(frame))
        seen: list[tuple[int, ...]] = []

        def rule(moment: Moment, seen=seen) -> bool:
            known = [moment.book.mean[moment.champion, j] for j in range(moment.champion + 1, moment.labelled + 1)]
            seen.append((moment.decided, *np.round(known, 9)))
            return sum(known[-1:]) > 0.6

        walked = walk(scores, course, rule, ReplayGate(scores))
        walks.append(([each for each in seen if each[0] < 13], [t for t in walked.retrains if t < 13]))
    assert walks[0] == walks[1]


def test_a_feature_that_only_the_future_can_read_gains_nothing(tmp_path):
    """The planted code tells the label to whoever has trained on its own batch, and only to him."""
    frame = history(batches=14, turns=())
    planted = frame.assign(code=[f"{batch}-{label}" for batch, label in zip(frame["batch"], frame["y"], strict=True)])
    losses = []
    for number, each in enumerate((frame, planted)):
        scores, course = book(tmp_path / str(number), stream(each))
        walked = walk(scores, course, every(1)(), ReplayGate(scores))
        losses.append(batch_losses(scores, walked).mean())
        if number == 1:  # trained on the very batch, it is read off
            known = scores.holdout(8)
            assert known is not None
            assert known.value < 0.5 * scores.mean[8, 9:].mean()
    assert losses[1] > 0.98 * losses[0]


@pytest.mark.parametrize("delay", [1, 2])
def test_the_oracle_is_the_best_of_all_schedules(tmp_path, delay):
    scores, course = book(tmp_path, stream(history(batches=11, rows=120), label_delay=delay))
    oracle = hindsight(scores, course)

    class Open(ReplayGate):
        def passes(self, candidate, champion, noticed=None):
            return True

    decisions = list(course.decisions(scores.stream))
    rows = scores.stream.rows[course.starts_at(scores.stream) :]
    for count in range(len(decisions) + 1):
        tried = [
            float(batch_losses(scores, walk(scores, course, scheduled(times), Open(scores))) @ rows)
            for times in itertools.combinations(decisions, count)
        ]
        assert oracle.losses[count] <= min(tried) + 1e-9
        exact = float(
            batch_losses(scores, walk(scores, course, scheduled(oracle.schedules[count]), Open(scores))) @ rows
        )
        assert exact == pytest.approx(oracle.losses[count])
        assert len(oracle.schedules[count]) <= count


def test_the_gate_needs_rows(tmp_path):
    scores, _ = book(tmp_path, stream())
    few = scores.stream.spec.model_copy(
        update={"promote": scores.stream.spec.promote.model_copy(update={"min_rows": 10_000})}
    )
    assert ReplayGate(scores).passes(8, 3)
    object.__setattr__(scores, "stream", replace(scores.stream, spec=few))
    assert not ReplayGate(scores).passes(8, 3)
