"""Every error that retrain_assets raises on purpose.

```
RetrainAssetsError
├── DeclarationError          the declaration is wrong: nothing ran
├── DataError                 the data is at fault: never retried, the champion serves on
│   ├── NoBatchColumnError    rows without the column that tells which came together
│   ├── UnreadableFileError   bytes that cannot be parsed; carries a reason code
│   ├── MissingUpstreamError  an input was never materialized; carries the selection to launch
│   └── InsufficientDataError too few rows to train or to judge
├── WithheldError             a failure on rows of personal data, told without what it said
├── RefusedError              a rule of the platform says no
│   ├── LeaseHeldError        another run works on this model
│   └── GateNotPassedError    a promotion that no passed evaluation supports
└── StoreError                a store does not hold what it must
    ├── NotStoredError        asked for a table, partition, blob or version that is not there
    ├── PromotionConflictError  somebody promoted first: the conditional insert lost
    ├── DamagedRecordError    a row of the state database that is no record any more
    └── IntegrityError        content does not match its recorded hash
```

A message says what is wrong, what it must be, what it got, and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal


class RetrainAssetsError(Exception):
    """Root of all errors of this package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a declaration, with its place in the file where that is known.

    A `warning` does not make the declaration wrong: it will be once it is used as things stand.
    """

    field: str
    message: str
    file: str | None = None
    line: int | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.file or '<declaration>'}:{self.line}: " if self.line else ""
        kind = "warning: " if self.severity == "warning" else ""
        return f"{place}{kind}{self.field}: {self.message}" if self.field else f"{place}{kind}{self.message}"


class DeclarationError(RetrainAssetsError):
    """A declaration has mistakes; all of them are listed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DataError(RetrainAssetsError):
    """The data is at fault; a retry without new data cannot help."""


class NoBatchColumnError(DataError):
    """Rows do not have the column that tells which of them came together."""


class UnreadableFileError(DataError):
    """Bytes that cannot be parsed; `reason` is one of `retrain_assets.data.reasons.FILE_REASONS`."""

    def __init__(self, reason: str, name: str, detail: str) -> None:
        self.reason = reason
        self.name = name
        self.detail = detail
        super().__init__(f"{name} cannot be read ({reason}): {detail}")


class MissingUpstreamError(DataError):
    """An input was never materialized; `selection` is what to launch first."""

    def __init__(self, what: str, selection: str) -> None:
        self.selection = selection
        super().__init__(f"{what} is not there yet: materialize `{selection}` first.")


class InsufficientDataError(DataError):
    """Too few rows to train or to judge; an unknown stays unknown."""


class WithheldError(RetrainAssetsError):
    """A failure on rows of personal data: its type and place are told, its message may quote a row and is not."""


class RefusedError(RetrainAssetsError):
    """A rule of the platform says no; nothing was changed."""


class LeaseHeldError(RefusedError):
    """Another run works on this model."""


class GateNotPassedError(RefusedError):
    """A promotion that no passed evaluation supports."""


_USER_AND_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/?#@]*):[^\s/?#]*@", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(
    r"([?&;][^\s=&;?#]*(?:password|passwd|pwd|secret|token|signature|sig|credential|key)[^\s=&;?#]*=)[^\s&;#'\"]+",
    re.IGNORECASE,
)


def without_password(text: str) -> str:
    """The text with `***` for the password of each URL in it, and for parameters that are secrets by their name.

    For whatever a person or another system reads: metadata, messages, the ledger.

    >>> without_password("ftp://joe:hunter2@host/x cannot be read; s3://b/k?sig=abc&part=1")
    'ftp://joe:***@host/x cannot be read; s3://b/k?sig=***&part=1'
    """
    return _SECRET_PARAMETER.sub(r"\1***", _USER_AND_PASSWORD.sub(r"\1:***@", text))


def cause_without_password(error: BaseException) -> BaseException | None:
    """What another error may be raised from: none where the traceback would print a password."""
    said = str(error)
    return error if without_password(said) == said and error.__cause__ is None else None


class StoreError(RetrainAssetsError):
    """A store does not hold what it must. Its message repeats no password, whatever a library put into it."""

    def __init__(self, message: str) -> None:
        super().__init__(without_password(message))


def unreachable(what: str, error: Exception) -> StoreError:
    """The error for what a library of some file system raised: each has errors of its own."""
    kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
    return StoreError(f"{what}: {kind}{error}")


class NotStoredError(StoreError):
    """A table, partition, blob or version that is not there."""


class PromotionConflictError(StoreError):
    """Somebody promoted first: the conditional insert on the previous promotion lost."""


class DamagedRecordError(StoreError):
    """A row of the state database cannot be read: it says nothing of any model, and a backup may bring it back."""


class IntegrityError(StoreError):
    """Content does not match the hash recorded for it."""


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.6, listed: bool = True) -> str:
    """A hint for a mistyped word, with a leading space; for one that is like none, if `listed`, all that is known.

    Among very many words one is somewhat like any other: there a higher `cutoff` (0 to 1) tells what was meant.

    >>> did_you_mean("log_los", ["log_loss", "brier"])
    " Did you mean 'log_loss'?"
    >>> did_you_mean("X", ["x"])
    " Did you mean 'x'?"
    """
    choices = sorted(known)
    alike = [each for each in choices if each.casefold() == word.casefold()]
    close = alike or get_close_matches(word, choices, n=1, cutoff=cutoff)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known: {', '.join(choices)}." if choices and listed else ""
