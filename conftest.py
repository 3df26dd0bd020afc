"""What holds for all tests, and the sample of the slow ones: a share of each module's, chosen by a seed."""

import hashlib
import math
import os
import shutil
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

# Each of these shares something that takes half a minute to make (a server, a played demo) and mostly waits for it:
# one worker has it all, and begins with it. Told by path: pytest 9.2 no longer shows xdist 3.8 its own groups.
FIRST = ("retrain_assets_tests/e2e/", "retrain_assets_tests/demo/test_run.py")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
collect_ignore_glob = ["*/migrations/*"]  # alembic's scripts run inside alembic only
# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", settings.default, deadline=None, max_examples=50)
settings.register_profile("nightly", settings.default, deadline=None, max_examples=500)
settings.load_profile("patient")


class Together(LoadGroupScheduling):
    """Hands a worker at once the tests that share what is made once; all others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared(nodeid, self.config.rootpath) or super()._split_scope(nodeid)


def _shared(nodeid: str, root: Path) -> str | None:
    """The path of all that share something with a test; None where it shares nothing."""
    module = nodeid.partition("::")[0]
    first = next((path for path in FIRST if nodeid.startswith(path)), None)
    return first or (module if _makes_once(root / module) else None)


@cache
def _makes_once(module: Path) -> bool:
    """Whether it has a fixture for all its tests, which each worker that has some of them would make."""
    return 'scope="module"' in module.read_text(encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadGroupScheduling | None:
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("slow tests")
    group.addoption("--slow-sample", type=float, metavar="SHARE", help="run this share of the slow tests")
    group.addoption("--slow-sample-seed", default="0", metavar="SEED", help="another seed, another sample")


def pytest_report_header(config: pytest.Config) -> list[str]:
    share = config.getoption("slow_sample")
    said = [f"slow tests: a sample of {share:.0%}, seed {config.getoption('slow_sample_seed')}"] if share else []
    if not _browsing():
        said.append("browser tests: LEFT OUT, there is no Chromium here; RETRAIN_ASSETS_REQUIRE_BROWSER=1 demands them")
    return said


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not _browsing():
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("browser")])
        items[:] = [item for item in items if not item.get_closest_marker("browser")]
    _sample_slow(config, items)
    items.sort(key=lambda item: _turn(item.nodeid, config.rootpath))


def _turn(nodeid: str, root: Path) -> int:
    """What takes long goes first and single tests last, so that two workers end together."""
    shared = _shared(nodeid, root)
    return len(FIRST) + (shared is None) if shared not in FIRST else FIRST.index(shared)


def _browsing() -> bool:
    """A user's machine may have no browser; where one is demanded, its absence is a failure."""
    return os.environ.get("RETRAIN_ASSETS_REQUIRE_BROWSER") == "1" or any(map(shutil.which, BROWSERS))


def _sample_slow(config: pytest.Config, items: list[pytest.Item]) -> None:
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
