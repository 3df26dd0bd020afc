"""The same window, declaration and libraries give the same hash; what is another one is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import NotStoredError
from retrain_assets.lifecycle import DeclaredModel, reproducing
from retrain_assets.lifecycle.reproducing import reproduce
from retrain_assets.spec import ModelSpec
from retrain_assets.training.bundle import ModelBundle
from retrain_assets_tests.lifecycle.champions import DECLARED, copied
from retrain_assets_tests.lifecycle.world import World, declaration


def test_every_version_is_made_again_bit_for_bit(promoted: World):
    before = promoted.stores.state.last_outbox_id()
    for number in (1, 3):
        found = reproduce(promoted.stores, promoted.model, number, now=promoted.now)
        assert (found.same, found.differences) == (True, ())
        assert "was made again with the same hash" in str(found)
    assert promoted.stores.state.last_outbox_id() == before
    assert len(promoted.stores.state.model_versions("tiny")) == 3


def test_later_data_makes_no_difference(promoted: World):
    """A corrected batch is a new version of the tables; the frozen one is read."""
    promoted.drop(1, suffix="-again", seed=99)
    promoted.play(limit=1)
    assert reproduce(promoted.stores, promoted.model, 2, now=promoted.now).same is True


def test_another_declaration_is_named(promoted: World):
    changed = {"class": "sklearn.linear_model.LogisticRegression", "params": {"C": 0.01}, "seed": 5}
    spec = ModelSpec.model_validate(declaration(**DECLARED, estimator=changed))
    found = reproduce(promoted.stores, DeclaredModel(spec=spec, root=promoted.root), 2, now=promoted.now)
    assert found.same is False
    assert [difference.partition(":")[0] for difference in found.differences] == [
        "declaration, with the modules of its schema and transform", "seed", "parameter C", "parameter random_state",
    ]  # fmt: skip
    assert "parameter C: 1.0 then, 0.01 now" in found.differences
    assert "made again it has" in str(found)


def test_each_field_of_the_declaration_that_differs_is_named(promoted: World):
    """The reserve and the window too, which leave no other trace."""
    changed = {"reserve": {"share": 0.25}, "window": {**declaration()["window"], "train": "4 weeks"}}
    spec = ModelSpec.model_validate(declaration(**DECLARED, **changed))
    model = DeclaredModel(spec=spec, root=promoted.root)
    said = reproduce(promoted.stores, model, 2, now=promoted.now).differences
    assert 'declaration window.train: "all_history" then, "4 weeks" now' in said
    assert "declaration reserve.share: 0.2 then, 0.25 now" in said
    before = promoted.stores.registry.load
    promoted.stores.registry.load = lambda *args, **kwargs: _untold(before(*args, **kwargs))
    (hashes, *_) = reproduce(promoted.stores, model, 2, now=promoted.now).differences
    whole = "declaration, with the modules of its schema and transform"
    assert hashes == f"{whole}: {promoted.model.training_hash()} then, {model.training_hash()} now"


def _untold(bundle: ModelBundle) -> ModelBundle:
    """A version of before there was the field."""
    return replace(bundle, manifest=replace(bundle.manifest, declared={}))


def test_what_a_manifest_tells_holds_no_address_and_no_value_of_a_personal_column():
    secret = "postgresql://joe:secret@db/labels"
    labels = {"type": "sql", "url": secret, "query": "SELECT 1 WHERE :start < :end"}
    declared = declaration(target={"column": "y", "label_delay": "1 day", "labels": labels}, personal_columns=["kind"])
    told = str(DeclaredModel(spec=ModelSpec.model_validate(declared), root=Path()).declared_training())
    assert secret not in told
    assert "values" not in told


def test_a_feature_that_is_left_out_is_named(promoted: World):
    spec = ModelSpec.model_validate(declaration(**DECLARED, features={"columns": ["x"]}))
    found = reproduce(promoted.stores, DeclaredModel(spec=spec, root=promoted.root), 2, now=promoted.now)
    assert found.same is False
    assert "feature kind: learned from then, not now" in found.differences


def write_as_large(file: Path, rows: pa.Table) -> None:
    """As many bytes as the file had, which the table's log knows."""
    size, pad = file.stat().st_size, 1
    for _ in range(9):
        with pq.ParquetWriter(file, rows.schema, compression="zstd", store_schema=False) as writer:
            writer.write_table(rows)
            writer.add_key_value_metadata({"pad": "." * pad})
        pad += size - file.stat().st_size
    assert file.stat().st_size == size


def test_rows_that_were_changed_where_they_lie_are_named(promoted: World):
    """Past the table's log, which still tells the hash of what was written."""
    key = promoted.batch(1).key
    (file,) = (promoted.root / "tables" / "tiny" / "validated" / f"ra_batch={key}").glob("*.parquet")
    rows = pq.ParquetFile(file).read()
    moved = pa.array([value + 1 for value in rows["x"].to_pylist()])
    write_as_large(file, rows.set_column(rows.column_names.index("x"), "x", moved))
    world = copied(promoted, promoted.root)
    found = reproduce(world.stores, world.model, 2, now=world.now)
    assert found.same is False
    (said,) = found.differences
    assert said == f"data: the rows of validated {key} do not hash as they did when they were written"
    file.write_bytes(b"torn")
    world = copied(promoted, promoted.root)
    found = reproduce(world.stores, world.model, 2, now=world.now)
    assert found.same is None
    assert "cannot be made again:\n  data: " in str(found)


def test_another_library_and_other_data_are_named(promoted: World, monkeypatch: pytest.MonkeyPatch):
    real = reproducing.libraries
    monkeypatch.setattr(reproducing, "libraries", lambda name: {**real(name), "scikit-learn": "0.0.1"})
    monkeypatch.setattr(reproducing, "data_hash_of", lambda *_: "f" * 64)
    found = reproduce(promoted.stores, promoted.model, 2, now=promoted.now)
    assert found.same is True
    assert any(each.startswith("library scikit-learn: ") and each.endswith("0.0.1 now") for each in found.differences)
    assert found.differences[-1].endswith("ffffffffffffffff now")
    assert "it made no difference that" in str(found)


def test_data_that_is_gone_is_said(promoted: World, monkeypatch: pytest.MonkeyPatch):
    def gone(*_: object, **__: object) -> None:
        raise NotStoredError("version 3 of tiny/validated is not there")

    monkeypatch.setattr(reproducing, "read_rows", gone)
    found = reproduce(promoted.stores, promoted.model, 2, now=promoted.now)
    assert found.same is None
    assert "cannot be made again:" in str(found)
    assert "version 3 of tiny/validated is not there" in str(found)


def test_a_version_that_was_never_trained_here(promoted: World, monkeypatch: pytest.MonkeyPatch):
    versions = promoted.stores.state.model_versions("tiny")
    adopted = replace(versions[0], version=9, batch="2020-01-01", attempt=0)
    monkeypatch.setattr(promoted.stores.state, "model_versions", lambda _: [adopted])
    with pytest.raises(NotStoredError, match="tiny v9 has no frozen training set"):
        reproduce(promoted.stores, promoted.model, 9, now=promoted.now)
