"""Names that the platform gives to columns of its own: a column of the user's data must have another."""

from __future__ import annotations

from retrain_assets.data.profile import OWN

LABEL = "label"
"""What the column of the target is named beside validated rows."""


def owner_of(name: str, *, target: str) -> str | None:
    """Whose the name of a column is; None where it is free.

    >>> owner_of("ra_row_id", target="sold")
    "names that begin with ra_ are the platform's own"
    >>> owner_of("label", target="sold")
    "that is the platform's name of the target"
    """
    if name.startswith(OWN):
        return f"names that begin with {OWN} are the platform's own"
    if name == LABEL and name != target:
        return "that is the platform's name of the target"
    return None
