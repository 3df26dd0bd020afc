"""A dictionary that stays as it was made: a report's verdict and what it holds beside it belong together."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class ReadOnly(dict[Key, Value]):
    """Equal to the dictionary that it was made of, and written, copied and pickled as one; to change it is an error.

    >>> scores = ReadOnly({"psi": 0.1})
    >>> scores["psi"] = 99
    Traceback (most recent call last):
    TypeError: what a report holds must stay as it was found: change a copy of it, dict(...)
    >>> scores == {"psi": 0.1}, scores | {"psi": 99}
    (True, {'psi': 99})
    """

    __slots__ = ()

    def _refuse(self: Any, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("what a report holds must stay as it was found: change a copy of it, dict(...)")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[ReadOnly[Key, Value]], tuple[dict[Key, Value]]]:
        return ReadOnly, (dict(self),)
