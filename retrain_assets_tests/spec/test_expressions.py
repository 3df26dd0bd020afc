"""Conditions compose by Kleene's strong logic, bind as written, print what they mean, and a typo is a hint."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from retrain_assets.spec import GATES, TRIGGERS, RetrainSpec, parse_expression
from retrain_assets.spec.expressions import And, AtLeast, Expression, Name, Not, Or, leaving_out

NAMES = ("a", "b", "c")
TRUTH = (True, False, None)
truths = st.fixed_dictionaries({name: st.sampled_from(TRUTH) for name in NAMES})
expressions: st.SearchStrategy[Expression] = st.recursive(
    st.sampled_from(NAMES).map(Name),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: And(tuple(each))),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: Or(tuple(each))),
    ),
    max_leaves=8,
)


def parse(text: str) -> Expression:
    return parse_expression(text, NAMES)


def order(value: bool | None) -> int:
    """False < unknown < true: conjunction is the minimum, disjunction the maximum."""
    return {False: 0, None: 1, True: 2}[value]


@pytest.mark.parametrize(("left", "right"), list(itertools.product(TRUTH, TRUTH)))
def test_tables_of_kleene(left: bool | None, right: bool | None):
    truth = {"a": left, "b": right}
    assert order(parse("a & b").evaluate(truth)) == min(order(left), order(right))
    assert order(parse("a | b").evaluate(truth)) == max(order(left), order(right))
    assert order(parse("~a").evaluate(truth)) == 2 - order(left)


@given(expressions, expressions, truths)
def test_laws_of_de_morgan(left: Expression, right: Expression, truth: dict[str, bool | None]):
    assert Not(And((left, right))).evaluate(truth) == Or((Not(left), Not(right))).evaluate(truth)
    assert Not(Or((left, right))).evaluate(truth) == And((Not(left), Not(right))).evaluate(truth)


@given(expressions, truths)
def test_double_negation(expression: Expression, truth: dict[str, bool | None]):
    assert Not(Not(expression)).evaluate(truth) == expression.evaluate(truth)


@given(expressions, expressions, expressions, truths)
def test_conjunction_distributes(a: Expression, b: Expression, c: Expression, truth: dict[str, bool | None]):
    assert And((a, Or((b, c)))).evaluate(truth) == Or((And((a, b)), And((a, c)))).evaluate(truth)


@given(expressions, truths, st.sampled_from(NAMES), st.sampled_from((True, False)))
def test_to_learn_more_never_turns_a_verdict(
    expression: Expression, truth: dict[str, bool | None], name: str, learnt: bool
):
    """Once something is decided although a condition is unknown, knowing the condition does not change it."""
    before = expression.evaluate({**truth, name: None})
    after = expression.evaluate({**truth, name: learnt})
    assert before is None or before == after


@given(expressions, truths)
def test_what_is_printed_parses_to_the_same(expression: Expression, truth: dict[str, bool | None]):
    again = parse(str(expression))
    assert again.evaluate(truth) == expression.evaluate(truth)
    assert again.names() == expression.names()
    assert str(parse(str(again))) == str(again)


@given(expressions, st.fixed_dictionaries({name: st.booleans() for name in NAMES}))
def test_known_truth_gives_known_verdicts(expression: Expression, known: dict[str, bool]):
    assert expression.evaluate(known) is not None


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a", "a"),
        ("a | b & c", "(a | (b & c))"),
        ("(a | b) & c", "((a | b) & c)"),
        ("~a & b", "(~a & b)"),
        ("~(a & b)", "~(a & b)"),
        ("~~a", "~~a"),
        ("a|b|c", "(a | b | c)"),
        ("  a  ", "a"),
        ("((a))", "a"),
    ],
)
def test_binds_as_python_does(text: str, meaning: str):
    assert str(parse(text)) == meaning


def test_tells_the_conditions_it_rests_on():
    assert parse("a | ~(b & a)").names() == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must name at least one condition"),
        ("   ", "must name at least one condition"),
        ("a |", "ends where a condition was expected"),
        ("| a", "has '|' where a condition was expected"),
        ("a b", "has an unexpected 'b' at column 3"),
        ("(a | b", "a parenthesis that is not closed"),
        ("a)", r"has an unexpected '\)' at column 2"),
        ("a or b", "has an unexpected 'or' at column 3"),
        ("a, b", "has an unexpected ',' at column 2"),
        ("()", r"has '\)' where a condition was expected"),
        ("~", "ends where a condition was expected"),
        ("a && b", "has '&' where a condition was expected"),
    ],
)
def test_says_where_the_syntax_is_wrong(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "column"),
    [("age > 3 weeks & age < 1 week", 21), ("age >= 3 weeks", 5), ("age > -3 weeks", 5), ("new_labels > 500", 12)],
)
def test_says_what_may_be_compared(text: str, column: int):
    with pytest.raises(ValueError, match=f"at column {column}: .* as 'age > 12 weeks'; a younger one is '~"):
        parse_expression(text, TRIGGERS)


@pytest.mark.parametrize(
    ("text", "known", "hint"),
    [
        ("drfit", TRIGGERS, "drift"),
        ("performance_decai | drift", TRIGGERS, "performance_decay"),
        ("beats_base_line", GATES, "beats_baseline"),
        ("not_worse_then_champion", GATES, "not_worse_than_champion"),
    ],
)
def test_a_typo_has_a_hint(text: str, known: dict[str, str], hint: str):
    with pytest.raises(ValueError, match=f"unknown condition .* Did you mean '{hint}'"):
        parse_expression(text, known)


def test_a_word_like_none_gets_the_list():
    with pytest.raises(ValueError, match="Known: a, b, c"):
        parse("zebra")


@given(st.integers(1, 3), truths)
def test_so_many_of_some_are_the_disjunction_of_their_conjunctions(count: int, truth: dict[str, bool | None]):
    pairs = [And(tuple(map(Name, chosen))) for chosen in itertools.combinations(NAMES, count)]
    assert parse(f"{count} of (a, b, c)").evaluate(truth) == Or(tuple(pairs)).evaluate(truth)


def test_so_many_of_some_hold_expressions_and_compose():
    asked = parse("~ 2 of (a, b | c, ~c) & a")
    assert str(asked) == "(~2 of (a, (b | c), ~c) & a)"
    assert parse(str(asked)) == asked
    assert asked.names() == {"a", "b", "c"}
    # Where one does not apply, no more can be asked for than are left.
    assert leaving_out(parse("2 of (a, b, c)"), {"a"}) == AtLeast(2, (Name("b"), Name("c")))
    assert leaving_out(parse("3 of (a, b, c)"), {"a"}) == AtLeast(2, (Name("b"), Name("c")))
    assert leaving_out(parse("2 of (a, b)"), {"a"}) == Name("b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4 of (a, b, c)", "asks for 4 of 3 conditions"),
        ("0 of (a, b)", "asks for 0 of 2"),
        ("2 (a, b)", "must read like '2 of"),
        ("2 of a, b", "must read like '2 of"),
        ("2 of (a, b", "must read like '2 of"),
        ("2 of ()", "where a condition was expected"),
        ("a, b", "unexpected ','"),
        ("2 of (a, z)", "unknown condition 'z'"),
        ("age > 12 weeks", "unknown condition 'age > 12 weeks'"),
        ("2 of (a, a)", "must count different conditions (got 'a' twice), name each once: '2 of (a, a)'"),
        ("2 of (a | b, c, (a|b))", "must count different conditions (got '(a | b)' twice)"),
    ],
)
def test_mistakes_of_counting_are_told(text: str, said: str):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse(text)


def test_an_age_names_its_own_limit():
    asked = parse_expression("performance_decay | (age>14 days) | event", TRIGGERS)
    assert asked.names() == {"performance_decay", "age > 2 weeks", "event"}
    assert parse_expression(str(asked), TRIGGERS) == asked
    with pytest.raises(ValueError, match="parsecs"):
        parse_expression("age > 12 parsecs", TRIGGERS)
    with pytest.raises(ValueError, match="'age > 2 weeks' twice"):
        parse_expression("2 of (age > 2 weeks, age > 14 days)", TRIGGERS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age > 0 days", "must name an age above zero, as 'age > 12 weeks' (got 'age > 0 days'): any model is older"),
        ("drift | age>0.00000001 seconds", "must name an age above zero"),
        (
            "age > 99999999999 weeks",
            "has an age that cannot be read, 'age > 99999999999 weeks': it must be at most 10000 weeks",
        ),
    ],
)
def test_an_age_that_says_nothing_is_an_error_of_the_declaration(text: str, said: str):
    with pytest.raises(ValidationError, match=re.escape(said)):
        RetrainSpec.model_validate({"when": text})


def test_all_unknown_conditions_are_told_at_once():
    with pytest.raises(ValueError, match="unknown condition 'drft'") as caught:
        parse_expression("drft | event & ~agee", known=["drift", "event", "age"])
    assert str(caught.value) == (
        "names an unknown condition 'drft'. Did you mean 'drift'? And an unknown condition 'agee'. Did you mean 'age'?"
    )
