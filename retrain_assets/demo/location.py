"""The code location that the demo drives: the models declared in this package, as the daemon and the UI load them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

import retrain_assets
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.stores.declarations import load_files

PACKAGE = Path(retrain_assets.__file__).parent
FLIGHTS, BIKES = "flight_delay", "bike_rentals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Definitions with the declared models behind them; `origin` is what links runs to the location in the UI."""

    definitions: dg.Definitions
    models: Mapping[str, DeclaredModel]
    origin: RemoteRepositoryOrigin


def load_location() -> Location:
    """Reads the declarations of this package."""
    declared = load_files([PACKAGE / "defs"])
    target = LoadableTargetOrigin(module_name=f"{retrain_assets.__name__}.definitions")
    return Location(
        definitions=dg.load_from_defs_folder(path_within_project=PACKAGE),
        models={each.spec.name: DeclaredModel.of(each) for each in declared},
        origin=RemoteRepositoryOrigin(
            code_location_origin=ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name=retrain_assets.__name__),
            repository_name=SINGLETON_REPOSITORY_NAME,
        ),
    )
