"""Where labels are missing, the errors of labelled batches tell what a regression loses; and when they cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retrain_assets.performance.error_regression import LabelledErrors, estimate_by_errors


def batch(rng, *, share: float = 0.3, rows: int = 200, loose: float = 2.0) -> LabelledErrors:
    """Errors of rows of kind b are larger than those of kind a."""
    kind = np.where(rng.random(rows) < share, "b", "a")
    errors = rng.normal(size=rows) * np.where(kind == "b", loose, 0.5)
    at = pd.date_range("2024-01-01", periods=rows, tz="UTC")
    inputs = pd.DataFrame({"kind": kind, "x": rng.normal(size=rows), "at": at, "ra_score": rng.normal(size=rows)})
    return LabelledErrors(inputs=inputs, losses=np.square(errors))


def test_a_batch_with_more_of_what_is_hard_is_estimated_to_lose_more():
    rng = np.random.default_rng(0)
    known = [batch(rng, share=rng.uniform(0.1, 0.6)) for _ in range(8)]
    for share in (0.1, 0.9):
        made = estimate_by_errors("b", known, batch(rng, share=share).inputs)
        assert made is not None
        assert made.value == pytest.approx(share * 4 + (1 - share) * 0.25, rel=0.3)
        assert made.trusted


def test_the_interval_covers_what_the_labels_say_later():
    """95 % of twenty-five, give or take."""
    held = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        known = [batch(rng, share=rng.uniform(0.1, 0.6), rows=120) for _ in range(6)]
        coming = batch(rng, share=rng.uniform(0.1, 0.6), rows=120)
        made = estimate_by_errors("b", known, coming.inputs)
        assert made is not None
        held.append(made.held(float(coming.losses.mean())))
    assert np.mean(held) >= 0.8


def test_errors_that_depend_otherwise_on_the_inputs_are_not_trusted():
    rng = np.random.default_rng(1)
    known = [*(batch(rng) for _ in range(6)), batch(rng, loose=8.0)]
    made = estimate_by_errors("b", known, batch(rng).inputs)
    assert made is not None
    assert not made.trusted
    assert "errors do not depend on the inputs as they did" in made.reason


def test_too_few_labelled_batches_or_no_rows_tell_nothing():
    rng = np.random.default_rng(2)
    known = [batch(rng) for _ in range(3)]
    assert estimate_by_errors("b", known, batch(rng).inputs) is None
    assert estimate_by_errors("b", [*known, batch(rng)], batch(rng).inputs.iloc[:0]) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("empty", [range(6), range(1, 6), [0]])
def test_a_column_that_batches_have_no_value_of_has_no_part_in_it(empty):
    """In all batches, in all but one (which other folds then never see), or in one."""
    rng = np.random.default_rng(5)
    known = [batch(rng) for _ in range(6)]
    now = batch(rng).inputs
    for place, each in enumerate(known):
        each.inputs["sometimes"] = (
            np.nan if place in empty else np.where(np.arange(len(each.losses)) % 2, np.inf, 1e308)
        )
    found = estimate_by_errors("now", known, now.assign(sometimes=-np.inf))
    assert found is not None
    assert found.value == pytest.approx(0.3 * 4 + 0.7 * 0.25, rel=0.3)
