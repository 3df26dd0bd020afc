"""The states of triggers, made in one way."""

from __future__ import annotations

from retrain_assets.policy.decision import TriggerState


def fires(name: str, reason: str) -> TriggerState:
    """It fires."""
    return TriggerState(name=name, fired=True, reason=reason)


def waits(name: str, reason: str) -> TriggerState:
    """It does not fire."""
    return TriggerState(name=name, fired=False, reason=reason)


def unknown(name: str, reason: str) -> TriggerState:
    """Whether it fires cannot be known."""
    return TriggerState(name=name, fired=None, reason=reason)


def no_champion(name: str) -> TriggerState:
    """It has nothing to go by before there is a champion."""
    return TriggerState(name=name, fired=False, applicable=False, reason="there is no champion yet")


def not_declared(name: str, field: str) -> TriggerState:
    """It has nothing to go by: a field of the declaration is not set."""
    return TriggerState(name=name, fired=False, applicable=False, reason=f"{field} is not declared")
