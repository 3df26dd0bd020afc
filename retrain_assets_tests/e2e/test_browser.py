"""What a person sees of a model in the Dagster UI. The screenshots are kept: look at them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from retrain_assets_tests.e2e.browser import LOAD_SECONDS, Window, chromium, window
from retrain_assets_tests.e2e.conftest import Shop

pytestmark = pytest.mark.browser

MODEL = "fraud"
ASSETS = (
    "raw",
    "validated",
    "quarantine",
    "profile",
    "drift_report",
    "predictions",
    "labels",
    "performance",
    "retrain_decision",
    "training_set",
    "candidate",
    "evaluation_report",
    "champion",
    "registry",
    "replay_report",
)
LOOKED_AT = ("drift_report", "evaluation_report", "retrain_decision", "champion", "replay_report")
"""These have a test of their own, but for the last, which has no page yet."""


@pytest.fixture(scope="session")
def browser_path() -> str:
    return chromium()  # before the story is waited for


@pytest.fixture(scope="module")
def ui(browser_path: str, drifted: Shop) -> Iterator[Window]:
    with window(browser_path, drifted.server.url) as opened:
        yield opened


def test_lineage_of_a_model(ui: Window):
    ui.open(f"/locations/shop/asset-groups/{MODEL}/lineage", until="drift_report")
    ui.see(*ASSETS)
    ui.keep("lineage")


def test_a_drift_report_says_what_moved_and_shows_it(ui: Window):
    ui.open(f"/assets/{MODEL}/drift_report", until="reference_and_batch")
    ui.see("Row count", "Columns", "verdict", "drift_score")
    ui.see("(x)", "changes", "reasons")
    ui.nothing_is_cut_off()
    ui.keep("drift_report")

    ui.page.get_by_text("[Show Markdown]").first.click()
    picture = ui.page.locator("img[alt=reference_and_batch]")
    expect(picture).to_be_visible(timeout=LOAD_SECONDS * 1000)
    assert picture.evaluate("image => image.naturalWidth") > 300
    ui.keep("drift_report_figure")
    ui.page.keyboard.press("Escape")


def test_drift_scores_are_plotted_as_series(ui: Window):
    ui.open("/assets/returns/drift_report", until="drift_score")
    ui.page.get_by_text("Plots", exact=True).click()
    # By partition Dagster 1.13 plots the 120 newest windows before today, also of a stream that ended before them.
    ui.page.get_by_text("Events", exact=True).last.click()
    expect(ui.page.locator("canvas").first).to_be_visible(timeout=LOAD_SECONDS * 1000)
    ui.see("drift_score", "drift/x", "drift/z", "drift/kind")
    ui.keep_whole("drift_report_plots")


def test_an_evaluation_report_and_its_gates(ui: Window):
    ui.open(f"/assets/{MODEL}/evaluation_report", until="differences")
    ui.see("candidate/log_loss", "champion/log_loss", "baseline/log_loss")
    ui.nothing_is_cut_off()
    ui.keep("evaluation_report")
    ui.open(f"/assets/{MODEL}/evaluation_report?view=checks", until="not_worse_than_champion")
    ui.see("beats_baseline", "table_is_valid")
    ui.keep("evaluation_report_checks")


def test_a_decision_with_every_trigger_and_its_reason(ui: Window):
    ui.open(f"/assets/{MODEL}/retrain_decision", until="triggers")
    ui.see("performance_decay", "not applicable", "fired", "1 of 3 columns drifted")
    ui.nothing_is_cut_off()
    ui.keep("retrain_decision")


def test_a_champion_with_its_history(ui: Window):
    ui.open(f"/assets/{MODEL}/champion", until="history")
    ui.see("holdout_loss", "trained to", "promote")
    ui.nothing_is_cut_off()
    ui.keep("champion")


@pytest.mark.parametrize("asset", [each for each in ASSETS if each not in LOOKED_AT])
def test_on_a_laptop_no_value_is_cut_off(ui: Window, asset: str):
    ui.open(f"/assets/{MODEL}/{asset}", until="Timestamp")
    ui.nothing_is_cut_off()


def test_a_champion_with_a_freshness_policy(ui: Window):
    ui.open("/assets/returns/champion", until="history")
    ui.see("Freshness")
    ui.keep("champion_freshness")


def test_the_pages_needed_nothing_from_elsewhere_and_broke_nowhere(ui: Window):
    assert ui.strangers == []
    assert ui.errors == []
