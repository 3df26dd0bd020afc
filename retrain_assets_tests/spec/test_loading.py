"""Every mistake of a file is told at once: where it stands, what it must be, what it got, and what was meant."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.errors import DeclarationError
from retrain_assets.spec import load_declarations
from retrain_assets.spec.loading import read_declarations
from retrain_assets_tests.spec.declarations import attributes

VALID = """\
type: retrain_assets.RetrainedModel
attributes:
  name: sales
  batches: {every: week, start: 2013-01-01}
  source: {type: files, path: "drop/{batch}*.csv"}
  schema:
    day: {type: datetime}
    price: {type: float}
  event_time: day
  target: {column: sold}
  estimator: {class: sklearn.linear_model.LogisticRegression}
  metric: log_loss
"""


def told(text: str) -> list[str]:
    """All problems as they are printed."""
    return [str(problem) for problem in read_declarations(text, "defs.yaml")[1]]


def with_lines(*lines: str) -> str:
    return VALID + "".join(f"  {line}\n" for line in lines)


def test_a_valid_declaration_is_read():
    [spec] = load_declarations(VALID)
    assert (spec.name, spec.task, str(spec.batches.start)) == ("sales", "classification", "2013-01-01 00:00:00+00:00")


def test_documents_of_other_types_are_left_alone():
    other = "type: dagster.DefsFolderComponent\nattributes: {anything: [goes]}\nno_such_key: 1\n"
    assert [spec.name for spec in load_declarations(f"{other}---\n{VALID}---\n---\n")] == ["sales"]


def test_an_empty_file_declares_nothing():
    assert load_declarations("") == []
    assert load_declarations("# only a comment\n") == []


@pytest.mark.parametrize("kind", ["retrain_assets.RetrainedModel", "retrain_assets.orchestration.RetrainedModel"])
def test_the_component_has_more_than_one_import_path(kind: str):
    assert len(load_declarations(VALID.replace("retrain_assets.RetrainedModel", kind))) == 1


def test_all_mistakes_at_once():
    text = textwrap.dedent("""\
        type: retrain_assets.RetrainedModel
        attributes:
          name: Flight-delay
          batches: {every: weak, start: 2013-13-01}
          source: {type: files, path: {envv: BUCKET}, foramt: csv}
          schema:
            x: {type: itn}
            y: {type: int, mn: 3}
            x: {type: int}
          evnt_time: t
          target:
            column: y
            label_delay: 1 weekz
          estimator: {class: x, params: [1], search: {params: {a: 1}, draws: 0}}
          metric: log_los
          report_metrics:
            - accuracy
            - acc
          drift: {smoothing: 0, bins: 2.5, distance: jensen}
          window: {train: 12 weekz}
          retrain:
            when: drft | drift
            budget: 12 per yeer
          promote: {require: beats_basline}
          owners: everybody
        ---
        type: retrain_assets.RetrainedModl
        """)
    assert told(text) == [
        (
            "defs.yaml:3: name: must be lower-case letters, digits and underscores, beginning with a letter, at most "
            "63 of them (got 'Flight-delay')"
        ),
        "defs.yaml:4: batches.every: must be one of hour, day, week, month (got 'weak'). Did you mean 'week'?",
        "defs.yaml:4: batches.start: must be an ISO date or time such as '2013-01-01' (got '2013-13-01')",
        "defs.yaml:5: source.path.envv: is not a known key. Did you mean 'env'?",
        "defs.yaml:5: source.foramt: is not a known key. Did you mean 'format'?",
        "defs.yaml:8: schema.y.mn: is not a known key. Did you mean 'min'?",
        "defs.yaml:9: schema.x: is written twice, first at line 7: only one of them can count",
        "defs.yaml:10: evnt_time: is not a known key. Did you mean 'event_time'?",
        "defs.yaml:13: target.label_delay: has an unknown unit 'weekz'. Did you mean 'weeks'?",
        "defs.yaml:14: estimator.class: must be an import path such as 'package.module:name' (got 'x')",
        "defs.yaml:14: estimator.params: must be a mapping (got a list)",
        "defs.yaml:14: estimator.search.params.a: must be a list (got 1)",
        "defs.yaml:14: estimator.search.draws: must be >= 1 (got 0)",
        (
            "defs.yaml:15: metric: must be one of log_loss, brier, squared_error, absolute_error, poisson_deviance "
            "(got 'log_los'). Did you mean 'log_loss'?"
        ),
        (
            "defs.yaml:18: report_metrics[1]: must be one of log_loss, brier, squared_error, absolute_error, "
            "poisson_deviance, accuracy, roc_auc, r2 (got 'acc')"
        ),
        (
            "defs.yaml:19: drift.distance: must be one of jensen_shannon, hellinger, total_variation, "
            "kullback_leibler, psi, kolmogorov_smirnov, wasserstein, l_infinity, chi_square, cramers_v, or an import "
            "path 'package.module:Class' (got 'jensen'). Did you mean 'jensen_shannon'?"
        ),
        "defs.yaml:19: drift.bins: must be a whole number (got 2.5)",
        "defs.yaml:19: drift.smoothing: must be >= 1e-100 (got 0)",
        "defs.yaml:20: window.train: has an unknown unit 'weekz'. Did you mean 'weeks'?",
        "defs.yaml:22: retrain.when: names an unknown condition 'drft'. Did you mean 'drift'?",
        "defs.yaml:23: retrain.budget: has an unknown period 'yeer'. Did you mean 'year'?",
        "defs.yaml:24: promote.require: names an unknown condition 'beats_basline'. Did you mean 'beats_baseline'?",
        "defs.yaml:25: owners: must be a list (got 'everybody')",
        "defs.yaml:27: type: must be 'retrain_assets.RetrainedModel' (got 'retrain_assets.RetrainedModl')",
    ]


def test_what_is_missing_is_told_with_its_meaning():
    text = "type: retrain_assets.RetrainedModel\nattributes:\n  name: sales\n  target: {}\n"
    found = told(text)
    assert (
        "defs.yaml:2: event_time: must be set: Column with the time of a row; must lie in the batch's window." in found
    )
    assert any(line.startswith("defs.yaml:4: target.column: must be set: Column of the target") for line in found)
    missing = ["batches", "source", "schema", "event_time", "target.column", "estimator", "metric"]
    assert len(found) == len(missing)
    assert all(any(f": {field}: must be set" in line for line in found) for field in missing)


def test_a_mistyped_required_key_is_one_mistake_not_two():
    assert told(VALID.replace("event_time:", "evnt_time:")) == [
        "defs.yaml:9: evnt_time: is not a known key. Did you mean 'event_time'?"
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{type: filez, path: x}",
            "source.type: must be one of files, delta, sql, python (got 'filez'). Did you mean 'files'?",
        ),
        ("{path: x}", "source.type: must be set: the kind of the source, files, delta, sql or python"),
        ("drop/*.csv", "source: must be a mapping (got 'drop/*.csv')"),
        ("{type: files, path: 5}", "source.path: must be a text or {env: NAME} (got 5)"),
        ("{type: files, path: {env: ''}}", "source.path.env: must not be shorter than 1 (got '')"),
        (
            "{type: sql, url: sqlite://, query: q, path: x}",
            "source.path: is not a known key. Known: chunk_rows, query, recheck, type, url.",
        ),
        ("{type: files, path: x, separator: ';;'}", "source.separator: must not be longer than 1 (got ';;')"),
        (
            "{type: files, path: x, separator: '\"'}",
            "source.separator: must be no quote and no line break, which have a meaning of their own (got '\"')",
        ),
        (
            "{type: files, path: x, encoding: utf-8x}",
            "source.encoding: must be a text encoding such as 'utf-8' or 'latin-1' (got 'utf-8x')",
        ),
        (
            "{type: python, load: 'a.b:c', arguments: {x: [1]}}",
            (
                "source.arguments.x: must be a text or {env: NAME} or a whole number or a number or true or false "
                "(got a list)"
            ),
        ),
    ],
)
def test_a_wrong_source_is_one_clean_problem(source: str, expected: str):
    text = VALID.replace('{type: files, path: "drop/{batch}*.csv"}', source)
    assert told(text) == [f"defs.yaml:5: {expected}"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("[day]", "schema: must be a text or a mapping (got a list)"),
        ("Sales", "schema: must be an import path such as 'package.module:name' (got 'Sales')"),
        ("{day: datetime}", "schema.day: must be a mapping (got 'datetime')"),
        (
            "{day: {type: date}}",
            (
                "schema.day.type: must be one of int, float, string, bool, datetime, category (got 'date'). "
                "Did you mean 'datetime'?"
            ),
        ),
        ("{day: {}}", "schema.day.type: must be set: What the values are read as."),
    ],
)
def test_a_wrong_schema_is_one_clean_problem(schema: str, expected: str):
    head, _, tail = VALID.partition("  schema:\n")
    text = f"{head}  schema: {schema}\n{tail[tail.index('  event_time') :]}"
    assert [line.partition(": ")[2] for line in told(text)] == [expected]


@pytest.mark.parametrize("train", ["12", "12 weekz", "all_hist", "[]"])
def test_no_jargon_of_unions(train: str):
    [problem] = told(with_lines(f"window: {{train: {train}}}"))
    assert problem.startswith("defs.yaml:13: window.train: ")
    assert "literal" not in problem
    assert "function" not in problem


class TestLines:
    def test_a_scalar_is_told_at_its_value_and_a_group_at_its_key(self):
        text = with_lines("drift:", "  smoothing:", "    0", "owners:", "  everybody: 1")
        assert [line.partition(" must")[0] for line in told(text)] == [
            "defs.yaml:15: drift.smoothing:",
            "defs.yaml:16: owners:",
        ]

    def test_a_list_item_has_its_own_line(self):
        text = with_lines("report_metrics:", "  - accuracy", "  - r2")
        assert told(text)[0].startswith("defs.yaml:15: report_metrics[1]: must be a metric of classification")

    def test_lines_count_through_all_documents(self):
        text = f"{VALID}---\n{VALID.replace('name: sales', 'name: Other')}"
        assert told(text)[0].startswith("defs.yaml:16: name:")

    def test_a_column_with_dots_in_its_name(self):
        text = VALID.replace("    price: {type: float}", "    unit.price: {type: flot}")
        assert told(text)[0].startswith("defs.yaml:8: schema.unit.price.type: must be one of")

    def test_a_missing_key_is_told_at_its_group(self):
        text = with_lines("retrain:", "  budget:", "    retrains: 3")
        assert told(text)[0].startswith("defs.yaml:14: retrain.budget.period: must be set")

    def test_a_contradiction_is_told_at_its_field(self):
        assert told(with_lines("retrain:", "  when: schedule"))[0].startswith(
            "defs.yaml:14: retrain.when: names schedule"
        )


class TestYaml:
    @pytest.mark.parametrize(
        ("text", "place", "message"),
        [
            ("type: [", ":1:", "is not valid YAML"),
            ("a: 1\nb: {c: 2\nd: 3", ":3:", "is not valid YAML"),
            ("type: x\nattributes:\n\tname: y", ":3:", "YAML is indented by spaces, not by tabs"),
            ("type: 'x", ":1:", "is not valid YAML"),
            ("a: *nowhere", ":1:", "found undefined alias"),
            ("a: \x07", ":1:", "is not valid YAML"),
        ],
    )
    def test_syntax_is_told_with_its_line(self, text: str, place: str, message: str):
        [problem] = told(text)
        assert place in problem
        assert message in problem

    def test_what_comes_before_a_syntax_mistake_is_checked_too(self):
        found = told(f"{VALID.replace('log_loss', 'log_los')}---\nfoo: [\n")
        assert [line.split(":")[1] for line in found] == ["12", "15"]

    def test_duplicate_keys_at_any_depth(self):
        text = with_lines("drift: {bins: 10, bins: 20}", "metric: brier", "report_metrics: [{a: 1, a: 2}]")
        found = told(text)
        assert "defs.yaml:13: drift.bins: is written twice, first at line 13: only one of them can count" in found
        assert "defs.yaml:14: metric: is written twice, first at line 12: only one of them can count" in found
        assert any("report_metrics[0].a: is written twice" in line for line in found)

    def test_anchors_and_merges(self):
        text = VALID.replace("day: {type: datetime}", "day: &base {type: datetime}").replace(
            "price: {type: float}", "price: {<<: *base, type: float}"
        )
        assert len(load_declarations(text)) == 1

    def test_a_structure_that_holds_itself(self):
        [problem] = told("type: retrain_assets.RetrainedModel\nattributes: &self\n  name: *self\n")
        assert problem.startswith("defs.yaml:2: is not valid YAML: found an alias inside its own anchor")

    def test_an_unknown_tag(self):
        [problem] = told(with_lines("description: !!python/object:os.system x"))
        assert "could not determine a constructor" in problem
        assert problem.startswith("defs.yaml:13:")

    def test_yes_is_true_in_yaml(self):
        [problem] = told(VALID.replace("name: sales", "name: yes"))
        assert problem == "defs.yaml:3: name: must be a text (got true)"

    def test_dagster_templates_are_refused(self):
        [problem] = told(with_lines('drift: {bins: "{{ env.BINS }}"}'))
        assert problem.startswith("defs.yaml:13: drift.bins: must not be a template (got '{{ env.BINS }}')")


class TestDocuments:
    def test_a_document_must_be_a_mapping(self):
        assert told("- 1\n") == ["defs.yaml:1: must be a mapping with `type` and `attributes`"]

    def test_a_document_has_a_type(self):
        assert told("attributes: {}\n") == [
            "defs.yaml:1: type: must be set: 'retrain_assets.RetrainedModel' for a model"
        ]

    @pytest.mark.parametrize(
        "written",
        [
            "retrain_asset.RetrainedModel",
            "retrain-assets.RetrainedModel",
            "RetrainedModel",
            "retrain_assets:RetrainedModel",
        ],
    )
    def test_a_type_that_is_nearly_ours_is_told(self, written: str):
        """Else a file in which nothing was read would have no problems, and the model be missing."""
        text = VALID.replace("retrain_assets.RetrainedModel", written)
        assert told(text) == [f"defs.yaml:1: type: must be 'retrain_assets.RetrainedModel' (got '{written}')"]

    @pytest.mark.parametrize(
        "written",
        ["shop.components.RetrainedModel", "dagster_dbt.DbtProjectComponent", "my.RetrainedModel",
         "__main__.RetrainedModel", "retrain_assets_ext.RetrainedModel"],
    )  # fmt: skip
    def test_a_component_of_somebody_else_is_left_alone(self, tmp_path: Path, monkeypatch, written: str):
        (tmp_path / "retrain_assets_ext.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
        assert load_declarations(VALID.replace("retrain_assets.RetrainedModel", written)) == []

    def test_a_document_has_attributes(self):
        assert told("type: retrain_assets.RetrainedModel\natributes: {}\n") == [
            "defs.yaml:1: attributes: must be set: the declaration of the model",
            "defs.yaml:2: atributes: is not a known key. Did you mean 'attributes'?",
        ]

    @pytest.mark.parametrize("written", ["5", "[]", "", "text"])
    def test_attributes_are_a_mapping(self, written: str):
        found = told(f"type: retrain_assets.RetrainedModel\nattributes: {written}\n")
        assert found == ["defs.yaml:2: attributes: must be a mapping: the declaration of the model"]

    def test_two_models_of_one_name(self):
        assert told(f"{VALID}---\n{VALID}") == [
            "defs.yaml:16: name: must be unique: 'sales' is declared at defs.yaml:3 already"
        ]

    def test_also_when_one_of_them_has_other_mistakes(self):
        found = told(f"{VALID}---\n{VALID.replace('log_loss', 'log_los')}")
        assert [line.split(" ")[1] for line in found] == ["name:", "metric:"]


def test_load_raises_with_every_problem():
    with pytest.raises(DeclarationError) as caught:
        load_declarations(VALID.replace("log_loss", "log_los").replace("week,", "weak,"), file="models/defs.yaml")
    assert [(problem.file, problem.line, problem.field) for problem in caught.value.problems] == [
        ("models/defs.yaml", 4, "batches.every"),
        ("models/defs.yaml", 12, "metric"),
    ]
    assert str(caught.value).count("\n") == 1


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_value_anywhere_breaks_the_reader(data: st.DataObject):
    """Whatever stands in a field: it is either right, or a problem at a line, and never a crash."""
    values: dict[str, Any] = attributes(
        drift={"bins": 20}, retrain={"when": "drift", "budget": "2 per year"}, window={"train": "2 weeks"}
    )
    field = data.draw(st.sampled_from(sorted(values)))
    if isinstance(values[field], dict) and data.draw(st.booleans()):
        inner = data.draw(st.sampled_from(sorted(values[field])))
        values[field] = {**values[field], inner: data.draw(JSON)}
    else:
        values[field] = data.draw(JSON)
    text = yaml.safe_dump({"type": "retrain_assets.RetrainedModel", "attributes": values}, allow_unicode=False)
    declared, problems = read_declarations(text, "defs.yaml")
    assert all(problem.line and problem.message and "function-" not in str(problem) for problem in problems)
    if not problems:
        assert declared[0].spec.name


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str):
    read_declarations(text)


def test_a_problem_names_the_file_it_was_given(tmp_path: Path):
    file = tmp_path / "defs.yaml"
    [problem] = read_declarations("- 1", str(file))[1]
    assert problem.file == str(file)
