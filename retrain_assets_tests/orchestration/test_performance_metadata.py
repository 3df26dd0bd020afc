"""What `performance` shows: values with their intervals and limits as numbers that Dagster plots, slices as a table."""

from datetime import UTC, datetime
from typing import Any

from retrain_assets.lifecycle.records import Measured
from retrain_assets.orchestration.metadata import of_performance
from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.performance.loss_chart import ChartReading
from retrain_assets.performance.report import BatchPerformance
from retrain_assets.performance.slice_metrics import SliceMetrics
from retrain_assets.promotion.health import HealthVerdict
from retrain_assets.stores.protocols import TableCommit

COMMIT = TableCommit(
    table="m/performance", partition="b", version=1, content_hash="0" * 64, rows=1, run_id="r", changed=True
)


class Tables:
    def uri(self, table: str) -> str:
        return f"memory://{table}"


class Stores:
    tables = Tables()


def estimated(name: str, value: float | None, width: float = 0.1, rows: int = 100) -> MetricEstimate:
    ends = (None, None) if value is None else (value - width, value + width)
    return MetricEstimate(metric=name, value=value, lower=ends[0], upper=ends[1], standard_error=width / 2, rows=rows)


def performed(mode: Any = "served", **changes: Any) -> BatchPerformance:
    fields: dict[str, Any] = {
        "model": "m", "batch": "b", "version": 3, "mode": mode, "label_revision": 1, "rows": 100,
        "as_of": datetime(2024, 1, 1, tzinfo=UTC),
        "metrics": (estimated("log_loss", 0.5), estimated("roc_auc", None)),
    }  # fmt: skip
    return BatchPerformance(**{**fields, **changes})


def shown(*performances: BatchPerformance, **changes: Any) -> dict[str, Any]:
    record = Measured(performances=performances, backscored=(), health=True, reason="well", commit=COMMIT, **changes)
    return dict(of_performance(Stores(), record))  # pyright: ignore[reportArgumentType]


def plotted(made: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in made.items() if isinstance(value, float)}


def test_a_served_metric_is_a_series_with_the_ends_of_its_interval():
    made = plotted(shown(performed(), performed("backscored"), performed("member")))
    assert made == {
        "log_loss": 0.5, "log_loss/lower": 0.4, "log_loss/upper": 0.6,
        "backscored/log_loss": 0.5, "member v3/log_loss": 0.5,
    }  # fmt: skip


def test_the_loss_that_is_judged_is_a_series_with_its_limit():
    judged = HealthVerdict(healthy=True, reason="well", value=0.51, limit=0.55)
    assert plotted(shown(judged=judged)) == {"champion_loss": 0.51, "champion_loss/limit": 0.55}
    assert plotted(shown(judged=HealthVerdict(healthy=None, reason="too few"))) == {}


def test_the_chart_says_what_it_shows_and_how_far_it_is():
    chart = ChartReading(detector="ewma", reads="loss", batches=9, alarms=("b",), level=1.2)
    made = shown(chart=chart)
    assert made["loss_chart"] == "ewma over the champion's loss of 9 matured batches alarmed at b"
    assert plotted(made) == {"loss_chart_level": 1.2}


def test_slices_are_a_table_with_what_is_unknown_and_why():
    parts = (
        SliceMetrics(name="kind=a", rows=90, metrics=(estimated("log_loss", 0.4, rows=90),)),
        SliceMetrics(name="kind=b", rows=10, metrics=(estimated("log_loss", None, rows=10),)),
    )
    made = shown(performed(slices=parts))["slices"]
    assert [record.data for record in made.records] == [
        {"slice": "kind=a", "metric": "log_loss, served by v3", "value": "0.4 (0.3 to 0.5), 90 rows"},
        {
            "slice": "kind=b",
            "metric": "log_loss, served by v3",
            "value": "unknown: 10 rows, 20 are needed",
        },
    ]
    assert "slices" not in shown(performed())
    assert "slices_left_out" not in made
    left = shown(performed(slices=parts), slices_left_out={"kind": 4980, "day": 5})["slices_left_out"]
    assert left == "kind: 4,980 values with fewer rows; day: 5 values with fewer rows"
