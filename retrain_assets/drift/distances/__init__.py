"""Distances between binned distributions, one in each module."""

from retrain_assets.drift.distances.distance import Distance as Distance
from retrain_assets.drift.distances.measuring import measure as measure
from retrain_assets.drift.distances.registry import DISTANCES as DISTANCES
from retrain_assets.drift.distances.registry import find_distance as find_distance
