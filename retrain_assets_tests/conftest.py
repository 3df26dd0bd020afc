"""Holds tests that claim a field of the declaration to having changed it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from retrain_assets_tests.field_coverage import LEAVES, Seen, observed, unchanged

_SEEN = pytest.StashKey[Seen]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "covers(*fields): this behavioural test changes these fields of the declaration and sees the difference",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if item.get_closest_marker("covers") is None:
        return (yield)
    with observed() as seen:
        item.stash[_SEEN] = seen
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    yield
    fields = [field for marker in item.iter_markers("covers") for field in marker.args]
    wrong = [field for field in fields if field not in LEAVES]
    if wrong:
        pytest.fail(f"covers names fields that no declaration has: {', '.join(wrong)}")
    if fields and (same := unchanged(iter(fields), item.stash[_SEEN])):
        pytest.fail(f"covers claims fields of which fewer than two values were declared: {', '.join(same)}")
