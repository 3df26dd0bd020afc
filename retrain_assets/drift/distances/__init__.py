"""Distances between binned distributions, by the name that `drift.distance` gives them."""

from retrain_assets.drift.distances.distance import Distance as Distance
from retrain_assets.drift.distances.jensen_shannon import JensenShannon
from retrain_assets.drift.distances.kolmogorov_smirnov import KolmogorovSmirnov
from retrain_assets.drift.distances.psi import PopulationStabilityIndex

DISTANCES: dict[str, Distance] = {
    distance.name: distance for distance in (JensenShannon(), PopulationStabilityIndex(), KolmogorovSmirnov())
}
