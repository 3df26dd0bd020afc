"""A declaration as a Dagster component, and the same from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.orchestration.assets import model_assets
from retrain_assets.orchestration.mlflow_run import MLFLOW_KEY, MLFLOW_RUN
from retrain_assets.orchestration.person_jobs import person_jobs
from retrain_assets.orchestration.resources import STORES, STORES_KEY, StoresResource
from retrain_assets.orchestration.sensors import location_sensors
from retrain_assets.spec import ModelSpec
from retrain_assets.spec.budgets import unequal_budgets


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
        _refuse_templates(attributes.model_dump(mode="json", by_alias=True), "attributes")
        path = context.path
        return cls(DeclaredModel(attributes, path if path.is_dir() else path.parent))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Wires the model into the code location."""
        location = context.component_tree.get_all_components(RetrainedModel)
        first = min(location, key=lambda each: each.declared.name)
        return dg.Definitions(
            assets=model_assets(self.declared),
            jobs=person_jobs(self.declared),
            # The sensors bring the jobs that they launch. Beside them a job would be defined twice: Dagster copies the
            # jobs of each component, and the sensors of the first one name those of all.
            sensors=location_sensors([each.declared for each in location]) if first is self else [],
            resources={STORES_KEY: STORES, MLFLOW_KEY: MLFLOW_RUN},
        )


def build_retraining_definitions(
    specs: ModelSpec | Sequence[ModelSpec], *, root: Path | None = None, stores: StoresResource | None = None
) -> dg.Definitions:
    """Assets, checks, jobs, sensors and stores of some models, to be merged with a project's own definitions.

    Args:
        specs: all models of the code location: they share one set of sensors.
        root: where relative paths of the declarations start; by default the working directory.
        stores: where the platform keeps its data; by default as the environment says.
    """
    declared = [
        DeclaredModel(spec, root or Path.cwd()) for spec in ([specs] if isinstance(specs, ModelSpec) else specs)
    ]
    unequal = [
        Problem(field="retrain.shared_budget", message=f"of '{spec.name}' {message}")
        for spec, message in unequal_budgets(model.spec for model in declared)
    ]
    if unequal:
        raise DeclarationError(unequal)
    return definitions_of(declared, stores=stores)


def definitions_of(declared: Sequence[DeclaredModel], *, stores: StoresResource | None = None) -> dg.Definitions:
    """The same of models that have a root each, and of which it is known that they agree."""
    return dg.Definitions(
        assets=[asset for model in declared for asset in model_assets(model)],
        jobs=[job for model in declared for job in person_jobs(model)],
        sensors=location_sensors(declared),
        resources={STORES_KEY: stores or STORES, MLFLOW_KEY: MLFLOW_RUN},
    )


def _refuse_templates(value: Any, field: str) -> None:
    """What Dagster would fill in here, `retrain-assets check` and `status` would read with its braces."""
    if isinstance(value, str) and "{{" in value:
        message = f"must not be a template (got {value!r}): write the value, or {{env: NAME}} where a text is asked for"
        raise DeclarationError([Problem(field=field, message=message)])
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _refuse_templates(inner, f"{field}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_templates(inner, f"{field}[{index}]")
