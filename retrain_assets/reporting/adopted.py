"""What an adopted champion cannot be asked, because nobody judged it here."""

from __future__ import annotations

from collections.abc import Sequence

from retrain_assets.promotion.log import Promotion
from retrain_assets.spec import ModelSpec

OF_HOLDOUT = ("staleness", "performance_decay", "estimated_decay")
"""The triggers that hold what a champion loses against its loss on a holdout."""


def blind_triggers(spec: ModelSpec, log: Sequence[Promotion]) -> str | None:
    """Which declared triggers know nothing of an adopted champion, and what to do; None where they know all.

    Args:
        spec: names the triggers, by `retrain.when`.
        log: the promotions of the model, oldest first.
    """
    named = [name for name in OF_HOLDOUT if name in spec.retrain.expression.names()]
    champion = log[-1] if log else None
    if champion is None or not named or champion.evidence.get("holdout") is not None:
        return None
    if not any(made.action == "adopt" and made.version == champion.version for made in log):
        return None
    return (
        f"v{champion.version} was adopted, and its loss on a holdout is not known: {' and '.join(named)} "
        f"{'stays' if len(named) == 1 else 'stay'} unknown, and {'asks' if len(named) == 1 else 'ask'} for nothing, "
        f"until a retrain is promoted; `retrain-assets retrain {spec.name} --reason TEXT` asks for one"
    )
