"""What a person gives as a reason stands in the record for good, so that there must be one."""

from __future__ import annotations

from retrain_assets.errors import RefusedError


def require_reason(reason: str, *, what: str = "a reason") -> None:
    """Refuses a reason that says nothing, before anything is done.

    >>> require_reason("the feed was at fault")

    Raises:
        RefusedError: it is empty or blank.
    """
    if not reason.strip():
        raise RefusedError(f"{what} must be given in words (got {reason!r}): it stands in the record; nothing was done")
