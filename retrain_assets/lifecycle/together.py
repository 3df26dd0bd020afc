"""The joint test of a batch, on stored rows of the reference batches."""

from __future__ import annotations

import pandas as pd

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.windows import Batch
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.levels import joint_settings_of
from retrain_assets.drift.together import judge_together
from retrain_assets.drift.watched import watched_columns
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.outputs import spread
from retrain_assets.lifecycle.watch import read_validated
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelBundle


def joint_of(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    bundle: ModelBundle,
    current: TableProfile,
    reference: FittedReference | None,
) -> JointDrift | None:
    """What `drift.joint` finds; None where it is not declared, or there is nothing to compare with.

    The rows of the reference are those that are stored now: a batch that was delivered again is taken as it is now.
    """
    spec = model.spec.drift
    if spec.joint == "none" or reference is None:
        return None
    keys = bundle.reference.keys_for(batch, model.calendar, spec.reference_batches)
    stored = stores.tables.read(model.table("validated"), keys)
    parts = [spread(part) for _, part in stored.groupby("ra_batch", sort=True)]
    if not parts:
        return JointDrift.unknown(spec.joint, "all batches of the reference were delivered again, without any rows")
    rows = pd.concat(parts, ignore_index=True)
    return judge_together(
        spec.joint,
        watched_columns(current, reference.batches, spec.columns),
        (rows, spread(read_validated(stores, model, batch)).assign(ra_batch=batch.key)),
        (reference.batches, current),
        batch="ra_batch",
        settings=joint_settings_of(spec, model.calendar.per_year),
        basis=reference.basis,
        seed=model.spec.estimator.seed,
    )
