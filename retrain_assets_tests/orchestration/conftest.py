from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets_tests.orchestration.installation import Installation, make_installation


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def installation(tmp_path: Path, instance: dg.DagsterInstance) -> Installation:
    return make_installation(tmp_path, instance)
