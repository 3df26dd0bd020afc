"""The rows most worth a label are exported, and the answers come back as labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retrain_assets.errors import InsufficientDataError, RefusedError, StoreError
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.labelling import request_labels, rows_to_label
from retrain_assets.lifecycle.settle import read_labels, settle_labels
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.unclear import most_worth_labelling, unsureness
from retrain_assets_tests.lifecycle.world import World, declaration, make_world, rows_of

DECLARED: dict[str, Any] = {
    "target": {
        "column": "y", "label_delay": "1 day", "mature_share": 0.5,
        "labels": {"type": "files", "path": "labels/{batch}*.csv"},
    },
    "promote": {"min_rows": 50, "limits": {"slices": ["kind"]}},
}  # fmt: skip


def deliver(world: World, day: int, labelled: int) -> pd.DataFrame:
    frame = rows_of(world.batch(day))
    world.put(day, frame[["id", "y"]].iloc[:labelled].to_csv(index=False).encode(), folder="labels")
    world.drop(day, frame.drop(columns="y"))
    return frame


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A champion, and a newest batch of which half the rows have labels."""
    made = make_world(tmp_path_factory.mktemp("unclear"), **DECLARED)
    for day in range(3):
        deliver(made, day, 400)
    made.play()
    deliver(made, 3, 240)
    deliver(made, 4, 0)
    made.play()
    return made


def test_what_is_unclear_is_asked_first_and_comes_back_as_labels(world: World):
    asked = rows_to_label(world.stores, world.model, rows=40, batches=2)
    assert len(asked) == 40
    assert asked["why"].value_counts().to_dict() == {"unsure": 20, "few labels": 20}
    assert (asked.loc[asked["why"] == "unsure", "x"].abs() < 0.4).all(), "y depends on x, and is unclear around 0"
    assert set(asked["part"]) <= {"kind=a", "kind=b"}
    assert not set(asked["batch"]) - {"2024-01-04", "2024-01-05"}
    late = asked[asked["batch"] == "2024-01-04"]
    assert (late["id"] >= 240).all(), "none that has its label"
    truth = rows_of(world.batch(3)).set_index("id")["y"]
    answered = late[["id"]].assign(y=truth.loc[late["id"]].to_numpy())
    before = len(read_labels(world.stores, world.model, world.batch(3)))
    world.put(3, answered.to_csv(index=False).encode(), suffix="-answers", folder="labels")
    world.play()
    labels = read_labels(world.stores, world.model, world.batch(3))
    assert len(labels) == before + len(answered)
    again = rows_to_label(world.stores, world.model, rows=400, batches=2)
    answered_ids = set(answered["id"])
    assert not answered_ids & set(again.loc[again["batch"] == "2024-01-04", "id"])


def test_labels_that_are_settled_again_were_not_delivered_twice_at_once(world: World):
    """The check `labels_are_unique` is red where one delivery contradicts itself, not where it repeats another."""
    batch = world.batch(3)
    settled = settle_labels(world.stores, world.model, batch, as_of=world.batch(4).end, now=world.now, run_id="again")
    assert (settled.labelled >= 240, settled.ambiguous) == (True, 0)


def test_where_nobody_serves_there_is_nothing_to_ask(tmp_path: Path):
    fresh = make_world(tmp_path, **DECLARED)
    with pytest.raises(InsufficientDataError, match="no batch of tiny was watched yet"):
        rows_to_label(fresh.stores, fresh.model, rows=10)


def test_half_are_asked_where_labels_are_few_however_sure_the_model_is():
    unsure = np.array([0.9, 0.8, 0.7, 0.6, 0.1, 0.05])
    parts = np.array(["much", "much", "much", "much", "few", "few"])[:, None]
    made = most_worth_labelling(unsure, parts, {"much": 100}, rows=4, ids=np.arange(6))
    assert made["position"].tolist() == [0, 1, 4, 5]
    assert made["why"].tolist() == ["unsure", "unsure", "few labels", "few labels"]
    turned = most_worth_labelling(unsure[::-1], parts[::-1], {"much": 100}, rows=4, ids=np.arange(6)[::-1])
    assert (5 - turned["position"]).tolist() == made["position"].tolist(), "blind to the order of the rows"
    assert len(most_worth_labelling(unsure, parts, {}, rows=99, ids=np.arange(6))) == 6


def test_every_declared_way_to_divide_the_data_is_covered():
    """The only row of `k=c` and that of `m=y` are sure, and in parts of the other division that have many labels."""
    parts = np.array([["k=a", "m=x"]] * 6 + [["k=c", "m=x"], ["k=a", "m=y"]], dtype=object)
    unsure = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.1, 0.05])
    made = most_worth_labelling(unsure, parts, {"k=a": 100, "m=x": 100}, rows=4, ids=np.arange(8))
    assert made["position"].tolist() == [0, 1, 6, 7]
    assert made["part"].tolist()[2:] == ["k=c", "m=y"]
    first = most_worth_labelling(unsure, parts[:, :1], {"k=a": 100}, rows=4, ids=np.arange(8))
    assert first["position"].tolist() == [0, 1, 6, 2], "by the first column alone `m=y` is never asked about"


def test_slices_by_each_declared_column_are_asked_about(world: World):
    spec = world.model.spec.model_validate(declaration(**DECLARED | {"promote": {"limits": {"slices": ["kind", "z"]}}}))
    both = DeclaredModel(spec=spec, root=world.root)
    asked = rows_to_label(world.stores, both, rows=40, batches=2)
    few = asked.loc[asked["why"] == "few labels", "part"]
    assert few.str.startswith("z=").any()
    assert asked["part"].str.partition("=")[0].isin(["kind", "z"]).all()


def test_a_regression_is_asked_about_what_is_unlike_its_reference(tmp_path: Path):
    """It does not say how sure it is; what it has seen nothing like it cannot know."""
    declared = DECLARED | {
        "estimator": {"class": "sklearn.linear_model.LinearRegression"}, "metric": "squared_error",
    }  # fmt: skip
    made = make_world(tmp_path, **declared)
    for day in range(4):
        frame = rows_of(made.batch(day)).assign(y=lambda rows: rows["x"] * 3.0)
        if day == 3:
            frame.loc[frame.index[:3], ["x", "z"]] = [[40.0, 999.0], [-45.0, -999.0], [30.0, 999.0]]
        else:
            made.put(day, frame[["id", "y"]].to_csv(index=False).encode(), folder="labels")
        made.drop(day, frame.drop(columns="y"))
    made.play()
    asked = rows_to_label(made.stores, made.model, rows=6, batches=1)
    assert asked["why"].tolist() == ["novel"] * 3 + ["few labels"] * 3
    assert sorted(asked["x"].iloc[:3]) == [-45.0, 30.0, 40.0]
    assert asked["novel"].iloc[:3].min() > asked["novel"].iloc[3:].max()
    assert "unsure" not in asked
    spec = made.model.spec.model_validate(declaration(**DECLARED, label_next={"path": "ask/{batch}.csv"}))
    classifying = request_labels(made.stores, DeclaredModel(spec=spec, root=tmp_path), made.batch(3))
    assert (classifying.rows, classifying.uri) == (0, None), "until a classifier serves, nothing is known of its doubts"
    assert "another task than the declared one" in classifying.reason


def test_how_unsure_a_model_of_several_classes_is():
    three = Scores(np.array([[0.4, 0.4, 0.2], [0.9, 0.1, 0.0]]), (0, 1, 2))
    assert unsureness(three).round(6).tolist() == [1.0, 0.2]


@pytest.mark.covers("label_next.path", "label_next.rows", "label_next.batches")
def test_questions_are_exported_where_the_declaration_says_as_of_their_batch(world: World, tmp_path: Path):
    batch, before = world.batch(4), world.batch(3)

    def asked(**declared: Any) -> World:
        spec = world.model.spec.model_validate(declaration(**DECLARED, label_next=declared))
        return replace(world, model=DeclaredModel(spec=spec, root=tmp_path))

    few = asked(path="ask/{batch}.csv", rows=10, batches=1)
    made = request_labels(few.stores, few.model, batch)
    written = pd.read_csv(tmp_path / "ask" / f"{batch.key}.csv")
    assert (made.rows, made.uri) == (10, str(tmp_path / "ask" / f"{batch.key}.csv"))
    assert sum(made.asked.values()) == 10
    assert set(written["batch"]) == {batch.key}
    assert request_labels(few.stores, few.model, batch) == made, "the same again"
    many = asked(path="elsewhere/{batch}.csv", rows=600, batches=2)
    assert request_labels(many.stores, many.model, batch).rows > 400
    assert set(pd.read_csv(tmp_path / "elsewhere" / f"{batch.key}.csv")["batch"]) == {before.key, batch.key}
    assert request_labels(few.stores, few.model, before).rows == 10
    earlier = pd.read_csv(tmp_path / "ask" / f"{before.key}.csv")
    assert set(earlier["batch"]) == {before.key}, "as of a batch, nothing later is asked about"
    assert list(tmp_path.glob("ask/*.part")) == []
    nothing = request_labels(few.stores, few.model, world.batch(0))
    assert (nothing.rows, nothing.uri) == (0, None)
    assert "no champion" in nothing.reason
    with pytest.raises(RefusedError, match="declares no label_next"):
        request_labels(world.stores, world.model, batch)
    (tmp_path / "file").write_text("")
    blocked = asked(path="file/{batch}.csv")
    with pytest.raises(StoreError, match="cannot be written"):
        request_labels(blocked.stores, blocked.model, batch)
