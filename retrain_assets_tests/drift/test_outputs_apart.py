"""Outputs of a model beside its inputs: how much inputs differ from day to day says nothing about them."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare, prepare
from retrain_assets.drift.comparison import Comparison

INPUTS = 8


def day(rng: np.random.Generator, *, unlike: float, shift: float = 0.0) -> TableProfile:
    """Inputs whose days differ by a deviation of `unlike`, and a score that does not."""
    levels = rng.normal(0, unlike, INPUTS)
    values = {f"x{place}": rng.normal(level, 1, 400) for place, level in enumerate(levels)}
    return profile_table(pd.DataFrame(values | {"score": rng.normal(shift, 1, 400)}))


def judged(seed: int, *, unlike: float, shift: float, outputs: tuple[str, ...]) -> Comparison:
    rng = np.random.default_rng(seed)
    reference = [day(rng, unlike=unlike) for _ in range(25)]
    return compare(reference, day(rng, unlike=unlike, shift=shift), outputs=outputs, joint="none")


def test_a_steady_score_among_restless_inputs_is_judged_by_itself_named_or_not() -> None:
    together, apart = (
        [judged(seed, unlike=1.0, shift=0.3, outputs=outputs).columns["score"] for seed in range(10)]
        for outputs in ((), ("score",))
    )
    assert sum(column.verdict == "drift" for column in together) >= 9
    assert sum(column.verdict == "drift" for column in apart) >= 9
    assert [column.score for column in together] == [column.score for column in apart]


@pytest.mark.parametrize("unlike", [0.0, 1.0])
@pytest.mark.parametrize("outputs", [("score",), ()])
def test_stable_windows_alarm_no_more_often_than_declared(unlike: float, outputs: tuple[str, ...]) -> None:
    alarms = [judged(seed, unlike=unlike, shift=0.0, outputs=outputs).drifted for seed in range(100, 200)]
    # Of a rate of .05 ten or more of a hundred have a probability below .05.
    assert sum(alarm is True for alarm in alarms) <= 9


def test_inputs_and_outputs_share_the_level() -> None:
    rng = np.random.default_rng(0)
    reference, window = [day(rng, unlike=0.2) for _ in range(20)], day(rng, unlike=0.2, shift=1.0)
    report = compare(reference, window, outputs=["score"])
    assert report.columns["score"].reason.endswith(" over all outputs is at most 0.013")
    assert " over all inputs is " in report.columns["x0"].reason
    assert list(report.columns) == [*(f"x{place}" for place in range(INPUTS)), "score"]
    assert compare(prepare(reference), window, outputs=["score"]).to_json() == report.to_json()
    alone = compare(reference, window, columns=["x0"], outputs=["score"], joint="none")
    assert list(alone.columns) == ["x0", "score"]
    # What is judged without inputs has the whole level.
    score = compare(reference, window, columns=["score"], outputs=["score"], joint="none").columns["score"]
    assert score.reason.endswith("is at most 0.05")


def test_the_lengths_of_an_output_are_one_too() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"x": rng.normal(size=2_000), "answer": ["y" * int(size) + str(size) for size in rng.integers(1, 400, 2_000)]}
    )
    report = compare(frame, frame.assign(answer=frame["answer"] * 2), outputs=["answer"], joint="none")
    assert report.columns["answer (length)"].reason.endswith("is at most 0.013")
    assert report.columns["x"].verdict == "stable"


def test_an_output_is_compared_where_inputs_of_its_kind_are_not() -> None:
    """Times are left out unless somebody names them."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"x": rng.normal(size=500), "due": pd.Timestamp("2024-01-01") + pd.to_timedelta(range(500), "h")}
    )
    report = compare(frame, frame, outputs=["due"], joint="none")
    assert {name: column.verdict for name, column in report.columns.items()} == {"x": "stable", "due": "stable"}
    assert list(compare(frame, frame, joint="none").columns) == ["x"]


def test_outputs_that_are_none_are_refused() -> None:
    frame = pd.DataFrame({"score": np.arange(100.0)})
    with pytest.raises(ValueError, match=r"outputs must name columns .* .got 'scor'.. Did you mean 'score'"):
        compare(frame, frame, outputs=["scor"])
    with pytest.raises(TypeError, match=r"outputs must be a list of names .got the text 'score'.: write \['score'\]"):
        compare(frame, frame, outputs="score")
