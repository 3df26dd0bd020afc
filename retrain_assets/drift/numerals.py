"""Numbers with as many digits as tell them apart."""

from __future__ import annotations

from collections.abc import Iterable

_IN_FULL = 1e15


def numeral(number: float, digits: int = 4) -> str:
    """With at least so many digits, and all those before the point.

    >>> numeral(0.123456), numeral(1_700_000_000.4), numeral(20240101.5, 9), numeral(1e300)
    ('0.1235', '1700000000', '20240101.5', '1e+300')
    """
    in_full = 10.0 ** (digits - 1) <= abs(number) < _IN_FULL
    return f"{number:.0f}" if in_full else f"{number:.{digits}g}"


def telling_apart(numbers: Iterable[float]) -> int:
    """The fewest digits, at least four, with which no two different numbers read the same.

    >>> telling_apart([0.5, 1013.0]), telling_apart([0.5, 0.500001])
    (4, 6)
    """
    different = set(numbers)
    return next((each for each in range(4, 17) if len({numeral(of, each) for of in different}) == len(different)), 17)
