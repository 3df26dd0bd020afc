"""How the declared false alarms are shared: over checks and evidence, and over inputs, outputs and the joint test."""

from __future__ import annotations

from dataclasses import replace

from retrain_assets.drift.evidence_limit import SINGLE_SHARE
from retrain_assets.drift.outputs import output_settings
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.together import JOINT_SHARE, OUTPUT_SHARE
from retrain_assets.spec import DriftSpec


def settings_of(spec: DriftSpec, checks_per_year: float) -> Settings:
    """The settings of one check of the inputs of a declared model."""
    settings = joint_settings_of(spec, checks_per_year)
    return replace(settings, alpha=settings.alpha * inputs_share(spec))


def inputs_share(spec: DriftSpec) -> float:
    """The part of the false alarms that single inputs may give: what outputs and a joint test that count leave them.

    >>> inputs_share(DriftSpec()), inputs_share(DriftSpec(outputs=("score",), joint="correlation"))
    (1.0, 0.65)
    """
    return 1.0 - (OUTPUT_SHARE if spec.outputs else 0.0) - (0.0 if spec.joint == "none" else JOINT_SHARE)


def output_settings_of(spec: DriftSpec, checks_per_year: float) -> Settings:
    """The settings of one check of its outputs."""
    return output_settings(joint_settings_of(spec, checks_per_year), spec)


def joint_settings_of(spec: DriftSpec, checks_per_year: float) -> Settings:
    """The settings of one joint test, with the level of all tests of a check, of which it takes its part."""
    return Settings(
        distance=spec.distance,
        effect_floor=spec.effect_floor,
        alpha=min(spec.false_alarms_per_year * SINGLE_SHARE / checks_per_year, 0.5),
        correction=spec.correction,
        significance=spec.significance,
        min_rows=max(spec.min_rows, 2),
        bins=spec.bins,
        smoothing=spec.smoothing,
    )
