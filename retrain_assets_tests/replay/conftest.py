from retrain_assets_tests.lifecycle.conftest import (
    world,  # noqa: F401 - a fixture
    worlds,  # noqa: F401 - a fixture
)
