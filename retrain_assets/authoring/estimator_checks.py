"""What can be wrong with the estimator of a declaration: its class, its parameters, its task."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from retrain_assets.authoring.named_code import Told, any_keyword, kind_of, loaded
from retrain_assets.errors import DeclarationError, did_you_mean
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.plugins import load_object


def check_estimator(spec: ModelSpec) -> Told:
    """Whether the estimator is one of scikit-learn's kind and takes its parameters."""
    told: list[tuple[str, str]] = []
    found = loaded("estimator.class", spec.estimator.class_, told)
    yield from told
    if found is None:
        return
    if not (inspect.isclass(found) and hasattr(found, "fit") and hasattr(found, "get_params")):
        yield "estimator.class", f"must be a scikit-learn compatible estimator class (got {kind_of(found)})"
        return
    unknown = dict(_unknown_params(spec, found))
    yield from unknown.items()
    try:
        estimator = found(**_known_params(spec, unknown))
        validate = getattr(estimator, "_validate_params", None)  # scikit-learn would say so only at the first fit
        if validate is not None:
            validate()
    except (TypeError, ValueError) as error:
        yield "estimator.params", f"are refused by {spec.estimator.class_}: {error}"


def _unknown_params(spec: ModelSpec, found: type) -> Told:
    signature = inspect.signature(found)
    if any_keyword(signature):
        return
    known = list(signature.parameters)
    searched = spec.estimator.search.params if spec.estimator.search is not None else {}
    for field, names in (("estimator.params", spec.estimator.params), ("estimator.search.params", searched)):
        for name in names:
            if name not in known:
                yield f"{field}.{name}", f"is not a parameter of {found.__name__}.{did_you_mean(name, known)}"


def _known_params(spec: ModelSpec, unknown: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in spec.estimator.params.items() if f"estimator.params.{name}" not in unknown}


def check_task(spec: ModelSpec) -> Told:
    """Whether the estimator does what the metric measures; nothing of one that cannot be made."""
    from sklearn.base import is_classifier, is_regressor

    found = loaded("estimator.class", spec.estimator.class_, [])
    if not (inspect.isclass(found) and hasattr(found, "fit")):
        return
    try:
        estimator = found(**_known_params(spec, dict(_unknown_params(spec, found))))
    except (TypeError, ValueError):
        return
    if spec.task == "classification" and not is_classifier(estimator):
        yield "estimator.class", _wrong_task(spec, "a classifier", "Regressor", "Classifier")
    elif spec.task == "classification" and not hasattr(estimator, "predict_proba"):
        yield (
            "estimator.class",
            f"must have predict_proba, which `metric: {spec.metric}` needs (got {spec.estimator.class_})",
        )
    elif spec.task == "regression" and not is_regressor(estimator):
        yield "estimator.class", _wrong_task(spec, "a regressor", "Classifier", "Regressor")


def _wrong_task(spec: ModelSpec, wanted: str, word: str, other: str) -> str:
    path = spec.estimator.class_
    message = f"must be {wanted}, which `metric: {spec.metric}` needs (got {path})"
    counterpart = path.replace(word, other)
    try:
        load_object(counterpart)
    except DeclarationError:
        return message
    return f"{message}. Did you mean '{counterpart}'?" if counterpart != path else message
