from retrain_assets_tests.lifecycle.conftest import (
    world,  # noqa: F401 # pyright: ignore[reportUnusedImport] - a fixture
    worlds,  # noqa: F401 # pyright: ignore[reportUnusedImport] - a fixture
)
