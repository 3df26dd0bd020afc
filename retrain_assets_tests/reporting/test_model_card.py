"""The card says from what a version was made and how it was judged, and breaks in no table and on no page."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from retrain_assets import lifecycle
from retrain_assets.data.rule_words import schema_rows
from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.lifecycle.training_window import stored_training_sets
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.measures import Measure
from retrain_assets.reporting.card_pages import ModelCard, Section
from retrain_assets.reporting.model_card import model_card
from retrain_assets_tests.lifecycle.champions import registry_of
from retrain_assets_tests.lifecycle.world import World


def test_what_is_not_seen_is_written_out():
    evil = "region=no\x1b]0;north\x07"
    card = ModelCard(title="tiny v1", sections=(Section(title="Slices", lines=(evil,), table=(("of",), (evil,))),))
    for text in (card.to_markdown(), card.to_html()):
        assert text.count(r"region=no\x1b]0;north\x07") == 2
        assert "\x1b" not in text


def card_of(world: World, **changes) -> ModelCard:
    version = world.stores.state.model_versions("tiny")[2]
    report = read_evaluation(world.stores, world.model, world.model.calendar.batch(version.batch), version.attempt)
    report = replace(report, **changes)
    gates = evaluate_gates(report, world.model.spec.promote, bootstrapping=False)
    manifest = world.stores.registry.load(version).manifest
    return model_card(world.model.spec, version, manifest, report, gates)


def test_it_names_data_model_metrics_gates_and_limits(three_champions: World):
    version = three_champions.stores.state.model_versions("tiny")[2]
    text = card_of(three_champions).to_markdown()
    assert text.startswith("# tiny v3\n")
    for said in (
        version.data_hash, version.model_hash, "3 batches, 2024-01-01 to 2024-01-03", "LogisticRegression",
        "| candidate v3 | log_loss |", "candidate - champion", "not_worse_than_champion", "calibration_error",
        "mcnemar_p", "No person has to agree", "It was not judged by slices or groups",
        "Whether it is right is known 1 day after the event.",
    ):  # fmt: skip
        assert said in text, said


def test_it_shows_the_schema_and_the_versions_of_the_tables(three_champions: World):
    model = three_champions.model
    rows = tuple(schema_rows(model.contract.visible, frozenset({"kind"})))
    told = {name: (kind, missing, rules) for name, kind, missing, rules in rows}
    assert told["x"] == ("float64", "no", "≥ -50.0; ≤ 50.0")
    assert told["z"][1] == "yes"
    assert told["kind"][2] == "isin", "of a personal column the rule, and not its values"
    assert {name: rules for name, *_, rules in schema_rows(model.contract.visible, frozenset())}["kind"] == (
        "one of a, b"
    )
    assert "y" not in told, "the target is none of its inputs"
    version = three_champions.stores.state.model_versions("tiny")[2]
    frozen = stored_training_sets(three_champions.stores, model)[-1]
    with registry_of(three_champions)._session.client() as client:
        path = client.download_artifacts(version.run_id, "model_card.md")
    text = Path(path).read_text(encoding="utf-8")
    assert "| x | float64 | no | ≥ -50.0; ≤ 50.0 |" in text
    assert f"| table version | validated {frozen.table_versions['validated']} |" in text


def test_what_was_measured_has_its_section(three_champions: World):
    measure = Measure(kind="slice", name="difference", group="kind=a", value=0.1, lower=0.0, upper=0.2, rows=10)
    text = card_of(three_champions, measures=(measure,)).to_markdown()
    assert "## Slices: difference to the champion" in text
    assert "| kind=a | difference | 0.1 | 0 to 0.2 |" in text
    assert "It was not judged by groups" in text


def test_no_value_breaks_a_table_or_the_page():
    hostile = "<script>alert(1)</script> | a\nb"
    card = ModelCard(title=hostile, sections=(Section(title=hostile, lines=(hostile,), table=(("x",), (hostile,))),))
    assert "<script>" not in card.to_html()
    rows = [line for line in card.to_markdown().splitlines() if line.startswith("| ")]
    assert len(rows) == 3
    assert all(line.replace("\\|", "").count("|") == 2 for line in rows)

    class Balanced(HTMLParser):
        open_: list[str]

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                self.open_.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open_.pop() == tag

    parser = Balanced()
    parser.open_ = []
    parser.feed(card.to_html())
    assert parser.open_ == []


def test_it_is_logged_with_the_evaluation(three_champions: World):
    version = three_champions.stores.state.model_versions("tiny")[2]
    with registry_of(three_champions)._session.client() as client:
        names = {artifact.path for artifact in client.list_artifacts(version.run_id)}
    assert {"model_card.md", "model_card.html", "evaluation.png", "calibration.png", "importance.png"} <= names


def test_its_figures_are_those_that_were_drawn_and_what_it_points_to_is_there(three_champions: World, tmp_path: Path):
    version = three_champions.stores.state.model_versions("tiny")[2]
    with registry_of(three_champions)._session.client() as client:
        folder = Path(client.download_artifacts(version.run_id, "", str(tmp_path)))
    drawn = {
        title: f"data:image/png;base64,{base64.b64encode((folder / file).read_bytes()).decode('ascii')}"
        for title, file in (
            ("Paired differences", "evaluation.png"),
            ("Calibration", "calibration.png"),
            ("Importance of the inputs", "importance.png"),
        )
    }
    page = (folder / "model_card.html").read_text(encoding="utf-8")
    assert dict(re.findall(r'<img alt="([^"]+)" src="([^"]+)">', page)) == drawn
    assert set(re.findall(r"""(?:src|href)=["']?([^"'>]+)""", page)) == set(drawn.values()), "it needs nothing else"
    text = (folder / "model_card.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"!\[([^]]+)]\(([^)]+)\)", text)) == drawn
    assert re.findall(r"(?<!!)\[[^]]+]\(([^)]+)\)", text) == []
    assert "stands in `approvals.md` beside this card" in text
    assert (folder / "approvals.md").read_text(encoding="utf-8") == (
        "# Approval of tiny v3\n\nNo person was asked about it.\n"
    )


def test_a_version_has_a_card_before_it_is_judged_and_what_is_not_known_is_said(promoted: World):
    promoted.drop(4)
    promoted.poll()
    while (job := lifecycle.next_job(promoted.stores, promoted.model, now=promoted.now)) is not None:
        if job.job == "retrain":
            break
        promoted.run(job)
    common: dict[str, Any] = {"now": promoted.now, "run_id": "alone"}
    lifecycle.freeze_training_set(promoted.stores, promoted.model, promoted.batch(4), **common)
    version = lifecycle.train(promoted.stores, promoted.model, promoted.batch(4), **common).version
    text = promoted.stores.registry.text(version.run_id, "model_card.md") or ""
    assert text.startswith("# tiny v4\n")
    for title in ("Performance", "Paired differences", "Slices and groups", "Calibration", "Gates"):
        assert f"## {title}\n\nUnknown: it was registered, and not evaluated.\n" in text
    assert "| because | new_labels: " in text
    assert "No gate vouches for it" in text
    lifecycle.evaluate(promoted.stores, promoted.model, promoted.batch(4), **common)
    assert "Unknown" not in (promoted.stores.registry.text(version.run_id, "model_card.md") or "")


def test_names_are_code_on_the_page_as_in_markdown():
    card = ModelCard(
        title="m v1", sections=(Section(title="Data", lines=("Of `a<b`: 1 `",), table=(("x",), ("`y`",))),)
    )
    assert "<p>Of <code>a&lt;b</code>: 1 `</p>" in card.to_html()
    assert "<td><code>y</code></td>" in card.to_html()


def test_its_pictures_are_inside_it():
    card = ModelCard(title="m v1", sections=(Section(title="Calibration", figure=b"png"),))
    assert "![Calibration](data:image/png;base64,cG5n)" in card.to_markdown()
    assert '<img alt="Calibration" src="data:image/png;base64,cG5n">' in card.to_html()
