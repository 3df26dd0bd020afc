"""A declaration together with what it refers to: its calendar, contract, sources and transform."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from retrain_assets.data.contracts import Contract
from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.spec import FilesSource, ModelSpec, SourceSpec
from retrain_assets.spec.loading import Declaration
from retrain_assets.stores.plugins import read_source, text_of_module
from retrain_assets.stores.protocols import Source
from retrain_assets.stores.recently_used import RecentlyUsed
from retrain_assets.stores.sources import make_source
from retrain_assets.training.source import TransformSource

_IDS_KEPT = 200_000
"""Ids of rows, some 20 MB."""


@dataclass(frozen=True)
class DeclaredModel:
    """A model as declared; relative paths of its sources start at `root`. What it refers to is loaded when used."""

    spec: ModelSpec
    root: Path

    @classmethod
    def of(cls, declared: Declaration) -> DeclaredModel:
        """The model of a declaration that was read from a file, at whose folder its paths start.

        Raises:
            DeclarationError: it has mistakes.
        """
        return cls(declared.spec, Path(declared.file).absolute().parent)

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
        return Contract.of(self.spec)

    @cached_property
    def ids_read(self) -> RecentlyUsed[tuple[tuple[str, str], ...], pd.Series]:
        """The ids of all rows of deliveries that were read lately, by the content of their files.

        Whoever watches a batch reads them, and whoever settles it in the same process needs them once more.
        """
        return RecentlyUsed(_IDS_KEPT, size_of=len)

    @cached_property
    def source(self) -> Source:
        """Where the rows come from."""
        return make_source(self.spec.source, root=self.root, event_time=self.spec.event_time)

    @cached_property
    def label_source(self) -> Source | None:
        """Where the labels come from, if not with the rows."""
        declared = self.spec.target.labels
        return None if declared is None else make_source(declared, root=self.root, event_time=self.spec.event_time)

    def transform(self) -> TransformSource | None:
        """The user's feature transform with the source text it has now."""
        path = self.spec.features.transform
        return None if path is None else read_source(path)

    def training_hash(self) -> str:
        """Hash of what decides how a model is trained: the declaration, and the texts of the code that it names."""
        transform, schema = self.transform(), self.spec.schema_
        texts = [
            *([] if transform is None else [transform.source]),
            *([text_of_module(schema, field="schema")] if isinstance(schema, str) else []),
        ]
        if not texts:
            return self.spec.training_hash()
        return hashlib.sha256("\n".join([self.spec.training_hash(), *texts]).encode()).hexdigest()[:16]

    def declared_training(self) -> dict[str, Any]:
        """What of the declaration decides a training, for a version's manifest.

        Without what the manifest tells elsewhere (the estimator's parameters and seed), and without what is not to be
        shown: where labels come from, and, where some columns are personal, the values that columns may have.
        """
        fields = self.spec.training_fields()
        fields["target"] = {name: value for name, value in fields["target"].items() if name != "labels"}
        fields["estimator"] = {
            name: value for name, value in fields["estimator"].items() if name not in ("params", "seed")
        }
        return {name: value for name, value in fields.items() if name != "schema" or not self.spec.personal_columns}

    def reading(self, source: SourceSpec) -> dict[str, Any]:
        """How the files of a source are read; an error quotes nothing of them where columns are personal."""
        show = {"show": not self.spec.personal_columns}
        if isinstance(source, FilesSource):
            return {"encoding": source.encoding, "separator": source.separator, **show}
        return show

    def table(self, asset: str) -> str:
        """Name of a table of this model."""
        return f"{self.name}/{asset}"

    def undeclared(self, names: Iterable[str]) -> list[str]:
        """Those of the columns of validated rows that the schema had once, and has no more."""
        own = [name for name in names if name != "label" and not name.startswith("ra_")]
        return self.contract.reader.unknown_columns(own)

    def matured_at(self, batch: Batch) -> datetime:
        """The moment at which all labels of a batch should be known."""
        return batch.end + self.spec.target.label_delay
