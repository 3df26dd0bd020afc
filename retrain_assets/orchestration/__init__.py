"""The Dagster layer: it wires the lifecycle into assets, jobs and sensors, and computes nothing."""

from retrain_assets.orchestration.component import RetrainedModel as RetrainedModel
from retrain_assets.orchestration.component import build_retraining_definitions as build_retraining_definitions
from retrain_assets.orchestration.resources import StoresResource as StoresResource
