"""Streaming detectors: one number after the other, say a metric of each batch; an alarm when its level has changed.

| detector | watches | alarms when |
|---|---|---|
| `Cusum` | a series with a known level, or a past | the cumulated deviation, up or down, has gone on for too long |
| `Ewma` | the same | the moving average lies too far off |
| `UpperCusum` | values that should not rise | the cumulated excess over a slack passes a limit |
| `PageHinkley` | any series | the cumulated excess over the running mean passes a limit |
| `Ddm` | errors, 0 or 1 | the error rate is three deviations above its best |
| `Adwin` | values in [0, 1] | two parts of its window have different means, the newer one the higher |
| `RiverDetector` | what the detector of `river` does | that one does |
"""

from retrain_assets.drift.detectors.adwin import Adwin as Adwin
from retrain_assets.drift.detectors.cusum import Cusum as Cusum
from retrain_assets.drift.detectors.ddm import Ddm as Ddm
from retrain_assets.drift.detectors.detector import Detector as Detector
from retrain_assets.drift.detectors.detector import any_alarm as any_alarm
from retrain_assets.drift.detectors.ewma import Ewma as Ewma
from retrain_assets.drift.detectors.page_hinkley import PageHinkley as PageHinkley
from retrain_assets.drift.detectors.registry import make_detector as make_detector
from retrain_assets.drift.detectors.river import RiverDetector as RiverDetector
from retrain_assets.drift.detectors.self_starting import SelfStarting as SelfStarting
from retrain_assets.drift.detectors.standard import Standard as Standard
from retrain_assets.drift.detectors.upper_cusum import UpperCusum as UpperCusum
