"""Why a version is champion, in a sentence: the numbers stand in the promotion that it tells of."""

from __future__ import annotations

from retrain_assets.promotion.log import Promotion


def why_champion(made: Promotion) -> str:
    """How it came to serve: of a gate those that it passed, else who said so and why.

    Args:
        made: the promotion in force.
    """
    if made.action not in ("promote", "recall"):
        return f"{made.action} by {made.actor}: {made.reason}"
    batch, _ = made.caused_by
    did = "recalled" if made.action == "recall" else "promoted"
    gates = [gate for gate in made.evidence.get("gates", ()) if gate["applicable"]]
    passed = ", ".join(gate["name"] for gate in gates if gate["passed"] is True)
    others = ", ".join(gate["name"] for gate in gates if gate["passed"] is not True)
    without = f"; not passed: {others}" if others else ""
    return f"{did} for batch {batch}{f', passed {passed}' if passed else ''}{without}"
