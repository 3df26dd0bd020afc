"""Streaming detectors and control charts on series of errors or losses: one value after the other, nothing stored.

| detector | watches | alarms when |
|---|---|---|
| `Adwin` | values in [0, 1] | two parts of its window have different means |
| `Ddm` | errors, 0 or 1 | the error rate is three deviations above its best |
| `PageHinkley` | any series | the cumulated excess over the running mean passes a limit |
| `Cusum` | standardized series | the cumulated excess over a slack passes a limit |
"""

from retrain_assets.performance.detectors.adwin import Adwin as Adwin
from retrain_assets.performance.detectors.cusum import Cusum as Cusum
from retrain_assets.performance.detectors.ddm import Ddm as Ddm
from retrain_assets.performance.detectors.detector import Detector as Detector
from retrain_assets.performance.detectors.page_hinkley import PageHinkley as PageHinkley
