"""The limit of evidence where it is reached too seldom for simulated years: held against others, drawn to be odd."""

import numpy as np
import pytest
from scipy.special import chdtri, ndtr, ndtri, stdtr

from retrain_assets.drift.evidence_limit import ALLOWANCE, CLEAREST, EvidenceLimit, _largest_evidence
from retrain_assets.drift.evidence_tail import EvidenceTail


def tail(batches: int, checks: int) -> EvidenceTail:
    return EvidenceTail(batches=batches, checks=checks, allowance=ALLOWANCE, clearest=CLEAREST)


def drawn_chance(limit: float, *, batches: int, checks: int, years: int) -> float:
    """By importance sampling: most years have a reference whose spread is far too small, and count for little."""
    rng = np.random.default_rng(batches)
    odd = rng.random(years) < 0.7
    narrow = np.where(odd, rng.normal(-3, 1.3, size=years), rng.normal(size=years))
    drawn = 0.3 * np.exp(-(narrow**2) / 2) + 0.7 / 1.3 * np.exp(-(((narrow + 3) / 1.3) ** 2) / 2)
    off = 2 * rng.normal(size=years)
    weight = np.exp(-(narrow**2) / 2) / drawn * 2 * np.exp(-(off**2) / 2 + off**2 / 8)
    spread = np.sqrt(chdtri(batches - 1, ndtr(-narrow)) / (batches - 1) * (1 + 1 / batches))
    evidence, reached = np.zeros(years), np.zeros(years, dtype=bool)
    for _ in range(checks):
        p = 2 * stdtr(batches - 1, -np.abs(rng.normal(size=years) - off / np.sqrt(batches)) / spread)
        evidence = np.maximum(evidence + np.clip(-ndtri(p), -CLEAREST, CLEAREST) - ALLOWANCE, 0)
        reached |= evidence >= limit
    return float(np.mean(weight * reached))


@pytest.mark.parametrize(
    ("columns", "batches", "checks"),
    [(300, 5, 120), (5_000, 5, 52), (1_000, 15, 120), (50_000, 15, 120), (1_000, 15, 365)],
)
def test_a_far_limit_is_reached_as_seldom_as_declared(columns: int, batches: int, checks: int) -> None:
    """The standard error is some 5 %."""
    limit = EvidenceLimit(columns=columns, batches=batches, checks_per_year=checks, false_alarms_per_year=1).value
    drawn = drawn_chance(limit, batches=batches, checks=checks, years=8_000)
    assert drawn == pytest.approx(0.5 / columns, rel=0.2)


@pytest.mark.parametrize("batches", [5, 30, 200])
@pytest.mark.parametrize("checks", [12, 52, 365])
def test_what_is_computed_is_what_is_simulated_where_both_can_tell(batches: int, checks: int) -> None:
    """180 of 6,000 years: three standard errors are a fifth. With many batches the tail is chance by itself."""
    largest = _largest_evidence(batches, checks)
    assert tail(batches, checks).chance(float(np.quantile(largest, 0.97))) == pytest.approx(0.03, rel=0.22)


@pytest.mark.parametrize(("batches", "limit"), [(8, 150.0), (30, 12.0), (200, 9.0)])
def test_few_checks_and_many_are_of_one_piece(batches: int, limit: float) -> None:
    """The one counts step by step, the other by moments."""
    few, many = (tail(batches, checks).chance(limit) for checks in (128, 129))
    assert many == pytest.approx(few, rel=0.08)


@pytest.mark.parametrize("batches", [5, 15, 60])
def test_more_columns_never_have_a_lower_limit(batches: int) -> None:
    limits = [
        EvidenceLimit(columns=columns, batches=batches, checks_per_year=52, false_alarms_per_year=1).value
        for columns in (250, 251, 300, 1_000)
    ]
    assert limits == sorted(limits)
    assert limits[-1] > limits[1]
