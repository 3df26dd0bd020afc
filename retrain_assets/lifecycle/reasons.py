"""What a person does stands in the record for good, with a reason and a name: there must be both."""

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


def named_person(name: str) -> str:
    """The actor that a person is in the record, by the name that was typed.

    >>> named_person(" ann ")
    'person:ann'

    Raises:
        RefusedError: it is empty or blank.
    """
    if not name.strip():
        raise RefusedError(
            f"the name of a person must be given (got {name!r}): it stands in the record; nothing was done"
        )
    return f"person:{name.strip()}"
