"""Training rows of a single class: a stream of rare outcomes may begin with them, and nothing can be told apart."""

from __future__ import annotations

from typing import Any

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.lifecycle.training_window import read_rows
from retrain_assets.stores.protocols import Stores


def why_one_class(stores: Stores, model: DeclaredModel, frozen: TrainingSet) -> str | None:
    """Why no classifier can be trained; None of numbers, and where there are two classes. Mostly one batch is read."""
    if model.spec.task == "regression":
        return None
    found: set[Any] = set()
    for key in reversed(frozen.batches):
        found.update(read_rows(stores, model, frozen, [key], reserved=False)["label"].tolist())
        if len(found) > 1:
            return None
    return f"all {frozen.rows:,} labelled training rows are of one class, and a classifier needs two" if found else None
