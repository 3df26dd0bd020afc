"""Each scenario does what it says from its onset on, and nothing before."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from retrain_assets.cli import main
from retrain_assets.errors import DataError
from retrain_assets.replay.laboratory import Scenario, inject, parse_scenario, settled, with_timing
from retrain_assets.replay.run import ReplaySettings, replay
from retrain_assets.replay.scenarios import SCENARIOS
from retrain_assets_tests.replay.streams import history, stream


def injected(kind, *, task="binary", onset=8, feature=None, seed=0):
    frame = history(turns=(), task=task)
    scenario = Scenario(kind=kind, onset=onset, feature=feature)
    return frame, put(frame, scenario, task=task, seed=seed)


def put(frame, scenario, *, task="binary", seed=0):
    told = "regression" if task == "regression" else "classification"
    return inject(frame, scenario, target="y", batch="batch", task=told, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("kind", SCENARIOS)
def test_what_lies_before_the_onset_is_left_alone_and_what_follows_is_not(kind, task):
    frame, made = injected(kind, task=task)
    early = made["batch"] < 8
    assert made[early].equals(frame[frame["batch"] < 8].astype(made.dtypes.to_dict()))
    assert not made[~early].reset_index(drop=True).equals(frame[frame["batch"] >= 8].reset_index(drop=True))
    again = injected(kind, task=task)[1]
    assert again.equals(made)


@pytest.mark.parametrize("kind", ["sudden", "feedback"])
def test_classes_stay_classes_where_a_missing_label_makes_them_floats(kind):
    frame = history(turns=())
    frame["y"] = frame["y"].astype(float).mask(frame.index == 5)
    made = put(frame, parse_scenario(f"{kind}@8"))
    assert set(made["y"]) == {0.0, 1.0}
    assert correlation(made, range(8, 16)) < correlation(frame.dropna(), range(8, 16)) - 0.3


def test_feedback_rates_rows_by_what_models_learn_from_alone():
    frame = history(turns=())
    made = put(frame.assign(took=pd.to_timedelta(frame.index, unit="s")), parse_scenario("feedback@8"))
    assert made.drop(columns="took").equals(put(frame, parse_scenario("feedback@8")))


def test_whole_numbers_of_a_regression_are_mirrored_and_no_classes():
    frame = history(turns=(), task="regression")
    frame["y"] = (10 * frame["y"]).round().astype(int)
    made = put(frame, parse_scenario("sudden@8"), task="regression")
    assert correlation(made, range(8, 16)) < correlation(frame, range(8, 16)) - 0.3
    early = frame.loc[frame["batch"] < 8, "y"]
    turned = made["y"] != frame["y"]
    mirrored = (2 * early.mean() - frame["y"][turned]).clip(early.min(), early.max())
    assert np.allclose(made["y"][turned], mirrored)


def test_a_mirrored_number_stays_within_those_of_before_the_onset():
    """Most counts are small and few are large: about their mean the large ones would be negative."""
    frame = history(turns=(), task="regression")
    frame["y"] = np.exp(frame["y"]).round().astype(int)
    early = frame.loc[frame["batch"] < 8, "y"]
    assert frame["y"].max() > 2 * early.mean()
    made = put(frame, parse_scenario("sudden@8"), task="regression")
    assert (made["y"].min(), made["y"].max()) == (early.min(), early.max())


def test_the_onset_counts_batches_with_labels_as_the_replay_does():
    frame = history(turns=())
    frame["y"] = frame["y"].astype(float).mask(frame["batch"] == 2)
    made = put(frame, parse_scenario("missing@8:z"))
    assert made.groupby("batch")["z"].count().tolist() == [160] * 8 + [0] * 7
    assert stream(made).keys[8] == "9"


def correlation(frame, batches):
    rows = frame[frame["batch"].isin(batches)]
    return np.corrcoef(rows["x"], rows["y"])[0, 1]


def test_concepts_change_and_covariates_only_move():
    frame, sudden = injected("sudden")
    assert correlation(sudden, range(8, 16)) < correlation(frame, range(8, 16)) - 0.3
    assert (sudden["x"] == frame["x"]).all()
    _, moved = injected("covariate")
    late = moved[moved["batch"] >= 8]
    assert late["x"].min() >= frame[frame["batch"] < 8]["x"].median()
    kept = frame[(frame["batch"] >= 8) & frame["x"].isin(late["x"])]
    assert late["y"].mean() == kept["y"].mean()


def test_a_recurring_concept_comes_back():
    frame, made = injected("recurring", onset=4)
    same = [frame[frame["batch"] == k]["y"].equals(made[made["batch"] == k]["y"]) for k in range(16)]
    assert same == [True] * 4 + [False] * 4 + [True] * 4 + [False] * 4


def test_a_gradual_one_grows():
    frame, made = injected("gradual", onset=4)
    changed = [(frame["y"] != made["y"])[frame["batch"] == k].mean() for k in range(16)]
    assert changed[4] < 0.15 < changed[7] < changed[12]


def test_a_feature_goes_or_stands_still():
    _, gone = injected("missing", feature="z")
    assert gone.loc[gone["batch"] >= 8, "z"].isna().all()
    _, stuck = injected("stuck", feature="z")
    assert stuck.loc[stuck["batch"] >= 8, "z"].nunique() == 1


@pytest.mark.parametrize(("kind", "changed"), [("unit", lambda x: 1.8 * x + 32), ("scale", lambda x: 1000 * x)])
def test_a_feature_comes_in_another_unit(kind, changed):
    frame, made = injected(kind, feature="z")
    late = frame["batch"] >= 8
    assert np.allclose(made.loc[late, "z"], changed(frame.loc[late, "z"]))
    assert made.drop(columns="z").equals(frame.drop(columns="z"))


@pytest.mark.parametrize(
    "codes",
    [["a", "b", "c", None], [3, 1, 2, 3], pd.Categorical(["a", "b", "c", None]), pd.array([1, 2, 3, None], "Int64")],
)
def test_codes_of_categories_are_shuffled_and_nothing_gets_lost(codes):
    frame = history(turns=())
    frame["kind"] = pd.Series(codes).take(np.arange(len(frame)) % 4).to_numpy()
    frame["kind"] = frame["kind"].astype(pd.Series(codes).dtype)
    made = put(frame, parse_scenario("recoded@8:kind"))
    late = frame["batch"] >= 8
    pairs = pd.DataFrame({"old": frame["kind"], "new": made["kind"]})[late].drop_duplicates()
    known = pairs.dropna()
    assert (known["old"] != known["new"]).all()
    assert set(known["old"]) == set(known["new"])
    assert len(known) == known["old"].nunique() == 3
    assert (made["kind"].isna() == frame["kind"].isna()).all()
    assert made["kind"].dtype == frame["kind"].dtype


def test_two_columns_change_places():
    frame, made = injected("swapped")
    late = frame["batch"] >= 8
    assert made.loc[late, "x"].tolist() == frame.loc[late, "z"].tolist()
    assert made.loc[late, "z"].tolist() == frame.loc[late, "x"].tolist()
    with pytest.raises(DataError, match="two or more are numeric"):
        put(history(turns=()).drop(columns="z"), parse_scenario("swapped@8"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("sudden", "must read like"), ("suden@3", "Did you mean 'sudden'?"), ("sudden@x", "must read like")],
)
def test_a_scenario_that_cannot_be_read_is_told(text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_scenario(text)


@pytest.mark.parametrize(
    ("scenario", "said"),
    [("sudden@99", "must be batch 1 to 15"), ("stuck@3:kind", "be numeric"), ("recoded@3:x", "be text, a category")],
)
def test_a_scenario_that_does_not_fit_the_file_is_told(scenario, said):
    with pytest.raises(DataError, match=said):
        put(history(), parse_scenario(scenario))


def test_rows_of_a_flag_are_turned_and_those_of_a_constant_cannot_be():
    frame = history(turns=())
    frame["flag"], frame["same"] = (frame.index % 10 < 7).astype(int), 1
    made = put(frame, parse_scenario("sudden@8:flag"))
    assert (made["y"] != frame["y"]).equals((frame["flag"] == 1) & (frame["batch"] >= 8))
    with pytest.raises(DataError, match=r"must vary before the onset, .*\('same' does not\)"):
        put(frame, parse_scenario("sudden@8:same"))


def test_what_nobody_asked_about_changes_a_feature_that_models_learn_from():
    frame = history(turns=())
    frame.insert(0, "row", np.arange(len(frame)))
    frame.insert(1, "same", 1.0)
    chosen = settled(frame, parse_scenario("sudden@8"), target="y", batch="batch")
    assert chosen == parse_scenario("sudden@8:x")
    assert put(frame, parse_scenario("sudden@8")).equals(put(frame, chosen))


def test_a_feature_is_stuck_at_the_last_value_that_was_there():
    frame = history(turns=())
    last = frame.index[frame["batch"] == 7][-1]
    frame.loc[last, "x"] = np.nan
    made = put(frame, parse_scenario("stuck@8:x"))
    assert (made.loc[made["batch"] >= 8, "x"] == frame["x"][last - 1]).all()


def test_the_command_tells_how_late_each_policy_noticed(tmp_path):
    file, out = tmp_path / "h.parquet", tmp_path / "out.json"
    history(turns=()).to_parquet(file)
    made = CliRunner().invoke(
        main,
        ["replay", "--data", str(file), "--target", "y", "--batch", "batch", "--first", "4", "--estimator", "linear",
         "--policies", "default,never,every", "--inject", "sudden@9:x", "--json", str(out), "--workers", "1",
         "--cache", str(tmp_path / "c")],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    policies = json.loads(out.read_text())["policies"]
    # Labels of batch 9 are there at the end of batch 10: no one can know earlier.
    assert policies["every"]["noticed_after"] == 1
    assert policies["every"]["noticed_false_alarms"] == 1
    assert policies["never"]["noticed_after"] is None
    assert policies["default"]["noticed_after"] in (1, 2)
    assert policies["default"]["noticed_false_alarms"] == 0
    assert "noticed after" in made.output
    assert "; sudden from batch 9 on, in x" in made.output


def test_feedback_keeps_only_what_the_model_of_before_would_have_chosen():
    """`y` rises with `x`: the rows with small `x` are refused, and their labels never come."""
    frame, made = injected("feedback")
    late, all_late = made[made["batch"] >= 8], frame[frame["batch"] >= 8]
    assert 0.35 < len(late) / len(all_late) < 0.65
    assert late["x"].mean() > all_late["x"].mean() + 0.5
    turned = injected("sudden")[1].merge(late[["x", "z"]], on=["x", "z"])
    assert turned["y"].tolist() == made[made["batch"] >= 8].merge(turned[["x", "z"]], on=["x", "z"])["y"].tolist()


def test_labels_that_come_late_are_known_three_batches_later_from_the_onset_on():
    usual = stream(history())
    late = with_timing(usual, Scenario(kind="late", onset=8))
    assert [usual.labelled(t) for t in range(6, 15)] == list(range(5, 14))
    assert [late.labelled(t) for t in range(6, 15)] == [5, 6, 7, 7, 7, 7, 8, 9, 10]
    assert with_timing(usual, Scenario(kind="sudden", onset=8)) is usual


def test_no_policy_knows_of_late_labels_early(tmp_path):
    """Every policy that looks at each batch notices three batches later than with labels in time."""
    frame = history(batches=20, turns=())
    after = {}
    for kind in ("sudden", "late"):
        scenario = Scenario(kind=kind, onset=9)
        made = put(frame, scenario)
        replayed = with_timing(stream(made), scenario)
        report = replay(
            replayed, ReplaySettings(policies=["cusum:0.1", "never"], first=4, scenario=scenario), tmp_path, workers=1
        )
        after[kind] = report.noticed["cusum:0.1"].after
    assert after["sudden"] is not None
    assert after["late"] == after["sudden"] + 3


def test_in_an_outage_time_goes_on_and_nothing_comes(tmp_path):
    """Batches 8 to 11 do not come: labels of before become known meanwhile, and models grow older."""
    scenario = parse_scenario("outage@8")
    frame = history(batches=20, turns=())
    made = put(frame, scenario)
    assert sorted(made["batch"].unique()) == [k for k in range(20) if not 8 <= k < 12]
    assert correlation(made, range(12, 20)) < correlation(frame, range(12, 20)) - 0.3
    replayed = with_timing(stream(made, label_delay=3), scenario)
    assert (replayed.batches[8].start - replayed.batches[7].start).days == 5
    assert [replayed.labelled(t) for t in range(6, 13)] == [3, 4, 7, 7, 7, 8, 9]
    times = replayed.frame.groupby(np.repeat(range(16), replayed.rows))[replayed.spec.event_time].first()
    assert times.tolist() == [batch.start for batch in replayed.batches]
    settings = ReplaySettings(policies=["staleness", "every", "never"], first=3, scenario=scenario)
    report = replay(replayed, settings, tmp_path, workers=1)
    assert {name: how.after for name, how in report.noticed.items()} == {"staleness": 3, "every": 3, "never": None}


def test_an_outage_that_nothing_follows_is_told_and_one_at_the_end_is_replayed(tmp_path):
    with pytest.raises(DataError, match="must be batch 11 at most"):
        put(history(), parse_scenario("outage@12"))
    scenario = parse_scenario("outage@10")
    replayed = with_timing(stream(put(history(turns=()), scenario), label_delay=3), scenario)
    report = replay(replayed, ReplaySettings(policies=["every"], first=3, scenario=scenario), tmp_path, workers=1)
    assert report.outcomes[0].retrains[-1] == 10


def test_a_scenario_without_a_feature_to_change_says_so():
    with pytest.raises(DataError, match=r"'recoded' needs a feature that is text.* there is none: take another"):
        settled(history().drop(columns="kind"), parse_scenario("recoded@3"), target="y", batch="batch")
