"""A version made again from its frozen window and manifest: the same hash, or which input is no longer what it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from retrain_assets.data.hashing import frame_hash
from retrain_assets.errors import NotStoredError, StoreError
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.lifecycle.training_window import (
    READ_TABLES,
    data_hash_of,
    read_rows,
    stored_training_sets,
    training_inputs,
)
from retrain_assets.lifecycle.withholding import withholding, words_of
from retrain_assets.stores.model_files import as_json
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import Manifest, ModelBundle, ModelVersion
from retrain_assets.training.environment import code_version, libraries, threads
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import model_hash
from retrain_assets.training.trainer import FittedModel
from retrain_assets.training.trainer import train as fit

READ_ROWS = ("validated", "labels")
"""Tables whose rows the training reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """`same` is None where it could not be trained again; `differences` name the inputs that are not what they were."""

    version: ModelVersion
    same: bool | None
    hash: str | None
    differences: tuple[str, ...]

    def __str__(self) -> str:
        said = "".join(f"\n  {difference}" for difference in self.differences)
        if self.same is None:
            return f"{self.version} cannot be made again:{said}"
        if self.same:
            also = f"; it made no difference that{said}" if said else ""
            return f"{self.version} was made again with the same hash {self.version.model_hash[:16]}{also}"
        made = (self.hash or "")[:16]
        why = said or "\n  no input differs, down to the rows as they are stored: the training is not deterministic"
        return f"{self.version} has the hash {self.version.model_hash[:16]}, made again it has {made}:{why}"


@withholding
def reproduce(stores: Stores, model: DeclaredModel, number: int, *, now: datetime) -> Reproduced:
    """Trains again on exactly the frozen rows, and compares the hashes. Nothing is registered or changed.

    Raises:
        NotStoredError: there is no such version, or it was adopted and never trained here.
    """
    version = registered(stores, model, number)
    frozen = _frozen(stores, model, version)
    bundle = stores.registry.load(version, cached=False)
    differences = [*_environment(bundle.manifest, model), *_declaration(bundle, version, model)]
    try:
        rows = read_rows(stores, model, frozen, frozen.batches, reserved=False)
    except (NotStoredError, StoreError, ValueError, OSError) as error:  # the latter two: a file that is none any more
        return Reproduced(
            version=version, same=None, hash=None, differences=(*differences, f"data: {words_of(error, model)}")
        )
    differences += _data(stores, model, frozen)
    labels, inputs = rows["label"].to_numpy(), training_inputs(model, rows)
    fitted = fit(model.spec, inputs, labels, source=model.transform())
    made = model_hash(fitted.pipeline, golden=golden_rows(inputs), classes=fitted.classes)
    same = made == version.model_hash
    differences += _fitted(bundle.manifest, fitted)
    if not same:
        differences += _rows(stores, model, frozen)
    return Reproduced(version=version, same=same, hash=made, differences=tuple(differences))


def _frozen(stores: Stores, model: DeclaredModel, version: ModelVersion) -> TrainingSet:
    wanted = (version.batch, version.attempt, version.data_hash)
    for frozen in stored_training_sets(stores, model):
        if (frozen.batch, frozen.attempt, frozen.data_hash) == wanted:
            return frozen
    raise NotStoredError(
        f"{version} has no frozen training set (batch {version.batch}, attempt {version.attempt}): "
        "it was adopted, or its table is gone"
    )


def _environment(manifest: Manifest, model: DeclaredModel) -> Iterator[str]:
    now = libraries(model.spec.estimator.class_)
    for name in sorted({*manifest.libraries, *now}):
        before, after = manifest.libraries.get(name, "none"), now.get(name, "none")
        if before != after:
            yield f"library {name}: {before} then, {after} now"
    if manifest.threads != threads():
        yield f"threads: {manifest.threads} then, {threads()} now"
    if manifest.code_version != code_version():
        yield f"code: {manifest.code_version} then, {code_version()} now"


def _declaration(bundle: ModelBundle, version: ModelVersion, model: DeclaredModel) -> Iterator[str]:
    changed = tuple(_changed_fields(bundle.manifest.declared, model.declared_training()))
    yield from changed
    if not changed and version.training_hash != model.training_hash():
        whole = "declaration, with the modules of its schema and transform"
        yield f"{whole}: {version.training_hash} then, {model.training_hash()} now"
    if bundle.manifest.seed != model.spec.estimator.seed:
        yield f"seed: {bundle.manifest.seed} then, {model.spec.estimator.seed} now"
    transform = model.transform()
    now = {} if transform is None else {transform.module: transform.source}
    for name in sorted({*bundle.sources, *now}):
        if bundle.sources.get(name) != now.get(name):
            yield f"transform {name}: its source is another one now"


def _changed_fields(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Fields of the declaration that differ, where the version tells what it was declared as."""
    before, after = dict(_leaves(then)), dict(_leaves(now))
    for name in sorted({*before, *after}) if before else ():
        if before.get(name) != after.get(name):
            yield f"declaration {name}: {_text(before.get(name))} then, {_text(after.get(name))} now"


def _leaves(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(cast("Mapping[str, Any]", value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _data(stores: Stores, model: DeclaredModel, frozen: TrainingSet) -> Iterator[str]:
    commits = {
        asset: stores.tables.commits(model.table(asset), version=frozen.table_versions[asset]) for asset in READ_TABLES
    }
    now = data_hash_of(frozen.batches, commits)
    if now != frozen.data_hash:
        yield f"data: {frozen.data_hash[:16]} then, {now[:16]} now"


def _fitted(manifest: Manifest, fitted: FittedModel) -> Iterator[str]:
    """What of the declaration came out otherwise: the estimator's parameters, and the columns it learned from."""
    for name in sorted({*manifest.params, *fitted.params}):
        before, after = (_text(params.get(name)) for params in (manifest.params, fitted.params))
        if before != after:
            yield f"parameter {name}: {before} then, {after} now"
    for name in manifest.features:
        if name not in fitted.features:
            yield f"feature {name}: learned from then, not now"
    for name in fitted.features:
        if name not in manifest.features:
            yield f"feature {name}: learned from now, not then"


def _text(value: object) -> str:
    return " ".join(as_json(value).decode().split())


def _rows(stores: Stores, model: DeclaredModel, frozen: TrainingSet) -> Iterator[str]:
    """Partitions whose rows are not those that were written: their files were changed past the table's log."""
    for asset in READ_ROWS:
        table, version = model.table(asset), frozen.table_versions[asset]
        for key, commit in stores.tables.commits(table, version=version).items():
            if key not in frozen.batches:
                continue
            rows = stores.tables.read(table, [key], version=version).drop(columns="ra_batch")
            if commit.content_hash != frame_hash(rows):
                yield f"data: the rows of {asset} {key} do not hash as they did when they were written"
