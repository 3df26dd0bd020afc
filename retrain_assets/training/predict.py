"""Scores of a fitted pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import DataError, DeclarationError, IntegrityError, NotStoredError, RetrainAssetsError
from retrain_assets.performance.scores import Scores
from retrain_assets.spec.model import Task
from retrain_assets.training.bundle import ModelBundle

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

CANNOT_SCORE: tuple[type[Exception], ...] = (DataError, DeclarationError)
"""What `predict` raises of a model that cannot take the rows; the latter of a transform whose source does not run."""
CANNOT_SERVE: tuple[type[Exception], ...] = (*CANNOT_SCORE, IntegrityError, NotStoredError)
"""The same of a version that is loaded first, whose files may be gone or changed; not of a registry that is down."""
_OF_THE_MACHINE = ("can't start new thread", "out of memory", "cannot allocate memory", "bad_alloc")
"""Words by which Python and libraries of C++ and of GPUs say that the machine is at its end, whatever they raise."""


def predict(model: ModelBundle | BaseEstimator, frame: pd.DataFrame, *, task: Task, classes: Sequence[Any]) -> Scores:
    """What the model says about validated rows.

    Args:
        model: A bundle, or a fitted pipeline.
        frame: Validated rows; extra columns are ignored.
        task: What the model predicts.
        classes: Its classes in the order of the estimator's columns (a bundle's manifest knows them); none for a
            regression.

    Raises:
        DataError: the model is of another task, a feature is missing, the transform or the estimator failed, or a score
            is NaN or infinite.
        Exception: whatever was raised by a machine at its end.
    """
    pipeline: Any = model.pipeline if isinstance(model, ModelBundle) else model
    known = tuple(classes)
    if (task == "classification") != (len(known) >= 2):
        needed = "at least two classes" if task == "classification" else "no classes"
        raise DataError(
            f"a {task} must have {needed} (got {known}): the model was trained for another task than the declared one"
        )
    if len(frame) == 0:
        return Scores(np.empty((0, len(known)) if len(known) > 2 else 0), known)
    if not known:
        return Scores(_finite(_asked(pipeline, "predict", frame).reshape(len(frame))))
    probabilities = _finite(_asked(pipeline, "predict_proba", frame))
    return Scores(probabilities[:, 1] if len(known) == 2 else probabilities, known)


def _asked(pipeline: Any, method: Literal["predict", "predict_proba"], frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """What the pipeline answers.

    Libraries derive errors of their own from `Exception`: whichever it is, the model cannot score the rows. A machine
    without memory, threads or worker processes, or a disk that fails, is not the model's fault, and another try may
    help. One that says so in other words must fail twice in a row before its champion is left.
    """
    try:
        return np.asarray(getattr(pipeline, method)(frame), dtype=np.float64)
    except (RetrainAssetsError, MemoryError, OSError, BrokenExecutor):
        raise
    except Exception as error:
        # Libraries derive their own errors from it; what is the machine's own goes on, here and above.
        if any(words in str(error).lower() for words in _OF_THE_MACHINE):
            raise
        raise DataError(f"the model's {method} failed with {type(error).__name__}: {error}") from error


def _finite(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    bad = ~np.isfinite(values)
    if bad.any():
        raise DataError(
            f"the model must answer finite numbers ({int(bad.sum())} of {bad.size} are NaN or infinite): "
            "look at the estimator's parameters and at the range of its features."
        )
    return values
