"""A declaration as a Dagster component, and the same from Python."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import dagster as dg
from pydantic import BaseModel
from typing_extensions import Self

from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.orchestration.assets import model_assets
from retrain_assets.orchestration.jobs import model_jobs
from retrain_assets.orchestration.resources import STORES, STORES_KEY, StoresResource
from retrain_assets.orchestration.sensors import Scheduled, location_sensors
from retrain_assets.spec import ModelSpec


class RetrainedModel(dg.Component):
    """A model that keeps itself fresh: assets, checks, four jobs, and one set of sensors for the code location.

    The attributes are the declaration itself, `retrain_assets.spec.ModelSpec`. Of several models of a code location the
    first by name brings the sensors of them all.
    """

    def __init__(self, declared: DeclaredModel) -> None:
        self.declared = declared

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The attributes are the declaration."""
        return ModelSpec

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """How it is listed."""
        return dg.ComponentTypeSpec(
            description="A machine-learning model that keeps itself fresh.",
            tags=["machine-learning", "retraining", "drift"],
            produces=["asset", "asset_check", "job", "sensor", "resource"],
        )

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """From the attributes in a YAML file; relative paths start at its folder."""
        if not isinstance(attributes, ModelSpec):
            raise DeclarationError([Problem(field="attributes", message="must hold a declaration (got nothing)")])
        path = context.path
        return cls(DeclaredModel(attributes, path if path.is_dir() else path.parent))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Wires the model into the code location."""
        location = sorted(context.component_tree.get_all_components(RetrainedModel), key=lambda each: each.declared.name)
        return dg.Definitions(
            assets=model_assets(self.declared),
            jobs=list(self.scheduled.jobs.values()),
            sensors=location_sensors([each.scheduled for each in location]) if location[0] is self else [],
            resources={STORES_KEY: STORES},
        )

    @cached_property
    def scheduled(self) -> Scheduled:
        """The model with its jobs, which its own definitions and the sensors share."""
        return Scheduled(model=self.declared, jobs=model_jobs(self.declared.spec))


def build_retraining_definitions(
    specs: ModelSpec | Sequence[ModelSpec], *, root: Path | None = None, stores: StoresResource | None = None
) -> dg.Definitions:
    """Assets, checks, jobs, sensors and stores of some models, to be merged with a project's own definitions.

    Args:
        specs: all models of the code location: they share one set of sensors.
        root: where relative paths of the declarations start; by default the working directory.
        stores: where the platform keeps its data; by default as the environment says.
    """
    declared = [DeclaredModel(spec, root or Path.cwd()) for spec in ([specs] if isinstance(specs, ModelSpec) else specs)]
    scheduled = [Scheduled(model=model, jobs=model_jobs(model.spec)) for model in declared]
    return dg.Definitions(
        assets=[asset for model in declared for asset in model_assets(model)],
        jobs=[job for each in scheduled for job in each.jobs.values()],
        sensors=location_sensors(scheduled),
        resources={STORES_KEY: stores or STORES},
    )
