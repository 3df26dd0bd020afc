"""The command line: what it prints, what it exits with, and that it starts at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from retrain_assets.cli import main
from retrain_assets.home import Home, open_state
from retrain_assets.orchestration.driver import Ran
from retrain_assets.policy.decision import Decision
from retrain_assets.promotion.log import Promotion
from retrain_assets.reporting import overview as reported
from retrain_assets.reporting.records import Records
from retrain_assets.stores.protocols import Step
from retrain_assets.stores.source_failures import note_source
from retrain_assets_tests.spec.declarations import attributes, spec

COMMANDS = sorted(main.commands)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one model, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", "")  # set back also where a command sets it
    monkeypatch.setattr(sys, "path", list(sys.path))
    declare(tmp_path)
    return tmp_path


def declare(folder: Path, **changes: Any) -> Path:
    document = {"type": "retrain_assets.RetrainedModel", "attributes": attributes(**changes)}
    file = folder / "defs" / str(changes.get("name", "sales")) / "defs.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def in_a_process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it."""
    code = "import sys; from retrain_assets.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def test_an_interrupted_command_has_an_exit_code_of_its_own(project: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("retrain_assets.authoring.checking.check_declarations", interrupted)
    ended = call("check")
    assert (ended.exit_code, ended.stderr) == (130, "\nInterrupted.\n")


def test_a_hold_is_answered_one_way(project: Path):
    declare(project)
    ended = call("hold", "sales", "--resume", "--reject", "--reason", "who knows")
    assert ended.exit_code == 2
    assert "give one answer: --resume or --reject" in ended.stderr


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_explains_itself_with_an_example(self, command: str):
        result = call(command, "--help")
        assert result.exit_code == 0
        assert result.output.count("\n") > 6
        if command not in ("schema", "demo"):
            assert f"retrain-assets {command}" in result.output

    def test_the_program_lists_its_commands(self):
        result = call("--help")
        assert result.exit_code == 0
        assert all(f"\n  {command} " in result.output for command in COMMANDS)
        said = " ".join(result.output.split())
        assert "Exit codes: 0 done, 1 problems were found or it failed, 2 wrong usage, 130 interrupted." in said

    def test_the_version(self):
        from retrain_assets import __version__

        assert call("--version").output == f"retrain-assets, version {__version__}\n"

    @pytest.mark.parametrize(
        "arguments", [("nonsense",), ("event",), ("run",), ("check", "--nonsense"), ("check", "nowhere")]
    )
    def test_wrong_usage_is_2(self, project: Path, arguments: tuple[str, ...]):
        assert call(*arguments).exit_code == 2


class TestImports:
    """What a command does not need is not loaded: each of these costs seconds."""

    @pytest.mark.parametrize("arguments", [("--help",), ("run", "--help")])
    def test_help_loads_nothing(self, project: Path, arguments: tuple[str, ...]):
        assert loaded_by(arguments, project) == {"click"}

    def test_status_loads_neither_dagster_nor_mlflow_nor_pandas(self, project: Path):
        assert call("event", "sales", "x").exit_code == 0
        assert loaded_by(("status",), project) == {"click", "pydantic", "rich", "sqlalchemy", "yaml"}


def loaded_by(arguments: tuple[str, ...], cwd: Path) -> set[str]:
    code = (
        "import atexit, sys\n"
        "heavy = {'click', 'dagster', 'mlflow', 'pandas', 'sklearn', 'pandera', 'pydantic', 'sqlalchemy', 'alembic',\n"
        "         'deltalake', 'matplotlib', 'rich', 'yaml', 'scipy', 'numpy'}\n"
        "atexit.register(lambda: print('LOADED', *sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "from retrain_assets.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=True
    )
    return set(done.stderr.splitlines()[-1].split()[1:])


class TestCheck:
    def test_a_valid_project(self, project: Path):
        result = call("check")
        assert (result.exit_code, result.stdout) == (0, "no problems in 1 file\n")

    def test_problems_go_to_stderr_with_their_place(self, project: Path):
        file = declare(project, metric="log_los", drift={"bins": 1})
        result = call("check")
        assert result.exit_code == 1
        assert result.stdout == "2 problems in 1 file\n"
        first, second = result.stderr.splitlines()
        assert first.startswith(f"{file}:")
        assert "Did you mean 'log_loss'?" in first
        assert "drift.bins: must be >= 2 (got 1)" in second

    @pytest.mark.parametrize(
        ("retrain", "said"),
        [
            ({"cooldown": "99999999999 weeks"}, "retrain.cooldown: must be at most 10000 weeks"),
            ({"when": "age > 99999999999 weeks"}, "retrain.when: has an age that cannot be read"),
            ({"when": "age > 0 days"}, "retrain.when: must name an age above zero"),
            ({"when": "2 of (drift, drift)"}, "retrain.when: must count different conditions"),
        ],
    )
    def test_a_condition_or_span_that_says_nothing_is_a_problem_in_its_place(
        self, project: Path, retrain: dict[str, str], said: str
    ):
        file = declare(project, retrain=retrain)
        result = call("check")
        assert result.exit_code == 1
        [problem] = result.stderr.splitlines()
        assert problem.startswith(f"{file}:")
        assert said in problem

    def test_as_json(self, project: Path):
        file = declare(project, metric="log_los")
        result = call("check", "--json")
        assert result.exit_code == 1
        [problem] = json.loads(result.stdout)
        assert (problem["file"], problem["field"], problem["severity"]) == (str(file), "metric", "error")
        assert isinstance(problem["line"], int)

    def test_only_what_is_named(self, project: Path):
        declare(project, name="stock", metric="log_los")
        assert call("check", "defs/sales").exit_code == 0
        assert call("check", "defs/stock/defs.yaml").exit_code == 1
        assert call("--defs", "defs/sales", "check").exit_code == 0

    def test_warnings_alone_are_no_failure(self, project: Path):
        declare(project, source={"type": "files", "path": {"env": "NO_SUCH_VARIABLE_HERE"}})
        result = call("check")
        assert result.exit_code == 0
        assert "warning: source.path: refers to the environment variable" in result.stderr

    def test_a_folder_without_declarations_is_wrong_usage(self, project: Path):
        (project / "empty").mkdir()
        result = call("check", "empty")
        assert result.exit_code == 2
        assert "no defs.yaml below empty" in result.stderr

    def test_code_in_the_working_directory_is_found(self, project: Path):
        """As `dagster dev` finds it: a project need not be installed."""
        (project / "shopcode.py").write_text(
            "import pandera.pandas as pa\nSCHEMA = pa.DataFrameSchema({'day': pa.Column('datetime64[ns]')})\n",
            encoding="utf-8",
        )
        declare(project, schema="shopcode:SCHEMA")
        assert in_a_process("check", cwd=project).returncode == 0


class TestStatus:
    def test_before_the_first_run_nothing_is_written(self, project: Path):
        result = call("status")
        assert result.exit_code == 0
        assert "sales" in result.stdout
        assert not (project / ".retrain_assets").exists()

    def test_where_no_model_is_declared_it_says_where_it_looked(
        self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
        result = call("status")
        assert result.exit_code == 0
        assert f"no model is declared below {Path.cwd()}" in result.stdout
        assert json.loads(call("status", "--json").stdout) == []

    def test_a_stream_that_has_ended_awaits_no_batch(self, project: Path):
        declare(project, batches={"every": "week", "start": "2013-01-01", "end": "2013-01-08"})
        start = datetime(2013, 1, 1, tzinfo=UTC)
        watched = Step(
            model="sales", batch="2013-01-01", job="watch", attempt=1, revision=1, outcome="done", cause="batch",
            as_of=start + timedelta(days=7), finished_at=start,
        )  # fmt: skip
        open_state(Home.at(project / ".retrain_assets").prepare()).record_step(watched)
        assert "stream ended" in call("status").stdout

    def test_as_json(self, project: Path):
        promote(project)
        [model] = json.loads(call("status", "--json").stdout)
        assert model["model"] == "sales"
        assert model["champion"] == 3
        assert model["state"] == "serving"
        assert model["champion_age_seconds"] > 0
        assert model["next_batch"] == "2013-01-01"
        assert model["drift"] == {"light": "unknown", "reason": "no decision has looked at it yet", "batch": None}

    def test_as_a_table_of_at_most_80_columns(self, project: Path):
        declare(project, name="a_model_with_a_long_name_that_goes_on_and_on")
        promote(project)
        lines = call("status").stdout.splitlines()
        assert any("v3" in line for line in lines)
        assert all(len(line) <= 80 for line in lines if not line.startswith("state in"))

    @pytest.mark.parametrize("columns", [80, 40])
    def test_a_long_name_is_broken_between_its_words_and_nothing_is_cut_off(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, columns: int
    ):
        monkeypatch.setenv("COLUMNS", str(columns))
        declare(project, name="arrival_delay_of_european_flights")
        lines = [line for line in call("status").stdout.splitlines() if line.startswith(" ") and line.strip()]
        shown = ["arrival_", "delay_of_", "european_", "flights", "sales"]
        assert [line.split()[0] for line in lines[2:]] == shown
        assert "batch 2013-01-01" in lines[2]

    def test_a_source_that_cannot_be_looked_at_is_told(self, project: Path):
        home = Home.at(project / ".retrain_assets").prepare()
        note_source(open_state(home), "sales", "the variable [SHOP] is not set", now=datetime.now(UTC))
        assert "sales: its source cannot be looked at: the variable [SHOP] is not set" in call("status").stdout
        assert "cannot be looked at: the variable [SHOP] is not set" in call("status", "sales").stdout
        assert json.loads(call("status", "--json").stdout)[0]["source_failure"] == "the variable [SHOP] is not set"
        note_source(open_state(home), "sales", None, now=datetime.now(UTC))
        assert "cannot be looked at" not in call("status").stdout

    def test_batches_that_should_be_there_and_are_not_are_told_until_rows_come(self, project: Path):
        state, now = open_state(Home.at(project / ".retrain_assets").prepare()), datetime.now(UTC)
        for key in ("2013-01-01", "2013-01-02"):
            state.append_outbox("missing", "sales", batch=key, payload={"due": key, "empty": False}, now=now)
        for key, empty in (("2013-01-01", False), ("2013-01-02", True)):
            state.append_outbox("ingested", "sales", batch=key, payload={"seen_id": 1, "empty": empty}, now=now)
        assert "sales: no rows came for batch 2013-01-02, which should be there" in call("status").stdout
        assert "no rows came for batch 2013-01-02" in call("status", "sales").stdout
        assert json.loads(call("status", "--json").stdout)[0]["missing"] == ["2013-01-02"]

    def test_a_rejected_candidate_of_a_model_without_a_champion_is_told(self, project: Path):
        now, judged = datetime.now(UTC), {"version": 4, "outcome": "rejected", "reason": "beats_baseline: [-0.1, +0.1]"}
        rejected = Step(
            model="sales", batch="2013-01-01", job="retrain", attempt=1, revision=1, outcome="done", cause="batch",
            as_of=now, finished_at=now, detail=judged,
        )  # fmt: skip
        open_state(Home.at(project / ".retrain_assets").prepare()).record_step(rejected)
        said = "v4 of 2013-01-01 rejected: beats_baseline: [-0.1, +0.1]"
        assert f"sales: {said}" in call("status").stdout
        assert f"retrain      {said}" in call("status", "sales").stdout
        promote(project)
        assert said not in call("status").stdout, "there is a champion, and what became of others is a detail"
        assert said in call("status", "sales").stdout

    def test_a_retrain_that_waits_stands_in_the_place_of_the_next_batch(self, project: Path):
        now = datetime.now(UTC)
        hour = timedelta(hours=1)
        declare(project, retrain={"quiet_hours": f"{now - hour:%H:%M}-{now + hour:%H:%M}"})
        made = Decision(
            model="sales", batch="2013-01-01", attempt=1, verdict="retrain", reason="it pays", cause="batch",
            triggers=(), as_of=now, decided_at=now, champion_version=None,
        )  # fmt: skip
        open_state(Home.at(project / ".retrain_assets").prepare()).record_decision(made, run_id="one")
        said = "retrain of 2013-01-01 waits for the end of the quiet hours"
        table = call("status").stdout
        assert f"sales: {said}" in table
        assert "retrain of" in table.splitlines()[3]
        assert f"waits        {said}" in call("status", "sales").stdout
        assert json.loads(call("status", "--json").stdout)[0]["retrain_waits"].startswith(said)

    def test_jobs_that_failed_are_told_with_the_reason_and_the_next_try(self, project: Path):
        now = datetime.now(UTC)
        state = open_state(Home.at(project / ".retrain_assets").prepare())
        for day in (1, 8, 15, 22):
            state.record_step(
                Step(
                    model="sales", batch=f"2013-01-{day:02}", job="watch", attempt=1, revision=1, outcome="failed",
                    cause="run failure", as_of=now, finished_at=now, run_id=f"run-{day}",
                    detail={"reason": "the folder of sales v3 is not there"},
                )
            )  # fmt: skip
        said = "watch of 2013-01-01 failed (the folder of sales v3 is not there), and is tried again from "
        assert f"sales: {said}" in call("status").stdout
        assert "sales: and 1 more failed" in call("status").stdout
        assert f"waits        {said}" in call("status", "sales").stdout
        [model] = json.loads(call("status", "--json").stdout)
        assert [each["batch"] for each in model["failing"]] == ["2013-01-01", "2013-01-08", "2013-01-15", "2013-01-22"]
        first = model["failing"][0]
        assert (first["job"], first["failures"], first["text"].startswith(said)) == ("watch", 1, True)
        assert datetime.fromisoformat(first["until"]) == now + timedelta(minutes=1)

    def test_of_one_model_in_more_words(self, project: Path):
        promote(project)
        text = call("status", "sales").stdout
        assert "champion     v3, promoted" in text
        assert "next batch   2013-01-01, closes 2013-01-08 00:00" in text

    def test_a_champion_of_the_last_batch_has_no_age_of_0_seconds(self, project: Path):
        """Its age is batch time: with a label delay of nothing it was trained up to the end of the newest batch."""
        end = datetime(2013, 1, 8, tzinfo=UTC)
        promote(project, trained_to=end)
        watched = Step(
            model="sales", batch="2013-01-01", job="watch", attempt=1, revision=1, outcome="done", cause="batch",
            as_of=end, finished_at=end,
        )  # fmt: skip
        open_state(Home.at(project / ".retrain_assets")).record_step(watched)
        assert json.loads(call("status", "--json").stdout)[0]["model_age_seconds"] == 0
        assert "newest data" in call("status").stdout
        assert "trained on data that ends with the last batch" in call("status", "sales").stdout

    def test_an_unknown_model_has_a_hint(self, project: Path):
        result = call("status", "slaes")
        assert result.exit_code == 1
        assert result.stderr == "no model 'slaes' is declared. Did you mean 'sales'?\n"

    def test_a_broken_declaration_is_told(self, project: Path):
        declare(project, metric="log_los")
        result = call("status")
        assert result.exit_code == 1
        assert "Did you mean 'log_loss'?" in result.stderr


def promote(project: Path, *, trained_to: datetime | None = None) -> None:
    now = datetime.now(UTC)
    start = datetime(2013, 1, 1, tzinfo=UTC)
    state = open_state(Home.at(project / ".retrain_assets").prepare())
    state.append_promotion(
        Promotion(
            id=0, model="sales", version=3, action="promote", previous_id=None, batch="2013-01-01", attempt=1,
            as_of=start, training_end=trained_to or start, actor="test", reason="better", promoted_at=now,
        )
    )  # fmt: skip


def test_run_and_status_tell_what_waits_for_a_person_and_what_could_not_be_looked_at(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    made = replace(
        reported.overview(spec(), Records(), now=datetime.now(UTC)),
        champion=2, held="a retrain is held", lapsed="v3 is void", source_failure="no such table",
        judged_otherwise="one was", drifted_columns="one drifted", unmade=("no rollback",),
        due_now="decision of 2013-01-01 (redelivery)",
    )  # fmt: skip
    monkeypatch.setattr(reported, "overview", lambda *arguments, **named: made)
    monkeypatch.setattr("retrain_assets.orchestration.by_hand.run_batch", lambda *arguments: iter(()))
    older = Decision(
        model="sales", batch="2013-01-01", attempt=1, verdict="wait", reason="quiet", cause="person",
        triggers=(), as_of=datetime.now(UTC), decided_at=datetime.now(UTC), champion_version=None, retrospective=True,
    )  # fmt: skip
    open_state(Home.at(project / ".retrain_assets").prepare()).record_decision(older, run_id="one")
    printed = call("run", "sales").stdout
    assert "2013-01-01 (of an older batch: it launches nothing): wait: quiet\n" in printed
    assert (
        "not looked at: no such table\nno rollback\none drifted\none was\n"
        "due now: decision of 2013-01-01 (redelivery)\nv3 is void\nwaiting: a retrain is held\n"
    ) in printed
    said = call("status").stdout
    assert "\nsales: a retrain is held\n" in said
    assert "\nsales: v3 is void\n" in said
    assert "\nsales: one drifted\n" in said
    assert "\nsales: one was\n" in said
    assert "refused      one was\n" in call("status", "sales").stdout


@pytest.mark.parametrize(("reason", "times"), [("gone", 1), ("another", 2)])
def test_run_tells_once_what_became_of_an_approval(
    project: Path, monkeypatch: pytest.MonkeyPatch, reason: str, times: int
):
    lapsed = f"v3 of 2013-01-08 was held for approval, and is void: retrain_assets: {reason}"
    made = replace(reported.overview(spec(), Records(), now=datetime.now(UTC)), lapsed=lapsed)
    ran = Ran(sensor="s", model="sales", job="promote", batch="", run_id="one", success=True, seconds=1, approval=1)
    monkeypatch.setattr(reported, "overview", lambda *arguments, **named: made)
    monkeypatch.setattr("retrain_assets.orchestration.by_hand.run_batch", lambda *arguments: iter([ran]))
    monkeypatch.setattr("retrain_assets.commands.run._outcome", lambda *arguments: "v3 is void: gone")
    assert call("run", "sales").stdout.count(" void: ") == times


def test_no_reason_moves_the_cursor_of_a_terminal(project: Path, monkeypatch: pytest.MonkeyPatch):
    """A slice is named by a value of the data, and stands so in the reason of its gate."""
    monkeypatch.setattr("retrain_assets.orchestration.by_hand.run_batch", lambda *arguments: iter(()))
    reason = "region=no\x1b]0;north\x07 has drifted"
    made = Decision(
        model="sales", batch="2013-01-01", attempt=1, verdict="wait", reason=reason, cause="person", triggers=(),
        as_of=datetime.now(UTC), decided_at=datetime.now(UTC), champion_version=None,
    )  # fmt: skip
    open_state(Home.at(project / ".retrain_assets").prepare()).record_decision(made, run_id="one")
    for printed in (call("run", "sales").stdout, call("status", "sales").stdout):
        assert r"region=no\x1b]0;north\x07 has drifted" in printed
        assert "\x07" not in printed


def test_run_tells_in_a_sentence_why_the_champion_is_champion(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("retrain_assets.orchestration.by_hand.run_batch", lambda *arguments: iter(()))
    assert "champion: none yet\n" in call("run", "sales").stdout
    promote(project)
    told = "champion: v3, promoted for batch 2013-01-01  (`retrain-assets history sales` says it all)\n"
    assert told in call("run", "sales").stdout


class TestEvents:
    @pytest.mark.parametrize(
        ("arguments", "kind", "text"),
        [
            (("event", "sales", "new price list"), "event", "new price list"),
            (("retrain", "sales", "--reason", "feed mended"), "person", "feed mended"),
        ],
    )
    def test_are_written_for_the_next_decision(self, project: Path, arguments: tuple[str, ...], kind: str, text: str):
        result = call(*arguments)
        assert result.exit_code == 0
        assert "the next decision will see it" in result.stdout
        [row] = open_state(Home.at(project / ".retrain_assets")).outbox(kinds=[kind])
        assert (row.model, row.payload) == ("sales", {"text": text})

    def test_of_which_nothing_comes_are_told(self, project: Path):
        said = "its retrain.when does not name `event`, so that nothing comes of it"
        assert said not in call("event", "sales", "new price list").output
        declare(project, retrain={"when": "drift"})
        assert said in call("event", "sales", "another price list").output

    def test_of_an_unknown_model_are_refused(self, project: Path):
        assert call("event", "stock", "x").exit_code == 1
        assert not (project / ".retrain_assets").exists()

    @pytest.mark.parametrize(
        ("arguments", "lacking"),
        [(("event", "sales", " "), "what happened"), (("retrain", "sales", "--reason", ""), "a reason")],
    )
    def test_that_say_nothing_are_refused(self, project: Path, arguments: tuple[str, ...], lacking: str):
        result = call(*arguments)
        assert result.exit_code == 1
        assert f"{lacking} must be given in words" in result.stderr
        assert not open_state(Home.at(project / ".retrain_assets")).outbox(kinds=["event", "person"])

    def test_a_retrain_needs_a_reason(self, project: Path):
        assert call("retrain", "sales").exit_code == 2

    def test_the_home_can_be_elsewhere(self, project: Path, tmp_path: Path):
        assert call("--home", str(tmp_path / "other"), "event", "sales", "x").exit_code == 0
        assert (tmp_path / "other" / "state.db").exists()
        assert not (project / ".retrain_assets").exists()


class TestInit:
    def data(self, project: Path) -> Path:
        file = project / "orders.csv"
        rows = [f"o{n},2024-01-{n % 28 + 1:02},{n % 7}.5,{n % 2}" for n in range(400)]
        file.write_text("\n".join(["order_id,ordered_at,price,returned", *rows]), encoding="utf-8")
        return file

    def test_writes_a_declaration_that_passes_the_check(self, project: Path):
        result = call("init", str(self.data(project)), "--every", "day")
        assert result.exit_code == 0
        assert "orders: wrote " in result.stdout
        assert "Guessed; please review:" in result.stdout
        assert "target: returned (the last column: very likely wrong)" in result.stdout
        assert call("check", "defs/orders").exit_code == 0
        assert len(list((project / "defs" / "orders" / "data").iterdir())) == 28

    def test_into_the_defs_folder_of_a_dagster_project(self, project: Path):
        (project / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "shop"\n', encoding="utf-8")
        assert call("init", str(self.data(project))).exit_code == 0
        assert (project / "shop" / "defs" / "orders" / "defs.yaml").exists()

    def test_a_mistake_is_a_sentence(self, project: Path):
        result = call("init", str(self.data(project)), "--target", "returnd")
        assert result.exit_code == 1
        assert "Did you mean 'returned'?" in result.stderr

    def test_a_file_of_another_form_is_declared_in_it(self, project: Path):
        """What no file proves, which letters its bytes are, a person may say."""
        file = project / "заказы.csv"
        rows = [f"o{n};2024-01-{n % 28 + 1:02};{n % 7},5;юг;{n % 2}" for n in range(400)]
        file.write_text("\n".join(["order_id;ordered_at;price;shop;returned", *rows]), encoding="cp1251")
        given = ("--name", "orders", "--every", "day")
        assert "source.encoding: 'cp1252' (look whether letters" in call("init", str(file), *given).stdout
        assert call("init", str(file), *given, "--encoding", "cp1251", "--out", "defs/named").exit_code == 0
        text = (project / "defs" / "named" / "defs.yaml").read_text(encoding="utf-8")
        assert "encoding: cp1251, separator: ;, decimal: ','}" in text
        assert "юг" in (project / "defs" / "named" / "data" / "2024-01-01.csv").read_text(encoding="cp1251")
        unknown = call("init", str(file), *given, "--encoding", "cp125x", "--out", "defs/unknown")
        assert unknown.exit_code == 1
        assert "--encoding must be a text encoding such as cp1251 (got 'cp125x')" in unknown.stderr

    def test_twice_is_refused(self, project: Path):
        data = str(self.data(project))
        assert call("init", data).exit_code == 0
        again = call("init", data)
        assert again.exit_code == 1
        assert "exists already" in again.stderr


class TestRun:
    """That it runs a batch is shown by the README's test."""

    def test_a_key_that_is_none_is_wrong_usage(self, project: Path):
        result = call("run", "sales", "--batch", "2013-01-02")
        assert result.exit_code == 2
        assert "no batch starts at '2013-01-02': batches are every week from 2013-01-01" in result.stderr

    def test_nothing_to_run_is_told(self, project: Path):
        result = call("run", "sales")
        assert result.exit_code == 1
        assert "batch 2013-01-01 of sales cannot be run: its source has nothing for it yet" in result.stderr
        assert "(looked for '" in result.stderr
        assert str(project) in result.stderr

    def test_a_mistake_in_the_file_of_another_model_is_told_and_does_not_stop_it(self, project: Path):
        declare(project / "other", name="other", metric="log_los")
        for asked in (("run", "sales"), ("history", "sales")):
            result = call(*asked)
            assert "do not concern sales: see `retrain-assets check`" in result.stderr
            assert "log_loss" not in result.stderr
        assert "its source has nothing" in call("run", "sales").stderr
        for refused in (("run", "other"), ("run", "nobody")):
            assert "Did you mean 'log_loss'?" in call(*refused).stderr
        assert "no model" not in call("run", "other").stderr
        assert "no model 'sale' is declared in what can be read. Did you mean 'sales'?" in call("run", "sale").stderr
        declare(project / "other", name="sales")
        assert "must be unique" in call("run", "sales").stderr

    def test_a_run_that_fails_is_told_and_so_is_the_exit_code(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        from retrain_assets import lifecycle

        def fail(*_: Any, **__: Any) -> None:
            raise OSError("the disk is full")

        (project / "drop").mkdir()
        (project / "drop" / "2013-01-01.csv").write_text("day,price\n2013-01-02,1\n")
        os.utime(project / "drop" / "2013-01-01.csv", (1e9, 1e9))
        declare(project, source={"type": "files", "path": str(project / "drop" / "{batch}.csv")})
        monkeypatch.setattr(lifecycle, "ingest", fail)
        result = call("run", "sales")
        assert result.exit_code == 1
        assert "2013-01-01  watch    failed" in result.stdout
        assert "the disk is full" in result.stdout


class TestAdopt:
    @pytest.mark.parametrize(
        "arguments", [(), ("--version", "1", "--alias", "production"), ("--version", "0"), ("--version", "one")]
    )
    def test_needs_a_version_or_an_alias(self, project: Path, arguments: tuple[str, ...]):
        assert call("adopt", "sales", "--training-end", "2013-01-01", *arguments).exit_code == 2

    def test_needs_to_know_where_the_training_ended(self, project: Path):
        assert call("adopt", "sales", "--version", "1").exit_code == 2

    def test_a_training_end_is_a_moment_as_elsewhere(self, project: Path):
        done = call("adopt", "sales", "--version", "1", "--training-end", "01.06.2013")
        assert done.exit_code == 2
        assert "such as 2013-06-01, 2013-06-01T12:00 (UTC) or 2013-06-01T12:00+02:00" in " ".join(done.output.split())

    def test_a_model_that_mlflow_does_not_hold(self, project: Path):
        end = "2013-01-01T02:00:00+02:00"
        done = call("adopt", "sales", "--version", "7", "--training-end", end)
        assert done.exit_code == 1
        assert "NotStoredError" in done.stderr

    @pytest.mark.slow
    def test_takes_over_what_mlflow_holds(self, project: Path):
        """The whole way: a model that somebody logged becomes the champion, proven on the rows of a batch."""
        register = (
            "import mlflow, pandas as pd\n"
            "from sklearn.linear_model import LogisticRegression\n"
            "home = Home.from_environment().prepare()\n"
            "mlflow.set_tracking_uri(home.tracking_uri)\n"
            "X = pd.DataFrame({'price': [1.0, 2.0, 3.0, 4.0]})\n"
            "with mlflow.start_run():\n"
            "    mlflow.sklearn.log_model(LogisticRegression().fit(X, [0, 0, 1, 1]), name='model',\n"
            "        registered_model_name='old_sales', pip_requirements=['scikit-learn'],\n"
            "        signature=mlflow.models.infer_signature(X))\n"
        )
        code = f"from retrain_assets.home import Home\n{register}"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        subprocess.run(
            [sys.executable, "-c", code], cwd=project, env=environ, check=True, capture_output=True, timeout=200
        )
        drop = project / "defs" / "sales" / "drop"
        drop.mkdir()
        rows = [f"2013-01-0{n % 7 + 1},{n}.5,north,{n % 2}" for n in range(50)]
        (drop / "2013-01-01.csv").write_text("\n".join(["day,price,shop,sold", *rows]), encoding="utf-8")
        done = in_a_process(
            "adopt", "sales", "--registered", "old_sales", "--version", "1", "--training-end", "2012-12-01", cwd=project
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "sales: old_sales v1 of MLflow is now champion v1\n"
        blind = "v1 was adopted, and its loss on a holdout is not known: staleness stays unknown"
        assert f"sales: {blind}" in done.stderr
        assert "`retrain-assets retrain sales --reason TEXT` asks for one" in done.stderr
        assert blind in " ".join(in_a_process("status", "sales", cwd=project).stdout.split())
        [promotion] = open_state(Home.at(project / ".retrain_assets")).promotions("sales")
        assert (promotion.action, promotion.version) == ("adopt", 1)
        assert promotion.actor.startswith("person:")
        # Without a materialization the FreshnessPolicy of the champion would be unknown for ever.
        shown = (
            "import os, dagster as dg\n"
            "with dg.DagsterInstance.from_config('.retrain_assets/dagster') as instance:\n"
            "    made = instance.get_latest_materialization_event(dg.AssetKey(['sales', 'champion']))\n"
            "    seen = instance.fetch_observations(dg.AssetKey(['sales', 'registry']), limit=2).records\n"
            "    print(made.asset_materialization.metadata['version'].value, len(seen))\n"
        )
        answer = subprocess.run(
            [sys.executable, "-c", shown], cwd=project, check=True, capture_output=True, text=True, timeout=200
        )
        assert answer.stdout == "1 1\n"


class TestSchema:
    def test_prints_the_json_schema_of_a_declaration(self):
        schema = json.loads(call("schema").stdout)
        assert schema["properties"]["event_time"]["type"] == "string"
        assert schema["additionalProperties"] is False


class TestErrors:
    def test_an_error_of_ours_is_a_sentence(self, project: Path):
        done = in_a_process("status", "slaes", cwd=project)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr

    def test_debug_shows_where_it_comes_from(self, project: Path):
        done = in_a_process("--debug", "status", "slaes", cwd=project)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "DeclarationError" in done.stderr


class TestUi:
    @pytest.fixture(autouse=True)
    def _signals_as_before(self) -> Iterator[None]:
        """What the command does to its own process before Dagster takes its place is undone in this one."""
        before = signal.getsignal(signal.SIGINT)
        yield
        signal.signal(signal.SIGINT, before)

    def test_started_in_the_background_it_can_be_ended(self, project: Path):
        """A shell's background job ignores SIGINT, by which Dagster ends the processes that it starts."""
        answers = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
        script = (
            "import os, sys\n"
            "from retrain_assets.cli import main\n"
            "instead, take_its_place = [sys.executable, '-c', sys.argv.pop()], os.execve\n"
            "os.execve = lambda program, command, environ: take_its_place(program, instead, environ)\n"
            "main(['ui'])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, answers],
            cwd=project,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == "True", done.stderr

    def test_starts_dagster_on_this_home(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        started: list[Any] = []
        monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
        (project / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
        assert call("ui", "--port", "3005").exit_code == 0
        elsewhere = call("--defs", str(project), "ui")
        assert (elsewhere.exit_code, "--defs does not reach Dagster" in elsewhere.stderr) == (2, True)
        [(program, command, environ)] = started
        assert program == sys.executable
        assert command[1:] == ["-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", "3005"]
        home = project / ".retrain_assets"
        assert environ["DAGSTER_HOME"] == str(home / "dagster")
        assert environ["RETRAIN_ASSETS_HOME"] == str(home)
        assert environ["RETRAIN_ASSETS_DAGSTER_URL"] == "http://127.0.0.1:3005"
        assert environ["OMP_WAIT_POLICY"] == "PASSIVE"  # runs side by side must not spin away each other's cores
        assert environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"
        assert yaml.safe_load((home / "dagster" / "dagster.yaml").read_text())["telemetry"] == {"enabled": False}

    def test_a_folder_that_is_no_project_shows_what_is_declared_in_it(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ):
        started: list[Any] = []
        monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
        assert call("ui").exit_code == 0
        shutil.rmtree(project / "defs")
        assert call("ui").exit_code == 0
        here, nowhere = (command[command.index("-m", 2) + 1] for _, command, _ in started)
        assert (here, nowhere) == ("retrain_assets.orchestration.folder", "retrain_assets.definitions")
