"""The code location of a folder that is no Dagster project: the declarations that lie in it."""

from pathlib import Path

import dagster as dg

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.orchestration.component import definitions_of
from retrain_assets.stores.declarations import load_files


@dg.definitions
def defs() -> dg.Definitions:
    """All models declared in the working directory; relative paths start at the folder of each declaration."""
    return definitions_of([DeclaredModel.of(each) for each in load_files([Path.cwd()])])
