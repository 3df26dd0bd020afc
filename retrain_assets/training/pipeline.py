"""The one pipeline of a declaration, unfitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from retrain_assets.errors import DeclarationError, Problem, did_you_mean
from retrain_assets.spec import ModelSpec
from retrain_assets.spec.imports import load_object
from retrain_assets.training.source import TransformSource

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from retrain_assets.training.transform import SourceTransform


def build_pipeline(
    spec: ModelSpec,
    *,
    source: TransformSource | SourceTransform | None = None,
    params: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Everything from validated rows to predictions: transform (where declared), feature matrix, estimator.

    Features are, by default, all that the transform returns except the event time; without a transform, all validated
    columns except the row id, the event time, personal columns and the platform's own `ra_` columns. `features.columns`
    chooses among all of them, the row id's columns included.

    Args:
        spec: The declaration.
        source: The text of the declared transform.
        params: Parameters of the estimator that go before the declared ones (a search's).

    Raises:
        DeclarationError: the estimator cannot be loaded or does not have a declared parameter, or its predictions do
            not suit the declared metric.
    """
    from sklearn.pipeline import Pipeline

    from retrain_assets.training.features import FeatureMatrix
    from retrain_assets.training.transform import SourceTransform

    if spec.features.transform is not None and source is None:
        raise ValueError(f"model '{spec.name}' declares a transform: its source must be given")
    ignored = [spec.event_time] if source is not None else [*spec.row_id, spec.event_time]
    ignored += [name for name in spec.personal_columns if name not in ignored]
    matrix = FeatureMatrix(
        columns=None if spec.features.columns is None else list(spec.features.columns),
        ignored=ignored,
        impute=spec.features.impute,
        encode=spec.features.encode,
        scale=spec.features.scale,
    )
    steps: list[tuple[str, Any]] = [("features", matrix), ("estimator", _build_estimator(spec, params or {}))]
    if source is not None:
        steps.insert(0, ("transform", SourceTransform(source.source, source.function, source.module)))
    return Pipeline(steps)


def _build_estimator(spec: ModelSpec, params: Mapping[str, Any]) -> BaseEstimator:
    """The declared estimator with its parameters, and the seed wherever it draws at random."""
    declared = spec.estimator
    estimator_class = load_object(declared.class_, field="estimator.class")
    chosen = {**declared.params, **params}
    try:
        # One by one through set_params, because it knows nested parameters and names an unknown one.
        estimator = estimator_class(**{name: value for name, value in chosen.items() if "__" not in name})
        estimator.set_params(**{name: value for name, value in chosen.items() if "__" in name})
        known = estimator.get_params(deep=True)
    except AttributeError as error:
        raise _problem(
            "class", f"'{declared.class_}' must follow scikit-learn's conventions (get_params, set_params): {error}."
        ) from error
    except (TypeError, ValueError) as error:
        raise _problem(
            "params", f"'{declared.class_}' refuses them: {error}.{_hint(estimator_class, chosen)}"
        ) from error
    needed = ("fit", "predict_proba") if spec.task == "classification" else ("fit", "predict")
    for method in needed:
        if not hasattr(estimator, method):
            raise _problem(
                "class",
                f"'{declared.class_}' must have {method} (it has none): metric {spec.metric} judges "
                f"{'probabilities' if spec.task == 'classification' else 'predicted values'}. "
                "Choose another class or other parameters.",
            )
    seeds = {
        name: declared.seed
        for name, value in known.items()
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    }
    return estimator.set_params(**seeds)


def _hint(estimator_class: Any, chosen: Mapping[str, Any]) -> str:
    names = getattr(estimator_class, "_get_param_names", None)
    known = cast("list[str]", names()) if callable(names) else []
    return "".join(did_you_mean(name, known) for name in chosen if known and name not in known and "__" not in name)


def _problem(field: str, message: str) -> DeclarationError:
    return DeclarationError([Problem(field=f"estimator.{field}", message=message)])
