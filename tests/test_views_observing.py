"""What a policy sees of a sample: several scores as one number, counts of findings, and texts as bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.rule import Choice, Compare, Condition, Findings, Number, Policy, Rule, Score
from ledger.views.conditions import Parameters
from ledger.views.observing import SLOTS, observations, texts
from tests.logs import line
from tests.scoring import (
    both,
    either,
    errors,
    field_is,
    find,
    score,
    score_is,
    some,
    tag_is,
)
from tests.test_views_scores import views


def seen(ledger: Ledger, *asked: Condition, choice: Choice | None = None) -> tuple[Any, ...]:
    """Return the numbers that a policy of these conditions compares of the only sample, and the bits of its texts."""
    rules = tuple(Rule(f"r{n}", "rejected", when) for n, when in enumerate(asked))
    parameters = Parameters()
    columns = observations(views(ledger), Policy("p", rules=rules, scores=choice or Choice()), parameters)
    sql = f"SELECT {columns} FROM samples s"  # noqa: S608 - made by the program
    row = views(ledger).execute(sql, parameters.values).fetchone()
    return tuple(row)


GIVEN = (("x", "0.1"), ("y", "0.4"), ("z", "0.4"), ("x", "0.800001"))
"""Scores of one dimension, by whom, in the order of the log."""


@pytest.mark.parametrize(
    ("choice", "value"),
    [
        (Choice("latest"), 800_001),
        (Choice("latest", ("z", "y")), 400_000),
        (Choice("first", ("nobody", "y", "x")), 400_000),
        (Choice("first", ("x", "y")), 800_001),
        (Choice("min"), 100_000),
        (Choice("max"), 800_001),
        (Choice("mean"), 425_000),  # 1,700,001 / 4 rounds to the nearest
        (Choice("mean", ("x",)), 450_001),  # a half is rounded away from zero
        (Choice("median"), 400_000),
        (Choice("median", ("x",)), 450_001),
        (Choice("agree", (), 700_001), 425_000),
        (Choice("agree", (), 700_000), None),
        (Choice("mean", ("nobody",)), None),
    ],
)
def test_several_scores_count_as_the_policy_says(
    ledger: Ledger, tmp_path: Path, choice: Choice, value: int | None
) -> None:
    """One number in millionths, or none."""
    (one,) = some(ledger, tmp_path, 1)
    for n, (scorer, text) in enumerate(GIVEN):
        score(ledger, {one: {"q": text}}, scorer=scorer, replicate=n)
    assert seen(ledger, score_is("q", "<", 1), choice=choice)[0] == value


@pytest.mark.parametrize("combine", ["mean", "median", "agree"])
def test_below_zero_halves_are_rounded_away_from_it_too(ledger: Ledger, tmp_path: Path, combine: str) -> None:
    """-0.000001 and -0.000002 come to -0.000002, as by the book."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"q": "-0.000001"}})
    score(ledger, {one: {"q": "-0.000002"}})
    assert seen(ledger, score_is("q", "<", 1), choice=Choice(combine, (), 1))[0] == -2


def test_only_scores_of_the_version_that_stands_count(ledger: Ledger, tmp_path: Path) -> None:
    """After an edit nothing is known; when it is withdrawn, what was known before is."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"q": "0.5"}})
    find(ledger, {one: [["text/empty", "error", ""]]})
    asked = (score_is("q", "<", 1), errors())
    assert seen(ledger, *asked)[:2] == (500_000, 1_000_000)
    (edit,) = ledger.edit(one, line("prompt", "another"))["events"]
    assert seen(ledger, *asked)[:2] == (None, None)
    ledger.withdraw([f"@{edit}"])
    assert seen(ledger, *asked)[:2] == (500_000, 1_000_000)


def test_findings_are_counted_by_glob_and_severity(ledger: Ledger, tmp_path: Path) -> None:
    """In millionths, like every number; none is zero where somebody looked, unknown where nobody did."""
    (one,) = some(ledger, tmp_path, 1)
    globs = [("*", "error"), ("*", "warning"), ("*", None), ("tools/*", None), ("text/*", "error")]
    asked = [Compare(Findings(rule, severity), ">", Number(0)) for rule, severity in globs]  # type: ignore[arg-type]
    assert seen(ledger, *asked)[:5] == (None,) * 5
    find(ledger, {one: [["tools/a", "error", ""], ["tools/a", "error", ""], ["text/b", "warning", ""]]})
    assert seen(ledger, *asked)[:5] == (2_000_000, 1_000_000, 3_000_000, 2_000_000, 0)


def test_each_comparison_of_texts_is_one_bit(ledger: Ledger, tmp_path: Path) -> None:
    """In the order in which the rules ask; the same one asked twice is one."""
    (one,) = some(ledger, tmp_path, 1, domain="asm")
    ledger.tag([one], "who", "twain")
    asked: tuple[Condition, ...] = (
        both(field_is("domain", "asm"), field_is("domain", "cpp")),
        either(tag_is("who", "twain"), errors()),
    )
    again = both(field_is("domain", "asm"), tag_is("none", ""), field_is("label", "none"))
    rules = tuple(Rule(f"r{n}", "rejected", when) for n, when in enumerate((*asked, again)))
    assert len(texts(Policy("p", rules=rules))) == 5
    assert seen(ledger, *asked, again)[-1] == 0b11101


def test_the_label_is_the_one_without_policies(ledger: Ledger, tmp_path: Path) -> None:
    """That of the birth, or a person's."""
    (one,) = some(ledger, tmp_path, 1, label=True)
    asked = (field_is("label", "true"), field_is("label", "false"), field_is("label", "none"))
    assert seen(ledger, *asked)[-1] == 0b001
    (at,) = ledger.relabel([one], "false", reason="seen")["events"]
    assert seen(ledger, *asked)[-1] == 0b010
    ledger.withdraw([f"@{at}"])
    assert seen(ledger, *asked)[-1] == 0b001


def test_there_are_so_many_numbers_and_no_more(ledger: Ledger, tmp_path: Path) -> None:
    """Unused columns are empty; a policy that asks for one number too many is refused."""
    some(ledger, tmp_path, 1)
    assert seen(ledger) == (*[None] * SLOTS, 0)
    asked = [Compare(Score(f"q{n}"), ">", Number(0)) for n in range(SLOTS)]
    assert seen(ledger, *asked) == (*[None] * SLOTS, 0)
    with pytest.raises(ValueError, match="at most 16"):
        seen(ledger, *asked, score_is("one more", ">", 0))
