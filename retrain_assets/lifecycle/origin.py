"""What an estimator of somebody else must be to be taken over."""

from __future__ import annotations

import pandas as pd

from retrain_assets.data.targets import read_targets, target_kind
from retrain_assets.data.windows import Batch
from retrain_assets.errors import RefusedError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.watch import read_raw
from retrain_assets.stores.adoption import Origin
from retrain_assets.stores.protocols import Stores

_SHOWN_CLASSES = 5


def require_task(model: DeclaredModel, origin: Origin) -> None:
    """It foretells what the model declares: a classifier answers a regression too, with classes as numbers.

    Raises:
        RefusedError: it is of another task, or tells no probabilities.
    """
    classes = getattr(origin.estimator, "classes_", None)
    classes = () if classes is None else classes
    if model.spec.task == "regression":
        needed = None if len(classes) == 0 else "a regressor"
    else:
        scores = len(classes) >= 2 and hasattr(origin.estimator, "predict_proba")
        needed = None if scores else "a classifier of at least two classes with predict_proba"
    if needed is not None:
        raise RefusedError(
            f"{origin} must be {needed}, as `metric: {model.spec.metric}` needs (got {type(origin.estimator).__name__})"
        )


def require_classes(stores: Stores, model: DeclaredModel, origin: Origin, batch: Batch) -> None:
    """Its classes are labels of the model, of the same type: no label would ever be what another one foretells.

    What the labels are, the schema of the target says, else the newest batch; where neither does, nobody knows yet.

    Raises:
        RefusedError: it has other classes, or of another type.
    """
    if model.spec.task == "regression":
        return
    target, schema = model.spec.target.column, model.contract.schema
    delivered = read_raw(stores, model, batch).frames if model.label_source is None else []
    frames = [frame for _, frame in delivered]
    seen = read_targets(frames, model.spec, schema)[0].dropna()
    declared = schema.columns.get(target)
    if (declared is None or declared.dtype is None) and seen.empty:
        return
    classes = pd.Series(origin.estimator.classes_.tolist(), dtype="object")
    kind = target_kind(frames, model.spec, schema)
    read, none_of_ours = read_targets([classes.to_frame(target)], model.spec, schema, kind=kind)
    same = [of_model == of_label for of_model, of_label in zip(classes, read.astype("object"), strict=True)]
    if none_of_ours.any() or not all(same) or not (seen.empty or seen.isin(read).any()):
        labels = f", such as {seen.tolist()[0]!r}" if len(seen) and target not in model.spec.personal_columns else ""
        raise RefusedError(
            f"{origin} must have labels of '{target}' as classes ({kind}{labels}; "
            f"got {', '.join(map(repr, classes.tolist()[:_SHOWN_CLASSES]))}): train it on the labels that are delivered"
        )
