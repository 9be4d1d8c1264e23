"""docs/policies.md is true: its policies and conditions read, its examples work, its lists are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger.fixed import micro, text_of
from ledger.policy import Facts, changed, expression, judge, parse_policy, settings
from ledger.policy.check import GROUPS
from ledger.policy.document import FIELDS_OF_POLICIES, KEYS, SECTIONS, scope_of
from ledger.policy.expression import RESERVED, WORDS, read_condition
from ledger.rule import COMBINES, MADE, Findings, Observed, Policy, Score, compared

TEXT = (Path(__file__).parent.parent / "docs" / "policies.md").read_text("utf-8")
POLICIES = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose head begins so."""
    table = TEXT[TEXT.index(f"\n| {heading} |") :].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.strip().splitlines()[2:]]


def whole() -> Policy:
    """Return the first policy of the page, which has one of everything."""
    return parse_policy(POLICIES[0], "the first")


@pytest.mark.parametrize("text", POLICIES, ids=[re.findall('name = "(.*?)"', text)[0] for text in POLICIES])
def test_every_policy_reads(text: str) -> None:
    """A policy that the page shows is a policy."""
    assert f'name = "{parse_policy(text, "docs/policies.md").name}"' in text


def test_the_page_shows_every_section() -> None:
    """There are several policies, and the first has one of everything."""
    assert len(POLICIES) >= 6
    assert all(re.search(rf"^\[+{section}", POLICIES[0], re.MULTILINE) for section in SECTIONS)
    assert all(re.search(rf"^{key} = ", POLICIES[0], re.MULTILINE) for key in KEYS)


def test_every_condition_reads() -> None:
    """Each condition in the table, and each word of one in the text about it, is one."""
    conditions = [cells[0].strip("`") for cells in rows("condition")]

    assert len(conditions) >= 10
    for condition in conditions:
        assert list(compared(read_condition(condition, scope_of(whole()))))


def test_the_grammar_is_the_program() -> None:
    """The grammar stands word for word where conditions are read, and names every word that has a meaning there."""
    grammar = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)[0]
    there = re.sub(r"^    ", "", str(expression.__doc__), flags=re.MULTILINE)

    assert grammar in there
    assert all(f'"{word}"' in grammar for word in WORDS)


def test_the_fields() -> None:
    """The fields of policies are listed, and those that only queries know."""
    listed = re.findall(r"\*\*Fields\*\* are (.*?);", TEXT, re.DOTALL)[0]

    assert re.findall(r"`(\w+)`", listed) == list(FIELDS_OF_POLICIES)
    assert all(f"`{name}`" in TEXT.split("`--where` knows ")[1][:60] for name in MADE)
    assert set(FIELDS_OF_POLICIES) | set(MADE) < RESERVED


def test_every_key_stands_in_the_table() -> None:
    """Each key has a row, and the ways to combine scores and to group samples are all named."""
    keys = {re.findall(r"\w+", cells[0])[0] for cells in rows("key | value")}

    assert keys == {*KEYS, *SECTIONS}
    for words in (COMBINES, GROUPS):
        assert all(f"`{word}`" in TEXT for word in words)


def test_every_setting_can_be_set() -> None:
    """Each change in the table, and those that take something away, work on the first policy of the page."""
    table = [cells[-1].strip("`") for cells in rows("key | for example")]
    removed = re.findall(r"`([\w.]+=none)`", TEXT)

    assert len(table) == 8
    assert len(removed) == 5
    for change in (*table, *removed, "cap.duplicate.per=fingerprint, campaign"):
        assert changed(whole(), [change]) != whole()


def test_every_setting_stands_in_the_table() -> None:
    """Each key that can be set has the form of one in the table."""
    cells = " ".join(cells[0] for cells in rows("key | for example"))
    forms = [
        re.sub(r"(THRESHOLD|DOMAIN|NAME|SCORE)", r".+", re.escape(form)) for form in re.findall(r"`([\w.]+)`", cells)
    ]

    for key, _ in settings(whole()):
        assert any(re.fullmatch(form, key) for form in forms), key


def test_the_numbers_of_domains() -> None:
    """The limits that the page works out are those that the policy gives."""
    policy = next(parse_policy(text, "by-domain") for text in POLICIES if "by-domain" in text)
    said = re.findall(r"Here the limit is (.*?)\.\n", TEXT)[0]

    for limit, domain in re.findall(r"([\d.]+) in `([\w+]+)`", said):
        assert text_of(policy.thresholds[0].at(domain)) == limit
    assert said.count(" in ") == 4


def test_the_numbers_of_margins() -> None:
    """The margins that the page works out are those that the program finds."""
    said = TEXT.split("## Margins")[1]

    for condition, number, margin in (("quality < 0.4", 0.31, "-0.09"), ("quality == 0.4", 0.31, "0.09")):
        assert f"`{condition}`" in said
        assert margin_of(condition, Score("quality"), number) == margin
    assert "`errors > 0` has the margin -2 where there are two" in said
    assert margin_of("errors > 0", Findings("*", "error"), 2) == "-2"


def margin_of(condition: str, looked_up: Observed, number: float) -> str:
    """Return the margin that a policy of one rule gives a sample."""
    policy = parse_policy(f'name = "p"\n[[rule]]\nname = "r"\nreject = "{condition}"', "p")
    margin = judge(policy, Facts({looked_up: micro(number)}, {}, {})).margin
    assert margin is not None
    return text_of(margin)
