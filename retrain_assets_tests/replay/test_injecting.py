"""What would have happened to a declared model: a scenario in the rows of its own history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from retrain_assets.cli import main
from retrain_assets.data.contracts import Contract
from retrain_assets.errors import DataError
from retrain_assets.replay.declared_model import first_trainable, stream_of_model
from retrain_assets.replay.injecting import InjectedHistory, inject_into_model
from retrain_assets.replay.laboratory import Scenario, parse_scenario
from retrain_assets.replay.run import ReplaySettings, replay
from retrain_assets.replay.scenarios import SCENARIOS
from retrain_assets.replay.stream import Stream
from retrain_assets_tests.lifecycle.world import World, declaration, make_world, rows_of

DECLARED = {"retrain": {"when": "staleness"}, "window": {"min_rows": 200, "holdout_batches": 3}}
ONSET = 6


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Stream]:
    """Twelve days on which nothing drifted."""
    world = make_world(tmp_path_factory.mktemp("live"), **DECLARED)
    for day in range(12):
        world.drop(day)
    world.play()
    return world, stream_of_model(world.stores, world.model)


def injected(lived: tuple[World, Stream], scenario: str | Scenario) -> InjectedHistory:
    world, stream = lived
    named = parse_scenario(scenario) if isinstance(scenario, str) else scenario
    return inject_into_model(stream, named, world.model.contract, rng=np.random.default_rng(0))


@pytest.mark.parametrize("kind", sorted(set(SCENARIOS) - {"missing", "scale", "swapped"}))
def test_what_lies_before_the_onset_is_left_alone_and_what_follows_is_not(lived: tuple[World, Stream], kind: str):
    _, stream = lived
    made = injected(lived, Scenario(kind=kind, onset=ONSET))
    early = stream.starts[ONSET]
    assert made.stream.starts[ONSET] == early
    assert made.stream.keys[:ONSET] == stream.keys[:ONSET]
    assert made.stream.frame[:early].equals(stream.frame[:early].astype(made.stream.frame.dtypes.to_dict()))
    assert (made.stream.labels[:early] == stream.labels[:early]).all()
    assert made.stream.content_hash != stream.content_hash
    assert list(made.stream.frame.columns) == list(stream.frame.columns)
    assert made.stream.labels.dtype == stream.labels.dtype
    assert made.scenario.feature == ("kind" if kind == "recoded" else "x")
    assert len(made.stream.frame) == made.stream.starts[-1] == len(made.stream.labels) == len(made.stream.reserved)


def test_batches_that_do_not_come_leave_a_gap_in_time(lived: tuple[World, Stream]):
    _, stream = lived
    made = injected(lived, f"outage@{ONSET}").stream
    assert made.keys == stream.keys[:ONSET] + stream.keys[ONSET + 4 :]
    assert [batch.key for batch in made.batches] == [*made.keys]
    assert made.gap == (ONSET, 4)
    assert injected(lived, f"late@{ONSET}").stream.late == (ONSET, 3)


def test_the_schema_of_the_model_says_what_would_not_have_come_in(lived: tuple[World, Stream]):
    """`x` must be a number from -50 to 50, `z` may be missing, and is so in a tenth of the rows."""
    with pytest.raises(
        DataError, match=r"refuses batch .* with missing in 'x': 400 of 400 rows .* the champion serves"
    ):
        injected(lived, f"missing@{ONSET}:x")
    with pytest.raises(DataError, match=r"with scale in 'x': .* quarantine"):
        injected(lived, f"scale@{ONSET}:x")
    with pytest.raises(DataError, match="with swapped in 'x': 40 of 400 rows"):
        injected(lived, f"swapped@{ONSET}:x")
    assert injected(lived, f"missing@{ONSET}:z").quarantined == 0
    with pytest.raises(DataError, match=r"must be numeric \(got 'id'\)"):
        injected(lived, f"sudden@{ONSET}:id")


def test_rows_that_the_schema_puts_in_quarantine_are_left_out(lived: tuple[World, Stream]):
    """In Fahrenheit a few of its values are above 35."""
    world, stream = lived
    columns = declaration()["schema"] | {"x": {"type": "float", "min": -50, "max": 35.5}}
    spec = world.model.spec.model_validate(declaration(**DECLARED, schema=columns))
    made = inject_into_model(stream, parse_scenario(f"unit@{ONSET}:x"), Contract.of(spec), rng=np.random.default_rng(0))
    late = stream.frame["x"][stream.starts[ONSET] :]
    assert 0 < made.quarantined == (1.8 * late + 32 > 35.5).sum()
    assert len(made.stream.labels) == len(stream.labels) - made.quarantined
    assert made.stream.frame["x"].max() <= 35.5


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": {name: column for name, column in declaration()["schema"].items() if name != "id"}},
        {"reserve": {"block": "customer"}},
    ],
)
def test_ids_and_blocks_that_the_schema_does_not_name_refuse_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    world = make_world(tmp_path, **DECLARED, **changes)
    for day in range(8):
        rows = rows_of(world.batch(day))
        world.drop(day, rows.assign(customer=rows["id"] % 37))
    world.play()
    stream = stream_of_model(world.stores, world.model)
    made = inject_into_model(stream, parse_scenario("sudden@4:x"), world.model.contract, rng=np.random.default_rng(0))
    assert (made.quarantined, made.stream.keys) == (0, stream.keys)
    assert list(made.stream.frame.columns) == list(stream.frame.columns)


def test_a_scenario_that_leaves_the_inputs_asks_for_no_other_feature(lived: tuple[World, Stream]):
    world, stream = lived
    columns = declaration()["schema"] | {"x": {"type": "float", "min": 0}}
    contract = Contract.of(world.model.spec.model_validate(declaration(**DECLARED, schema=columns)))
    with pytest.raises(DataError, match=r"with outage in 'x': .* replay with the schema by which") as told:
        inject_into_model(stream, parse_scenario(f"outage@{ONSET}"), contract, rng=np.random.default_rng(0))
    assert "colon" not in str(told.value)
    with pytest.raises(DataError, match="Name another feature behind a colon"):
        injected(lived, f"missing@{ONSET}:x")


def test_the_declared_policy_notices_what_happens_to_its_own_model(lived: tuple[World, Stream], tmp_path: Path):
    made = injected(lived, f"sudden@{ONSET}")
    settings = ReplaySettings(
        policies=["declared", "never"], first=first_trainable(made.stream), scenario=made.scenario
    )  # fmt: skip
    report = replay(made.stream, settings, tmp_path, workers=1)
    assert report.noticed["declared"].after in (1, 2, 3)
    assert report.noticed["never"].after is None
    quiet = replay(
        lived[1], ReplaySettings(policies=["declared"], first=first_trainable(lived[1])), tmp_path, workers=1
    )
    assert quiet.outcomes[0].retrains == ()


def test_the_command_injects_into_a_declared_model_and_shows_no_invented_history(
    lived: tuple[World, Stream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("retrain_assets.home.open_stores", lambda home: lived[0].stores)
    file = tmp_path / "defs" / "tiny" / "defs.yaml"
    file.parent.mkdir(parents=True)
    attributes = declaration(**DECLARED)
    file.write_text(yaml.safe_dump({"type": "retrain_assets.RetrainedModel", "attributes": attributes}))
    out = tmp_path / "out.json"
    asked = ["replay", "--model", "tiny", "--policies", "never", "--workers", "1", "--cache", str(tmp_path / "cache")]
    common = ["--home", str(tmp_path / "home"), "--defs", str(tmp_path / "defs"), *asked, "--json", str(out)]
    made = CliRunner().invoke(main, [*common, "--inject", f"sudden@{ONSET}:x"])
    assert made.exit_code == 0, made.output
    assert f"sudden from batch {ONSET} on, in x" in made.output
    assert "shown in Dagster" not in made.output
    told = json.loads(out.read_text())
    assert told["scenario"] == {"kind": "sudden", "onset": ONSET, "feature": "x"}
    assert told["policies"]["declared"]["noticed_after"] in (1, 2, 3)
    wrong = CliRunner().invoke(main, [*common, "--inject", "suden@3"])
    assert (wrong.exit_code, "Did you mean 'sudden'" in wrong.output) == (2, True)
