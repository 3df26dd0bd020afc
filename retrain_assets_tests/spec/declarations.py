"""A valid declaration to change in tests."""

from __future__ import annotations

from typing import Any

from retrain_assets.spec import ModelSpec


def attributes(**changes: Any) -> dict[str, Any]:
    """The smallest declaration, with top-level fields changed; a change to None leaves the field out."""
    base = {
        "name": "sales",
        "batches": {"every": "week", "start": "2013-01-01"},
        "source": {"type": "files", "path": "drop/{batch}*.csv"},
        "schema": {"day": {"type": "datetime"}, "price": {"type": "float"}, "shop": {"type": "string"}},
        "event_time": "day",
        "target": {"column": "sold"},
        "estimator": {"class": "sklearn.linear_model.LogisticRegression"},
        "metric": "log_loss",
        **changes,
    }
    return {key: value for key, value in base.items() if value is not None}


def spec(**changes: Any) -> ModelSpec:
    """The declaration, read."""
    return ModelSpec.model_validate(attributes(**changes))
