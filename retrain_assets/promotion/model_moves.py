"""What becomes of a model as a whole: another name, retirement, return, another record. Its history goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ModelAction = Literal["rename", "retire", "return", "accept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMove:
    """One link in the life of a model.

    Args:
        model: its name of now, which is not always the one of then.
        action: what was done; a model that was retired may `return`; by `accept` a person takes the
            state database for the right one although the registry saw another record.
        previous: of a `rename`, the name that it had; of an `accept`, the head that the registry saw; None otherwise.
        actor: who wanted it.
        reason: why.
        moved_at: wall time.
    """

    model: str
    action: ModelAction
    previous: str | None
    actor: str
    reason: str
    moved_at: datetime


def is_retired(moves: Sequence[ModelMove], name: str) -> bool:
    """Whether a model of this name is retired, by its moves in their order."""
    own = [move.action for move in moves if move.model == name and move.action in ("retire", "return")]
    return own[-1:] == ["retire"]


def out_of_service(moves: Sequence[ModelMove], name: str) -> str | None:
    """Why no run may work on a model of this name, as a sentence; None where one may.

    >>> from datetime import UTC
    >>> made = ModelMove(
    ...     model="arrivals", action="rename", previous="flights", actor="ann", reason="clearer",
    ...     moved_at=datetime(2024, 1, 1, tzinfo=UTC),
    ... )
    >>> out_of_service([made], "flights")
    'flights was renamed to arrivals on 2024-01-01 by ann (clearer): change `name` in its declaration'
    >>> out_of_service([made], "arrivals")

    Args:
        moves: of all models or of this one, in their order.
        name: the name that is asked about.
    """
    if is_retired(moves, name):
        own = [move for move in moves if move.model == name and move.action == "retire"]
        return (
            f"{name} was retired on {own[-1].moved_at:%Y-%m-%d} by {own[-1].actor} ({own[-1].reason}): "
            f"`retrain-assets retire {name} --undo --reason ...` takes it back into service"
        )
    left = [move for move in moves if move.previous == name and move.model != name]
    if left and not any(move.model == name for move in moves):
        return (
            f"{name} was renamed to {left[-1].model} on {left[-1].moved_at:%Y-%m-%d} by {left[-1].actor} "
            f"({left[-1].reason}): change `name` in its declaration"
        )
    return None
