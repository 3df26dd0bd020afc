"""What replay shows is what production did: the same model, from the tables that its lifecycle wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
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
from retrain_assets.lifecycle.watch import read_drift
from retrain_assets.policy.context import DecisionContext
from retrain_assets.replay.clock import Course, Moment, walk
from retrain_assets.replay.declared import DeclaredRule
from retrain_assets.replay.declared_model import first_trainable, label_delay, stream_of_model
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.fitting import ScoreCache
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.run import ReplaySettings, open_book, replay
from retrain_assets.replay.stream import Stream
from retrain_assets.spec import DriftSpec, ModelSpec, RetrainSpec
from retrain_assets_tests.lifecycle.world import World, declaration, make_world


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


@dataclass(frozen=True, kw_only=True)
class Life:
    """Three champions serve together, and the relation turns round on a day."""

    delay: str
    train: str
    days: int
    turn: int

    @property
    def declared(self) -> dict[str, Any]:
        return {
            "retrain": {"when": "staleness"},
            "target": {"column": "y", "label_delay": self.delay},
            "window": {"min_rows": 200, "holdout_batches": 3, "train": self.train},
            "serve": {"members": 3},
        }


PROMPT = Life(delay="0 days", train="all_history", days=11, turn=5)
LATE = Life(delay="36 hours", train="3 days", days=15, turn=6)
"""Labels come between two batches, and the window slides."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Life], World]:
    """The world of a life, played once."""

    @cache
    def play(life: Life) -> World:
        world = make_world(tmp_path_factory.mktemp("live"), **life.declared)
        for day in range(life.days):
            world.drop(day, flip=day >= life.turn)
        world.play()
        return world

    return play


@pytest.mark.parametrize(("life", "batches_late", "batches"), [(PROMPT, 1, None), (LATE, 2, 3)])
def test_the_replay_of_a_declaration_retrains_when_the_lifecycle_did(
    lived: Callable[[Life], World], tmp_path: Path, life: Life, batches_late: int, batches: int | None
):
    """And serves what it served, where the last champions serve together."""
    world = lived(life)
    state = world.stores.state
    promotions = [made.batch for made in state.promotions("tiny")]
    live = [made.batch for made in state.decisions("tiny") if made.verdict == "retrain"]
    stream = stream_of_model(world.stores, world.model)
    assert (stream.label_delay, stream.window) == (batches_late, batches)
    assert set(stream.rows) == {400}
    # Behind a lag that leaves no decision there is no first model either.
    most = len(stream) - batches_late - 2
    assert first_trainable(stream, lag=most - 1) == 1
    with pytest.raises(DataError, match="never hold window"):
        first_trainable(stream, lag=most)
    # Nor before rows enough would judge it: a fifth of 400 a day.
    judged = stream.spec.promote.model_copy(update={"min_rows": 120})
    assert first_trainable(replace(stream, spec=stream.spec.model_copy(update={"promote": judged}))) == 2
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


def test_the_command_replays_a_model_by_its_name_and_shows_it_in_dagster(
    lived: Callable[[Life], World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world = lived(LATE)
    stream = stream_of_model(world.stores, world.model)
    settings = ReplaySettings(policies=["declared"], first=first_trainable(stream))
    replayed = replay(stream, settings, tmp_path / "scores", workers=1).outcomes[0].retrains
    monkeypatch.setattr("retrain_assets.home.open_stores", lambda home: world.stores)
    file = tmp_path / "defs" / "tiny" / "defs.yaml"
    file.parent.mkdir(parents=True)
    attributes = declaration(**LATE.declared)
    file.write_text(yaml.safe_dump({"type": "retrain_assets.RetrainedModel", "attributes": attributes}))
    out = tmp_path / "out.json"
    common = ["--home", str(tmp_path / "home"), "--defs", str(tmp_path / "defs"), "replay", "--model", "tiny"]
    refused = CliRunner().invoke(main, [*common, "--first", "999"])
    assert (refused.exit_code, "--first must be 1 to" in refused.output) == (1, True)
    made = CliRunner().invoke(
        main,
        [*common, "--policies", "never", "--workers", "1", "--cache", str(tmp_path / "scores"), "--json", str(out)],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    told = json.loads(out.read_text())["policies"]
    assert told["declared"]["retrained_after"] == [stream.keys[batch] for batch in replayed] != []
    assert set(told) == {"declared", "never", "oracle"}
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


def test_a_declaration_waits_for_rows_since_the_change_and_spends_as_the_lifecycle_does(
    worlds: Callable[..., World], tmp_path: Path
):
    """Inputs move on day 6: 900 labelled rows of after are there on day 9, and one more training is paid."""
    retrain = {"when": "drift | new_labels", "min_new_labels": 10_000, "min_rows_since_change": 900}
    world = worlds("live", retrain=retrain | {"spend": "1 cpu hour per year"})
    for day in range(12):
        world.drop(day, shift=8.0 if day >= 6 else 0.0)
    world.play()
    live = [made.batch for made in world.stores.state.decisions("tiny") if made.verdict == "retrain"]
    stream = stream_of_model(world.stores, world.model)

    def replayed(**changed: object) -> list[str]:
        spec = stream.spec.model_copy(update={"retrain": RetrainSpec.model_validate(retrain | changed)})
        settings = ReplaySettings(policies=["declared"], first=first_trainable(stream))
        report = replay(replace(stream, spec=spec), settings, tmp_path, workers=1)
        return [stream.keys[batch] for batch in report.outcomes[0].retrains]

    assert live[1:] == replayed(spend="1 cpu hour per year") == ["2024-01-10"]
    assert stream.training_seconds is not None
    assert replayed(spend=f"{0.9 * stream.training_seconds:f} cpu seconds per year") == []


def test_labels_come_as_late_as_they_mostly_did(world: World):
    """A decision never sees labels of its own batch; what came between two ends counts for the second."""
    batches = tuple(world.batch(day) for day in range(5))
    hours = dict(zip((batch.key for batch in batches), (0, 24, 25, 96, 30), strict=True))
    known = {batch.key: batch.end + timedelta(hours=hours[batch.key]) for batch in batches}
    assert label_delay(world.model, batches[:1], known) == 1
    assert label_delay(world.model, batches[1:2], known) == 1
    assert label_delay(world.model, batches[2:3], known) == 2
    assert label_delay(world.model, batches, known) == 2


def test_a_model_without_a_history_is_told(world: World):
    with pytest.raises(DataError, match="needs at least 6 batches whose labels have matured"):
        stream_of_model(world.stores, world.model)


@pytest.fixture
def turned(worlds: Callable[..., World]) -> World:
    """A relation that turns round, shown by the residual; all that a replay can compare is declared."""
    world = worlds(
        "turned",
        retrain={"when": "drift"},
        drift={"min_rows": 100, "outputs": ["score", "label", "residual", "novelty"], "joint": "correlation",
               "false_alarms_per_year": 10},
        window={"min_rows": 7 * 300, "holdout_batches": 2},
    )  # fmt: skip
    for day in range(15):
        # One day that is a little off, and one that is too small to be compared.
        world.drop(day, flip=day >= 11, shift=0.2 if day == 9 else 0.0, rows=80 if day == 10 else 400)
    world.play()
    return world


def test_the_drift_reports_of_a_replay_are_those_of_the_lifecycle(turned: World, tmp_path: Path) -> None:
    """With outputs, the joint test and the evidence that adds up; so are the retrains that follow from them."""
    stream = stream_of_model(turned.stores, turned.model)
    course = Course(first=first_trainable(stream))
    book = open_book(stream, course, ScoreCache.of(tmp_path, stream), workers=1)
    drift = DriftBook(stream)
    rule = DeclaredRule(stream.spec, drift)
    walked = walk(book, course, rule, ReplayGate(book))
    live = {made.batch: made for made in turned.stores.state.decisions("tiny")}
    assert len(rule.decisions) >= 3
    for made in rule.decisions:
        assert (made.verdict, made.fired) == (live[made.batch].verdict, live[made.batch].fired), made.batch
    assert [stream.keys[batch] for batch in walked.retrains] == ["2024-01-13"]
    compared = 0
    for served, model in enumerate(walked.served.tolist(), walked.first_served):
        since = walked.first_served + walked.served.tolist().index(model)
        stored = read_drift(turned.stores, turned.model, stream.batches[served])
        assert stored is not None
        replayed = drift.report(served, model, book, since=since)
        assert replayed.verdict == stored.verdict
        for ours, theirs in zip(replayed.columns, stored.columns, strict=True):
            assert (ours.name, ours.verdict, ours.rows_of) == (theirs.name, theirs.verdict, theirs.rows_of)
            assert (ours.score, ours.evidence) == pytest.approx((theirs.score, theirs.evidence), rel=1e-3, abs=1e-6)
            compared += 1
    assert compared >= 5 * 8


@pytest.mark.parametrize(("when", "refused"), [("drift | event", True), ("staleness", False)])
@pytest.mark.parametrize("output", ["importance", "attribution"])
def test_outputs_that_take_a_model_are_refused_where_they_would_count(when: str, refused: bool, output: str) -> None:
    spec = ModelSpec.model_validate(declaration(retrain={"when": when}, drift={"outputs": ["score", output]}))
    book = cast("DriftBook", object())
    if not refused:
        DeclaredRule(spec, book)
        return
    with pytest.raises(DataError, match=rf"drift\.outputs of model 'tiny' must not name {output} in a replay"):
        DeclaredRule(spec, book)


def test_a_trigger_of_outputs_that_are_not_declared_is_refused() -> None:
    spec = ModelSpec.model_validate(declaration(retrain={"when": "label_drift | event"}, drift={"outputs": ["label"]}))
    DeclaredRule(spec, cast("DriftBook", object()))
    silent = spec.model_copy(update={"drift": DriftSpec(outputs=("score",))})
    with pytest.raises(
        DataError, match=r"label_drift cannot be replayed of model 'tiny': drift\.outputs must name label"
    ):
        DeclaredRule(silent, cast("DriftBook", object()))
