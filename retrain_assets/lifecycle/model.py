"""A declaration together with what it refers to: its calendar, contract, sources and transform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from retrain_assets.data.contracts import Contract, as_schema, compile_schema
from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.plugins import load_object, read_source
from retrain_assets.stores.protocols import Source
from retrain_assets.stores.sources import make_source
from retrain_assets.training.transform import SourceTransform


@dataclass(frozen=True)
class DeclaredModel:
    """A model as declared; relative paths of its sources start at `root`. What it refers to is loaded when used."""

    spec: ModelSpec
    root: Path

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.spec.name

    @cached_property
    def calendar(self) -> Calendar:
        """The batches."""
        return Calendar(self.spec.batches)

    @cached_property
    def contract(self) -> Contract:
        """The schema with the rules around it."""
        declared = self.spec.schema_
        schema = as_schema(load_object(declared)) if isinstance(declared, str) else compile_schema(declared)
        return Contract(spec=self.spec, schema=schema)

    @cached_property
    def source(self) -> Source:
        """Where the rows come from."""
        return make_source(self.spec.source, root=self.root, event_time=self.spec.event_time)

    @cached_property
    def label_source(self) -> Source | None:
        """Where the labels come from, if not with the rows."""
        declared = self.spec.target.labels
        return None if declared is None else make_source(declared, root=self.root, event_time=self.spec.event_time)

    def transform(self) -> SourceTransform | None:
        """The user's feature transform with the source text it has now."""
        path = self.spec.features.transform
        if path is None:
            return None
        module, function, source = read_source(path)
        return SourceTransform(source=source, function=function, module=module)

    def table(self, asset: str) -> str:
        """Name of a table of this model."""
        return f"{self.name}/{asset}"

    def matured_at(self, batch: Batch) -> datetime:
        """The moment at which all labels of a batch should be known."""
        return batch.end + self.spec.target.label_delay
