"""What a replay says of many policies, and of which it makes sure before it says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pytest
import yaml

from retrain_assets.orchestration.replay_report import replay_event
from retrain_assets.policy.mixture import mixture_weights, overlap
from retrain_assets.replay import comparison
from retrain_assets.replay.clock import walk
from retrain_assets.replay.comparison import COST_RATIOS, Comparison, compare
from retrain_assets.replay.declared import declared
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.policies import ALL_POLICIES, Policies, UnknownPolicyError, asked, every
from retrain_assets.replay.recommendation import Recommendation, declaration_of, recommend
from retrain_assets.replay.report import Report
from retrain_assets.replay.served_mixture import mixture_losses
from retrain_assets.replay.windows import Window
from retrain_assets.spec import ModelSpec, RetrainSpec
from retrain_assets_tests.replay.streams import book, history, stream


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    replayed = stream(history(batches=18, turns=(8,)))
    scores, course = book(tmp_path_factory.mktemp("cache"), replayed)
    policies = Policies(replayed.spec, DriftBook(replayed), cost=0.5)
    return Comparison(scores, course, policies)


def test_every_policy_has_an_outcome_and_none_beats_the_oracle(compared):
    outcomes = compare(compared, ALL_POLICIES)
    assert [each.name for each in outcomes] == [*ALL_POLICIES, "oracle"]
    *policies, oracle = outcomes
    for each in policies:
        assert np.isfinite(each.loss)
        assert each.promotions <= len(each.retrains)
        if not each.name.endswith("+mixture"):
            assert each.loss >= each.oracle_loss - 1e-9
            assert all(each.totals[ratio] >= oracle.totals[ratio] - 1e-9 for ratio in COST_RATIOS)
        assert each.skill is None or each.skill <= 1 + 1e-9 or each.name.endswith("+mixture")


def test_a_world_that_turns_round_is_answered_at_once_by_those_who_look(compared):
    """It turns at batch 8, whose labels come one batch later."""
    default, never = compared.outcome("default"), compared.outcome("never")
    assert min(default.retrains) in (9, 10)
    assert default.loss < 0.8 * never.loss
    assert default.skill > 0.3
    assert len(compared.outcome("drift").retrains) <= 1  # the inputs are as they were


def test_the_unit_of_a_quantity_changes_no_decision(tmp_path):
    """Metres or millimetres: the default answers the same turn at the same batches."""
    frame = history(batches=14, rows=120, task="regression")
    found = []
    for unit in (1.0, 1000.0):
        replayed = stream(frame.assign(y=unit * frame["y"]))
        scores, course = book(tmp_path, replayed)
        comparison = Comparison(scores, course, Policies(replayed.spec, DriftBook(replayed), cost=0.5))
        found.append([comparison.outcome(name) for name in ("default", "debt_growth", "performance_decay")])
    for metres, millimetres in zip(*found, strict=True):
        assert metres.retrains == millimetres.retrains
        assert metres.loss == pytest.approx(millimetres.loss / 1000**2)
    assert found[0][0].retrains


@pytest.mark.parametrize(
    ("retrain", "most"),
    [
        ({"cost": {"retrain": 50}}, 0),
        ({"cost": {"retrain": 0.001, "unit_loss": 1}}, 99),
        ({"cost": {"retrain": 0.001, "unit_loss": 1}, "spend": "0.002 money per year"}, 2),
    ],
)
def test_the_declared_policy_knows_the_cost_that_is_declared_and_its_columns_the_others(compared, retrain, most):
    spec = compared.book.stream.spec
    declared = RetrainSpec.model_validate({"when": "staleness", **retrain})
    policies = Policies(spec.model_copy(update={"retrain": declared}), DriftBook(compared.book.stream), cost=0.5)
    made = Comparison(compared.book, compared.course, policies)
    own = made.outcome("declared")
    assert 0 < len(own.retrains) <= most or most == len(own.retrains) == 0
    # In batches' worth of loss the cost can vary; in money it is what it is.
    totals = compared.outcome("default").totals
    assert (own.totals == totals) == (most == 0)
    # A limit in money buys the other policies as many retrains as it buys the declared one.
    assert len(made.outcome("default").retrains) == min(len(compared.outcome("default").retrains), most or 99)


def test_total_cost_is_loss_and_retrains(compared):
    weekly = compared.outcome("every:2")
    for ratio, total in weekly.totals.items():
        assert total == pytest.approx(weekly.loss + ratio * compared.unit * len(weekly.retrains))
    assert compared.outcome("never").totals[0.5] == pytest.approx(compared.outcome("never").loss)


@pytest.mark.parametrize(
    ("name", "walks"),
    [
        ("every:3", 1),
        ("ddm", 1),
        ("drift", 1),
        ("every:2+mixture", 1),
        ("cara", 6),
        ("default", 6),
        ("drift | staleness", 6),
    ],
)
def test_a_policy_that_does_not_weigh_the_cost_is_walked_once_for_all_costs(compared, monkeypatch, name, walks):
    plain = Comparison(compared.book, compared.course, compared._policies)
    assert plain.unit
    plain._calendars = dict.fromkeys(range(99), 1.0)  # which would be walked, too
    begun: list[int] = []

    def counted(*asked):
        begun.append(1)
        return walk(*asked)

    monkeypatch.setattr(comparison, "walk", counted)
    made = plain.outcome(name)
    assert len(begun) == walks
    assert made.totals == pytest.approx(compared.outcome(name).totals)


def test_a_policy_that_knows_the_cost_retrains_less_where_it_is_dear(compared):
    cheap, dear = (
        walk(compared.book, compared.course, compared._policies.at_cost("default", cost).begin(), compared._gate)
        for cost in (0.01, 3.0)
    )
    assert len(cheap.retrains) > len(dear.retrains)


def test_a_skill_just_below_zero_is_not_written_as_minus_nothing(compared):
    outcomes = [replace(each, skill=-0.001) for each in compare(compared, ("never", "every"))]
    report = Report(
        stream=compared.book.stream, first=4, lag=0, cost=0.5, loss_scale=None, outcomes=tuple(outcomes), calendars={},
        recommendation=Recommendation(policy="never", sentence="", beats={}), every="day",
    )  # fmt: skip
    shown = [[*column.cells] for column in report.table().columns if column.header == "skill"]
    assert shown == [["+0.00", "+0.00", "+0.00", "", ""]]
    page = replay_event("tiny", report.to_json(), None).metadata["policies"]
    assert isinstance(page, dg.TableMetadataValue)
    assert {record.data["skill"] for record in page.records} == {"+0.00"}


def test_calendars_have_skill_zero(compared):
    assert compared.outcome("every").skill in (None, pytest.approx(0, abs=1e-9))
    step, total = compared.tuned_calendar(0.1)
    assert total == min(compared.total(f"every:{k}", 0.1) for k in range(1, 8)) or step > 7


@pytest.mark.parametrize("steps", [1, 3])
def test_the_yaml_of_a_calendar_does_what_the_calendar_did(compared, steps):
    text = declaration_of(f"every:{steps}", cost=0.15, label_delay=1, every="day")
    assert text is not None
    parts = yaml.safe_load(text)
    spec = compared.book.stream.spec
    changed = ModelSpec.model_validate({**spec.model_dump(by_alias=True), **parts})
    gate = ReplayGate(compared.book)
    as_declared = walk(compared.book, compared.course, declared(changed, DriftBook(compared.book.stream))(), gate)
    assert as_declared.retrains == walk(compared.book, compared.course, every(steps)(), gate).retrains


@pytest.mark.parametrize("promoted", [True, False])
@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize("step", [1, 3, 4, 12, 26])
def test_the_yaml_of_a_calendar_of_months_counts_the_months_that_there_are(compared, step, delay, promoted):
    """Whatever their lengths; and a candidate that was refused is tried again so many months later."""
    text = declaration_of(f"every:{step}", cost=0.15, label_delay=delay, every="month", window=step)
    spec = ModelSpec.model_validate(
        {**compared.book.stream.spec.model_dump(by_alias=True), **yaml.safe_load(text or "")}
    )
    span = spec.window.train
    assert isinstance(span, timedelta)
    ends = [datetime(2019 + k // 12, k % 12 + 1, 1, tzinfo=UTC) for k in range(1, 168)]
    champion, due, trained = 5 - delay, list[int](), 5
    for k in range(6, len(ends)):
        old = ends[k] - ends[champion] > (spec.freshness.model_age or timedelta())
        if old and ends[k] >= ends[trained] + spec.retrain.cooldown:
            due.append(k)
            trained, champion = k, k - delay if promoted else champion
    assert due == list(range(5 + step, len(ends), step))
    for newest in range(step, len(ends)):
        assert sum(start >= ends[newest] - span for start in ends[:newest]) == step


def test_a_confirmation_waits_one_batch_longer(compared):
    spec, drift, gate = compared.book.stream.spec, DriftBook(compared.book.stream), ReplayGate(compared.book)
    once, twice = (
        walk(compared.book, compared.course, declared(spec, drift, when="staleness", **more)(), gate).retrains
        for more in ({}, {"confirm": "2 of 2"})
    )
    assert twice[0] == once[0] + 1


def test_a_date_that_needs_a_confirmation_stays_due_until_it_has_one(compared):
    spec, drift, gate = compared.book.stream.spec, DriftBook(compared.book.stream), ReplayGate(compared.book)
    start = compared.book.stream.batches[9].start
    yearly = {"when": "schedule", "schedule": f"0 0 {start.day} {start.month} *"}
    once, twice = (
        walk(compared.book, compared.course, declared(spec, drift, **yearly, **more)(), gate).retrains
        for more in ({}, {"confirm": "2 of 2"})
    )
    assert (list(once), list(twice)) == ([9], [10])


def test_the_yaml_of_each_policy_is_a_declaration():
    base = stream().spec.model_dump(by_alias=True)
    for name in ALL_POLICIES:
        text = declaration_of(name, cost=0.2, label_delay=2, every="week")
        if text is not None:
            ModelSpec.model_validate({**base, **yaml.safe_load(text)})
    together = declaration_of("default+mixture", cost=0.2, label_delay=2, every="week")
    assert together == 'retrain: {when: "staleness", cost: {retrain: 0.2}}\nserve: {members: 5}\n'
    # A month is no duration of a declaration: half of one is added. The window that was replayed is declared too.
    spans: dict[str, tuple[Window, object]] = {
        "month": (6, timedelta(days=198)),
        "week": (6, timedelta(weeks=6)),
        "day": ("since_change", "since_change"),
    }
    for length, (window, train) in spans.items():
        text = declaration_of("every:4", cost=0.2, label_delay=1, every=length, window=window, least_rows=900)
        made = ModelSpec.model_validate({**base, **yaml.safe_load(text or "")})
        assert made.window.train == train
        assert made.window.min_rows == (900 if train == "since_change" else 500)
    assert declaration_of("adwin", cost=0.2, label_delay=2, every="week") is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("defualt", "Did you mean 'default'?"),
        ("performance_decai", "Did you mean 'performance_decay'?"),
        ("evry:4", "Did you mean 'every'?"),
        ("page hinkly", "Did you mean 'page_hinkley'?"),
        ("drift |", "ends where a condition was expected"),
        ("every:0", "every:N"),
        ("cusum:high", "must have a number"),
        *(
            (f"cusum:{limit}", f"number above 0 behind the colon (got '{limit}')")
            for limit in ("-1", "0", "nan", "inf")
        ),
        ("drift & ~drift", "can never be true, whatever happens"),
        ("residual_drift & ~drift", "can never be true, whatever happens"),
        ("age", "needs freshness.model_age"),
        ("drift | model_age", "needs freshness.model_age"),
        ("schedule", "needs retrain.schedule"),
        ("event", "can never fire in a replay (event: a history holds no business events)"),
        ("drift & (freshness | changed_declaration)", "can never fire in a replay (changed_declaration: "),
        (
            "dirft | performance_decay",
            "'dirft | performance_decay' names an unknown condition 'dirft'. Did you mean 'drift'?",
        ),
    ],
)
def test_an_unknown_policy_is_told_with_a_hint(compared, name, said):
    with pytest.raises(UnknownPolicyError, match=None) as caught:
        compared._policies.named(name)
    assert said in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_what_a_replay_cannot_fire_may_stand_beside_what_it_can(compared):
    """The same expression can be declared."""
    assert compared.outcome("staleness | event").retrains == compared.outcome("default").retrains
    assert compared.outcome("drift & ~event").retrains == compared.outcome("drift").retrains


def test_a_policy_may_be_called_in_many_ways_and_keeps_the_name_it_was_asked_by(compared):
    alike = (
        ["every:4", "Every-4", "calendar:4", "every 4 batches"],
        ["never", "NEVER"],
        ["mixture", "default+mixture"],
        ["drift | staleness+mixture", "drift | staleness + Mixture"],
    )
    for calls in alike:
        made = [compared.outcome(name) for name in calls]
        assert len({(each.loss, each.retrains) for each in made}) == 1
        assert [each.name for each in made] == calls


def test_each_policy_is_walked_once_and_the_oracle_is_none(compared):
    asked_for = ["oracle", "default", "every:4", "EVERY-4", "Oracle", "default", "tuned calendar", "tuned"]
    assert asked(asked_for) == ("default", "every:4")
    with pytest.raises(UnknownPolicyError, match="at least one policy beside them"):
        asked(["oracle", "tuned calendar"])


def test_the_recommendation_says_how_sure_it_is(compared):
    outcomes = compare(compared, ["default", "never", "every"])[:-1]
    made = recommend(outcomes, compared.rows, 0.5, compared.unit, np.random.default_rng(0))
    assert made.policy == "default"
    assert made.beats["never"] > 0.8
    assert "less than never" in made.sentence
    assert f"({made.beats['never']:.0%} sure)".replace("100%", "over 99%") in made.sentence
    again = recommend(outcomes, compared.rows, 0.5, compared.unit, np.random.default_rng(0))
    assert again == made


@pytest.mark.parametrize("batches", [4, 7, 16, 40])
def test_chance_is_seldom_told_as_sure(compared, batches):
    """Of pairs that differ by chance alone no more are told apart with a probability than it says."""
    rng, trials = np.random.default_rng(0), 400
    rows = np.full(batches, 100)
    default = replace(compared.outcome("default"), retrains=(), loss=1.0, batch_losses=np.ones(batches))
    told = []
    for _ in range(trials):
        other = rng.normal(1.0, 0.1, batches)
        pair = [default, replace(default, name="every:4", batch_losses=other, loss=float(other.mean()))]
        beats = recommend(pair, rows, 0.5, 1.0, rng).beats
        told.append(beats.get("every:4", 1 - beats.get("default", 0.5)))
    assert np.mean(np.array(told) > 0.99) < 0.03
    assert np.mean(np.array(told) > 0.9) < 0.15


def test_what_differs_by_retrains_alone_is_sure_and_one_batch_tells_nothing(compared):
    never = replace(compared.outcome("never"), retrains=(), loss=1.0, batch_losses=np.ones(9))
    once = replace(never, name="every:4", retrains=(3,))
    rng = np.random.default_rng(0)
    assert recommend([never, once], np.full(9, 100), 0.5, 1.0, rng).beats == {"every:4": 1.0}
    alone = [replace(each, batch_losses=np.ones(1)) for each in (never, once)]
    assert recommend(alone, np.full(1, 100), 0.5, 1.0, rng).beats == {"every:4": 0.5}


def test_only_what_can_be_declared_is_recommended(compared):
    outcomes = compare(compared, ["cusum+mixture", "cusum", "cusum:0.2", "every:4", "never"])[:-1]
    made = recommend(outcomes, compared.rows, 0.5, compared.unit, np.random.default_rng(0))
    assert made.policy in ("every:4", "never")
    assert set(made.beats) == {"every:4", "never"} - {made.policy}


def test_what_is_cheaper_and_not_told_apart_is_named_with_the_reason(compared):
    """Of two that are the same but for a hair on one batch the default stands, and the sentence says what it costs."""
    default = compared.outcome("default")
    lower = default.batch_losses - np.eye(len(default.batch_losses))[0] * default.loss
    hair = replace(default, name="every:4", batch_losses=lower, loss=compared.mean(lower))
    made = recommend([default, hair], compared.rows, 0.5, compared.unit, np.random.default_rng(0))
    assert made.policy == "default"
    assert "more than every:4, the best of the others (" in made.sentence
    assert "only from 90% on another is taken" in made.sentence


def test_a_mixture_of_one_is_that_one(compared):
    kept = walk(compared.book, compared.course, lambda moment: False, ReplayGate(compared.book))
    alone = mixture_losses(compared.book, kept)
    assert alone == pytest.approx(compared.outcome("never").batch_losses, rel=1e-5)


def test_a_mixture_leaves_the_model_that_fails(compared):
    """After a turn the old champion's weight goes once labels tell."""
    before = mixture_weights([{}, {5: 0.3}])
    after = mixture_weights([{6: 0.3}, {5: 0.3, 6: 1.2}])
    assert before[1] > 0.4
    assert after[1] < 0.01
    assert after.sum() == pytest.approx(1)


def test_a_stale_model_is_left_before_labels_of_the_new_one_come_where_rows_are_only_added():
    """Its reserved rows tell; of a window that slides they say nothing, and what is measured replaces them."""
    losses, held = [{}, {6: 0.5, 7: 0.9, 8: 0.9}], [{7: 0.4, 8: 0.4}, {4: 0.45, 5: 0.45}]
    blind, told, sliding = (
        mixture_weights(losses, overlap=share, held=known)[1] for share, known in ((1, ()), (1, held), (0.9, held))
    )
    assert blind > 0.4
    assert told < 0.01
    assert sliding == mixture_weights(losses, overlap=0.9)[1] > 0.4
    measured = [{8: 0.9}, losses[1]]
    assert mixture_weights(measured, held=held) == pytest.approx(mixture_weights(measured))


def test_models_of_the_same_rows_are_told_apart_and_those_of_others_averaged():
    losses = [{5: 0.3}, {5: 0.33}]
    alike, apart = (mixture_weights(losses, overlap=share)[1] for share in (1.0, 0.0))
    assert apart / (1 - apart) == pytest.approx(alike / (1 - alike) * np.exp(6 * 0.03 / 0.315))
    assert mixture_weights(losses, overlap=1.0) == pytest.approx(mixture_weights(losses))
    # What an adopted model was trained on is not known.
    assert overlap([{1, 2}, ()]) == overlap([{1, 2}]) == 1
