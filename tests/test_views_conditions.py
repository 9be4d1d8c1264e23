"""Conditions as SQL: which samples they select, how wide and deep they may be, and that texts stay texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.rule import AllOf, AnyOf, Compare, Condition, Measure, Not, Number, Operand, Policy, Rule, Score, Text
from ledger.views import conditions
from ledger.views.conditions import FAR, Parameters, margin, truth
from tests import policy_model as book
from tests.scoring import both, either, errors, field_is, find, score, score_is, some, tag_is
from tests.test_views_scores import handle, views
from tests.worlds import Step, made, steps

HOSTILE = "x' OR 1=1 --"


def selected(ledger: Ledger, condition: Condition, campaign: str | None = None) -> list[int]:
    """Return the samples that a condition selects."""
    return conditions.select(views(ledger), condition, campaign)


@settings(max_examples=40)
@given(drawn=steps(), asked=st.lists(book.conditions(), min_size=1, max_size=6))
def test_what_is_selected_is_what_the_condition_says_by_the_book(drawn: list[Step], asked: list[Condition]) -> None:
    """Exactly the samples for which it holds, in the order of birth; not those for which it cannot be told."""
    with made(drawn) as world:
        for condition in asked:
            policy = Policy("p", rules=(Rule("r", "rejected", condition),))
            holding = [
                handle(world.ledger, one.id)
                for one in world.ones
                if book.holds(condition, policy, world.facts(policy, one))
            ]
            assert selected(world.ledger, condition) == holding
            held = conditions.selected_set(views(world.ledger), condition)
            assert [sample for sample, holds in enumerate(held) if holds] == holding
            assert all(handle(world.ledger, one.id) < len(held) for one in world.ones)


def test_an_empty_ledger_has_an_empty_set(ledger: Ledger) -> None:
    """There is no handle to say anything about."""
    assert conditions.selected_set(views(ledger), field_is("status", "pending")) == b""


def test_fields_that_decisions_make_can_be_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    """Status, rule, split and the label as it stands."""
    one, two, three = (handle(ledger, sample) for sample in some(ledger, tmp_path, 3))
    ids = {handle(ledger, row["event"]): row["event"] for row in ledger.log(limit=100) if row["kind"] == "ingested"}
    ledger.reject([ids[one]], reason="bad")
    ledger.relabel([ids[two]], "false", reason="seen")
    assert selected(ledger, field_is("status", "rejected")) == [one]
    assert selected(ledger, field_is("rule", "person")) == [one]
    assert selected(ledger, field_is("label", "false")) == [two]
    assert selected(ledger, field_is("label", "none")) == [one, three]
    assert selected(ledger, field_is("split", "")) == [one, two, three]


def test_a_campaign_narrows_the_choice(ledger: Ledger, tmp_path: Path) -> None:
    """Only its samples are looked at."""
    here = [handle(ledger, sample) for sample in some(ledger, tmp_path, 2, "here")]
    some(ledger, tmp_path, 2, "there")
    assert selected(ledger, field_is("source", "in"), "here") == here


@pytest.mark.parametrize(
    "condition",
    [field_is("domain", HOSTILE), tag_is(HOSTILE, HOSTILE), score_is(HOSTILE, ">", 0), errors(HOSTILE)],
)
def test_texts_are_never_sql(ledger: Ledger, tmp_path: Path, condition: Condition) -> None:
    """Whatever a condition names is a parameter, so nothing is selected by it."""
    some(ledger, tmp_path, 2)
    assert selected(ledger, condition) == []


@pytest.mark.parametrize("condition", [Compare(Measure("m"), ">", Number(0)), Compare(Text("x"), "==", Text("x"))])
def test_what_only_a_policy_knows_cannot_be_selected_by(ledger: Ledger, condition: Condition) -> None:
    """Measures and thresholds have a meaning in a policy."""
    with pytest.raises(TypeError):
        selected(ledger, condition)


def test_findings_are_those_of_the_latest_look(ledger: Ledger, tmp_path: Path) -> None:
    """A glob's star takes a slash too; a question mark one character."""
    one, two = some(ledger, tmp_path, 2)
    find(ledger, {one: [["tools/unknown", "error", ""]], two: [["text/empty", "warning", ""]]})
    at = handle(ledger, one)
    assert selected(ledger, errors("*unknown")) == selected(ledger, errors("tools/unknow?")) == [at]
    assert selected(ledger, Not(errors())) == [handle(ledger, two)]


def told(condition: Condition, values: dict[str, int | None], ledger: Ledger) -> tuple[int | None, int | None]:
    """Return truth and margin of a condition over numbers alone."""

    def number(operand: Operand) -> str:
        if isinstance(operand, Score):
            value = values[operand.dimension]
            return "NULL" if value is None else str(value)
        assert isinstance(operand, Number)
        return str(operand.value)

    def text(_compare: Compare) -> str:
        return "1"

    parts = (truth(condition, number, text), margin(condition, number, text))
    found: tuple[int | None, int | None] = views(ledger).execute(f"SELECT {parts[0]}, {parts[1]}").fetchone()
    return found


def test_margins_say_how_far_it_is(ledger: Ledger) -> None:
    """Of parts that must all hold the largest counts, of alternatives the smallest; unknown makes it unknown."""
    low, high = score_is("a", "<", 3e-6), score_is("b", ">=", 5e-6)
    assert told(both(low, high), {"a": 1, "b": 9}, ledger) == (1, -2)
    assert told(either(low, high), {"a": 1, "b": 9}, ledger) == (1, -4)
    assert told(Not(both(low, high)), {"a": 4, "b": 9}, ledger) == (1, -1)
    assert told(both(low, high), {"a": 4, "b": None}, ledger) == (0, None)
    assert told(score_is("a", "==", 3e-6), {"a": 5}, ledger) == (0, 2)
    assert told(score_is("a", "!=", 3e-6), {"a": 5}, ledger) == (1, -2)
    assert told(field_is("domain", "x"), {}, ledger) == (1, -FAR)


@pytest.mark.parametrize("kind", [AllOf, AnyOf])
def test_conditions_may_be_as_wide_as_policies_allow(ledger: Ledger, kind: type[AllOf | AnyOf]) -> None:
    """Two hundred comparisons side by side."""
    wide = kind(tuple(score_is("a", "<", n * 1e-6) for n in range(1, 201)))
    assert told(wide, {"a": 50}, ledger) == ((0, 49) if kind is AllOf else (1, -150))


def test_conditions_may_be_as_deep_as_policies_allow(ledger: Ledger, tmp_path: Path) -> None:
    """Eight words deep in one another."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"a": "1"}})
    deep: Condition = score_is("a", ">", 0)
    for level in range(8):
        deep = Not(deep) if level % 3 == 2 else (both if level % 3 else either)(deep, score_is("a", "==", level + 2))
    assert selected(ledger, deep) == []
    assert selected(ledger, Not(both(deep, Not(deep)))) == [handle(ledger, one)]


def test_parameters_have_names_of_their_own() -> None:
    """Equal values may stand twice."""
    parameters = Parameters()
    assert [parameters.add(value) for value in ("x", "x", 3)] == [":p0", ":p1", ":p2"]
    assert parameters.values == {"p0": "x", "p1": "x", "p2": 3}
