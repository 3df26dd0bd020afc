"""The benchmark's windows of several days, and of more rows, are what they are called."""

import numpy as np
import pytest

from benchmarks.checked import OURS, Checked, check
from benchmarks.checked_windows import PLANTED, WINDOWS, window_section, window_tasks
from retrain_assets.drift import compare


@pytest.mark.parametrize("rows", [40, 6_000])
@pytest.mark.parametrize(("batches", "larger"), [(3, 1), (1, 5)])
def test_a_window_has_so_many_days_of_so_many_rows(
    rows: int, batches: int, larger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def counted(reference, window, **options):
        report = compare(reference, window, **options)
        seen.append(report.rows[1])
        assert batches == (window["day"].nunique() if rows == 40 else len(window))
        return report

    monkeypatch.setattr("benchmarks.checked.compare", counted)
    task = Checked(stream="iid", rows=rows, columns=2, drifts=("",), seed=0, batches=batches, larger=larger)
    assert len(check(task)[""][OURS]) == len(seen) == Checked.WINDOWS
    assert set(seen) == {rows * batches * larger}


def test_the_tables_have_a_column_for_each_kind_of_window() -> None:
    tasks = window_tasks(2)
    answers = {task: {drift: {OURS: [False] * 5} for drift in task.drifts} for task in tasks}
    sentence, rates, _, power = window_section(answers)
    assert f"{len(tasks) // 2} of {len(tasks) // 2} cells" in sentence
    assert rates.splitlines()[0] == f"| stream | {' | '.join(WINDOWS)} |"
    assert len(power.splitlines()) == 2 + len(PLANTED)
    alarms = {task: {drift: {OURS: list(np.ones(5, bool))} for drift in task.drifts} for task in tasks}
    assert "in 0 of" in window_section(alarms)[0]
