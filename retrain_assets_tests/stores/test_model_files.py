"""A bundle's files: what is loaded is what was registered, or nothing is loaded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import TweedieRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from retrain_assets.errors import IntegrityError, NotStoredError, StoreError
from retrain_assets.stores.model_files import (
    LISTING,
    artifact_hash,
    bundle_files,
    bundle_of,
    deserialize,
    folder_reader,
    read_verified,
    serialize,
    write_files,
)
from retrain_assets_tests.training.estimators import ShareClassifier
from retrain_assets_tests.training.samples import BUILD, make_bundle, make_labels, make_rows, make_spec

OWN = "retrain_assets_tests.training.estimators.ShareClassifier"
EXECUTED: list[str] = []


class Telltale:
    """Tells when it is unpickled."""

    def __reduce__(self) -> Any:
        return EXECUTED.append, ("unpickled",)


@pytest.fixture(params=["skops", "cloudpickle"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    estimator = {"class": OWN if request.param == "cloudpickle" else "sklearn.linear_model.LogisticRegression"}
    bundle = make_bundle(make_spec(estimator=estimator), source=BUILD)
    model = serialize(bundle.pipeline)
    assert model.format == request.param
    files = bundle_files(bundle, model)
    write_files(tmp_path, files)
    return tmp_path, artifact_hash(files)


def test_what_is_read_is_what_was_written(stored: tuple[Path, str]) -> None:
    folder, expected = stored
    bundle = bundle_of(read_verified(folder_reader(folder), expected))
    assert dict(bundle.sources) == {"app.features": BUILD.source}
    assert bundle.manifest.classes == (False, True)
    assert bundle.manifest.training_end.tzinfo is not None
    assert bundle.manifest.baseline is not None
    assert bundle.manifest.baseline.classes == (False, True)
    assert sum(bundle.manifest.baseline.constant) == pytest.approx(1)
    assert bundle.pipeline.predict(make_rows()).shape == (300,)  # type: ignore[attr-defined]


def test_one_flipped_byte_in_any_file_is_found_before_anything_is_loaded(
    stored: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, expected = stored
    import cloudpickle
    import skops.io

    def loaded(*_: object, **__: object) -> None:
        pytest.fail("deserialized before it was verified")

    monkeypatch.setattr(cloudpickle, "loads", loaded)
    monkeypatch.setattr(skops.io, "loads", loaded)
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert len(paths) == 5
    for path in paths:
        original = path.read_bytes()
        for position in {0, len(original) // 2, len(original) - 1}:
            path.write_bytes(original[:position] + bytes([original[position] ^ 1]) + original[position + 1 :])
            with pytest.raises(
                IntegrityError, match=rf"file {path.relative_to(folder).as_posix()} .*Nothing of it was loaded"
            ):
                bundle_of(read_verified(folder_reader(folder), expected))
        path.write_bytes(original)


def test_a_pickle_put_in_the_models_place_does_not_run(stored: tuple[Path, str]) -> None:
    import cloudpickle

    folder, expected = stored
    model = next(folder.glob("model.*"))
    model.write_bytes(cloudpickle.dumps(Telltale()))
    with pytest.raises(IntegrityError):
        bundle_of(read_verified(folder_reader(folder), expected))
    assert EXECUTED == []


@pytest.mark.parametrize("missing", [LISTING, "retrain_assets/manifest.json"])
def test_a_missing_file_is_not_stored(stored: tuple[Path, str], missing: str) -> None:
    folder, expected = stored
    (folder / missing).unlink()
    with pytest.raises(NotStoredError, match=missing):
        bundle_of(read_verified(folder_reader(folder), expected))


def test_files_beside_the_bundle_do_not_matter(stored: tuple[Path, str]) -> None:
    folder, expected = stored
    (folder / "registered_model_meta").write_text("by MLflow")
    assert bundle_of(read_verified(folder_reader(folder), expected)).manifest.model == "delays"


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingClassifier(max_iter=3),
        GradientBoostingClassifier(n_estimators=2),
        RandomForestRegressor(n_estimators=2),
        KNeighborsClassifier(),
        TweedieRegressor(power=1.0),
        MLPClassifier(hidden_layer_sizes=(2,), max_iter=800),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_the_package_vouches_for_scikit_learns_own_parts(estimator: Any) -> None:
    rows = make_rows()
    fitted = estimator.fit(rows[["x"]].abs(), make_labels(rows).astype(int))
    model = serialize(fitted)
    assert (model.format, model.refused) == ("skops", ())
    loaded: Any = deserialize("skops", model.content)
    np.testing.assert_array_equal(loaded.predict(rows[["x"]].abs()), fitted.predict(rows[["x"]].abs()))


def test_a_users_own_type_is_pickled_unless_it_is_declared_trusted() -> None:
    fitted = ShareClassifier().fit(np.zeros((4, 1)), np.array([0, 1, 1, 1]))
    assert serialize(fitted).refused == (OWN,)
    trusted = serialize(fitted, trusted_types=[OWN])
    assert (trusted.format, trusted.trusted) == ("skops", (OWN,))
    loaded: Any = deserialize("skops", trusted.content, trusted_types=[OWN])
    assert loaded.shares_.tolist() == [0.25, 0.75]
    with pytest.raises(StoreError, match=r"nobody vouches for.*estimator.trusted_types"):
        deserialize("skops", trusted.content)


def test_a_model_that_skops_cannot_write_is_pickled() -> None:
    fitted = ShareClassifier(power=lambda value: value)  # type: ignore[arg-type]
    assert serialize(fitted, trusted_types=[OWN]).format == "cloudpickle"


def test_the_hash_is_over_every_file() -> None:
    bundle = make_bundle(source=BUILD)
    model = serialize(bundle.pipeline)
    others = [
        replace(bundle, sources={"app.features": BUILD.source + "#"}),
        replace(bundle, manifest=replace(bundle.manifest, seed=99)),
    ]
    hashes = {artifact_hash(bundle_files(each, model)) for each in [bundle, *others]}
    assert len(hashes) == 3
    assert artifact_hash(bundle_files(bundle, model)) in hashes


def test_parameters_of_any_kind_are_kept_by_name_without_addresses() -> None:
    bundle = make_bundle()
    odd = replace(
        bundle, manifest=replace(bundle.manifest, params={"a": np.float64(1.5), "b": object(), "c": len, "d": {1}})
    )
    text = bundle_files(odd, serialize(odd.pipeline))["retrain_assets/manifest.json"].decode()
    assert " at 0x" not in text
    assert '"b": "object"' in text
