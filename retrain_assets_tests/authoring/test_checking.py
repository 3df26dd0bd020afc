"""`check` finds what the text alone cannot tell: code, columns, parameters and variables that are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from retrain_assets.authoring.checking import check_declarations
from retrain_assets.errors import Problem
from retrain_assets.spec.limits import LimitsSpec, gate_of
from retrain_assets.spec.promote import GATES
from retrain_assets_tests.spec.declarations import attributes

CODE = "retrain_assets_tests.authoring.user_code"
DAYS = {"day": {"type": "datetime"}, "price": {"type": "float"}, "shop": {"type": "string"}}


def check(folder: Path, environ: dict[str, str] | None = None, **changes: Any) -> list[Problem]:
    document = {"type": "retrain_assets.RetrainedModel", "attributes": attributes(**changes)}
    file = folder / "defs.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return check_declarations([folder], environ=environ or {})


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def test_a_declaration_that_fits_its_code_has_no_problems(tmp_path: Path):
    assert not check(
        tmp_path,
        source={"type": "python", "load": f"{CODE}:load", "arguments": {"region": "south"}},
        schema=f"{CODE}:Sales",
        row_id=["shop", "day"],
        features={"transform": f"{CODE}:build"},
        drift={"columns": ["price", "shop"]},
        estimator={"class": "sklearn.linear_model.LogisticRegression", "params": {"C": 2.0}},
    )


def test_what_is_split_off_at_ingest_may_be_named_as_columns_of_the_platform(tmp_path: Path):
    own = {**DAYS, "label": {"type": "int"}, "ra_batch": {"type": "string"}}
    target = {"column": "label", "label_delay": "0 days"}
    assert not check(tmp_path, schema=own, target=target, leak_columns=["ra_batch"])


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        pytest.param({"schema": f"{CODE}:Slaes"}, "schema", "Did you mean 'Sales'?", id="schema that is not there"),
        pytest.param(
            {"schema": "retrain_assets_tests.authoring.user_cod:Sales"},
            "schema",
            "there is no module 'retrain_assets_tests.authoring.user_cod'",
            id="module that is not there",
        ),
        pytest.param(
            {"schema": "node_schema:Sales"},
            "schema",
            "there is no module 'node_schema' (of 'node_schema'). Install its package or put its folder on",
            id="module that is like none but by chance",
        ),
        pytest.param(
            {"estimator": {"class": "skelarn.linear_model.Ridge"}},
            "estimator.class",
            "Did you mean 'sklearn'?",
            id="package that is mistyped",
        ),
        pytest.param(
            {"schema": f"{CODE}:OWN_NAMES"},
            "schema",
            "must have another name (got 'ra_row_id'): names that begin with ra_ are the platform's own",
            id="column with a name of the platform's own",
        ),
        pytest.param(
            {"schema": {**DAYS, "ra_batch": {"type": "int"}}},
            "schema.ra_batch",
            "own. Rename it in the data, or leave it out of the schema",
            id="written column with a name of the platform's own",
        ),
        pytest.param(
            {"schema": {**DAYS, "label": {"type": "int"}}},
            "schema.label",
            "that is the platform's name of the target. Rename it in the data, or leave it out of the schema",
            id="column that is named as labels are and is none",
        ),
        pytest.param(
            {"schema": DAYS, "target": {"column": "ra_y", "label_delay": "0 days"}},
            "target.column",
            "(got 'ra_y'): names that begin with ra_ are the platform's own. Rename it in the data",
            id="target with a name of the platform's own",
        ),
        pytest.param(
            {"schema": f"{CODE}:NOT_A_SCHEMA"}, "schema", "must be a pandera DataFrameModel", id="not a schema"
        ),
        pytest.param(
            {"schema": f"{CODE}:Sales", "drift": {"columns": ["prise"]}},
            "drift.columns[0]",
            "(got 'prise'). Did you mean 'price'?",
            id="watched column that the schema lacks",
        ),
        pytest.param(
            {"schema": f"{CODE}:OBJECT_SCHEMA", "features": {"columns": ["pryce"]}},
            "features.columns[0]",
            "Did you mean 'price'?",
            id="feature that the schema lacks",
        ),
        pytest.param(
            {"schema": f"{CODE}:Sales", "event_time": "price"},
            "event_time",
            "must be a column of times (got 'price', a number)",
            id="event time of numbers",
        ),
        pytest.param(
            {"schema": {"day": {"type": "string"}, "x": {"type": "bool"}}, "event_time": "x"},
            "event_time",
            "must be a column of times (got 'x', a flag)",
            id="event time of flags",
        ),
        pytest.param(
            {
                "schema": f"{CODE}:Sales",
                "target": {"column": "shop"},
                "metric": "squared_error",
                "estimator": {"class": "sklearn.linear_model.Ridge"},
            },
            "target.column",
            "must hold numbers, as `metric: squared_error` needs",
            id="regression of texts",
        ),
        pytest.param(
            {"source": {"type": "python", "load": f"{CODE}:lod"}}, "source.load", "Did you mean 'load'?", id="no loader"
        ),
        pytest.param(
            {"source": {"type": "python", "load": f"{CODE}:load_all"}},
            "source.load",
            "must be callable as load(start, end, **arguments): too many positional arguments",
            id="loader without a window",
        ),
        pytest.param(
            {"source": {"type": "python", "load": f"{CODE}:NOT_A_SCHEMA"}},
            "source.load",
            "must be a callable load(start, end) (got dict)",
            id="loader that cannot be called",
        ),
        pytest.param(
            {"source": {"type": "python", "load": f"{CODE}:load", "arguments": {"regoin": "south"}}},
            "source.arguments.regoin",
            f"is not an argument of {CODE}:load. Did you mean 'region'?",
            id="argument that the loader lacks",
        ),
        pytest.param(
            {"source": {"type": "files", "path": "drop/all.csv"}},
            "source.path",
            "must hold {batch}",
            id="files without a batch",
        ),
        pytest.param(
            {"source": {"type": "sql", "url": "sqlite:///x.db", "query": "select * from t where day >= :start"}},
            "source.query",
            "must use the parameters :start and :end (missing: :end)",
            id="query without an end",
        ),
        pytest.param(
            {"drift": {"distance": f"{CODE}:Distance"}},
            "drift.distance",
            f"distance '{CODE}:Distance' cannot be imported",
            id="distance that is not there",
        ),
        pytest.param(
            {"drift": {"distance": f"{CODE}:NOT_A_SCHEMA"}},
            "drift.distance",
            "must be callable and have name, maximum",
            id="not a distance",
        ),
        pytest.param(
            {"retrain": {"chart": {"detector": "nowhere:Detector"}}},
            "retrain.chart",
            "detector 'nowhere:Detector' cannot be imported: ModuleNotFoundError",
            id="detector that is not there",
        ),
        pytest.param(
            {"retrain": {"chart": {"settings": {"weight": 2}}}},
            "retrain.chart",
            "weight must be above 0 and at most 1 (got 2)",
            id="setting that a detector refuses",
        ),
        pytest.param(
            {"retrain": {"chart": {"settings": {"wieght": 0.1}}}},
            "retrain.chart",
            "unexpected keyword argument 'wieght'",
            id="setting that a detector does not have",
        ),
        pytest.param(
            {"drift": {"distance": "jensen_shannon", "effect_floor": 2}},
            "drift.effect_floor",
            "must be at most 1, the largest value of jensen_shannon (got 2): no column could ever drift",
            id="floor that the distance never reaches",
        ),
        pytest.param(
            {"features": {"transform": f"{CODE}:build_from_two"}},
            "features.transform",
            "must be callable with one DataFrame: missing a required argument: 'other'",
            id="transform of two frames",
        ),
        pytest.param(
            {"features": {"transform": f"{CODE}:Sales"}},
            "features.transform",
            "must be a function",
            id="transform that is a class",
        ),
        pytest.param(
            {"estimator": {"class": "sklearn.linear_model.LogisticRegresion"}},
            "estimator.class",
            "Did you mean 'LogisticRegression'?",
            id="estimator that is not there",
        ),
        pytest.param(
            {"estimator": {"class": f"{CODE}.Sales"}},
            "estimator.class",
            "must be a scikit-learn compatible estimator class",
            id="class that is no estimator",
        ),
        pytest.param(
            {"estimator": {"class": "sklearn.linear_model.LogisticRegression", "params": {"max_itr": 5}}},
            "estimator.params.max_itr",
            "is not a parameter of LogisticRegression. Did you mean 'max_iter'?",
            id="parameter that the estimator lacks",
        ),
        pytest.param(
            {
                "estimator": {
                    "class": "sklearn.linear_model.LogisticRegression",
                    "search": {"params": {"CC": [1, 2]}},
                }
            },
            "estimator.search.params.CC",
            "is not a parameter of LogisticRegression",
            id="searched parameter that the estimator lacks",
        ),
        pytest.param(
            {"estimator": {"class": "sklearn.linear_model.LogisticRegression", "params": {"C": -1}}},
            "estimator.params",
            "are refused by sklearn.linear_model.LogisticRegression: The 'C' parameter",
            id="value that the estimator refuses",
        ),
        pytest.param(
            {"estimator": {"class": "sklearn.ensemble.HistGradientBoostingRegressor"}},
            "estimator.class",
            "Did you mean 'sklearn.ensemble.HistGradientBoostingClassifier'?",
            id="regressor by a loss of classifiers",
        ),
        pytest.param(
            {"estimator": {"class": "sklearn.ensemble.RandomForestClassifier"}, "metric": "squared_error"},
            "estimator.class",
            "Did you mean 'sklearn.ensemble.RandomForestRegressor'?",
            id="classifier by a loss of regressors",
        ),
        pytest.param(
            {"estimator": {"class": "sklearn.svm.LinearSVC"}},
            "estimator.class",
            "must have predict_proba",
            id="classifier without probabilities",
        ),
        pytest.param(
            {"retrain": {"when": "schedule", "schedule": "61 * * * *"}},
            "retrain.schedule",
            "must be a cron expression: minute",
            id="cron with a minute too many",
        ),
        pytest.param(
            {"retrain": {"when": "schedule", "schedule": "0 0 30 2 *"}},
            "retrain.schedule",
            "must come due some day",
            id="cron of 30 February",
        ),
    ],
)
def test_a_mistake_is_told_with_its_field_and_line(tmp_path: Path, changes: dict[str, Any], field: str, message: str):
    problem = only(check(tmp_path, **changes))
    assert problem.field == field
    assert message in problem.message
    assert problem.severity == "error"
    assert problem.file == str(tmp_path / "defs.yaml")
    assert problem.line is not None


def test_the_line_is_that_of_the_field(tmp_path: Path):
    problem = only(check(tmp_path, estimator={"class": "sklearn.linear_model.Ridg"}, metric="squared_error"))
    lines = (tmp_path / "defs.yaml").read_text(encoding="utf-8").splitlines()
    assert problem.line is not None
    assert "sklearn.linear_model.Ridg" in lines[problem.line - 1]


def test_also_finds_what_lies_beside_mistakes_of_the_text(tmp_path: Path):
    """A typo elsewhere does not hide that the estimator is not there."""
    found = check(
        tmp_path,
        batches={"every": "weak", "start": "2013-01-01"},
        schema=f"{CODE}:Slaes",
        estimator={"class": "sklearn.linear_model.Ridg"},
    )
    assert {problem.field for problem in found} == {"batches.every", "schema", "estimator.class"}


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg2"])
def test_a_database_may_be_named_with_its_driver_or_without(tmp_path: Path, driver: str):
    source = {"type": "sql", "url": f"{driver}://db/x", "query": "select :start, :end"}
    assert check(tmp_path, source=source) == []


def test_what_cannot_be_imported_is_told_beside_contradictions(tmp_path: Path):
    found = check(tmp_path, retrain={"when": "schedule"}, estimator={"class": "sklearn.linear_model.Ridg"})
    assert {problem.field for problem in found} == {"retrain.when", "estimator.class"}


def test_does_not_judge_by_what_is_wrong_itself(tmp_path: Path):
    """Whether a regressor fits cannot be said while the metric is mistyped."""
    problem = only(check(tmp_path, metric="log_los", estimator={"class": "sklearn.linear_model.Ridge"}))
    assert problem.field == "metric"


def test_an_estimator_that_is_not_there_is_told_beside_a_mistyped_metric(tmp_path: Path):
    problems = check(tmp_path, metric="log_los", estimator={"class": "sklearn.linear_model.Ridg"})
    assert {problem.field for problem in problems} == {"metric", "estimator.class"}
    problems = check(
        tmp_path, metric="log_los", estimator={"class": "sklearn.linear_model.Ridge", "params": {"alph": 1}}
    )
    assert {problem.field for problem in problems} == {"metric", "estimator.params.alph"}


def test_a_source_with_a_mistake_is_not_loaded(tmp_path: Path):
    problem = only(check(tmp_path, source={"type": "pyton", "load": f"{CODE}:nothing"}))
    assert problem.field == "source.type"


def test_a_loader_that_takes_anything_takes_any_argument(tmp_path: Path):
    source = {"type": "python", "load": f"{CODE}:load_anything", "arguments": {"region": "south"}}
    assert not check(tmp_path, source=source)


def test_a_schema_by_pattern_is_not_asked_for_columns(tmp_path: Path):
    assert not check(tmp_path, schema=f"{CODE}:ANY_COLUMN", drift={"columns": ["price"]})


def test_a_near_miss_of_a_hidden_column_is_a_doubt(tmp_path: Path):
    """A schema need not name what is split off; a name like one of its own is likely a typo all the same."""
    problem = only(check(tmp_path, schema=f"{CODE}:Sales", target={"column": "solds"}))
    assert problem.severity == "warning"
    assert "Did you mean 'sold'?" in problem.message
    assert not check(tmp_path, schema=f"{CODE}:Sales", target={"column": "something_else"})


class TestEnvironment:
    SOURCE: dict[str, Any] = {  # noqa: RUF012 - a constant of the tests
        "type": "files",
        "path": {"env": "SALES_URL"},
        "storage_options": {"key": {"env": "SALES_KEY"}},
    }

    def test_a_variable_that_is_not_set_is_a_warning(self, tmp_path: Path):
        found = check(tmp_path, source=self.SOURCE)
        assert [(problem.severity, problem.field) for problem in found] == [
            ("warning", "source.path"),
            ("warning", "source.storage_options.key"),
        ]
        assert "SALES_URL, which is not set here" in found[0].message

    def test_one_that_is_set_is_none(self, tmp_path: Path):
        assert not check(tmp_path, {"SALES_URL": "s3://x/{batch}", "SALES_KEY": "k"}, source=self.SOURCE)


def test_a_priority_in_no_shared_budget_is_a_warning(tmp_path: Path):
    problem = only(check(tmp_path, retrain={"priority": 2}))
    assert (problem.severity, problem.field) == ("warning", "retrain.priority")
    assert "has no effect (got 2)" in problem.message
    shared = {"name": "gpu", "budget": "4 per week"}
    for retrain in ({"priority": 2, "shared_budget": shared}, {"shared_budget": shared}, {"priority": 0}):
        assert not check(tmp_path, retrain=retrain)


@pytest.mark.parametrize(
    ("section", "name", "value", "trigger"),
    [
        ("retrain", "schedule", "0 6 * * 1", "schedule"),
        ("retrain", "events", {"files": "events/*.txt"}, "event"),
        ("retrain", "min_new_labels", 500, "new_labels"),
        ("retrain", "min_new_share", 0.25, "new_labels"),
        ("freshness", "model_age", "12 weeks", "model_age"),
    ],
)
def test_what_a_trigger_reads_that_is_not_named_is_a_warning(
    tmp_path: Path, section: str, name: str, value: object, trigger: str
):
    """A schedule that nothing asks for would never retrain, and nobody had been told."""

    def checked(when: str) -> list[Problem]:
        sections: dict[str, dict[str, Any]] = {"retrain": {"when": when}}
        sections.setdefault(section, {})[name] = value
        return check(tmp_path, **sections)

    problem = only(checked("drift"))
    assert (problem.severity, problem.field) == ("warning", f"{section}.{name}")
    assert problem.message == f"retrains nothing: retrain.when (drift) does not name {trigger}, which reads it"
    assert not checked(f"drift | {trigger}")


def test_a_limit_of_a_gate_that_is_not_required_is_a_warning(tmp_path: Path):
    """Else a candidate below the declared metric would be promoted, and nobody had been told that nothing asks."""
    limits = {"metrics": {"brier": 0.2}, "churn": 0.1, "slices": ["price"], "group_min_rows": 20}
    found = check(tmp_path, promote={"limits": limits})
    assert [(each.severity, each.field) for each in found] == [
        ("warning", "promote.limits.metrics"),
        ("warning", "promote.limits.churn"),
    ]
    assert "promote.require does not name meets_thresholds" in found[0].message
    require = "not_worse_than_champion & meets_thresholds & is_stable"
    assert not check(tmp_path, promote={"require": require, "limits": limits})


def test_every_limit_but_one_of_several_gates_tells_its_gate():
    told = {name: gate_of(name) for name in LimitsSpec.model_fields}
    assert [name for name, gate in told.items() if gate is None] == ["group_min_rows"]
    assert {gate for gate in told.values() if gate is not None} <= GATES.keys()


def test_what_only_a_watch_looks_at_is_a_warning_without_one(tmp_path: Path):
    problem = only(check(tmp_path, rollback={"max_loss": 0.9}))
    assert (problem.severity, problem.field) == ("warning", "rollback.max_loss")
    assert "rollback.watch" in problem.message
    assert not check(tmp_path, rollback={"max_loss": 0.9, "watch": "2 weeks"})


@pytest.mark.parametrize(
    ("watch", "rollback", "judges"),
    [
        ("13 days", {}, "champion_is_healthy"),
        ("13 days", {"max_loss": 0.9}, "champion_is_healthy and max_loss"),
        ("1 week", {"max_loss": 0.9, "checks": ["predictions_are_valid"]}, "max_loss"),
        ("1 week", {"checks": ["predictions_are_valid"]}, None),
        ("2 weeks", {"max_loss": 0.9}, None),
    ],
)
def test_a_watch_that_ends_before_the_first_labels_is_a_warning(
    tmp_path: Path, watch: str, rollback: dict[str, Any], judges: str | None
):
    """It would judge a new champion by nothing that this one served, and nobody had been told."""
    weekly = {"batches": {"every": "week", "start": "2013-01-01"}, "rollback": {"watch": watch, **rollback}}
    found = check(tmp_path, target={"column": "sold", "label_delay": "5 days"}, **weekly)
    if judges is None:
        assert not found
        return
    problem = only(found)
    assert (problem.severity, problem.field) == ("warning", "rollback.watch")
    assert f"2 weeks after its promotion (got {watch}): within it {judges} can judge" in problem.message


@pytest.mark.parametrize("approval", ["always", "on_large_change", {"when": "always", "approvers": {"ann": {}}}])
def test_approvals_that_say_nothing_of_names_are_a_warning(tmp_path: Path, approval: Any):
    """Whoever declares them may think that a name is proven."""
    problem = only(check(tmp_path, promote={"approval": approval}))
    assert (problem.severity, problem.field) == ("warning", "promote.approval")
    assert "whoever types a name is believed" in problem.message


@pytest.mark.parametrize(
    "approval",
    [
        "never",
        {"approvers": {"ann": {}}},
        {"when": "always", "names": "on_trust"},
        {"when": "always", "names": "signed", "approvers": {"ann": {"key": "ab" * 32}}},
    ],
)
def test_approvals_that_say_how_names_are_known_are_none(tmp_path: Path, approval: Any):
    assert not check(tmp_path, promote={"approval": approval})


def test_code_that_fails_to_import_is_told_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "broken_user_module.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    problem = only(check(tmp_path, schema="broken_user_module:Sales"))
    assert "ZeroDivisionError: division by zero" in problem.message


def test_code_that_needs_what_is_not_installed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "needy_user_module.py").write_text("import no_such_library\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    problem = only(check(tmp_path, schema="needy_user_module:Sales"))
    assert "No module named 'no_such_library'" in problem.message


def test_labels_of_their_own_are_a_source_like_any(tmp_path: Path):
    labels = {"type": "files", "path": "labels.csv"}
    problem = only(check(tmp_path, row_id="shop", target={"column": "sold", "labels": labels}))
    assert problem.field == "target.labels.path"


def test_the_declarations_of_this_project_are_valid():
    import retrain_assets.defs

    assert not check_declarations([Path(retrain_assets.defs.__path__[0])], environ={})
