"""Named conditions that compose with `|`, `&`, `~`, `2 of (a, b, c)` and parentheses; a typo is an error with a hint.

The same small language serves the triggers of a policy (`retrain.when`) and the gates of a promotion
(`promote.require`). Truth has three values (Kleene's strong logic): unknown is neither true nor false.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

from retrain_assets.errors import did_you_mean
from retrain_assets.spec.durations import format_duration, parse_duration

AGE, AGED = "age > ", "model_age"
"""A condition that names its own limit, as `age > 12 weeks`, where the condition `model_age` is known."""
_TOKEN = re.compile(r"\s*(age\s*>\s*[\d.]+\s*[A-Za-z]+|[A-Za-z_][A-Za-z0-9_]*|\d+|[|&~(),])")


@dataclass(frozen=True, slots=True)
class Name:
    """A leaf: the named condition."""

    name: str

    def evaluate(self, truth: Mapping[str, bool | None]) -> bool | None:
        """The truth of the condition; None is unknown."""
        return truth[self.name]

    def names(self) -> frozenset[str]:
        """All conditions that are mentioned."""
        return frozenset({self.name})

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Not:
    """True when its operand is false; unknown when that is unknown."""

    operand: Expression

    def evaluate(self, truth: Mapping[str, bool | None]) -> bool | None:
        """Kleene negation."""
        value = self.operand.evaluate(truth)
        return None if value is None else not value

    def names(self) -> frozenset[str]:
        """All conditions that are mentioned."""
        return self.operand.names()

    def __str__(self) -> str:
        return f"~{self.operand}"


@dataclass(frozen=True, slots=True)
class And:
    """False when any operand is false, true when all are true, else unknown."""

    operands: tuple[Expression, ...]

    def evaluate(self, truth: Mapping[str, bool | None]) -> bool | None:
        """Kleene conjunction."""
        values = [operand.evaluate(truth) for operand in self.operands]
        if False in values:
            return False
        return None if None in values else True

    def names(self) -> frozenset[str]:
        """All conditions that are mentioned."""
        return frozenset[str]().union(*(operand.names() for operand in self.operands))

    def __str__(self) -> str:
        return "(" + " & ".join(map(str, self.operands)) + ")"


@dataclass(frozen=True, slots=True)
class Or:
    """True when any operand is true, false when all are false, else unknown."""

    operands: tuple[Expression, ...]

    def evaluate(self, truth: Mapping[str, bool | None]) -> bool | None:
        """Kleene disjunction."""
        values = [operand.evaluate(truth) for operand in self.operands]
        if True in values:
            return True
        return None if None in values else False

    def names(self) -> frozenset[str]:
        """All conditions that are mentioned."""
        return frozenset[str]().union(*(operand.names() for operand in self.operands))

    def __str__(self) -> str:
        return "(" + " | ".join(map(str, self.operands)) + ")"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """True when so many operands are true, false when so many no longer can be, else unknown."""

    count: int
    operands: tuple[Expression, ...]

    def evaluate(self, truth: Mapping[str, bool | None]) -> bool | None:
        """Kleene's answer of the disjunction of all conjunctions of so many."""
        values = [operand.evaluate(truth) for operand in self.operands]
        if values.count(True) >= self.count:
            return True
        return None if values.count(True) + values.count(None) >= self.count else False

    def names(self) -> frozenset[str]:
        """All conditions that are mentioned."""
        return frozenset[str]().union(*(operand.names() for operand in self.operands))

    def __str__(self) -> str:
        return f"{self.count} of ({', '.join(map(str, self.operands))})"


Expression = Name | Not | And | Or | AtLeast


def age_limit(name: str) -> timedelta | None:
    """The limit that a condition names; None for any other condition.

    >>> age_limit("age > 2 weeks")
    datetime.timedelta(days=14)
    """
    return parse_duration(name.removeprefix(AGE)) if name.startswith(AGE) else None


def parse_expression(text: str, known: Iterable[str]) -> Expression:
    """Reads an expression; `~` binds tighter than `&`, which binds tighter than `|`.

    >>> str(parse_expression("a | b & ~c", known="abc"))
    '(a | (b & ~c))'
    >>> str(parse_expression("2 of (a, b, age>14 days)", known=["a", "b", "model_age"]))
    '2 of (a, b, age > 2 weeks)'

    Raises:
        ValueError: a syntax mistake with its column, or all names that are not known (each with a hint).
    """
    return _Parser(text, frozenset(known)).parse()


def can_be_true(
    expression: Expression,
    *,
    never: Collection[str] = (),
    unknown: Collection[str] = (),
    possible: Callable[[Mapping[str, bool]], bool] = lambda _: True,
) -> bool:
    """Whether any truth of its conditions that is possible makes an expression true.

    Those of `never` are false, and those of `unknown` are neither true nor false.

    >>> can_be_true(parse_expression("a & ~a", known="a")), can_be_true(parse_expression("a & ~b", known="ab"))
    (False, True)
    """
    names = sorted(expression.names().difference(never, unknown))
    silent, dark = dict.fromkeys(never, False), dict.fromkeys(unknown)
    truths = (
        {**silent, **dict(zip(names, values, strict=True))} for values in product([True, False], repeat=len(names))
    )
    return any(possible(truth) and expression.evaluate({**truth, **dark}) for truth in truths)


def leaving_out(expression: Expression, names: Collection[str]) -> Expression | None:
    """What an expression asks for where some of its conditions do not apply; None where that is nothing.

    >>> str(leaving_out(parse_expression("(a | b) & ~c", known="abc"), {"a", "c"}))
    'b'
    """
    if isinstance(expression, Name):
        return None if expression.name in names else expression
    if isinstance(expression, Not):
        inner = leaving_out(expression.operand, names)
        return None if inner is None else Not(inner)
    left = tuple(each for operand in expression.operands if (each := leaving_out(operand, names)) is not None)
    if len(left) < 2:
        return left[0] if left else None
    if isinstance(expression, AtLeast):
        return AtLeast(min(expression.count, len(left)), left)
    return type(expression)(left)


def _aged(token: str) -> Name:
    try:
        limit = parse_duration(token.partition(">")[2])
    except ValueError as error:
        raise ValueError(f"has an age that cannot be read, {token!r}: it {error}") from error
    if not limit:
        raise ValueError(f"must name an age above zero, as 'age > 12 weeks' (got {token!r}): any model is older")
    return Name(AGE + format_duration(limit))


class _Parser:
    def __init__(self, text: str, known: frozenset[str]) -> None:
        self._text = text
        self._known = known
        self._tokens = list(self._tokenize())
        self._next = 0
        self._unknown: dict[str, None] = {}

    def _tokenize(self) -> Iterable[tuple[str, int]]:
        position = 0
        end = len(self._text.rstrip())
        while position < end:
            match = _TOKEN.match(self._text, position)
            if match is None:
                wrong = len(self._text) - len(self._text[position:].lstrip())
                told = f"has an unexpected {self._text[wrong]!r} at column {wrong + 1}: {self._text!r}"
                raise ValueError(told + self._remedy(wrong))
            yield match[1], match.start(1)
            position = match.end()

    def _remedy(self, wrong: int) -> str:
        """What is compared must be an age, and be older."""
        if self._text[wrong] not in "<>=" or AGED not in self._known:
            return ""
        return ". Only an age is compared, as 'age > 12 weeks'; a younger one is '~(age > 12 weeks)'"

    def parse(self) -> Expression:
        if not self._tokens:
            raise ValueError("must name at least one condition (got nothing)")
        expression = self._or()
        if self._next < len(self._tokens):
            token, column = self._tokens[self._next]
            raise ValueError(f"has an unexpected {token!r} at column {column + 1}: {self._text!r}")
        if self._unknown:
            told = (f"an unknown condition '{name}'.{did_you_mean(name, self._known)}" for name in self._unknown)
            raise ValueError(f"names {' And '.join(told)}")
        return expression

    def _peek(self) -> str | None:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else None

    def _or(self) -> Expression:
        operands = [self._and()]
        while self._peek() == "|":
            self._next += 1
            operands.append(self._and())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _and(self) -> Expression:
        operands = [self._unary()]
        while self._peek() == "&":
            self._next += 1
            operands.append(self._unary())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _unary(self) -> Expression:
        token = self._peek()
        if token is None:
            raise ValueError(f"ends where a condition was expected: {self._text!r}")
        self._next += 1
        if token == "~":
            return Not(self._unary())
        if token == "(":
            inner = self._or()
            if self._peek() != ")":
                raise ValueError(f"has a parenthesis that is not closed: {self._text!r}")
            self._next += 1
            return inner
        if token.isdecimal():
            return self._at_least(int(token))
        if token in "|&),":
            raise ValueError(f"has {token!r} where a condition was expected: {self._text!r}")
        if token.startswith("age") and ">" in token and AGED in self._known:
            return _aged(token)
        if token not in self._known:
            self._unknown[token] = None
        return Name(token)

    def _at_least(self, count: int) -> AtLeast:
        operands: list[Expression] = []
        self._expect("of")
        self._expect("(")
        while not operands or self._peek() == ",":
            self._next += bool(operands)
            operands.append(self._or())
        self._expect(")")
        if not 1 <= count <= len(operands):
            raise ValueError(f"asks for {count} of {len(operands)} conditions: {self._text!r}")
        for operand in operands:
            if operands.count(operand) > 1:
                raise ValueError(
                    f"must count different conditions (got '{operand}' twice), name each once: {self._text!r}"
                )
        return AtLeast(count, tuple(operands))

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise ValueError(f"must read like '2 of (a, b, c)' where it counts conditions: {self._text!r}")
        self._next += 1
