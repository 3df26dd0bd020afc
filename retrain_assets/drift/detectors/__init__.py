"""Streaming detectors: one number after the other, say a metric of each batch; an alarm when its level has changed."""

from retrain_assets.drift.detectors.cusum import Cusum as Cusum
from retrain_assets.drift.detectors.detector import Detector as Detector
from retrain_assets.drift.detectors.ewma import Ewma as Ewma
from retrain_assets.drift.detectors.river import RiverDetector as RiverDetector
from retrain_assets.drift.detectors.standard import Standard as Standard
