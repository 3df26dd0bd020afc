"""Categories whose levels vary from day to day, few days of them, and a rare one that becomes more and more common."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare
from retrain_assets.drift.variation import _symmetric

LONG = np.array([0.5, 0.2, 0.1, 0.06, 0.04, 0.03, 0.025, 0.02, 0.015, 0.01])


def day(shares: np.ndarray, rng: np.random.Generator, *, columns: int = 8, rows: int = 300) -> TableProfile:
    drawn = {f"c{place}": rng.choice(len(shares), rows, p=shares).astype(str) for place in range(columns)}
    return profile_table(pd.DataFrame(drawn))


@pytest.mark.parametrize("batches", [6, 10, 25])
@pytest.mark.parametrize("kind", ["dirichlet", "by a factor", "none"])
def test_stable_levels_alarm_no_more_often_than_declared(kind: str, batches: int) -> None:
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)

        def shares(rng: np.random.Generator = rng) -> np.ndarray:
            if kind == "dirichlet":
                return rng.dirichlet(60 * LONG)
            levels = LONG * np.exp((0.3 if kind == "by a factor" else 0.0) * rng.normal(size=len(LONG)))
            return levels / levels.sum()

        # All columns of a day have the same level: eight of them say no more than one does of the others.
        days = [day(shares(), rng) for _ in range(batches + 1)]
        alarms += compare(days[:batches], days[batches], joint="none").drifted is True
    # Of a rate of .05 six or more of forty have a probability of .02.
    assert alarms <= 5


@pytest.mark.parametrize("wander", [0.0, 0.15])
def test_the_more_common_a_rare_category_becomes_the_less_it_is_taken_for_chance(wander: float) -> None:
    """Beside two others whose shares wander, or do not."""
    rng = np.random.default_rng(0)

    def frame(place: int, rare: int, rng: np.random.Generator) -> pd.DataFrame:
        first = rng.binomial(500 - rare, np.clip(rng.normal(0.5, wander), 0.05, 0.95))
        return pd.DataFrame({"day": place, "c": np.repeat(["a", "b", "r"], [first, 500 - rare - first, rare])})

    past = pd.concat([frame(place, int(rng.binomial(500, 0.012)), rng) for place in range(30)])
    p_values = [
        compare(past, frame(30, rare, np.random.default_rng(5)), batch="day", joint="none").columns["c"].p_value or 0.0
        for rare in (15, 25, 40, 50, 60, 70, 80, 100)
    ]
    assert (np.diff(np.log10(np.maximum(p_values, 1e-30))) <= 0).all()
    assert p_values[2] < 1e-3


def test_a_skewed_statistic_is_made_symmetric_without_turning_around() -> None:
    t = np.linspace(-40, 40, 801)
    for skewness in (-0.8, -0.2, 0.0, 0.1, 0.5, 1.0):
        assert (np.diff(_symmetric(t, skewness)) >= 0).all()
    # Of Poisson counts, whose skewness is one over the root of the mean, the far tail is told within a factor of two.
    from scipy.stats import norm, poisson

    for mean, seen in ((5, 17), (18, 40), (50, 85)):
        standardised = np.array([(seen - 0.5 - mean) / mean**0.5])
        told = norm.sf(_symmetric(standardised, mean**-0.5))[0]
        assert 0.5 < told / poisson.sf(seen - 1, mean) < 2
