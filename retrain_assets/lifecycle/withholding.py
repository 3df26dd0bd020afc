"""What went wrong on rows of personal data is told without the words of whoever saw the rows.

A transform that fails on a value says so: `could not convert string to float: 'ada@example.org'`. The message, the
traceback and the ledger would carry the value further.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from retrain_assets.errors import DataError, RefusedError, RetrainAssetsError, StoreError, WithheldError
from retrain_assets.lifecycle.model import DeclaredModel

P = ParamSpec("P")
R = TypeVar("R")


def withholding(step: Callable[P, R]) -> Callable[P, R]:
    """A step of the lifecycle whose errors quote no row, where the model declares personal columns.

    Errors of the package's own words pass, without what they were made from; of all others the type and the place in
    the code are told.
    """

    @functools.wraps(step)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        model = next((each for each in args if isinstance(each, DeclaredModel)), None)
        if model is None or not model.spec.personal_columns:
            return step(*args, **kwargs)
        try:
            return step(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again
            told = _told(error, model)
        # Past the handler, which would tie the original to what is raised.
        raise told

    return guarded


def _told(error: Exception, model: DeclaredModel) -> Exception:
    if isinstance(error, RetrainAssetsError) and not _quotes(error):
        error.__cause__ = error.__context__ = None
        return error
    root: BaseException = error
    while root.__cause__ is not None or (root.__context__ is not None and not root.__suppress_context__):
        root = root.__cause__ or root.__context__ or root
    said = (
        f"{_named(error, root)} at {_place(root)}. What it says is withheld: {model.name} declares "
        f"personal columns ({', '.join(model.spec.personal_columns)})"
    )
    return DataError(said) if isinstance(error, DataError) else WithheldError(said)


def words_of(error: Exception, model: DeclaredModel) -> str:
    """What an error that is told and not raised says."""
    return str(_told(error, model) if model.spec.personal_columns else error)


def _quotes(error: RetrainAssetsError) -> bool:
    """Whether a message of ours may repeat the words of another error that saw rows."""
    cause = error.__cause__ or error.__context__
    if cause is None or isinstance(error, RefusedError):
        return False
    if isinstance(error, StoreError):
        # Of a store that is out of reach the reason is needed; a value that does not fit is one of a row.
        return isinstance(cause, (TypeError, ValueError))
    return not isinstance(cause, RetrainAssetsError) or _quotes(cause)


def _named(error: BaseException, root: BaseException) -> str:
    name = type(error).__name__
    return name if root is error else f"{name} from {type(root).__name__}"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    last = frames[-1]
    return f"{last.filename}:{last.lineno} in {last.name}"
