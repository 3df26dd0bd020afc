"""The facts of a decision, as the tests of the policy have them."""

from retrain_assets_tests.policy.conftest import batch_at, champion, declare, drift_report, episode, facts

__all__ = ["batch_at", "champion", "declare", "drift_report", "episode", "facts"]
