"""A model that MLflow already holds becomes champion, serves, is judged by its own rows and can be replaced."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, cast

import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from retrain_assets import lifecycle
from retrain_assets.errors import DataError, InsufficientDataError, RefusedError, StoreError
from retrain_assets.lifecycle.versions import stage_of
from retrain_assets.lifecycle.watch import read_predictions
from retrain_assets.stores.adoption import Origin
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.lifecycle.champions import registry_of
from retrain_assets_tests.lifecycle.test_closed_loop import drop_days
from retrain_assets_tests.lifecycle.world import World, declaration, rows_of
from retrain_assets_tests.tracking import put_empty_database


def down(*_: object, **__: object) -> None:
    """A tracking server that does not answer."""
    raise StoreError("connection refused")


def theirs(root: Path, world: World, columns: list[str]) -> Origin:
    """Somebody else's registered model, read back through the registry."""
    import mlflow
    from mlflow import sklearn as flavor

    training = rows_of(world.batch(0)).rename(columns={"x": columns[0]})
    estimator = LogisticRegression().fit(training[columns], training["y"])
    put_empty_database(root / "theirs.db")
    uri = f"sqlite:///{root / 'theirs.db'}"
    mlflow.set_tracking_uri(uri)
    # Somebody else's process has its own settings for warnings.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Not `set_experiment`: it would stay in the environment of all processes that later tests start.
        experiment = mlflow.create_experiment("theirs", artifact_location=(root / "theirs").as_uri())
        with mlflow.start_run(experiment_id=experiment):
            flavor.log_model(estimator, name="model", registered_model_name="churn", pip_requirements=["scikit-learn"])
    mlflow.set_tracking_uri(cast("str", None))  # none was set before
    return MlflowRegistry(uri).read_registered("churn", version=1)


def adopt(world: World, origin: Origin, *, run_id: str = "adoption"):
    return lifecycle.adopt(
        world.stores,
        world.model,
        origin,
        training_end=world.batch(1).start,
        actor="ann",
        reason="in production since 2023",
        now=world.now,
        run_id=run_id,
    )


def test_an_adopted_model_serves_from_its_training_end_on_and_a_retrain_replaces_it_by_evidence(
    tmp_path: Path, worlds
) -> None:
    world = worlds("w", retrain={"when": "event"})
    drop_days(world, range(4))
    promotion = adopt(world, theirs(tmp_path, world, ["x"]))
    assert (promotion.action, promotion.version, promotion.actor) == ("adopt", 1, "ann")
    assert world.stores.registry.alias("tiny", "champion") == 1
    run = world.stores.state.model_versions("tiny")[0].run_id
    card, page = (world.stores.registry.text(run, f"model_card.{form}") or "" for form in ("md", "html"))
    for said in (
        "# tiny v1\n", "Adopted from churn v1 of MLflow by ann: in production since 2023",
        "| training window | unknown: not trained here |", "| training rows | unknown: not trained here |",
        "| seed, threads | unknown: not trained here |", "by the word of who adopted it",
        "## Performance\n\nUnknown: it was adopted, not evaluated.",
        "An adoption asks for none: it is the word of ann.",
    ):  # fmt: skip
        assert said in card, said
    assert "<h1>tiny v1</h1>" in page
    world.play()
    served = read_predictions(world.stores, world.model, world.batch(2))
    assert set(zip(served["version"], served["mode"], strict=True)) == {(1, "served")}
    assert set(world.stores.tables.read("tiny/performance")["version"]) == {1}
    lifecycle.record_event(world.stores, world.model, "event", "new tariff", now=world.now)
    world.play()
    assert [made.action for made in world.stores.state.promotions("tiny")] == ["adopt", "promote"]


def test_a_version_of_an_adoption_whose_card_could_not_be_kept_is_in_the_record(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_days(world, range(2))
    origin = theirs(tmp_path, world, ["x"])
    with monkeypatch.context() as patch:
        patch.setattr(MlflowRegistry, "log", down)
        with pytest.raises(StoreError, match="connection refused"):
            adopt(world, origin)
    assert [version.version for version in world.stores.state.model_versions("tiny")] == [1]
    assert world.stores.state.promotions("tiny") == []
    (moved,) = world.stores.state.stage_moves("tiny")
    assert (moved.stage, moved.reason) == ("retired", "its adoption failed: connection refused")
    assert adopt(world, origin).version == 2
    assert [stage_of(world.stores, world.model, number) for number in (1, 2)] == ["retired", "champion"]


def test_after_a_kill_the_same_command_takes_the_registered_version_over(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command is a run of its own."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    drop_days(world, range(2))
    origin = theirs(tmp_path, world, ["x"])
    with monkeypatch.context() as patch:
        patch.setattr(SqlStateStore, "record_model_version", killed)
        patch.setattr(MlflowRegistry, "end_run", killed)
        with pytest.raises(Killed):
            adopt(world, origin, run_id="first")
    assert world.stores.state.model_versions("tiny") == []
    assert adopt(world, origin, run_id="second").version == 1
    assert world.stores.registry.shown("tiny").newest == 1
    assert [version.version for version in world.stores.state.model_versions("tiny")] == [1]


def run_status(world: World, version: int) -> str:
    with registry_of(world)._session.client() as client:
        run = next(made for made in world.stores.state.model_versions("tiny") if made.version == version).run_id
        return client.get_run(run).info.status


@pytest.mark.parametrize("promoted", [False, True])
def test_killed_at_the_promotion_no_version_is_left_without_one(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch, promoted: bool
) -> None:
    """Before it the same command takes the version over; after it, what follows is made up for."""

    class Killed(BaseException):
        pass

    append = SqlStateStore.append_promotion

    def killed(*arguments: Any) -> None:
        if promoted:
            append(*arguments)
        raise Killed

    drop_days(world, range(2))
    origin = theirs(tmp_path, world, ["x"])
    with monkeypatch.context() as patch:
        patch.setattr(SqlStateStore, "append_promotion", killed)
        with pytest.raises(Killed):
            adopt(world, origin, run_id="first")
    if promoted:
        assert lifecycle.reconcile(world.stores, world.model, now=world.now).behind
    else:
        assert adopt(world, origin, run_id="second").version == 1
    assert [version.version for version in world.stores.state.model_versions("tiny")] == [1]
    assert world.stores.registry.alias("tiny", "champion") == 1
    assert run_status(world, 1) == "FINISHED"
    assert stage_of(world.stores, world.model, 1) == "champion"


@pytest.mark.parametrize("newest_was_watched", [False, True])
def test_an_adoption_that_was_refused_for_its_batch_passes_no_batch_over(
    tmp_path: Path, worlds, newest_was_watched: bool
) -> None:
    """It is no watch of the newest batch: those that wait come before it, and a mended one is watched in its turn."""
    world = worlds("w", window={"min_rows": 5000})  # bootstrapping: too few rows for a model of its own
    drop_days(world, range(2))
    world.put(2, b'id,at,x\n1,"2024-01-03,3')
    world.play(limit=1000 if newest_was_watched else 2)
    before = world.stores.state.steps("tiny")
    origin = theirs(tmp_path, world, ["x"])
    with pytest.raises(InsufficientDataError, match=r"to prove the model, is refused: .*malformed_csv"):
        adopt(world, origin, run_id="first")
    assert world.stores.state.steps("tiny") == before
    world.drop(2)
    adopt(world, origin, run_id="second")
    jobs = [(job.job, job.batch[-2:]) for job in world.play() if job.job != "settle"]
    newest = [("watch", "03"), ("decide", "03")]
    assert jobs == (newest if newest_was_watched else [("watch", "02"), ("decide", "02"), *newest])
    decisions = world.stores.state.decisions("tiny")
    assert not any(decision.retrospective for decision in decisions)
    assert "refused" not in decisions[-1].reason
    watches = [step for step in world.stores.state.steps("tiny") if step.job == "watch"]
    assert watches[-1].outcome == "done"


def test_an_adoption_does_not_replace_a_champion(tmp_path: Path, world: World) -> None:
    drop_days(world, range(3))
    world.play()
    with pytest.raises(RefusedError, match="has a champion already"):
        adopt(world, theirs(tmp_path, world, ["x"]))


def test_a_model_that_cannot_score_the_declared_rows_is_refused_and_nothing_is_promoted(
    tmp_path: Path, world: World
) -> None:
    drop_days(world, range(2))
    with pytest.raises(DataError, match="fitted on columns that the rows lack: xx"):
        adopt(world, theirs(tmp_path, world, ["xx"]))
    assert world.stores.state.promotions("tiny") == []


@pytest.mark.parametrize(
    ("metric", "estimator", "said"),
    [
        (
            "log_loss",
            LinearRegression(),
            "must be a classifier of at least two classes with predict_proba, as `metric: l",
        ),
        ("log_loss", LinearSVC(), r"with predict_proba, as `metric: log_loss` needs \(got LinearSVC\)"),
        ("squared_error", LogisticRegression(), r"churn v1 must be a regressor, .* \(got LogisticRegression\)"),
    ],
)
def test_a_model_of_another_task_is_refused(worlds, metric: str, estimator: Any, said: str) -> None:
    declared = "sklearn.linear_model.LinearRegression" if metric == "squared_error" else None
    changes: dict[str, Any] = {} if declared is None else {"metric": metric, "estimator": {"class": declared}}
    world = worlds("w", **changes)
    drop_days(world, range(2))
    rows = rows_of(world.batch(0))
    origin = Origin(
        estimator=estimator.fit(rows[["x"]], rows["y"]), name="churn", version=1, content_hash="0" * 64, inputs=("x",)
    )
    with pytest.raises(RefusedError, match=said):
        adopt(world, origin)
    assert world.stores.state.model_versions("tiny") == []


@pytest.mark.parametrize(
    ("declared", "labels", "classes", "said"),
    [
        (None, ["no", "yes"], [False, True], r"\(string, such as '(no|yes)'; got False, True\)"),
        (None, ["no", "yes"], ["N", "Y"], "got 'N', 'Y'"),
        (None, [0, 1], ["0", "1"], r"\(int, such as (0|1); got '0', '1'\)"),
        ({"type": "category", "values": ["no", "yes"]}, [None, None], [False, True], r"\(string; got False, True\)"),
        (None, [0, 1], [0, 1], None),
        (None, ["no", "yes"], ["maybe", "no", "yes"], None),
    ],
)
def test_a_model_of_other_classes_is_refused(
    worlds, declared: dict[str, Any] | None, labels: list[Any], classes: list[Any], said: str | None
) -> None:
    """It would be measured against labels that it never foretells."""
    world = worlds("w", schema={**declaration()["schema"], **({} if declared is None else {"y": declared})})
    for day in range(2):
        rows = rows_of(world.batch(day))
        world.drop(day, rows.assign(y=[labels[each] for each in rows["y"]]))
    rows = rows_of(world.batch(0))
    estimator = LogisticRegression().fit(rows[["x"]], [classes[number % len(classes)] for number in range(len(rows))])
    origin = Origin(estimator=estimator, name="churn", version=1, content_hash="0" * 64, inputs=("x",))
    if said is None:
        assert adopt(world, origin).version == 1
        return
    with pytest.raises(RefusedError, match=f"churn v1 must have labels of 'y' as classes .*{said}"):
        adopt(world, origin)
    assert world.stores.state.model_versions("tiny") == []
