"""What a trained model consists of, and how one version is referred to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Whoever only refers to a version does not pay for importing scikit-learn.
    from sklearn.base import BaseEstimator

    from retrain_assets.drift.reference import ReferenceProfile
    from retrain_assets.training.baseline import NaiveBaseline


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A registered version; the only way to refer to a model. `uri` is where its bundle lies."""

    model: str
    version: int
    model_hash: str
    uri: str
    run_id: str
    batch: str
    attempt: int
    training_end: datetime
    training_hash: str
    data_hash: str
    artifact_hash: str

    def __str__(self) -> str:
        return f"{self.model} v{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """From what a model was made; enough to make it again.

    `trusted_types` are those that the declaration allows skops to load beside the package's own; `baseline` is the
    naive model of the same training rows, which an adopted model does not have. `declared` are the fields of the
    declaration that decided the training, which versions of before there was the field do not tell.
    """

    model: str
    batch: str
    attempt: int
    training_end: datetime
    training_batches: tuple[str, ...]
    training_rows: int
    data_hash: str
    spec_hash: str
    training_hash: str
    code_version: str
    seed: int
    threads: int
    libraries: Mapping[str, str]
    features: tuple[str, ...]
    classes: tuple[Any, ...]
    params: Mapping[str, Any]
    model_hash: str
    trusted_types: tuple[str, ...] = ()
    baseline: NaiveBaseline | None = None
    declared: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelBundle:
    """One fitted pipeline with all it needs: `pipeline` takes validated rows and does everything else itself."""

    pipeline: BaseEstimator
    reference: ReferenceProfile
    manifest: Manifest
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Source text of the user's transform module, by module name."""
