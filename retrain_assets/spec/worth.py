"""`promote.worth`: what right and wrong answers are worth to the business, and what is ranked within what."""

from __future__ import annotations

from pydantic import Field

from retrain_assets.spec.base import ImportPath, SpecModel


class WorthSpec(SpecModel):
    """What a row is worth with an answer. Worth is in a unit of your own; larger is better."""

    costs: dict[str, dict[str, float]] = Field(
        default_factory=dict[str, dict[str, float]],
        description="Cost matrix: by the true class, then the predicted one, as text; what is not named costs nothing. "
        "All must be classes of the target.",
    )
    function: ImportPath | None = Field(
        default=None,
        description="Or `package.module:function` of (rows with `label`, predictions), which answers one worth for "
        "each row: of two classes it gets the probability of the second one, of a regression the predicted numbers.",
    )
    rank_within: str | None = Field(
        default=None,
        description="Column whose equal values are ranked together (a query, a customer), for `ranks_not_worse`: mean "
        "reciprocal rank and normalized discounted cumulative gain of the scores. Relevant is the second of two "
        "classes, or a regression's number as the gain; of more classes ranking is not known.",
    )
