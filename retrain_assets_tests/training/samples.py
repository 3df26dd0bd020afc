"""A small declared model with rows that it can learn from; used by the tests of training and of the registry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.spec import ModelSpec
from retrain_assets.training.baseline import NaiveBaseline
from retrain_assets.training.bundle import Manifest, ModelBundle
from retrain_assets.training.environment import code_version, libraries, threads
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import model_hash
from retrain_assets.training.source import TransformSource
from retrain_assets.training.trainer import FittedModel, train

BUILD = TransformSource(
    "app.features", "build", "def build(rows):\n    return rows[['x', 'kind']].assign(hour=rows['time'].dt.hour)\n"
)


def make_spec(**changed: Any) -> ModelSpec:
    values: dict[str, Any] = {
        "name": "delays",
        "batches": {"every": "week", "start": "2013-01-01"},
        "source": {"type": "python", "load": "app.source:load"},
        "schema": "app.schema:Rows",
        "event_time": "time",
        "row_id": ["number"],
        "target": {"column": "late"},
        "estimator": {"class": "sklearn.linear_model.LogisticRegression"},
        "metric": "log_loss",
    }
    return ModelSpec.model_validate({**values, **changed})


def make_rows(n: int = 300, *, seed: int = 0, days: int = 70) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "ra_row_id": [f"{number:06d}" for number in rng.permutation(n)],
            "ra_reserved": False,
            "number": np.arange(n),
            "time": pd.date_range("2013-01-01", periods=n, freq=pd.Timedelta(days=days) / n, tz="UTC"),
            "x": rng.normal(size=n),
            "kind": rng.choice(np.array(["a", "b", None], dtype=object), size=n),
            "flag": rng.random(n) > 0.5,
        }
    )


def make_labels(rows: pd.DataFrame, *, seed: int = 1) -> npt.NDArray[np.bool_]:
    rng = np.random.default_rng(seed)
    return rng.random(len(rows)) < 1 / (1 + np.exp(-2 * rows["x"].to_numpy()))


def make_fitted(spec: ModelSpec | None = None, *, source: TransformSource | None = None, n: int = 300) -> FittedModel:
    rows = make_rows(n)
    return train(spec or make_spec(), rows, make_labels(rows), source=source)


def make_bundle(spec: ModelSpec | None = None, *, source: TransformSource | None = None) -> ModelBundle:
    spec = spec or make_spec()
    fitted = make_fitted(spec, source=source)
    manifest = Manifest(
        model=spec.name,
        batch="2013-03-05",
        attempt=1,
        training_end=datetime(2013, 3, 5, tzinfo=UTC),
        training_batches=("2013-01-01", "2013-01-08"),
        training_rows=fitted.rows,
        data_hash="data",
        spec_hash=spec.spec_hash(),
        training_hash=spec.training_hash(),
        code_version=code_version(),
        seed=spec.estimator.seed,
        threads=threads(),
        libraries=libraries(),
        features=fitted.features,
        classes=fitted.classes,
        params=fitted.params,
        model_hash=model_hash(fitted.pipeline, golden=golden_rows(make_rows()), classes=fitted.classes),
        trusted_types=spec.estimator.trusted_types,
        baseline=NaiveBaseline.fit(make_labels(make_rows(300)), spec.metric, fitted.classes),
    )
    return ModelBundle(
        pipeline=fitted.pipeline,
        reference=ReferenceProfile(kind="recent", profiles={}),
        manifest=manifest,
        sources={} if source is None else {source.module: source.source},
    )
