"""Patterns of schemas: whatever a text holds, trying a pattern on one that is short enough for it is quick."""

from __future__ import annotations

import re
import time
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.validators import validate
from ledger.validators.patterns import MOST, STEPS, Allowance, longest, steps
from tests.talks import called, schemas

HOSTILE = [
    *("(a+)+$", "(a*)*$", "(a+?)+?$", "((a+)+)+$", "(a+){5}$", "(a{1,})+$", "(?:a{0,30}){0,30}$", "(a+)+b|c"),
    *(
        "(a|a)+$",
        "(a|a|a)+$",
        "(a|aa)+$",
        "(a|b|ab)*$",
        "(?:|a)+$",
        "(?:(?:a*)*(?:a*)*)*!",
        "((a*)*)*$",
        "(?:|){40}x",
        "(a|a)" * 25 + "$",
        "(a|a?)+$",
    ),
    *(
        "a?" * 30 + "a" * 30,
        "(?:a?){30}a{30}",
        "a{0,40}" * 8 + "$",
        "a*" * 4 + "$",
        "a*" * 10 + "$",
        "(?:a{1,30}b?){1,30}$",
    ),
    *(
        r"(a*)\1b",
        r"(a+)\1+$",
        r"(\w+\s?)*$",
        r"[\]a+]+$",
        "[^]b]+$",
        "(?x)# [\n(a+)+$ #]\n",
        "(?# [ )(a+)+$",
        r"\((a+)+$",
    ),
    *("(?=(a+)+$)a", "(?!(a+)+$)a", "(?>a+)+$", "(a++)+$", "(?i:A+)+$", "(?m)^(a+)+$", "(?P<n>a+)+(?(n)b|c)$"),
    *(
        "a{1000}b",
        "(?:a{100}){100}b",
        "a+b",
        "a+b+$",
        ".*.*=.*$",
        "^a+$",
        "^.{1,200}$",
        "^(aa|ab|b)+$",
        "a{2000,2001}b",
    ),
]


def spent(pattern: str, text: str) -> float:
    """Return the seconds that trying a pattern takes."""
    started = time.process_time()
    re.search(pattern, text)
    return time.process_time() - started


@pytest.mark.parametrize("pattern", HOSTILE)
def test_what_is_tried_is_quick(pattern: str) -> None:
    """On the longest texts, and on shorter ones, that begin as the pattern wants and end otherwise."""
    most = longest(pattern)
    lengths = {most, min(most, 29), most // 2}
    texts = [(body * length)[: max(0, length - 1)] + end for length, body, end in product(lengths, ("a", "ab"), "a!")]

    if most >= 0:
        assert max(spent(pattern, text[:most]) for text in texts) < 5


atoms = st.sampled_from(["a", "b", "ab", "[ab]", ".", "^", "$", "(?=a)", r"\w", "[^a]"])
quantifiers = st.sampled_from(["", "*", "+", "?", "{2}", "{0,3}", "{2,}", "{1,9}", "*?", "+?", "{3,30}"])
forms = st.recursive(
    st.tuples(atoms, quantifiers).map(lambda pair: pair[0] + (pair[1] if pair[0] not in "^$" else "")),
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda parts: st.tuples(st.sampled_from(["", "|"]), quantifiers).map(
            lambda how: f"(?:{how[0].join(parts)}){how[1]}"
        )
    ),
    max_leaves=8,
)


@given(forms, st.text("ab!", max_size=12), st.sampled_from(["$", "!", r"\Z"]))
def test_any_pattern_is_quick(pattern: str, text: str, end: str) -> None:
    """Whatever repeats stand in whatever else."""
    most = longest(pattern + end)
    body = (text or "a") * 30

    assert most < 0 or spent(pattern + end, body[:most]) < 5


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "abc", "^$", "^[a-z]+$", r"^\d{4}-\d{2}-\d{2}$", "^https?://.*$", "^(foo|bar|baz)+$", "^.{1,200}$"),
        *(r"^(\d{1,3}\.){3}\d{1,3}$", "^(Mon|Tue|Wed), [0-9]+$", r"^ws_\d{13}_[a-z0-9]{9}$", "^(?:a|b|c)$"),
    ],
)
def test_plain_patterns_are_tried_on_any_text(pattern: str) -> None:
    """One repeat from a known beginning, choices that exclude each other, counted parts: nothing to go back for."""
    assert longest(pattern) > MOST // 2


def test_what_one_repeat_more_costs() -> None:
    """Without a beginning each start is tried; two repeats and nested ones allow for less and less."""
    found = [longest(pattern) for pattern in ("^a+$", "a+$", "a+b+$", "a+b+c+$", "(a+)+$", "((a+)+)+$")]

    assert found == sorted(found, reverse=True)
    assert found[1] > 2_000
    assert 15 < found[-2] < 30


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?P<n>a)(?P<n>b)", "(?:|){40}x", "(" * 5_000 + ")" * 5_000])
def test_what_is_no_pattern_or_too_much_is_never_tried(pattern: str) -> None:
    """Not even on no text."""
    assert longest(pattern) == -1


@given(st.sampled_from([one for one in HOSTILE if longest(one) >= 0]))
def test_the_longest_text_is_where_the_steps_end(pattern: str) -> None:
    """Up to it the steps are within the bound, beyond it they are not, unless no text may be longer."""
    most = longest(pattern)

    assert steps(pattern, most) <= STEPS * 1.001
    assert most == MOST or steps(pattern, most + 1) > STEPS * 0.999


def test_all_texts_of_a_sample_share_an_allowance() -> None:
    """Many short texts can take as long as one that is too long; the next sample begins anew."""
    allowance, pattern = Allowance(), "(a+)+$"
    length = longest(pattern)

    assert not allowance.take(pattern, length + 1)
    assert allowance.take(pattern, length)
    assert not allowance.take(pattern, length)
    assert allowance.take("^a+$", 10)
    allowance.renew()
    assert allowance.take(pattern, length)


BOTH = {"tools/schema_violation", "tools/unchecked"}


def checked(schema: dict[str, Any], arguments: dict[str, Any]) -> tuple[set[str], float]:
    """Return the rules about tools that a call breaks, and the seconds that finding them took."""
    known = schemas({"weather": schema})
    content = called("weather", arguments)
    started = time.process_time()
    found = {finding.rule for finding in validate(content, known) if finding.rule.startswith("tools/")}
    return found, time.process_time() - started


@pytest.mark.parametrize(
    ("schema", "arguments", "rules"),
    [
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, {"a": "a" * 40 + "!"}, {"tools/unchecked"}),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, {"a": "aaa"}, set()),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, {"a": "aab"}, {"tools/schema_violation"}),
        ({"properties": {"a": {"items": {"pattern": "(a+)+$"}}}}, {"a": ["a" * 19 + "!"] * 9_000}, BOTH),
        (
            {"patternProperties": {"(a+)+$": {}}, "additionalProperties": False},
            {"a" * 40 + "!": 1},
            {"tools/unchecked"},
        ),
        ({"patternProperties": {"a*a*a*b$": {}}}, {"a" * 5_000: 1}, {"tools/unchecked"}),
        ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, {"x-a": 1}, set()),
        ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, {"y": 1}, {"tools/forbidden_parameter"}),
    ],
)
def test_hostile_arguments_are_unchecked_at_once(
    schema: dict[str, Any], arguments: dict[str, Any], rules: set[str]
) -> None:
    """Texts and names that a pattern could take forever on are a finding; others are compared as ever."""
    found, seconds = checked({"type": "object", **schema}, arguments)

    assert found == rules
    assert seconds < 10
