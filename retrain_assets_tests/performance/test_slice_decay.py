"""One slice decays and is found; many slices that do not alarm no more often than one would."""

import numpy as np
import pytest

from retrain_assets.performance.slice_decay import slice_decay
from retrain_assets.spec import DecaySpec

SPEC = DecaySpec()


def history(rng, *, slices=10, batches=16, worse=0.0, since=13, noise=0.05):
    """Slices that differ from the whole by nature; the first becomes worse."""
    nature = rng.normal(0, 0.2, slices)
    made = nature + noise * rng.normal(size=(batches, slices))
    made[since:, 0] += worse
    return [{f"s{k}": float(value) for k, value in enumerate(row)} for row in made]


def test_a_slice_that_decays_is_found_and_named():
    found = slice_decay(history(np.random.default_rng(0), worse=0.4), 0.5, SPEC)
    assert (found.fired, found.slices) == (True, ("s0",))
    assert found.reason.startswith("1 of 10 slices lose more beyond the whole than they used to: s0 by 0.")


@pytest.mark.parametrize("slices", [1, 10, 40])
def test_any_of_many_alarms_by_chance_no_more_often_than_one_would(slices):
    """Two standard errors are 2.3 % one-sided."""
    rng = np.random.default_rng(slices)
    alarms = [slice_decay(history(rng, slices=slices), 0.5, SPEC).fired is True for _ in range(400)]
    assert np.mean(alarms) < 0.045


def test_a_slice_that_always_was_worse_is_not_decay():
    steady = [{"hard": 0.5, "easy": -0.5}] * 10
    assert slice_decay(steady, 0.5, SPEC).fired is False


def test_what_is_too_small_to_matter_does_not_fire():
    tiny = history(np.random.default_rng(1), worse=0.005, noise=1e-5)
    assert slice_decay(tiny, 0.5, SPEC).fired is False
    assert slice_decay(tiny, 0.05, SPEC).fired is True


def test_with_few_batches_it_is_not_known():
    short = history(np.random.default_rng(2), batches=6)
    assert slice_decay(short, 0.5, SPEC).fired is None
    assert "7 matured batches" in slice_decay(short, 0.5, SPEC).reason
    # A slice that is missing from some batches has fewer of them.
    partly = [{"a": 0.0}] * 10 + [{"b": 9.0}] * 3
    assert slice_decay(partly, 0.5, SPEC).slices == ()
