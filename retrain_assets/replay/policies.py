"""Policies by name, as `--policies` takes them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

from retrain_assets.errors import RetrainAssetsError, did_you_mean
from retrain_assets.policy.mixture import MEMBERS
from retrain_assets.replay.can_fire import require_fireable
from retrain_assets.replay.clock import Moment, Policy, Rule
from retrain_assets.replay.declared import declared
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.names import MIXTURE, ORACLE, TUNED, canonical
from retrain_assets.replay.published import PUBLISHED, WEIGH_COST, published
from retrain_assets.spec import TRIGGERS, CostSpec, ModelSpec
from retrain_assets.spec.expressions import parse_expression

_Begin = Callable[[], Rule]

DEFAULT = "default"
DECLARED = "declared"
"""A declared model's own `retrain.when`."""
TRIGGERS_OF_A_FILE = ("performance_decay", "drift")
"""Beside `staleness`: what a history without events, persons and clocks can fire."""
CALENDARS = ("every:2", "every:4", "every:8", "every:13", "every:26")
ALL_POLICIES = ("never", "every", *CALENDARS, DEFAULT, DEFAULT + MIXTURE, *TRIGGERS_OF_A_FILE, *PUBLISHED)


_SIMPLE = re.compile(r"[\w\-:.= ]+")


class UnknownPolicyError(RetrainAssetsError):
    """A policy that a replay does not know."""


class Policies:
    """Makes policies of a history.

    Args:
        spec: the declaration that the triggers read.
        drift: drift reports of the history.
        cost: of a retrain, in batches' worth of loss.
        declared_cost: whether `declared` keeps the cost that it declares.
    """

    def __init__(self, spec: ModelSpec, drift: DriftBook, *, cost: float, declared_cost: bool = True) -> None:
        self._spec = spec
        self._drift = drift
        self._cost = cost
        self._declared_cost = declared_cost

    def named(self, name: str) -> Policy:
        """The policy of a name, however it is written (see `canonical`); it is called as it was asked for.

        Raises:
            UnknownPolicyError: no policy, trigger or expression of triggers, with a hint.
        """
        called = canonical(name)
        plain = called.removesuffix(MIXTURE)
        kind, _, number = plain.partition(":")
        if plain in ("never", "every"):
            begin = every(1) if plain == "every" else never
        elif kind == "every" and number.isdecimal() and int(number) >= 1:
            begin = every(int(number))
        elif kind in PUBLISHED and (not number or kind == "cusum"):
            begin = published(kind, cost=self._cost, limit=_number(name, number))
        else:
            when = {DEFAULT: "staleness", DECLARED: self._spec.retrain.when}.get(plain, plain)
            begin = self._declared(name, when, self._priced(plain))
        members = MEMBERS if called.endswith(MIXTURE) else self._spec.serve.members if plain == DECLARED else 1
        return Policy(name=name, begin=begin, members=members, weighs_cost=self._weighs_cost(plain, kind))

    def _weighs_cost(self, plain: str, kind: str) -> bool:
        if plain in ("never", "every") or kind in ("every", *PUBLISHED):
            return kind in WEIGH_COST
        when = {DEFAULT: "staleness", DECLARED: self._spec.retrain.when}.get(plain, plain)
        return "staleness" in parse_expression(when, TRIGGERS).names() or self._spec.retrain.spend is not None

    def at_cost(self, name: str, cost: float) -> Policy:
        """The policy where a retrain costs otherwise; the same for one that does not know of costs, or in money."""
        changed = Policies(self._spec, self._drift, cost=cost, declared_cost=False)
        return changed.named(name)

    def _priced(self, plain: str) -> Mapping[str, object]:
        """What of `retrain` tells the cost of a retrain; nothing where it stays as it is declared."""
        own, spend = self._spec.retrain.cost, self._spec.retrain.spend
        if plain == DECLARED and (self._declared_cost or own.unit_loss is not None):
            return {}
        cost = CostSpec(retrain=self._cost)
        if spend is None or spend.unit != "money":
            return {"cost": cost}
        # As many retrains as the declared money pays; a hair more, so that rounding refuses none.
        limit = spend.limit * self._cost / own.retrain * (1 + 1e-9)
        return {"cost": cost, "spend": spend.model_copy(update={"limit": limit})}

    def _declared(self, name: str, when: str, priced: Mapping[str, object]) -> _Begin:
        if canonical(name).removesuffix(MIXTURE) != DECLARED:
            self._require_trigger(name, when)
        return declared(self._spec, self._drift, when=when, **priced)

    def _require_trigger(self, name: str, when: str) -> None:
        """What a declaration names was checked with it, and may wait for what a replay does not hold."""
        try:
            require_fireable(when, self._spec)
        except ValueError as error:
            if _SIMPLE.fullmatch(name.strip()) and when not in TRIGGERS:
                known = list(dict.fromkeys([*ALL_POLICIES, *TRIGGERS]))
                raise UnknownPolicyError(
                    f"policy {name!r} must be never, every, every:N, {DEFAULT}, one of {', '.join(PUBLISHED)}, or "
                    f"triggers joined by | & ~, with {MIXTURE!r} behind it or not."
                    f"{did_you_mean(canonical(name).partition(':')[0], known)}"
                ) from error
            raise UnknownPolicyError(f"policy {name!r} {error}") from error

    def all_named(self, names: Sequence[str]) -> tuple[Policy, ...]:
        """The policies of some names, each once. Each begins here, so that what it refuses is told before a walk."""
        policies = tuple(self.named(name) for name in dict.fromkeys(names))
        for policy in policies:
            policy.begin()
        return policies


def asked(names: Sequence[str]) -> tuple[str, ...]:
    """The policies that are to be walked: each once, whatever it was called first, without oracle and tuned calendar.

    Raises:
        UnknownPolicyError: none is left.
    """
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(canonical(name), name.strip())
    for always in (ORACLE, TUNED):
        first.pop(always, None)
    if not first:
        raise UnknownPolicyError(
            "the oracle and the tuned calendar stand in every replay: name at least one policy beside them, such as "
            "default,never,every"
        )
    return tuple(first.values())


def never() -> Rule:
    """Keeps the first model."""
    return lambda moment: moment.decided < 0


def every(batches: int) -> _Begin:
    """Retrains so many batches after the last time."""

    def rule(moment: Moment) -> bool:
        return moment.decided - moment.trained[-1] >= batches

    return lambda: rule


def _number(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise UnknownPolicyError(f"policy {name!r} must have a number above 0 behind the colon (got {text!r})")
    return number
