"""What replay shows is what production did: the same model, from the tables that its lifecycle wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner

from retrain_assets.cli import main
from retrain_assets.errors import DataError
from retrain_assets.lifecycle.champions import champion
from retrain_assets.lifecycle.first_losses import first_losses
from retrain_assets.lifecycle.history import performance_table
from retrain_assets.lifecycle.training_window import stored_training_sets
from retrain_assets.policy.context import DecisionContext
from retrain_assets.replay.clock import Course, Moment, walk
from retrain_assets.replay.declared import DeclaredRule, DriftBook
from retrain_assets.replay.declared_model import first_trainable, stream_of_model
from retrain_assets.replay.fitting import ScoreCache
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.run import ReplaySettings, open_book, replay
from retrain_assets.replay.stream import Stream
from retrain_assets.spec import ModelSpec
from retrain_assets_tests.lifecycle.world import World, declaration


class _Watched(DeclaredRule):
    """Keeps the facts of every decision."""

    seen: tuple[DecisionContext, ...] = ()

    def _context(self, moment: Moment) -> DecisionContext:
        found = super()._context(moment)
        self.seen = (*self.seen, found)
        return found


def _staleness_is_what_the_lifecycle_recorded(world: World, stream: Stream, scores: Path):
    """Debt and gain with every decision that both made, and what each champion lost first after its training."""
    course = Course(first=first_trainable(stream))
    book = open_book(stream, course, ScoreCache.of(scores, stream), workers=1)
    rule = _Watched(stream.spec, cast("DriftBook", object()))
    walk(book, course, rule, ReplayGate(book))
    recorded = {made.batch: made.state.get("staleness", {}) for made in world.stores.state.decisions("tiny")}
    both = [(made.state["staleness"], recorded[made.batch]) for made in rule.decisions if "staleness" in made.state]
    assert len(both) > 4
    exact = ("fired", "gain", "growth", "limit", "cost", "informed", "usual")
    for told, live in both:
        assert {name: told[name] for name in exact} == _near({name: live[name] for name in exact})
        # The slack rests on standard errors, which the lifecycle resamples.
        assert told["debt"] == pytest.approx(live["debt"], rel=0.05, abs=0.05)
    newest, stores, model = rule.seen[-1], world.stores, world.model
    current = champion(stores, model, newest.batch.end)
    known = first_losses(
        stores, model, current, stored_training_sets(stores, model), performance_table(stores, model),
        as_of=newest.as_of,
    )  # fmt: skip
    assert known
    for told, live in zip(newest.firsts, known, strict=True):
        assert (told.loss.batch, told.loss.rows, told.trained_rows) == (
            live.loss.batch,
            live.loss.rows,
            live.trained_rows,
        )
        for each, other in ((told.loss, live.loss), (told.holdout, live.holdout)):
            assert (each.value, each.expected) == pytest.approx((other.value, other.expected), rel=1e-5)


def _near(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, bool) or value is None else pytest.approx(value, rel=1e-4, abs=1e-5)
        for name, value in values.items()
    }


@pytest.mark.parametrize("members", [1, 3])
def test_the_replay_of_a_declaration_retrains_when_the_lifecycle_did(
    worlds: Callable[..., World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: int
):
    """And serves what it served, also where the last champions serve together."""
    world = worlds("live", retrain={"when": "staleness"}, serve={"members": members})
    for day in range(12):
        world.drop(day, flip=day >= 6)
    world.play()
    state = world.stores.state
    promotions = [made.batch for made in state.promotions("tiny")]
    live = [made.batch for made in state.decisions("tiny") if made.verdict == "retrain"]
    stream = stream_of_model(world.stores, world.model)
    assert (stream.label_delay, stream.window) == (1, None)
    assert stream.reserved.mean() == pytest.approx(0.2, abs=0.05)
    assert not {"y", "label", "outcome_code"} & set(stream.frame.columns)
    report = replay(
        stream,
        ReplaySettings(policies=["declared", "never"], first=first_trainable(stream)),
        tmp_path / "scores",
        workers=1,
    )
    declared = report.outcomes[0]
    replayed = [stream.keys[batch] for batch in declared.retrains]
    assert replayed
    # The first decision of both trains the first model; the newest live batch has no labels yet, and no replay.
    assert replayed == [batch for batch in live[1:] if batch in stream.keys[:-1]]
    assert declared.promotions == len([batch for batch in promotions[1:] if batch in stream.keys[:-1]])
    # The loss of each batch is what the lifecycle measured of the version that served it.
    measured = world.stores.tables.read("tiny/performance")
    served = measured[(measured["mode"] == "served") & (measured["metric"] == "log_loss")]
    for key, loss in zip(stream.keys[-len(declared.batch_losses) :], declared.batch_losses, strict=True):
        assert served.loc[served["ra_batch"] == key, "value"].iloc[0] == pytest.approx(loss, rel=1e-5)
    json.dumps(report.to_json())
    _staleness_is_what_the_lifecycle_recorded(world, stream, tmp_path / "scores")
    # And the command finds the same history by the model's name.
    monkeypatch.setattr("retrain_assets.home.open_stores", lambda home: world.stores)
    file = tmp_path / "defs" / "tiny" / "defs.yaml"
    file.parent.mkdir(parents=True)
    attributes = declaration(retrain={"when": "staleness"})
    file.write_text(yaml.safe_dump({"type": "retrain_assets.RetrainedModel", "attributes": attributes}))
    out = tmp_path / "out.json"
    made = CliRunner().invoke(
        main,
        ["--home", str(tmp_path / "home"), "--defs", str(tmp_path / "defs"), "replay", "--model", "tiny", "--policies",
         "never", "--workers", "1", "--cache", str(tmp_path / "scores"), "--json", str(out)],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    told = json.loads(out.read_text())["policies"]
    assert told["declared"]["retrained_after"] == replayed
    assert set(told) == {"declared", "never", "oracle"}
    # And shows it in Dagster, on a page of the model's graph.
    with dg.DagsterInstance.from_config(str(tmp_path / "home" / "dagster")) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tiny", "replay_report"]))
    assert event is not None
    assert event.asset_materialization is not None
    page: dict[str, Any] = {name: each.value for name, each in event.asset_materialization.metadata.items()}
    assert page["recommended"] == json.loads(out.read_text())["recommendation"]["policy"]
    assert page["loss"] == told[page["recommended"]]["loss"]
    assert page["oracle_loss"] == told["oracle"]["loss"]
    assert [row.data["policy"] for row in page["policies"].records][-1] == "oracle"
    assert page["frontier"].startswith("![frontier](data:image/png;base64,")


def test_a_model_without_a_history_is_told(world: World):
    with pytest.raises(DataError, match="needs at least 6 batches whose labels have matured"):
        stream_of_model(world.stores, world.model)


@pytest.mark.parametrize(("when", "refused"), [("drift | event", True), ("staleness", False)])
@pytest.mark.parametrize("declared", [{"outputs": ["score"]}, {"joint": "correlation"}])
def test_what_a_replay_does_not_compare_is_refused_where_it_would_count(
    when: str, refused: bool, declared: dict[str, object]
) -> None:
    spec = ModelSpec.model_validate(declaration(retrain={"when": when}, drift=declared))
    book = cast("DriftBook", None)
    if not refused:
        DeclaredRule(spec, book)
        return
    with pytest.raises(DataError, match=r"drift\.joint of model 'tiny' must be empty in a replay"):
        DeclaredRule(spec, cast("DriftBook", object()))


def test_a_trigger_of_outputs_is_refused_in_a_replay() -> None:
    spec = ModelSpec.model_validate(declaration(retrain={"when": "label_drift | event"}, drift={"outputs": ["label"]}))
    with pytest.raises(DataError, match="label_drift cannot be replayed"):
        DeclaredRule(spec, cast("DriftBook", object()))
