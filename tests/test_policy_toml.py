"""Policies as TOML: the round trip, and for every way to write a wrong one the line and what was expected there."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import PolicyInvalid
from ledger.policy import parse_policy, to_toml
from ledger.policy.toml import LONGEST
from ledger.rule import Levels, Policy, Rule, Weighted
from tests import policy_model as book

BASE = """\
name = "base"
default = "accept"
unknown = "defer"
headline = "quality"

[scores]
combine = "agree"
scorers = ["pipeline", "rubric"]
tolerance = 0.5

[measure.quality]
weights = { diversity = 0.3, coherence = 0.7 }
invert = ["coherence"]
missing = "renormalise"

[threshold]
low = 0.7
high = { default = 1, cross = "mean" }

[domain.asm]
low = 0.4

[cross]
low = "min"

[[rule]]
name = "broken"
reject = "errors > 0"

[[rule]]
name = "poor"
reject = '''
quality < low
  and diversity < high'''

[[label]]
name = "false one"
false = "diversity == 1"

[[cap]]
name = "twin"
then = "reject"
per = ["fingerprint", "tag.persona"]
keep = 2
best = "quality"
"""


def refused(text: str) -> tuple[int, str]:
    """Return the line and the sentence with which a policy is refused."""
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy(text, "p.toml")
    place, line, what = caught.value.args
    assert place == "p.toml"
    assert str(caught.value) == f"p.toml, line {line}: {what}."
    return line, what


@given(book.policies())
def test_writing_and_reading_are_inverse(policy: Policy) -> None:
    """A policy written as TOML and read again is the same policy, with the same digest."""
    again = parse_policy(to_toml(policy), "again")

    assert again == policy
    assert again.to_bytes() == policy.to_bytes()


def test_a_whole_policy() -> None:
    """Each table of a policy means what it says."""
    policy = parse_policy(BASE, "base.toml")

    assert policy.thresholds == (
        Levels("low", 700_000, (("asm", 400_000),), "min"),
        Levels("high", 1_000_000, (), "mean"),
    )
    assert policy.measures == (
        Weighted("quality", (("diversity", 3_000), ("coherence", 7_000)), frozenset({"coherence"}), "renormalise"),
    )
    assert (policy.scores.combine, policy.scores.scorers, policy.scores.tolerance) == (
        "agree",
        ("pipeline", "rubric"),
        500_000,
    )
    assert [(rule.name, rule.outcome) for rule in policy.rules] == [("broken", "rejected"), ("poor", "rejected")]
    assert [(rule.name, rule.label) for rule in policy.labels] == [("false one", False)]
    assert (policy.default, policy.unknown, policy.headline) == ("accepted", "deferred", "quality")
    assert policy.caps[0].per == ("fingerprint", "tag.persona")


def test_what_may_be_left_out() -> None:
    """A name and a rule are enough; the rest is stated in the documentation."""
    policy = parse_policy('name = "p"\n[[rule]]\nname = "r"\ndefer = "errors > 0"', "p")

    assert policy == Policy("p", rules=(Rule("r", "deferred", policy.rules[0].when),))
    assert (policy.default, policy.unknown, policy.scores.combine) == ("accepted", "deferred", "latest")


def test_the_order_of_domains_does_not_count() -> None:
    """Two files that say the same in another order are one policy, with one digest."""
    first = BASE.replace("[cross]", "[domain.b]\nlow = 1\n[cross]")
    second = BASE.replace("[domain.asm]", "[domain.b]\nlow = 1\n[domain.asm]")

    assert parse_policy(first, "1").to_bytes() == parse_policy(second, "2").to_bytes()


WRONG = [
    # TOML itself
    ('name = "base"', "name = ", 1, "a value is expected"),
    ("[scores]", "[scores", 6, "not TOML"),
    ("[cross]", "[cross]\nlow = 1", 25, "not TOML: a key is given twice"),
    ("[[rule]]", "[rule]", 30, "not TOML"),
    ("low = 0.7", "low = 0.7.1", 17, "not TOML"),
    ("keep = 2", f"keep = {'9' * 5000}", 44, "far too many digits"),
    ("keep = 2", f"keep = {'[' * 5000}", 44, "nested too deep"),
    # keys
    ('name = "base"', 'nmae = "base"', 1, "no key 'nmae' here (did you mean 'name'?)"),
    ('name = "base"\n', "", 1, "name is missing"),
    ("combine =", "combin =", 7, "did you mean 'combine'"),
    ("weights =", "weight =", 12, "did you mean 'weights'"),
    ("{ default = 1,", "{ defualt = 1,", 18, "did you mean 'default'"),
    ('reject = "errors', 'rejects = "errors', 28, "did you mean 'reject'"),
    ("[[cap]]", "[[caps]]", 40, "did you mean 'cap'"),
    ("[domain.asm]\nlow", "[domain.asm]\nlw", 21, "no threshold 'lw' here (did you mean 'low'?)"),
    ("[cross]\nlow", "[cross]\nmiddle", 24, "no threshold 'middle' here; there are low, high"),
    # kinds
    ('name = "base"', "name = 3", 1, "name is a text in quotes, not a number"),
    ('"accept"', '"accepted"', 2, "default cannot be 'accepted' (did you mean 'accept'?)"),
    ('"defer"', "true", 3, "unknown is a text in quotes, not true or false"),
    ('"agree"', '"average"', 7, "it is one of latest, first, mean"),
    ("tolerance = 0.5", "tolerance = -1", 9, "tolerance is 0 or more"),
    ('["pipeline", "rubric"]', '"pipeline"', 8, "scorers is a list of texts"),
    ('["pipeline", "rubric"]', '["pipeline",\n 3]', 9, "this is a number"),
    ('["pipeline", "rubric"]', '["a", "a"]', 8, "the same twice"),
    ('combine = "agree"\nscorers = ["pipeline", "rubric"]', 'combine = "first"', 7, "needs scorers"),
    ("low = 0.7", 'low = "0.7"', 17, "low is a number, not a text"),
    ("low = 0.7", "low = true", 17, "low is a number, not true or false"),
    ("low = 0.7", "low = 1979-05-27", 17, "not a date or time"),
    ("low = 0.7", "low = nan", 17, "not a number"),
    ("low = 0.7", "low = -inf", 17, "not a number"),
    ("low = 0.7", "low = 1e7", 17, "further from zero"),
    ("low = 0.7", "low = 0.12345678", 17, "more than 6 decimals"),
    ('cross = "mean"', 'cross = "median"', 18, "cross cannot be 'median'"),
    ('[cross]\nlow = "min"', '[cross]\nlow = "min"\nhigh = 3', 25, "said twice"),
    ("keep = 2", "keep = 2.5", 44, "keep is a whole number, not a number"),
    ("[domain.asm]\nlow", "[domain]\nasm", 21, "domain.asm is a table of keys and values, not a number"),
    ("[domain.asm]", "[domian.asm]", 20, "no key 'domian' here (did you mean 'domain'?)"),
    ("[domain.asm]\nlow", "[domain.asm]\nlow.high", 21, "low is a number, not a table"),
    ("low = 0.7", f"low{'.low' * 5_000} = 1", 17, "joins at most 16 names"),
    # measures
    ("diversity = 0.3,", "diversity = 0.30001,", 12, "more than 4 decimals"),
    ("diversity = 0.3,", "diversity = 0,", 12, "more than 0"),
    ("diversity = 0.3,", "diversity = -1,", 12, "more than 0"),
    ("diversity = 0.3,", "diversity = 99.9,", 12, "add up to 100 at most"),
    ("{ diversity = 0.3, coherence = 0.7 }", "{}", 12, "at least one weight"),
    ("weights = { diversity = 0.3, coherence = 0.7 }\n", "", 11, "weights is missing"),
    ('invert = ["coherence"]', 'invert = ["coherense"]', 13, "has no weight here (did you mean 'coherence'?)"),
    ('"renormalise"', '"renormalize"', 14, "did you mean 'renormalise'"),
    # names
    ("[measure.quality]", "[measure.label]", 11, "cannot be called 'label'"),
    ("[measure.quality]", '[measure."a b"]', 11, "letters, digits and _"),
    ("[measure.quality]", "[measure.low]", 11, "the name of a measure and of a threshold"),
    ('name = "base"', 'name = " base"', 1, "begin or end with a space"),
    ('name = "base"', f'name = "{"x" * 101}"', 1, "101 characters; the most are 100"),
    ('name = "base"', 'name = "a\\u200bb"', 1, "cannot be printed"),
    ('name = "poor"', 'name = "broken"', 31, "another rule or cap called 'broken'"),
    ('name = "twin"', 'name = "broken"', 41, "another rule or cap called 'broken'"),
    ('name = "poor"', 'name = "unknown"', 31, "cannot be called 'unknown'"),
    ('name = "false one"', 'name = "a+b"', 37, "holds a +"),
    ('headline = "quality"', 'headline = "qualty"', 4, "no measure 'qualty' (did you mean 'quality'?)"),
    ('headline = "quality"', 'headline = "none"', 4, "leave the line out"),
    ('best = "quality"', 'best = "qualty"', 45, "no measure 'qualty'"),
    # rules
    ('reject = "errors > 0"', "", 26, "exactly one of accept, reject, defer"),
    ('reject = "errors > 0"', 'reject = "errors > 0"\ndefer = "errors > 1"', 26, "it says reject and defer"),
    ('reject = "errors > 0"', "reject = true", 28, "reject is a text in quotes"),
    ('"errors > 0"', '"errors >"', 28, "at character 9 of the condition: a number or a threshold"),
    ("diversity < high", "diversity < hihg", 34, "no threshold 'hihg' (did you mean 'high'?)"),
    ("diversity < high", "status == 'x'", 34, "may not ask for status"),
    ('"errors > 0"', '"errors < 0"', 28, "can never hold"),
    ('"errors > 0"', '"diversity < 1 and not diversity < 2"', 28, "can never hold"),
    ('"errors > 0"', "\"domain == 'a' and domain == 'b'\"", 28, "can never hold"),
    ('"errors > 0"', '"quality < low or errors > 0 and errors < 1"', 32, "wherever this one does"),
    ('"errors > 0"', '"quality < low"', 32, "'broken' before it holds wherever this one does"),
    ('"errors > 0"', '"diversity < high and quality < low"', 32, "has the same condition"),
    ('reject = "errors > 0"', 'accept = "diversity < high and quality < low"', 32, "contradict each other"),
    ('"errors > 0"', "\"domain == 'a' or domain != 'a'\"", 32, "holds for every sample"),
    (
        'false = "diversity == 1"',
        'false = "x < 1"\n[[label]]\nname = "t"\ntrue = "not x >= 1"',
        41,
        "contradict each other",
    ),
    # caps
    ("keep = 2", "keep = 0", 44, "from 1 to 1,000,000"),
    ('then = "reject"', 'then = "accept"', 42, "it is one of reject, defer"),
    ('"fingerprint", "tag.persona"', "", 43, "at least one of fingerprint"),
    ('"fingerprint", "tag.persona"', '"fingerprint", "domian"', 43, "did you mean 'domain'"),
    ('"fingerprint", "tag.persona"', '"label", "label"', 43, "the same twice"),
]


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    WRONG,
    ids=[ascii(f"{line}: {new[:60]} | {what[:30]}") for _, new, line, what in WRONG],
)
def test_what_is_refused(old: str, new: str, line: int, what: str) -> None:
    """Each fault names its line and a remedy."""
    assert old in BASE

    found = refused(BASE.replace(old, new, 1))

    assert what in found[1]
    assert found[0] == line


SMALL = 'name = "p"\n[[rule]]\nname = "r"\n'

PLACES = [
    ('reject = """\n\nquality < lw"""', 6),
    ("reject = '''quality < 1\nor x < lw'''", 5),
    ('reject = "quality < 1\\nor x < lw"', 4),
    ('reject = "quality < \\u006cw"', 4),
    ("'reject' = 'x < lw'", 4),
    ("accept = 'x < 1' # 'reject'\n\n[threshold]\nlow = 1\n[[label]]\nname = 'l'\ntrue = 'x < lw'", 10),
    ("accept = 'x < 1'\n[scores]\nscorers = [ # one of these\n 'a',\n 'b', # ]\n 3 ]", 9),
    ("accept = 'x < 1'\n[measure]\nq.weights.a = 1\nq.weights.b = 'x'", 7),
    ("accept = 'x < 1'\n[measure]\nq.weight.a = 1", 6),
    ("accept = 'x < 1'\n[measure.q]\nweights = { a = 1, 'b.c' = 'x' }", 6),
]


@pytest.mark.parametrize(("rest", "line"), PLACES, ids=[ascii(rest) for rest, _ in PLACES])
def test_the_line_of_what_is_wrong(rest: str, line: int) -> None:
    """The line is exact in texts over several lines, behind comments, under dotted keys and in inline tables."""
    assert refused(SMALL + rest)[0] == line


def test_windows_line_ends() -> None:
    """A file with carriage returns is the same policy, and has the same lines."""
    windows = BASE.replace("\n", "\r\n")

    assert parse_policy(windows, "1").to_bytes() == parse_policy(BASE, "2").to_bytes()
    assert refused(windows.replace("diversity < high", "diversity < hihg"))[0] == 34


PIECES = [
    *BASE.splitlines(keepends=True),
    *('"', "'''", "[", "]", "{", "}", "=", ".", ",", "#", "\\", "\n", "reject", "nan", "-", "9", "é", "\x00", "\r"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_reads_or_is_refused(text: str) -> None:
    """Nothing that anybody can write raises anything but the one error, with a line that the text has."""
    line = 1
    try:
        parse_policy(text, "p.toml")
    except PolicyInvalid as error:
        line = error.args[1]

    assert 1 <= line <= text.count("\n") + 1


HOSTILE = {
    "dotted keys": "a." * 49_000 + "a = 1",
    "a dotted header": "[" + "a." * 49_000 + "a]",
    "quoted dotted keys": '"a" . ' * 16_000 + "a = 1",
    "headers": "[[rule]]\n" * 11_000,
    "different headers": "".join(f"[a{n}.b]\n" for n in range(9_000)),
    "domains": 'name="p"\n[threshold]\nt=1\n' + "".join(f"[domain.a{n}]\nt=1\n" for n in range(5_000)),
    "rules": 'name="p"\n' + "".join(f'[[rule]]\nname="r{n}"\nreject="x<{n}"\n' for n in range(3_000)),
    "thresholds": 'name="p"\n[threshold]\n' + "".join(f"t{n} = 1\n" for n in range(9_000)),
    "measures": 'name="p"\n' + "".join(f"[measure.m{n}]\nweights.a=1\n" for n in range(3_000)),
    "lists in one another": "x = " + "[" * 90_000,
    "tables in one another": "x = " + "{a=" * 30_000,
    "quotes": '"' * 100_000,
    "triple quotes": '"""' * 33_000,
    "backslashes": 'x = "' + "\\" * 90_000,
    "spaces": " " * 100_000,
    "carriage returns": "\r" * 100_000,
    "equals signs": "=" * 100_000,
    "digits": "x = " + "9" * 90_000,
    "decimals": "[threshold]\nt = 0." + "9" * 90_000,
    "underscores": "x = " + "1_" * 45_000 + "1",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_no_time(text: str) -> None:
    """As much of one thing as a policy may have characters is refused at once, with a short sentence."""
    started = time.perf_counter()
    _, what = refused(text[:LONGEST])

    assert time.perf_counter() - started < 20
    assert len(what) < 400


def test_longer_texts_are_not_read() -> None:
    """What has more characters than a policy may have is refused unread."""
    assert refused(BASE + "#" * LONGEST) == (1, "a policy has at most 100,000 characters")


def test_contradictions_that_take_all_comparisons() -> None:
    """Looking for contradictions among as many rules and comparisons as there may be takes no time either."""
    several = " or ".join(f"x > {n}" for n in range(1, 99))
    rules = "".join(f'[[rule]]\nname = "r{n}"\nreject = "({several}) and y > {n}"\n' for n in range(60))
    started = time.perf_counter()

    assert len(parse_policy(f'name = "p"\n{rules}', "p").rules) == 60
    assert time.perf_counter() - started < 20
