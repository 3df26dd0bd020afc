"""`replay_report`: what any policy would have done on the model's own history, as the page of an asset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from retrain_assets.orchestration import names
from retrain_assets.orchestration.showing import figure, table
from retrain_assets.spec import ModelSpec


def replay_spec(spec: ModelSpec) -> dg.AssetSpec:
    """External: a replay fits every model that a policy could have had, and runs where a person starts it."""
    return dg.AssetSpec(
        names.key(spec.name, names.REPLAY_REPORT),
        deps=[names.key(spec.name, names.VALIDATED), names.key(spec.name, names.LABELS)],
        description="What other retraining policies would have done on this history: `retrain-assets replay --model "
        f"{spec.name}` shows its newest report here.",
        group_name=spec.name,
        kinds={"report"},
        owners=list(spec.owners),
        tags={names.MODEL_TAG: spec.name},
    )


def replay_event(model: str, told: Mapping[str, Any], frontier: bytes | None) -> dg.AssetMaterialization:
    """A report as the asset shows it.

    Args:
        model: its name.
        told: the report as `retrain-assets replay --json` writes it.
        frontier: the figure, as PNG.
    """
    policies: Mapping[str, Mapping[str, Any]] = told["policies"]
    recommended = told["recommendation"]
    chosen = policies[recommended["policy"]]
    yaml = f"\n\n```yaml\n{recommended['yaml']}```" if recommended["yaml"] else ""
    rows = sorted(policies.items(), key=lambda each: (each[0] == "oracle", each[1]["loss"]))
    return dg.AssetMaterialization(
        names.key(model, names.REPLAY_REPORT),
        metadata={
            "recommendation": dg.MetadataValue.md(f"{recommended['sentence']}{yaml}"),
            "recommended": recommended["policy"],
            "policies": table(_quality(name, policy, told) for name, policy in rows),
            "total_costs": table(_costs(name, policy) for name, policy in rows),
            "batches": int(told["batches"]),
            "metric": str(told["metric"]),
            "loss": float(chosen["loss"]),
            "oracle_loss": float(policies["oracle"]["loss"]),
            "retrains": int(chosen["retrains"]),
            **({} if chosen["skill"] is None else {"skill": float(chosen["skill"])}),
            **figure("frontier", frontier),
        },
    )


def report_replay(instance: dg.DagsterInstance, model: str, told: Mapping[str, Any], frontier: bytes | None) -> None:
    """Reports a replay that no run made."""
    instance.report_runless_asset_event(replay_event(model, told, frontier))


def _quality(name: str, policy: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, str]:
    return {
        "policy": name,
        str(told["metric"]): f"{policy['loss']:.4g}",
        "retrains": f"{policy['retrains']}, {policy['promotions']} promoted",
        "skill": "" if policy["skill"] is None else f"{policy['skill']:+z.2f}",
    }


def _costs(name: str, policy: Mapping[str, Any]) -> dict[str, str]:
    """By ratio: what a retrain costs."""
    return {"policy": name} | {f"at {float(ratio):g}": f"{total:.4g}" for ratio, total in policy["total_cost"].items()}
