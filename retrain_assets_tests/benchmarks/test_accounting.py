"""What of a batch's time counts as the platform's own, and what as reading data."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from benchmarks.accounting import Account
from benchmarks.played import CHECKS, DATA, ROWS, targets
from retrain_assets.orchestration import assets, names, tables
from retrain_assets.orchestration.work import Work
from retrain_assets.stores.delta import DeltaTableStore

TABLE = pd.DataFrame({"value": [1.0, 2.0]})
INTERNAL = (
    "quarantine", "profile", "drift_report", "retrain_decision", "training_set", "evaluation_report", "performance"
)  # fmt: skip


@pytest.mark.parametrize("asset", sorted({*DATA, *INTERNAL}))
def test_only_rows_of_data_are_no_work_of_the_platform(asset: str, tmp_path: Path) -> None:
    store = DeltaTableStore(tmp_path)
    store.write(f"model/{asset}", "2013-W01", TABLE)
    account = Account()
    with account.patched(targets()):
        store.read(f"model/{asset}", ["2013-W01"])
    assert account.calls == {ROWS if asset in DATA else "tables": 1}


def test_every_table_of_a_model_is_either_data_or_internal() -> None:
    stored_elsewhere = {names.RAW, names.CANDIDATE, names.CHAMPION, names.LABEL_REQUESTS}
    assert {*DATA, *INTERNAL} == {asset for job in names.JOB_ASSETS.values() for asset in job} - stored_elsewhere


@pytest.mark.parametrize("module", [assets, tables])
def test_what_a_check_of_a_stored_table_reads_is_the_checks(module: ModuleType, tmp_path: Path) -> None:
    store = DeltaTableStore(tmp_path)
    store.write("model/profile", "2013-W01", TABLE)
    work = SimpleNamespace(
        stores=SimpleNamespace(tables=store),
        model=SimpleNamespace(table="model/{}".format),
        the_batch=SimpleNamespace(key="2013-W01"),
    )
    account = Account(whole=frozenset({CHECKS}))
    with account.patched(targets()):
        assert module.table_faults(cast("Work", work), names.PROFILE)
    assert account.calls == {CHECKS: 1}


def test_seconds_of_a_call_are_its_own_without_those_of_another_category() -> None:
    account = Account(whole=frozenset({"all of it"}))
    inner = account.wrap("inner", lambda: sum(range(3_000_000)))
    account.wrap("outer", inner)()
    account.wrap("all of it", inner)()
    assert account.calls == {"outer": 1, "inner": 1, "all of it": 1}
    # Of the processor: whatever else the machine does is booked to whom it interrupts.
    assert account.processor["outer"] < account.processor["inner"]
    assert account.processor["all of it"] > account.processor["outer"]
