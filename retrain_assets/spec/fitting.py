"""Sections of a declaration: features, estimator, and the rows that a model is fitted on."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from retrain_assets.spec.base import ImportPath, SpecModel
from retrain_assets.spec.durations import Duration


class FeaturesSpec(SpecModel):
    """From validated rows to the matrix that the estimator sees; all of it inside the fitted pipeline."""

    transform: ImportPath | None = Field(
        default=None,
        description="`package.module:function`, a DataFrame of validated rows to a DataFrame of features, row by row.",
    )
    columns: tuple[str, ...] | None = Field(
        default=None, description="Features to keep, after the transform. Default: all."
    )
    impute: Literal["median", "mean", "none"] = Field(
        default="median",
        description="Missing numbers; missing categories become a category of their own. "
        "`none` for estimators that take NaN.",
    )
    encode: Literal["ordinal", "one_hot"] = Field(default="ordinal", description="Encoding of categorical features.")
    scale: bool = Field(default=False, description="Standardize numeric features.")

    @field_validator("columns")
    @classmethod
    def _some(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not value:
            raise ValueError(
                "must name at least one column (got []): name some, or leave it out. Features are then what a "
                "features.transform derives, or without one all columns that are not personal"
            )
        return value


class SearchSpec(SpecModel):
    """A random search with time-ordered cross-validation on the training rows."""

    params: dict[str, tuple[Any, ...]] = Field(description="Values to draw from, for each parameter of the estimator.")
    draws: int = Field(default=10, ge=1, description="Number of parameter settings that are tried.")
    folds: int = Field(default=3, ge=2, description="Time-ordered folds.")


class EstimatorSpec(SpecModel):
    """Any scikit-learn compatible estimator."""

    class_: ImportPath = Field(alias="class", description="Import path of the estimator's class.")
    params: dict[str, Any] = Field(default_factory=dict, description="Constructor arguments.")
    seed: int = Field(default=0, ge=0, description="Passed as random_state where the estimator has one.")
    search: SearchSpec | None = None
    trusted_types: tuple[str, ...] = Field(
        default=(),
        description="Types that skops may load beside those the package trusts, for safe storage of the model.",
    )


class WindowSpec(SpecModel):
    """Which labelled batches a model trains on."""

    # Two literals, not one of two values: the message of a wrong value then names each choice by itself.
    train: Literal["all_history"] | Literal["since_change"] | Duration = Field(  # noqa: PYI030 - see above
        default="all_history",
        description="`all_history`, a span such as `12 weeks`, or `since_change`: since the relation of inputs and "
        "outcome last changed, and further back while that is less than `min_rows`.",
    )
    min_rows: int = Field(default=500, ge=10, description="Fewer labelled training rows than this are not sufficient.")
    holdout_batches: int = Field(
        default=4,
        ge=1,
        description="Newest matured batches whose reserved rows judge a candidate. Where it must be proven (a margin, "
        "`better_than_champion`) those of older ones do, too, up to eight; `has_enough_rows` may ask for more.",
    )

    @field_validator("train", mode="before")
    @classmethod
    def _train(cls, value: object) -> object:
        if isinstance(value, str) and re.fullmatch(r"[a-z_]+", value) and value not in ("all_history", "since_change"):
            raise ValueError(f"must be 'all_history', 'since_change' or a duration such as '12 weeks' (got {value!r})")
        return value
