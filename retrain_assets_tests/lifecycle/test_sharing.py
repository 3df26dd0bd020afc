"""Two models of one installation share a budget; whoever came first has it, also where both come at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import DeclarationError
from retrain_assets.lifecycle import DeclaredModel, sharing
from retrain_assets.lifecycle.sharing import DRAWN, attempt_of, shared_use
from retrain_assets.orchestration import build_retraining_definitions
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.declarations import read_files
from retrain_assets_tests.lifecycle.world import World, declaration, make_world

POOL = {"name": "gpu", "budget": "1 per 3 days"}
DAYS = 4


def retrain(priority: int) -> dict[str, object]:
    return {"when": "event", "shared_budget": POOL, "priority": priority}


@pytest.fixture
def both(tmp_path) -> tuple[World, World]:
    """Two models with a champion each, on the same files; the second matters more."""
    one = make_world(tmp_path, name="one", retrain=retrain(0))
    spec = ModelSpec.model_validate(declaration(name="two", retrain=retrain(5)))
    two = replace(one, model=DeclaredModel(spec=spec, root=tmp_path), ran=[])
    for day in range(DAYS):
        one.drop(day)
    for world in (one, two):
        world.play()
    return one, two


def ask(world: World, text: str = "x") -> None:
    lifecycle.record_event(world.stores, world.model, "event", text, now=world.now)


def newest(world: World):
    return world.stores.state.decisions(world.model.name)[-1]


def test_the_second_to_ask_waits_and_then_goes_first(both):
    one, two = both
    ask(one)
    one.play()
    assert newest(one).verdict == "retrain"
    ask(two)
    two.play()
    assert newest(two).verdict == "wait"
    assert "shared budget 'gpu': 1 retrain of one within 3 days, 1 allowed together" in newest(two).reason
    ask(one, "again")
    for day in range(DAYS, DAYS + 2):
        one.drop(day)
    two.play()
    one.play()
    assert (newest(one).verdict, newest(two).verdict) == ("wait", "wait")
    # Three days later it is free again, and the first to come is not the first in line.
    one.drop(DAYS + 2)
    one.play()
    assert newest(one).verdict == "wait"
    assert "1 left, kept for two (priority 5): the priority here is 0" in newest(one).reason
    two.play()
    assert newest(two).verdict == "retrain"


def test_of_two_that_come_at_once_the_later_row_waits(both, monkeypatch):
    one, two = both
    for world in both:
        ask(world)
    seen = sharing.decide_by_policy
    begun: list[str] = []

    def while_the_other_decides(context):
        if context.spec.name == "one" and not begun:
            begun.append("one")
            made = seen(context)  # as of a moment at which the other has not drawn yet
            two.play()
            return made
        return seen(context)

    monkeypatch.setattr(sharing, "decide_by_policy", while_the_other_decides)
    one.play()
    assert newest(two).verdict == "retrain"
    assert newest(one).verdict == "wait"
    rows = [row for row in one.stores.state.outbox(kinds=[DRAWN]) if row.batch == newest(one).batch]
    mine = [row.payload["standing"] for row in rows if row.model == "one"]
    assert mine[-2:] == ["retrain", "waits"]
    taken = shared_use(one.stores, one.model, [], attempt="")
    assert [draw.model for draw in taken.draws if draw.standing == "retrain"] == ["two"]
    own = attempt_of(newest(two).batch, newest(two).attempt)
    assert not [draw for draw in shared_use(two.stores, two.model, [], attempt=own).draws if draw.standing == "retrain"]


def test_unequal_declarations_are_refused(tmp_path):
    specs = [
        ModelSpec.model_validate(declaration(name=name, retrain={"shared_budget": {"name": "gpu", "budget": budget}}))
        for name, budget in (("one", "1 per week"), ("two", "2 per week"))
    ]
    with pytest.raises(DeclarationError, match="must be the same at all models that share 'gpu'"):
        build_retraining_definitions(specs, root=tmp_path)
    for spec, budget in zip(specs, ("1 per week", "2 per week"), strict=True):
        text = f"""type: retrain_assets.RetrainedModel
attributes:
  name: {spec.name}
  batches: {{every: day, start: "2024-01-01"}}
  source: {{type: files, path: "drop/{{batch}}*.csv"}}
  schema: {{x: {{type: float}}}}
  event_time: at
  target: {{column: y}}
  estimator: {{class: sklearn.linear_model.LogisticRegression}}
  metric: log_loss
  retrain:
    shared_budget: {{name: gpu, budget: {budget}}}
"""
        (tmp_path / spec.name).mkdir()
        (tmp_path / spec.name / "defs.yaml").write_text(text)
    _, problems = read_files([tmp_path])
    (problem,) = problems
    assert (problem.field, problem.line) == ("retrain.shared_budget", 12)
    assert "'one' declares 1 per 1 week" in problem.message
