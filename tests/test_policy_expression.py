"""Conditions: what each form means, that writing and reading are inverse, and exact errors for everything else."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.errors import ConditionInvalid
from ledger.policy import parse_condition
from ledger.policy.document import FIELDS_OF_POLICIES
from ledger.policy.expression import DEEPEST, DEEPEST_WORDS, MOST, Scope, read_condition
from ledger.policy.tokens import LONGEST, Unreadable
from ledger.policy.writing import condition_text
from ledger.rule import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Field,
    Findings,
    Measure,
    Not,
    Number,
    Score,
    Tag,
    Text,
    Threshold,
)
from tests import policy_model as book

SCOPE = Scope(FIELDS_OF_POLICIES, book.MEASURES, book.THRESHOLDS)

Q = Compare(Score("quality"), "<", Number(500_000))
ERRORS = Compare(Findings("*", "error"), ">", Number(0))
TRUE = Compare(Field("label"), "==", Text("true"))
PERFECT = Compare(Tag("perfect"), "!=", Text(""))

READ: list[tuple[str, Condition]] = [
    ("quality < 0.5", Q),
    ("quality<.5", Q),
    ("  ( (quality\n<\t5e-1) ) ", Q),
    ("quality >= -1.25", Compare(Score("quality"), ">=", Number(-1_250_000))),
    ("quality < low", Compare(Score("quality"), "<", Threshold("low"))),
    ("overall != high", Compare(Measure("overall"), "!=", Threshold("high"))),
    ('score["overall"] < 0.5', Compare(Score("overall"), "<", Number(500_000))),
    ("score['my dim'] == 1", Compare(Score("my dim"), "==", Number(1_000_000))),
    ("score > 3", Compare(Score("score"), ">", Number(3_000_000))),
    ("größe > 3", Compare(Score("größe"), ">", Number(3_000_000))),
    ("errors > 0", ERRORS),
    ("warnings >= 2", Compare(Findings("*", "warning"), ">=", Number(2_000_000))),
    ('finding("tools/*")', Compare(Findings("tools/*"), ">", Number(0))),
    ('findings("tools/*", "error") > 0', Compare(Findings("tools/*", "error"), ">", Number(0))),
    ('finding("*", "error")', ERRORS),
    ("label == true", TRUE),
    ("label == 'true'", TRUE),
    ("label != none", Compare(Field("label"), "!=", Text("none"))),
    ("domain == none", Compare(Field("domain"), "==", Text(""))),
    ('tag.persona == "twain"', Compare(Tag("persona"), "==", Text("twain"))),
    ('tag.and == "x"', Compare(Tag("and"), "==", Text("x"))),
    ('tag["my tag"] != ""', Compare(Tag("my tag"), "!=", Text(""))),
    ("tag = perfect", PERFECT),
    ("tag=='perfect'", PERFECT),
    ('tag == "my tag"', Compare(Tag("my tag"), "!=", Text(""))),
    ("tag = low", Compare(Tag("low"), "!=", Text(""))),
    ("tag = 'none'", Compare(Tag("none"), "!=", Text(""))),
    ("tag != perfect", Compare(Tag("perfect"), "==", Text(""))),
    ("not tag = perfect and errors > 0", AllOf((Not(PERFECT), ERRORS))),
    ("tag in [perfect]", PERFECT),
    ("tag in [perfect, 'b c', perfect]", AnyOf((PERFECT, Compare(Tag("b c"), "!=", Text(""))))),
    ("tag not in ['perfect']", Not(PERFECT)),
    ("score['tag'] > 3", Compare(Score("tag"), ">", Number(3_000_000))),
    ("tag.persona = 'twain'", Compare(Tag("persona"), "==", Text("twain"))),
    ("label = true", TRUE),
    ("quality = 1", Compare(Score("quality"), "==", Number(1_000_000))),
    (r'source == "a \"b\" \\ c"', Compare(Field("source"), "==", Text('a "b" \\ c'))),
    (r"source == 'it\'s \"so\"'", Compare(Field("source"), "==", Text('it\'s "so"'))),
    ("not label == true", Not(TRUE)),
    ("not not label == true", Not(Not(TRUE))),
    ("quality < 0.5 and errors > 0 and label == true", AllOf((Q, ERRORS, TRUE))),
    ("quality < 0.5 or errors > 0 and label == true", AnyOf((Q, AllOf((ERRORS, TRUE))))),
    ("(quality < 0.5 or errors > 0) and label == true", AllOf((AnyOf((Q, ERRORS)), TRUE))),
    ("not (quality < 0.5 or errors > 0)", Not(AnyOf((Q, ERRORS)))),
    ("not quality < 0.5 and errors > 0", AllOf((Not(Q), ERRORS))),
    ("domain in ['asm']", Compare(Field("domain"), "==", Text("asm"))),
    (
        "domain in ['asm', 'cpp', 'asm']",
        AnyOf((Compare(Field("domain"), "==", Text("asm")), Compare(Field("domain"), "==", Text("cpp")))),
    ),
    (
        "label not in [true, none]",
        Not(AnyOf((TRUE, Compare(Field("label"), "==", Text("none"))))),
    ),
    (
        "quality in [1, low]",
        AnyOf((Compare(Score("quality"), "==", Number(1_000_000)), Compare(Score("quality"), "==", Threshold("low")))),
    ),
]


@pytest.mark.parametrize(("text", "condition"), READ, ids=[text for text, _ in READ])
def test_what_conditions_mean(text: str, condition: Condition) -> None:
    """Every form of the grammar has its one meaning, and is written so that it reads the same again."""
    assert read_condition(text, SCOPE) == condition
    assert read_condition(condition_text(condition, SCOPE), SCOPE) == condition


@given(book.conditions(book.MEASURES, book.THRESHOLDS))
def test_writing_and_reading_are_inverse(condition: Condition) -> None:
    """What is written of a condition reads as that condition, parentheses, odd names and all."""
    assert read_condition(condition_text(condition, SCOPE), SCOPE) == condition


@given(book.conditions())
def test_the_same_in_a_query(condition: Condition) -> None:
    """`--where` reads what a policy without measures and thresholds says."""
    assert parse_condition(condition_text(condition, Scope())) == condition


@pytest.mark.parametrize("field", ["rule", "split", "status"])
def test_fields_that_decisions_make(field: str) -> None:
    """A query may ask for what decisions make, a policy may not."""
    value = {"rule": "low", "split": "train", "status": "pending"}[field]

    assert parse_condition(f'{field} == "{value}"') == Compare(Field(field), "==", Text(value))
    with pytest.raises(Unreadable, match=f"may not ask for {field}"):
        read_condition(f'{field} == "{value}"', SCOPE)


WRONG = [
    ("", 1, "a name .* but the condition ends"),
    ("quality", 8, "a comparison .* ends"),
    ("quality <", 10, "a number or a threshold is expected, but the condition ends"),
    ("quality < min", 11, "no threshold 'min'; there are low, high"),
    ("quality < nan", 11, "no threshold 'nan'"),
    ("quality < inf", 11, "no threshold 'inf'"),
    ("quality < -inf", 11, "'-' has no meaning here"),
    ("score['quality'] == 'high'", 21, "a number or a threshold is expected, not 'high'"),
    ("quality < lw", 11, "no threshold 'lw' .did you mean 'low'"),
    ("quality < 'x'", 11, "a number or a threshold is expected, not 'x'; quality is a number"),
    ("quality < true", 11, "quality is a number"),
    ("domian == 'x'", 11, "did you mean 'domain'"),
    ("overal < 1", 1, "no measure 'overal' .did you mean 'overall'"),
    ("error > 0", 1, "did you mean 'errors'"),
    ("low < 1", 1, "'low' is a threshold and stands on the right"),
    ("0.5 > quality", 1, "a comparison begins with what is looked up"),
    ("quality => 1", 10, "a number or a threshold is expected, not >"),
    ("= 1", 1, "a name .* is expected, not ="),
    ("quality < 1 && errors > 0", 13, "write `and`"),
    ("quality < 1 || errors > 0", 13, "write `or`"),
    ("!errors", 1, "write `not`"),
    ("quality < 50%", 13, "0.5 for 50 %"),
    ("quality < 1 AND errors > 0", 13, "write and"),
    ("quality < 1 quality", 13, "`and`, `or` or the end is expected, not quality"),
    ("quality < 1)", 12, r"the end is expected, not \)"),
    ("(quality < 1", 13, "or . is expected, but"),
    ("quality < 1.2.3", 14, "the end"),
    ("quality < 0.1234567", 11, "more than 6 decimals"),
    ("quality < 1e9", 11, "further from zero"),
    ("quality < 1_000", 12, "the end"),
    ("quality not 1", 13, "`in` is expected"),
    ("quality in 1", 12, "a list"),
    ("quality in []", 13, "a number or a threshold"),
    ("quality in [1 2]", 15, "a comma or ]"),
    ("domain < 'x'", 8, "domain is a text, which is compared with ==, != or in"),
    ("domain == asm", 11, 'a text in quotes is expected, not asm; write "asm" in quotes'),
    ("domain == 1", 11, "a text in quotes is expected, not 1"),
    ("domain == true", 11, "a text in quotes"),
    ("domain in ['a', 1]", 17, "a text in quotes"),
    ("label == 'ture'", 10, "one of true, false, none, never 'ture' .did you mean 'true'"),
    ("type == 'chat'", 9, "never 'chat'"),
    ("tag == 1", 8, r'the name of a tag is expected, not 1; a score of that name is score\["tag"\]'),
    ("tag > 1", 5, r'tag is a text, .* not with >; a score of that name is score\["tag"\]'),
    ("tag > perfect", 5, "tag is a text"),
    ("tag = none", 7, 'the name of a tag is expected, not none; write "none" in quotes'),
    ("tag = ''", 7, "a name that is not empty"),
    ("tag = ' x'", 7, "does not begin or end with a space"),
    ("tag = my-tag", 9, "'-' has no meaning"),
    ("tag =", 6, "the name of a tag is expected, but the condition ends"),
    ("tag in [perfect, 1]", 18, "the name of a tag is expected, not 1"),
    ("tag in perfect", 8, "a list"),
    ("tag", 4, "a comparison"),
    ("tag. == 'x'", 6, "the name of a tag"),
    ("tag[x] == 'x'", 5, "a name in quotes"),
    ("tag['x' == 'x'", 9, "] is expected"),
    ("score[' a'] < 1", 7, "does not begin or end with a space"),
    ("score[''] < 1", 7, "not empty"),
    ("finding(tools)", 9, "the rule of a finding in quotes"),
    ("finding('a b')", 9, "letters, digits"),
    ("finding('[ab]')", 9, "letters, digits"),
    ("finding('a', 'fatal')", 14, '"error" or "warning", not \'fatal\''),
    ("finding('a'", 12, "a comma or ."),
    ("finding", 8, "a comparison"),
    ("domain == 'x", 11, "no closing quote"),
    ("domain == 'a\\n'", 13, "after a"),
    ("domain == 'a\nb'", 11, "U\\+000A"),
    ("domain == 'a\ud800'", 11, "U\\+D800"),
    ("persona-x > 1", 8, "'-' has no meaning"),
    ("not", 4, "a name"),
    ("and", 1, "a name .*, not and"),
    ("quality < 1 and", 16, "a name"),
]


@pytest.mark.parametrize(("text", "at", "what"), WRONG, ids=[ascii(text) for text, _, _ in WRONG])
def test_what_does_not_read(text: str, at: int, what: str) -> None:
    """Each error names the character and what was expected there."""
    with pytest.raises(Unreadable, match=what) as caught:
        read_condition(text, SCOPE)

    assert caught.value.at == at
    assert not caught.value.what.endswith(".")


def test_the_error_of_a_query() -> None:
    """In a query, the error is one that the command line shows."""
    with pytest.raises(ConditionInvalid, match="at character 11: a number is expected, but the condition ends"):
        parse_condition("quality < ")


WORDS = [
    "and",
    "or",
    "not",
    "in",
    "(",
    ")",
    "[",
    "]",
    ",",
    "<",
    "==",
    "=",
    "0.5",
    "'x'",
    "quality",
    "label",
    "tag",
    ".",
    "true",
]


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join))
@example("\\")
@example("\x00")
def test_any_text_reads_or_is_refused(text: str) -> None:
    """Nothing that anybody can write raises anything but the one error, with a place inside the text or at its end."""
    at = 1
    try:
        read_condition(text, SCOPE)
    except Unreadable as error:
        at = error.at

    assert 1 <= at <= len(text) + 1


def test_the_depth_is_bounded() -> None:
    """Parentheses and `not` may stand so deep in one another, and no deeper."""
    deep = "(" * DEEPEST + "errors > 0" + ")" * DEEPEST

    assert read_condition(deep, SCOPE) == ERRORS
    for text in (f"({deep})", "not " * (DEEPEST + 1) + "errors > 0", "(not " * LONGEST):
        with pytest.raises(Unreadable):
            read_condition(text[:LONGEST], SCOPE)


def test_what_stands_in_one_another_is_bounded() -> None:
    """`and`, `or` and `not` stand so deep in one another and no deeper; chains of one of them may be long."""
    deep = "errors > 0"
    for level in range(DEEPEST_WORDS):
        assert isinstance(read_condition(deep, SCOPE), (Compare, AllOf, AnyOf))
        deep = f"quality > {level} {'and' if level % 2 else 'or'} ({deep})"

    for text in (deep, "not " * DEEPEST_WORDS + "errors > 0", " and ".join(["errors > 0"] * MOST)):
        assert read_condition(condition_text(read_condition(text, SCOPE), SCOPE), SCOPE) == read_condition(text, SCOPE)
    for text in (f"not ({deep})", "not " * (DEEPEST_WORDS + 1) + "errors > 0"):
        with pytest.raises(Unreadable, match="stand more than 8 deep in one another"):
            read_condition(text, SCOPE)


def test_the_number_of_comparisons_is_bounded() -> None:
    """A condition holds so many comparisons, lists included, and no more."""
    read_condition(f"quality in [{', '.join(map(str, range(MOST)))}]", SCOPE)
    with pytest.raises(Unreadable, match="at most 100 comparisons"):
        read_condition(f"quality in [{', '.join(map(str, range(MOST + 1)))}]", SCOPE)
    with pytest.raises(Unreadable, match="at most 100 comparisons"):
        read_condition(" or ".join(["errors > 0"] * (MOST + 1)), SCOPE)


@pytest.mark.parametrize(
    "piece", ["(", "not ", '"', "'", "\\", "a", "1", "-", "1.", "a.", "[", "tag[", "= ", '"\\', " "]
)
def test_hostile_texts_take_no_time(piece: str) -> None:
    """The longest text of one piece again and again is refused at once, and a longer one unread."""
    started = time.perf_counter()
    with pytest.raises(Unreadable):
        read_condition(piece * (LONGEST // len(piece)), SCOPE)
    with pytest.raises(Unreadable, match="at most 20,000 characters"):
        read_condition(piece * 1_000_000, SCOPE)

    assert time.perf_counter() - started < 20


def test_the_longest_text() -> None:
    """A text in a condition is as long as a domain or a tag can be."""
    longest = read_condition(f"domain == '{'x' * 1_000}'", SCOPE)

    assert longest == Compare(Field("domain"), "==", Text("x" * 1_000))
    with pytest.raises(Unreadable, match="at most 1,000 characters"):
        read_condition(f"domain == '{'x' * 1_001}'", SCOPE)
