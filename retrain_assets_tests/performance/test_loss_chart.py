"""The chart of a champion's losses: as seldom wrong as declared, soon right, and blind to what gets better."""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.performance.decay import BatchLoss
from retrain_assets.performance.loss_chart import LossChart
from retrain_assets.performance.row_errors import chances, row_errors
from retrain_assets.performance.scores import Scores
from retrain_assets.spec import ChartSpec


def read(values, errors=None, **spec):
    chart = LossChart(ChartSpec(**spec))
    for k, value in enumerate(values):
        loss = BatchLoss(batch=f"{k:03}", value=float(value), standard_error=0.01, rows=400)
        chart.take(loss, None if errors is None else errors[k])
    return chart.reading


def stable(seed, batches=400):
    return np.random.default_rng(seed).normal(0.5, 0.02, batches)


@pytest.mark.covers("retrain.chart.batches_between_false_alarms")
@pytest.mark.parametrize("detector", ["ewma", "cusum"])
def test_alarms_are_as_seldom_as_declared_with_no_past_to_learn_from(detector):
    for between in (25.0, 50.0, 100.0):
        settings = {"detector": detector, "batches_between_false_alarms": between}
        alarms = [len(read(stable(seed), **settings).alarms) for seed in range(60)]
        assert 0.8 < (400 / np.mean(alarms)) / between < 1.25


@pytest.mark.parametrize("detector", ["ewma", "cusum"])
def test_a_rise_is_found_soon_and_a_fall_is_no_alarm(detector):
    delays = []
    for seed in range(60):
        values = stable(seed, 32)
        values[12:] += 0.06
        found = [int(batch) - 12 for batch in read(values, detector=detector).alarms if int(batch) >= 12]
        delays.append(found[0] if found else np.inf)
    assert np.median(delays) <= 2
    # Where chance alarmed just before, the chart has begun anew and learns the new level as its own.
    assert np.mean(np.isfinite(delays)) > 0.95
    falls = [np.where(np.arange(32) < 12, 0, -0.06) + stable(seed, 32) for seed in range(60)]
    assert np.mean([len(read(values, detector=detector).alarms) for values in falls]) < 0.3


@pytest.mark.parametrize("detector", ["ewma", "cusum"])
@pytest.mark.parametrize("rise", [0.06, 0.3])
def test_one_cause_alarms_once_and_a_further_one_again(detector, rise):
    seldom = {"detector": detector, "batches_between_false_alarms": 1000}
    once, again = [], []
    for seed in range(60):
        values = stable(seed, 60)
        values[20:] += rise
        once.append(sum(int(batch) >= 20 for batch in read(values[:40], **seldom).alarms))
        values[40:] += rise
        again.append([int(batch) >= 40 for batch in read(values, **seldom).alarms])
    assert np.mean(np.array(once) == 1) > 0.93
    assert np.mean([each == [False, True] for each in again]) > 0.9


@pytest.mark.parametrize(("detector", "reads"), [("adwin", "error"), ("page_hinkley", "error"), ("ddm", "mistake")])
def test_one_cause_in_the_rows_alarms_once(detector, reads):
    errors = [row_errors(reads, 1 - each, holdout=None) for each in row_series(batches=30)]
    alarms = read([each.mean() for each in errors], errors, detector=detector, reads=reads).alarms
    assert [batch for batch in alarms if batch >= "010"] == ["010"]


def test_a_level_is_unknown_until_something_could_be_read():
    values = [0.50, 0.52, 0.51, 0.49, 0.50, 0.70, 0.72, 0.71, 0.72, 0.70]
    levels = [read(values[:k]).level for k in range(1, 11)]
    assert levels[:2] == [None, None]
    assert None not in levels[2:7]
    assert (levels[6] or 0) >= 1
    assert levels[7:9] == [None, None]
    assert levels[9] is not None
    assert abs(levels[9]) < 1
    assert read([0.5] * 10).level is None
    assert read([0.5] * 10).reason.endswith("has not alarmed")


def test_an_unknown_loss_is_no_batch_and_silences_nothing():
    values = [0.50, 0.52, np.nan, 0.51, 0.49, 0.50, 0.70, np.inf, 0.72]
    made = read(values)
    assert (made.alarms, made.batches) == (("008",), 7)
    errors = [np.array([]), *row_series()]
    rows = read([0.5] * len(errors), errors, detector="adwin", reads="error")
    assert (rows.alarms, rows.batches) == (("011",), 16)


def test_what_cannot_be_known_is_told():
    few = read([0.5, 0.51, 0.52])
    assert (few.known, few.alarms) == (False, ())
    assert few.reason == "ewma over the champion's loss of 3 matured batches tells nothing yet (4 are needed)"
    calm = read(stable(3, 12))
    assert calm.known
    assert calm.reason.startswith("ewma over the champion's loss of 12 matured batches has not alarmed: it is at ")
    # What never varies has no chance of its own: nothing is read, and nothing alarms.
    assert read([0.5] * 10).alarms == ()


def row_series(batches=16, since=10, rows=400):
    rng = np.random.default_rng(0)
    return [np.clip(rng.beta(2, 6, rows) + (0.3 if k >= since else 0), 0, 1) for k in range(batches)]


@pytest.mark.parametrize(
    ("detector", "reads", "settings"),
    [
        ("adwin", "error", {}),
        ("adwin", "error", {"delta": 0.01}),
        ("page_hinkley", "error", {}),
        ("ddm", "mistake", {}),
        ("river.drift:ADWIN", "error", {"delta": 0.01}),
        ("river.drift:PageHinkley", "error", {}),
        ("river.drift.binary:HDDMA", "mistake", {}),
        ("river.drift.binary:DDM", "mistake", {}),
        ("river.drift:KSWIN", "error", {"alpha": 0.0001, "seed": 1}),
    ],
)
def test_detectors_read_the_errors_of_rows(detector, reads, settings):
    if ":" in detector:
        river = pytest.importorskip("river.drift.binary")
        if detector.endswith("HDDMA") and not hasattr(river, "HDDM_A"):
            detector = "river.drift.binary:HDDMA"
    errors = [row_errors(reads, 1 - each, holdout=None) for each in row_series()]
    reading = read([each.mean() for each in errors], errors, detector=detector, reads=reads, settings=settings)
    assert reading.level is None
    assert reading.alarms
    assert {"010", "011", "012"} & set(reading.alarms)


@pytest.mark.covers("retrain.chart.settings")
def test_a_setting_makes_a_detector_blunter():
    errors = row_series()
    values = [each.mean() for each in errors]
    assert "010" in read(values, errors, detector="page_hinkley", reads="error", settings={"limit": 20}).alarms
    blunt = read(values, errors, detector="page_hinkley", reads="error", settings={"limit": 1e6})
    assert blunt.alarms == ()


def test_errors_are_on_one_scale():
    held = row_errors("error", np.array([0.0, 2.0, 9.0]), holdout=1.0)
    assert held.tolist() == [0.0, 0.5, 1.0]
    assert row_errors("mistake", np.array([0.9, 0.4]), holdout=None).tolist() == [0.0, 1.0]
    scores = Scores(np.array([[0.7, 0.2, 0.1]] * 2), ("a", "b", "c"))
    assert chances(np.array(["b", "new"], dtype=object), scores).tolist() == [0.2, 0.0]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"detector": "ewna"}, r"must be one of ewma.*Did you mean 'ewma'"),
        ({"detector": "adwin"}, "reads must be 'error' or 'mistake' for adwin"),
        ({"detector": "cusum", "reads": "error"}, "reads must be 'loss' for cusum"),
        ({"batches_between_false_alarms": 3}, "greater than 4"),
    ],
)
def test_what_cannot_be_a_chart_is_a_mistake(spec, said):
    with pytest.raises(ValueError, match=said):
        ChartSpec(**spec)
