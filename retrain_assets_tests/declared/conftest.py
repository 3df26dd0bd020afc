"""The facts of a decision, as the tests of the policy have them."""

from retrain_assets_tests.policy.conftest import batch_at as batch_at
from retrain_assets_tests.policy.conftest import champion as champion
from retrain_assets_tests.policy.conftest import declare as declare
from retrain_assets_tests.policy.conftest import drift_report as drift_report
from retrain_assets_tests.policy.conftest import episode as episode
from retrain_assets_tests.policy.conftest import facts as facts
