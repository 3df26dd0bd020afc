"""What holds for all tests, and the sample of the slow ones: a share of each module's, chosen by a seed."""

import hashlib
import math
from collections import defaultdict

import pytest
from hypothesis import settings

collect_ignore_glob = ["*/migrations/*"]  # alembic's scripts run inside alembic only
# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("slow tests")
    group.addoption("--slow-sample", type=float, metavar="SHARE", help="run this share of the slow tests")
    group.addoption("--slow-sample-seed", default="0", metavar="SEED", help="another seed, another sample")


def pytest_report_header(config: pytest.Config) -> str | None:
    share = config.getoption("slow_sample")
    return share and f"slow tests: a sample of {share:.0%}, seed {config.getoption('slow_sample_seed')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share, seed = config.getoption("slow_sample"), str(config.getoption("slow_sample_seed"))
    if share is None:
        return
    modules: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("slow"):
            modules[item.nodeid.partition("::")[0]].append(item)
    left_out = {
        item
        for tests in modules.values()
        for item in sorted(tests, key=lambda test: _lot(seed, test.nodeid))[math.ceil(share * len(tests)) :]
    }
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    nothing_to_sample = session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
    if nothing_to_sample and session.config.getoption("slow_sample"):
        session.exitstatus = pytest.ExitCode.OK


def _lot(seed: str, nodeid: str) -> bytes:
    return hashlib.sha256(f"{seed} {nodeid}".encode()).digest()
