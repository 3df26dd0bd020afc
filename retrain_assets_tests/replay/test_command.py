"""`retrain-assets replay` on a bare file."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from retrain_assets.cli import main
from retrain_assets.data.infer import nearly_numbers
from retrain_assets.errors import DataError
from retrain_assets.replay import fitting
from retrain_assets.replay.bare_file import FileSettings, column_kinds, stream_of_frame
from retrain_assets.replay.clock import Course
from retrain_assets.replay.cutting import cut_by_time
from retrain_assets.replay.file_table import left_out, read_table
from retrain_assets.replay.first_batches import first_batches
from retrain_assets.replay.fitting import ScoreCache, fit_missing
from retrain_assets.replay.remarks import another_order, too_few_to_compare, too_few_to_judge, without_labels
from retrain_assets.replay.stream import Stream
from retrain_assets.replay.telling import require_writable
from retrain_assets.replay.windows import Window, parse_window
from retrain_assets_tests.replay.streams import history, stream


@pytest.fixture
def call(tmp_path):
    """Runs the command on a table; answers its JSON, its output and its exit code."""

    def run(frame, *options, estimator="linear"):
        file, out = tmp_path / "history.parquet", tmp_path / "out.json"
        frame.to_parquet(file)
        arguments = ["replay", "--data", str(file), "--target", "y", "--batch", "batch", "--cache", str(tmp_path / "c")]
        made = CliRunner().invoke(
            main, [*arguments, "--estimator", estimator, "--json", str(out), "--workers", "1", *options]
        )
        return (json.loads(out.read_text()) if out.exists() else None), made.output, made.exit_code

    return run


def test_a_file_is_replayed_into_json_table_figure_and_yaml(call, tmp_path):
    figure = tmp_path / "frontier.png"
    report, output, code = call(
        history(), "--policies", "default,never,every:4", "--first", "4", "--figure", str(figure)
    )
    assert code == 0, output
    assert set(report["policies"]) == {"default", "never", "every:4", "oracle"}
    for each in report["policies"].values():
        assert each["retrains"] == len(each["retrained_after"])
    assert report["oracle"]["log_loss"] <= min(each["log_loss"] for each in report["policies"].values())
    assert report["policies"]["never"]["retrains"] == 0
    assert (report["first"], report["label_delay"], report["window"]) == (4, 1, "all_history")
    assert report["recommendation"]["yaml"].strip() in output
    assert report["recommendation"]["sentence"] in output
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "3 of 11 models are fitted\n" in output
    assert "calendar, in hindsight" in output


def described(beginning: str) -> set[str]:
    """The keys in the first column of the table of docs/replay.md that begins so."""
    page = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")
    table = page.split(f"| {beginning} | meaning |")[1].split("\n\n")[0]
    return {key for line in table.splitlines()[2:] for key in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_the_json_has_the_keys_that_are_described_and_no_others(call):
    """With numbers that any reader of JSON takes: a skill that cannot be told is null, and nothing is NaN."""
    report, output, code = call(history(batches=12), "--policies", "default,default+mixture,never", "--first", "4")
    assert code == 0, output
    assert set(report) == described("key")
    assert list(report["policies"]) == ["default", "default+mixture", "never", "oracle"]
    assert report["oracle"] == report["policies"]["oracle"]
    for each in report["policies"].values():
        assert set(each) == described("key of a policy")
        assert each["log_loss"] == each["loss"]
        assert isinstance(each["retrains"], int)
        assert isinstance(each["promotions"], int)
        assert each["skill"] is None or np.isfinite(each["skill"])
        assert np.isfinite([each["loss"], *each["total_cost"].values(), *each["loss_by_batch"]]).all()
        assert len(each["loss_by_batch"]) == report["served_batches"]
    assert report["policies"]["never"]["skill"] is None
    assert report["oracle"]["skill"] == 1


def test_the_second_run_fits_nothing_and_says_the_same(call, monkeypatch):
    first, _, _ = call(history(batches=10), "--policies", "default,never", "--first", "4")

    def refuse(*arguments, **named):
        raise AssertionError("was fitted before")

    monkeypatch.setattr(fitting, "score_model", refuse)
    second, output, code = call(history(batches=10), "--policies", "default,never", "--first", "4")
    assert code == 0, output
    assert second == first
    _, _, code = call(history(batches=10, seed=1), "--policies", "never", "--first", "4")
    assert code != 0  # other rows are other models


@pytest.mark.parametrize(
    ("task", "metric", "estimator"),
    [("multiclass", "log_loss", "linear"), ("regression", "squared_error", "linear"),
     ("regression", "absolute_error", "linear")],
)  # fmt: skip
def test_other_tasks_are_replayed_and_retraining_pays(call, task, metric, estimator):
    report, output, code = call(
        history(task=task, batches=12, turns=(7,)), "--policies", "default,default+mixture,never,adwin,ddm,cusum",
        "--first", "4", "--metric", metric, estimator=estimator,
    )  # fmt: skip
    assert code == 0, output
    assert report["metric"] == metric
    assert report["policies"]["default"][metric] < report["policies"]["never"][metric]
    scaled = report["policies"]["default"]["scaled_loss"]
    assert (scaled is None) == (task == "multiclass")
    assert scaled is None or 0 < scaled < 3


def test_a_window_since_the_change_leaves_the_old_relation_behind(call):
    """The slope turns after nine batches: a few days later models learn from what came after alone."""
    frame = history(batches=18, rows=120, turns=(9,))
    common = ("--policies", "every", "--first", "6")
    kept, _, code = call(frame, *common)
    assert code == 0
    left, _, code = call(frame, *common, "--window", "since_change:200")
    assert (code, left["window"]) == (0, "since_change")
    assert left["policies"]["every"]["yaml"].endswith("window: {train: since_change, min_rows: 200}\n")
    assert "window" not in kept["policies"]["every"]["yaml"]
    assert left["policies"]["every"]["loss"] < 0.9 * kept["policies"]["every"]["loss"]
    made = stream_of_frame(frame, FileSettings(target="y", batch="batch", window="since_change", least_rows=200))
    assert [made.first_trained(newest) for newest in (8, 13, 17)] == [0, 9, 9]
    # What comes later changes no window of before.
    early = stream_of_frame(
        frame[frame["batch"] < 14], FileSettings(target="y", batch="batch", window="since_change", least_rows=200)
    )
    assert [early.first_trained(k) for k in range(14)] == [made.first_trained(k) for k in range(14)]


def test_a_rolling_window_forgets(call):
    report, output, code = call(
        history(batches=14), "--policies", "every", "--first", "4", "--window", "rolling:3", "--label-delay", "2"
    )
    assert code == 0, output
    everything, _, _ = call(history(batches=14), "--policies", "every", "--first", "4", "--label-delay", "2")
    assert report["policies"]["every"]["loss_by_batch"][-1] < everything["policies"]["every"]["loss_by_batch"][-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--policies", "defualt"], "Did you mean 'default'?"),
        (["--policies", ","], "names no policy"),
        (["--policies", "default,slice_decay"], "'slice_decay' needs retrain.slices"),
        (["--window", "rolling:0"], "must be 'all_history', 'rolling:N'"),
        (["--window", "since_change:9"], "'since_change:ROWS' with at least 10 rows"),
        (["--window", "sliding"], "must be 'all_history', 'rolling:N'"),
        (["--first", "99"], "--first must be 1 to"),
        (["--target", "yy"], "--target names no column of the file (got 'yy'). Did you mean 'y'?"),
        (["--batch", "day"], "--batch names no column"),
        (["--target", "nope", "--inject", "sudden@3"], "--target names no column of the file (got 'nope')."),
        (["--batch", "nope", "--inject", "sudden@3"], "--batch names no column of the file (got 'nope')."),
        (["--batch", "y"], "--target and --batch must be two columns (got 'y' for both)"),
        (["--estimator", "liner"], "Did you mean 'linear'?"),
        (["--estimator", "sklearn.linear_model.Rigde"], "Did you mean 'Ridge'?"),
        (["--label-delay", "40"], "a replay needs at least 46 batches"),
        (["--cost", "0"], "'--cost': 0.0 is not in the range"),
        (["--cost", "nan"], "must be a finite number (got nan)"),
        (["--cost", "inf"], "must be a finite number (got inf)"),
        (["--lag", "5"], "a label delay of 1 and --lag 5 take at least 9 batches with labels"),
        (["--lag", "4", "--first", "2"], "--first must be 1 to 1 for 8 batches"),
    ],
)
def test_what_cannot_be_replayed_is_said_before_anything_is_fitted(call, monkeypatch, options, said):
    monkeypatch.setattr(fitting, "score_model", lambda *arguments, **named: pytest.fail("was fitted"))
    report, output, code = call(history(batches=8), *options)
    assert code != 0
    assert report is None
    assert said in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.assign(y=1), "at least two values"),
        (lambda frame: frame.assign(batch=frame["batch"].where(frame["batch"] > 2)), "every row must have a batch"),
        (lambda frame: frame[["y", "batch"]], "no column to learn from"),
        (
            lambda frame: frame.assign(batch=frame.index),
            r"many rows share, .* \(2,560 rows have 2,560 values in 'batch'",
        ),
        (lambda frame: frame.rename(columns={"x": "ra_x"}), "must not begin with 'ra_'"),
    ],
)
def test_a_bad_file_is_refused(change, said):
    with pytest.raises(DataError, match=said):
        stream_of_frame(change(history()), FileSettings(target="y", batch="batch"))


@pytest.mark.parametrize(
    ("target", "metric", "told"),
    [
        (lambda k: k % 40, None, ("regression", "squared_error")),
        (lambda k: (k % 40).astype("Int64"), None, ("regression", "squared_error")),
        (lambda k: k % 40, "log_loss", ("classification", "log_loss")),
        (lambda k: k % 20, None, ("classification", "log_loss")),
        (lambda k: k % 2 == 0, None, ("classification", "log_loss")),
    ],
)
def test_the_target_tells_the_task(target, metric, told):
    frame = history()
    made = stream_of_frame(
        frame.assign(y=target(pd.Series(frame.index))), FileSettings(target="y", batch="batch", metric=metric)
    )
    assert (made.spec.task, made.spec.metric) == told


def test_classes_of_numbers_with_fractions_are_classes(call):
    """As the lifecycle reads them. An estimator would take them for quantities, and end in its own error."""
    frame = history(task="multiclass")
    named = frame["y"].map({"low": 0.5, "middle": 1.0, "high": 2.5})
    report, output, code = call(frame.assign(y=named), "--policies", "never,every:4")
    assert code == 0, output
    assert report["policies"] == call(frame.assign(y=named.astype(str)), "--policies", "never,every:4")[0]["policies"]


def test_an_infinite_quantity_is_no_target():
    frame = history(task="regression")
    frame.loc[3, "y"] = np.inf
    with pytest.raises(DataError, match=r"must be finite numbers \(1 of 2,560 are infinite\)"):
        stream_of_frame(frame, FileSettings(target="y", batch="batch"))


def test_many_values_of_text_are_no_classes_unless_that_is_said():
    frame = history().assign(y=lambda each: (each.index % 21).astype(str))
    with pytest.raises(DataError, match=r"at most 20 classes \(got 21 values\).* --metric log_loss"):
        stream_of_frame(frame, FileSettings(target="y", batch="batch"))
    assert len(stream_of_frame(frame, FileSettings(target="y", batch="batch", metric="log_loss")).classes) == 21


@pytest.mark.parametrize(
    ("task", "target", "metric", "said"),
    [
        ("regression", None, "log_loss", r"2,560 values in 2,560 rows, with fractions: .*--metric squared_error"),
        ("regression", lambda each: each["y"].round(2).astype(str), "log_loss", "each must have 10 rows on average"),
        ("regression", lambda each: each.index % 257, "log_loss", "257 values in 2,560 rows: each must have 10 rows"),
        ("regression", lambda each: 3.7, "squared_error", r"at least two values \(got 1\)"),
        ("regression", lambda each: np.nan, "squared_error", r"\(got none: no row of the file has one\)"),
        ("binary", lambda each: each["y"].astype(float).replace(1.0, np.inf), None, "must be finite .* are infinite"),
        ("binary", lambda each: 1, "log_loss", r"at least two values \(got 1\)"),
        ("binary", lambda each: pd.to_datetime(each["y"]), None, r"true and false \(got times\)"),
        ("binary", lambda each: pd.to_datetime(each["y"]), "squared_error", r"\(got times\)"),
    ],
)
def test_a_target_that_the_metric_cannot_judge_is_told_at_once(task, target, metric, said):
    """A model of a class for each value of a quantity takes hours, and a constant has no loss to compare."""
    frame = history(task=task)
    frame = frame if target is None else frame.assign(y=target)
    with pytest.raises(DataError, match=said):
        stream_of_frame(frame, FileSettings(target="y", batch="batch", metric=metric))


def test_one_class_at_the_beginning_is_told(call, monkeypatch):
    monkeypatch.setattr(fitting, "score_model", lambda *arguments, **named: pytest.fail("was fitted"))
    frame = history(batches=10)
    frame.loc[frame["batch"] < 4, "y"] = 0
    _, output, code = call(frame, "--policies", "never", "--first", "3")
    assert code == 1
    assert "give --first more of them" in output


@pytest.mark.parametrize("option", ["--json", "--figure", "--cache"])
def test_what_cannot_be_written_is_said_before_anything_is_fitted(call, tmp_path, monkeypatch, option):
    monkeypatch.setattr(fitting, "score_model", None)
    (tmp_path / "file").touch()
    _, output, code = call(history(batches=10), "--policies", "never", option, str(tmp_path / "file" / "below"))
    assert code == 2
    assert f"Invalid value for {option}" in output
    assert "cannot be written (" in output


def test_a_place_that_was_tried_is_left_as_it_was(tmp_path):
    there, folder = tmp_path / "there.json", tmp_path / "new"
    there.write_text("{}")
    require_writable(files={"--json": there, "--figure": folder / "f.png"}, folder=tmp_path)
    assert there.read_text() == "{}"
    assert not list(folder.iterdir())


def test_a_long_expression_cuts_no_figure_off(call):
    asked = " | ".join(["performance_decay & drift"] * 3)
    _, output, code = call(history(batches=12), "--policies", f"{asked},never", "--first", "4")
    assert code == 0, output
    table = output[output.index(" policy ") : output.index("calendar, in hindsight")]
    assert asked in table
    assert "promoted" in table
    assert "…" not in output


def test_a_named_index_of_a_file_is_a_column_and_decimals_are_numbers(tmp_path):
    file = tmp_path / "of_a_database.parquet"
    frame = history()
    frame["price"] = pd.Series([None if k == 3 else Decimal(k) / 8 for k in range(len(frame))], dtype=object)
    frame.set_index("batch").to_parquet(file)
    read = read_table(file)
    assert read["batch"].tolist() == frame["batch"].tolist()
    assert read["price"].dtype == np.float64
    assert read["price"].isna().sum() == 1
    assert read["price"][8] == 1
    made = stream_of_frame(read, FileSettings(target="y", batch="batch"))
    assert {"x", "price"} <= set(column_kinds(made)[0])
    frame.assign(y=frame["price"]).to_parquet(file)
    assert stream_of_frame(read_table(file), FileSettings(target="y", batch="batch")).spec.task == "regression"


def test_decimals_of_columns_named_by_numbers_are_numbers(tmp_path):
    frame = pd.DataFrame({0: [Decimal("0.5"), None], 1: [1, 2]})
    file = tmp_path / "numbered.parquet"
    frame.to_parquet(file)
    read = read_table(file)
    assert read[0].dtype == np.float64
    assert read[0].tolist()[0] == 0.5


def test_one_class_on_the_way_is_no_model_and_no_end(call):
    frame = history(batches=12)
    frame.loc[frame["batch"] == 7, "y"] = 0
    report, output, code = call(frame, "--policies", "every", "--first", "4", "--window", "rolling:1")
    assert code == 0, output
    assert report["policies"]["every"]["promotions"] < report["policies"]["every"]["retrains"]


def test_one_class_at_the_beginning_trains_on_more_where_nothing_is_asked():
    frame = history()
    frame.loc[frame["batch"] < 6, "y"] = 0
    assert first_batches(stream_of_frame(frame, FileSettings(target="y", batch="batch")), None) == 7


def test_rows_without_a_target_and_columns_that_are_no_features_are_left_out(call):
    one = dt.date(2020, 1, 1)
    frame = history().assign(at=pd.Timestamp("2020-01-01"), day=one, took=pd.Timedelta("1h"), tags="[]", same=1.0)
    frame["tags"] = [[1, 2]] * len(frame)
    frame["y"] = frame["y"].astype("Int8").mask(frame.index % 10 == 0)
    frame["ratio"] = frame["x"].mask(frame.index % 2 == 0, -np.inf)
    frame["order"] = [f"{k:04x}" for k in np.random.default_rng(0).permutation(len(frame))]
    frame["row"] = np.arange(len(frame)) + 7
    made = stream_of_frame(frame, FileSettings(target="y", batch="batch"))
    assert len(made.labels) == len(frame) * 0.9
    assert not {"at", "day", "took", "tags", "same", "order", "row"} & set(made.frame)
    assert not np.isinf(made.frame["ratio"]).any()
    _, output, code = call(frame, "--policies", "never", "--first", "13")
    assert code == 0, output
    assert "infinite values count as missing: ratio" in output
    assert (
        "left out: at (times), day (times), took (times), tags (neither numbers nor text), same (one value), "
        "order (another value in each row), row (row numbers)" in output
    )


def test_rows_and_batches_without_a_target_are_told(call):
    """Half a history would be replayed, and batches far from each other as neighbours, without a word."""
    frame = history()
    frame["y"] = frame["y"].astype("Int8").mask(frame["batch"].isin([7, 8]) | (frame.index % 100 == 0))
    rows = int(frame["y"].isna().sum())
    _, output, code = call(frame, "--policies", "never")
    assert code == 0, output
    assert f"left out: {rows:,} rows without a target, all rows of 2 batches among them" in output
    settings = FileSettings(target="y", batch="batch")
    assert without_labels(frame[~frame["batch"].isin([7, 8])], settings).endswith("rows without a target")
    assert without_labels(history(), settings) == ""
    with pytest.raises(DataError, match=r"two values \(got none: no row of the file has one\)"):
        stream_of_frame(frame.assign(y=np.nan), settings)


def test_numbers_that_one_odd_value_turns_into_text_are_told(call):
    """Each number would be a category of its own, or the column be taken for a name of rows."""
    frame = history()
    frame["price"] = frame["x"].round(2).astype(str).mask(frame.index == 3, "n/k")
    frame["grade"] = np.where(frame.index % 3 == 0, "A", "1")
    frame["zip"] = "0" + frame.index.astype(str)
    frame["fee"] = [f"{each % 90},{each % 7}0" for each in frame.index]
    assert nearly_numbers(frame) == {"price": "n/k", "fee": "0,00"}
    _, output, code = call(frame, "--policies", "never")
    assert code == 0, output
    assert "taken for text, though most values read like numbers: price ('n/k' is none), fee ('0,00' is none)" in output


def test_times_are_left_out_however_a_file_writes_them():
    frame = pd.DataFrame(
        {
            "day": ["2020-01-31", None, "2020-02-01"],
            "at": pd.Categorical(["2020-01-31T10:00:00Z", "2020-01-31 10:00:00.5", "2020-01-31 10:00+01:00"]),
            "zip": ["2020", "20200131", "2020"],
            "version": ["2020-01-31", "2020-02-01", "none"],
        }
    )
    assert left_out(frame) == {"day": "times", "at": "times", "version": "another value in each row"}


def test_of_small_batches_more_judge_a_candidate():
    """Else no gate would ever be known to be passed, and every policy would be `never`."""
    frame = history().groupby("batch").head(24)
    made = stream_of_frame(frame, FileSettings(target="y", batch="batch"))
    few = made.spec.window.holdout_batches
    held = [made.reserved[made.starts[k] : made.starts[k + few]].sum() for k in range(len(made) - few)]
    assert few > 4
    assert np.quantile(held, 0.1) >= 50 > np.median(held) * (few - 1) / few * 0.9
    assert stream_of_frame(history(), FileSettings(target="y", batch="batch")).spec.window.holdout_batches == 4


def test_a_window_of_too_few_rows_to_judge_by_is_told(call):
    """Else it looked as if retraining were of no use."""
    told = "no model can be promoted: 12 batches hold 13 reserved rows at most, and the gate asks for 50"
    report, output, code = call(history(batches=30, rows=3), "--policies", "every:4", "--window", "rolling:12")
    assert code == 0, output
    assert told in output
    assert report["policies"]["every:4"]["promotions"] == 0 < report["policies"]["every:4"]["retrains"]
    enough = stream_of_frame(history(batches=30, rows=60), FileSettings(target="y", batch="batch", window=12))
    assert not too_few_to_judge(enough)


def test_where_drift_cannot_be_known_that_is_told(call):
    """Else a policy of drift would seem to have seen nothing."""
    small = history(batches=12)
    _, output, code = call(small, "--policies", "drift", "--first", "4")
    assert code == 0, output
    assert "drift is unknown of 12 of 12 batches: it takes 200 rows" in output
    assert too_few_to_compare(stream(history(rows=200))) == ""


def test_no_batch_older_than_the_window_judges_a_candidate():
    """A model of the newest batches says nothing of others: the gate does, that there are too few rows."""

    def made(window: Window) -> Stream:
        return stream_of_frame(history(batches=40, rows=3), FileSettings(target="y", batch="batch", window=window))

    assert made(12).first_judged(30) == made(12).first_trained(30) == 19
    judging = [made(window).spec.window.holdout_batches for window in (None, "since_change", 12, 2)]
    assert judging == [40, 40, 12, 4], "four are declared by default"


def test_batches_come_in_order_whatever_the_file_says():
    frame = history()
    shuffled = frame.sample(frac=1, random_state=0)
    made = stream_of_frame(shuffled, FileSettings(target="y", batch="batch"))
    assert made.keys == tuple(str(k) for k in range(16))
    assert made.rows.tolist() == [160] * 16
    for named in ("{}", "week {} of 2020", "2020-{:02}"):
        text = shuffled.assign(batch=shuffled["batch"].map(named.format))
        other = stream_of_frame(text, FileSettings(target="y", batch="batch"))
        assert other.keys == tuple(named.format(k) for k in range(16))
        assert np.array_equal(other.labels, made.labels)
    months = pd.CategoricalDtype(
        [f"{name} {k}" for k in range(4) for name in ("Jan", "Feb", "Mar", "Apr")], ordered=True
    )
    named = shuffled.assign(batch=pd.Categorical.from_codes(shuffled["batch"].tolist(), dtype=months))
    ordered = stream_of_frame(named, FileSettings(target="y", batch="batch"))
    assert ordered.keys == tuple(months.categories)
    assert np.array_equal(ordered.labels, made.labels)
    alphabetical = stream_of_frame(named.astype({"batch": str}), FileSettings(target="y", batch="batch"))
    assert alphabetical.keys[:2] == ("Apr 0", "Apr 1")


def test_names_that_have_another_order_than_the_file_are_told():
    """Months by name would be replayed from April to September, and nothing would look wrong."""
    settings, frame = FileSettings(target="y", batch="batch"), history()
    months = pd.date_range("2020-01-01", periods=16, freq="MS")
    named = frame.assign(batch=frame["batch"].map(dict(enumerate(months.strftime("%b %Y")))))
    assert "Apr 2020, Apr 2021, ..., and the file begins with Jan 2020, Feb 2020" in another_order(named, settings)
    assert not another_order(named.sample(frac=1, random_state=0), settings), "shuffled rows have no order"
    dated = frame.assign(batch=frame["batch"].map(dict(enumerate(months.strftime("%Y-%m")))))
    assert not another_order(dated, settings)
    assert not another_order(frame.iloc[::-1], settings), "numbers have an order, newest first or not"


@pytest.mark.slow
def test_processes_say_what_one_process_says(tmp_path):
    replayed = stream(history(batches=8, rows=80))
    models = Course(first=3).models(replayed)
    caches = [ScoreCache.of(tmp_path / name, replayed) for name in ("one", "two")]
    told: list[tuple[int, int]] = []
    assert fit_missing(replayed, models, caches[0], workers=1) == len(models)
    assert fit_missing(replayed, models, caches[1], workers=2, told=lambda *said: told.append(said)) == len(models)
    assert told[0] == (0, len(models))
    assert told[-1] == (len(models), len(models))
    for model in models:
        one, two = (cache.read(model) for cache in caches)
        assert one is not None
        assert two is not None
        assert np.array_equal(one, two)


def test_an_interrupted_replay_goes_on_where_it_was(tmp_path, monkeypatch):
    replayed = stream(history(batches=8, rows=80))
    models, cache = Course(first=3).models(replayed), ScoreCache.of(tmp_path, replayed)
    real, fitted = fitting.score_model, []

    def interrupted(stream, newest, *, source=None):
        if len(fitted) == 2:
            raise KeyboardInterrupt
        fitted.append(newest)
        return real(stream, newest, source=source)

    monkeypatch.setattr(fitting, "score_model", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit_missing(replayed, models, cache, workers=1)
    monkeypatch.setattr(fitting, "score_model", real)
    assert fit_missing(replayed, models, cache, workers=1) == len(models) - 2


def test_an_interrupted_replay_of_several_processes_fits_no_more_models(tmp_path, monkeypatch):
    replayed = stream(history(batches=30, rows=80))
    models, cache = Course(first=3).models(replayed), ScoreCache.of(tmp_path, replayed)
    real = fitting.as_completed

    def interrupted(futures):
        yield next(real(futures))
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "as_completed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit_missing(replayed, models, cache, workers=2)
    # What was under way, or handed to a process already, has come to its end.
    fitted = [each for each in models if cache.read(each) is not None]
    assert len(fitted) < 12 < len(models)
    time.sleep(1)
    assert [each for each in models if cache.read(each) is not None] == fitted


def test_a_broken_file_of_the_cache_is_made_anew(tmp_path):
    replayed = stream(history(batches=8, rows=80))
    cache = ScoreCache.of(tmp_path, replayed)
    fit_missing(replayed, [3], cache, workers=1)
    cache.path(3).write_bytes(b"half")
    assert fit_missing(replayed, [3], cache, workers=1) == 1


def test_labels_that_come_later_are_no_other_models(tmp_path):
    one, other = (stream(history(batches=9, rows=80), label_delay=delay) for delay in (1, 3))
    assert ScoreCache.of(tmp_path, one) == ScoreCache.of(tmp_path, other)
    assert ScoreCache.of(tmp_path, one) != ScoreCache.of(tmp_path, stream(history(batches=9, rows=80), seed=1))
    assert ScoreCache.of(tmp_path, one) != ScoreCache.of(tmp_path, stream(history(batches=9, rows=80), window=3))


def test_a_policy_may_count_triggers_but_no_time(call):
    frame = history(batches=12)
    asked = "2 of (performance_decay, drift, staleness)"
    report, output, code = call(frame, "--policies", f"{asked},never", "--first", "4")
    assert code == 0, output
    assert list(report["policies"]) == [asked, "never", "oracle"]
    _, output, code = call(frame, "--policies", "age > 2 weeks", "--first", "4")
    assert code == 1
    assert "every:N counts batches" in output


def test_windows_and_beginnings():
    assert parse_window("all_history") == (None, 10)
    assert parse_window("rolling:12") == (12, 10)
    assert parse_window("since_change") == ("since_change", 500)
    replayed = stream()
    assert first_batches(replayed, None) == 4
    assert first_batches(replayed, 6) == 6


@pytest.mark.parametrize(("window", "first"), [(5, 5), (8, 8), (13, 8), (100, 8)])
def test_a_window_as_long_as_the_history_leaves_half_of_it_to_be_served(window, first):
    assert len(stream(window=window)) == 16
    assert first_batches(stream(window=window), None) == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give either --data, --target and --batch, or --model"),
        (["--model", "m", "--data", __file__], "give either --data"),
        (["--data", __file__, "--target", "y"], "--data needs --target and --batch"),
        (["--model", "m", "--target", "y", "--label-delay", "1", "--every", "day"], "--target, --label-delay, --every"),
        (["--data", __file__, "--target", "y", "--batch", "batch"], "cannot be read as Parquet"),
    ],
)
def test_a_call_that_says_too_little_or_too_much(arguments, said):
    made = CliRunner().invoke(main, ["replay", *arguments])
    assert made.exit_code != 0
    assert said in made.output


@pytest.mark.parametrize("name", ["bare.csv", "bare.tsv", "bare.csv.gz"])
def test_a_csv_file_of_another_form_is_the_same_table(tmp_path, name):
    frame = history().assign(shop="Köln")
    frame.to_csv(tmp_path / "usual.csv", index=False)
    frame.to_csv(tmp_path / name, index=False, sep=";", decimal=",", encoding="cp1252")
    pd.testing.assert_frame_equal(read_table(tmp_path / name), read_table(tmp_path / "usual.csv"))


def test_a_compressed_file_is_read_whatever_its_name(tmp_path):
    history().to_csv(tmp_path / "usual.csv", index=False)
    (tmp_path / "packed.csv").write_bytes(gzip.compress((tmp_path / "usual.csv").read_bytes()))
    (tmp_path / "plain.csv.gz").write_bytes((tmp_path / "usual.csv").read_bytes())
    for name in ("packed.csv", "plain.csv.gz"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name), read_table(tmp_path / "usual.csv"))


def test_a_damaged_archive_is_told(tmp_path):
    file = tmp_path / "bare.csv.gz"
    file.write_bytes(gzip.compress(b"a,b\n1,2\n")[:-9])
    with pytest.raises(DataError, match=r"cannot be read as CSV.*damaged_gzip"):
        read_table(file)


def test_a_file_with_a_time_is_cut_into_batches_of_a_length(call, tmp_path):
    at = pd.date_range("2024-01-03 07:00", periods=900, freq="8h", tz="UTC")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"at": at, "x": rng.normal(size=900), "y": rng.integers(0, 2, 900)})
    report, output, code = call(frame, "--batch", "month", "--policies", "never,every:2", "--first", "1")
    assert code == 0, output
    assert report["batches"] == 10
    cut = cut_by_time(frame, "week")["week"]
    assert cut.unique()[:2].tolist() == ["2024-01-03", "2024-01-10"]
    assert (cut == "2024-01-03").sum() == (at < pd.Timestamp("2024-01-10", tz="UTC")).sum()
    assert cut_by_time(frame, "day")["day"].unique()[[0, -1]].tolist() == ["2024-01-03", "2024-10-28"]
    assert cut_by_time(frame, "hour")["hour"].iloc[1] == "2024-01-03T15:00"
    named = frame.assign(week=np.arange(900) // 100)
    report, output, code = call(named, "--batch", "week", "--policies", "never", "--first", "4")
    assert code == 0, output
    assert report["batches"] == 9, "a column of that name goes first"
    _, output, code = call(frame.assign(sent=at), "--batch", "week")
    assert code == 1
    assert "only where one column holds times (got at, sent): add a column" in " ".join(output.split())
