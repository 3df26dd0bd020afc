"""Every field of the declaration is held by a behavioural test: a setting that nothing reads does not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain_assets_tests.field_coverage import LEAVES, claims, observed, unchanged
from retrain_assets_tests.spec.declarations import attributes, spec

TESTS = Path(__file__).parents[1]

pytest_plugins = ["pytester"]


def test_every_field_is_claimed_by_a_behavioural_test():
    claimed = claims(TESTS)
    unclaimed = [path for path in LEAVES if path not in claimed]
    assert not unclaimed, "no test is marked covers(...) for: " + ", ".join(unclaimed)


def test_every_claim_names_a_field():
    assert not set(claims(TESTS)) - set(LEAVES)


def test_a_field_is_changed_when_two_values_were_declared():
    with observed() as seen:
        spec()
        assert unchanged(iter(["drift.bins"]), seen) == ["drift.bins"]
        spec(drift={"bins": 5})
    assert unchanged(iter(["drift.bins"]), seen) == []
    assert unchanged(iter(["drift.smoothing"]), seen) == ["drift.smoothing"]


def test_copies_count_and_nested_groups_too():
    with observed() as seen:
        declared = spec(retrain={"budget": "2 per year"})
        declared.model_copy(update={"name": "other"})
        spec(retrain={"budget": "3 per year"}, schema={"day": {"type": "datetime", "min": 3}})
        spec(schema={"day": {"type": "datetime", "min": 4}})
    assert unchanged(iter(["name", "retrain.budget.retrains", "schema.*.min"]), seen) == []


def test_nothing_is_observed_afterwards():
    with observed() as seen:
        pass
    spec()
    assert not seen


def test_a_claim_without_a_change_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(TESTS.parent))
    pytester.makeconftest("from retrain_assets_tests.conftest import *")
    pytester.makepyfile(
        f"""
        import pytest
        from retrain_assets.spec import ModelSpec

        BASE = {attributes()!r}

        @pytest.mark.covers("drift.bins")
        def test_that_changes_nothing():
            ModelSpec.model_validate(BASE)

        @pytest.mark.covers("drift.binz")
        def test_that_names_nothing():
            ModelSpec.model_validate(BASE)

        @pytest.mark.covers("drift.bins", "name")
        def test_that_is_honest():
            changed = {{**BASE, "drift": {{"bins": 7}}, "name": "x"}}
            assert ModelSpec.model_validate(changed) != ModelSpec.model_validate(BASE)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines_random(
        ["*fewer than two values were declared: drift.bins", "*names fields that no declaration has: drift.binz"]
    )
