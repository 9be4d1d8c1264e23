"""What a decision says beside its outcome: what was compared, what failed besides, what it is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from ledger import Ledger
from ledger.policy import judge
from ledger.policy.verdict import Facts
from ledger.rule import (
    Cap,
    LabelRule,
    Levels,
    Not,
    Number,
    Policy,
    Rule,
    Score,
    Text,
    Threshold,
    Weighted,
    compared,
    observed,
)
from ledger.rule import Compare as Is
from ledger.rule import Measure as Mean
from ledger.verbs.details import Teller
from ledger.views.due import Due
from ledger.views.judging import slots_of
from ledger.views.observing import SLOTS
from tests import policy_model as book
from tests.scoring import ONE, both, decide, details_of, either, errors, find, score, some, text

QUALITY = Policy(
    "quality",
    rules=(
        Rule("invalid", "rejected", errors()),
        Rule("dull", "rejected", both(Is(Mean("m"), "<", Threshold("low")), Is(Score("a"), "<", Number(ONE // 10)))),
        Rule("low", "rejected", Is(Mean("m"), "<", Threshold("low"))),
    ),
    labels=(LabelRule("poor", label=False, when=Is(Score("b"), ">=", Number(ONE // 2))),),
    thresholds=(Levels("low", ONE // 2, (("asm", ONE // 4),)),),
    measures=(Weighted("m", (("a", 1), ("b", 3)), frozenset("b")),),
)


def said(ledger: Ledger, folder: Path, a: str, b: str, domain: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the details of the decision about a sample with these scores."""
    (one,) = some(ledger, folder, 1, domain=domain)
    score(ledger, {one: {"a": a, "b": b}})
    find(ledger, {one: more.get("found", [])})
    decide(ledger, more.get("policy", QUALITY))
    details: dict[str, Any] = details_of(ledger, one, more.get("kind"))["details"]
    return details


def test_what_was_compared_and_what_failed_besides(ledger: Ledger, tmp_path: Path) -> None:
    """The deciding comparison is the one that is nearest to giving way; thresholds are those of the domain."""
    assert said(ledger, tmp_path, "0.05", "0.9", "asm", kind="rejected") == {
        "compared": [["m", "<", "0.0875", "0.25", "-0.1625"], ["a", "<", "0.05", "0.1", "-0.05"]],
        "components": [["a", "0.05"], ["b", "0.9"], ["m", "0.0875"]],
        "family": None,
        "failed": [["low", "0.0875", "0.25", "-0.1625"]],
        "margin": "-0.05",
        "observed": "0.05",
        "rank": None,
        "similarity": None,
        "threshold": "0.1",
        "twin": None,
        "unknown": [],
    }


def test_a_finding_that_decides(ledger: Ledger, tmp_path: Path) -> None:
    """Counts are numbers like scores; every other rule that holds is told with its own comparison."""
    details = said(ledger, tmp_path, "0", "1", "", found=[["text/empty", "error", ""]], kind="rejected")
    assert details["compared"] == [["errors *", ">", "1", "0", "-1"]]
    assert [failed[0] for failed in details["failed"]] == ["dull", "low"]


def test_where_no_rule_decides_the_margin_is_that_of_the_nearest(ledger: Ledger, tmp_path: Path) -> None:
    """There is nothing observed, and nothing compared."""
    scores_alone = replace(QUALITY, rules=QUALITY.rules[1:])
    details = said(ledger, tmp_path, "1", "0.2", "", policy=scores_alone, kind="accepted")
    assert (details["compared"], details["observed"], details["threshold"], details["failed"]) == ([], None, None, [])
    assert (details["margin"], details["components"][2]) == ("0.35", ["m", "0.85"])


def test_what_is_not_known_is_null(ledger: Ledger, tmp_path: Path) -> None:
    """A component that is missing, and the measure that needs it; the rules that need them are named."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"a": "0.5", "b": None}})
    decide(ledger, QUALITY)
    details = details_of(ledger, one, "deferred")["details"]
    assert details["components"] == [["a", "0.5"], ["b", None], ["m", None]]
    assert details["unknown"] == ["invalid", "low"]  # a is known not to be dull


def test_a_label_says_what_its_rules_compared(ledger: Ledger, tmp_path: Path) -> None:
    """And the components, in the same form."""
    assert said(ledger, tmp_path, "1", "0.5", "", kind="relabeled") == {
        "compared": [["b", ">=", "0.5", "0.5", "0"]],
        "components": [["a", "1"], ["b", "0.5"], ["m", "0.625"]],
    }


def test_twins_share_no_details(ledger: Ledger, tmp_path: Path) -> None:
    """What a cap says of one sample is not what it says of the next with the same scores."""
    ids = some(ledger, tmp_path, 4)
    score(ledger, {one: {"a": "1", "b": "0"} for one in ids})
    find(ledger, {one: [] for one in ids})
    decide(ledger, replace(QUALITY, caps=(Cap("one", "rejected", ("source",), 1, "m"),)))
    over = [details_of(ledger, one)["details"] for one in ids if details_of(ledger, one)["rule"] == "one"]
    assert sorted(details["rank"] for details in over) == [2, 3, 4]
    assert len({details["twin"] for details in over}) == 1


@settings(max_examples=100)
@given(drawn=book.judged())
def test_the_details_are_those_of_judging_one_sample(drawn: tuple[Policy, Facts]) -> None:
    """Components, and what the deciding rule compared, are what the policy says of the sample by itself."""
    policy, facts = drawn
    verdict = judge(policy, facts)
    numbers = [facts.numbers[item] for item in observed(policy)]
    truths = [book.holds(rule.when, policy, facts) for rule in policy.rules]
    bits = slots_of(policy).bits
    plain: dict[str, Any] = dict.fromkeys(Due._fields)
    row = Due(**plain)._replace(
        domain=facts.fields["domain"],
        numbers=(*numbers, *[None] * (SLOTS - len(numbers))),
        facts=sum(1 << bit for compare, bit in bits.items() if book.holds(compare, policy, facts)),
        rule=verdict.rule,
        margin=verdict.margin,
        held=sum(1 << n for n, truth in enumerate(truths) if truth),
        untold=sum(1 << n for n, truth in enumerate(truths) if truth is None),
    )
    details = Teller(policy).decision_details(row)
    deciding = [compare for rule in policy.rules if rule.name == verdict.rule for compare in compared(rule.when)]
    assert [one[2:] for one in details["compared"]] == [
        [text(number(book.side(side, policy, facts))) for side in (compare.left, compare.right)]
        + [text(book.margin_of_one(compare, policy, facts))]
        for compare in deciding
        if not isinstance(compare.right, Text)
    ]
    assert [component[1] for component in details["components"]] == [
        text(value) for _, value in sorted(verdict.components)
    ]
    assert details["unknown"] == [lacking.rule for lacking in verdict.unknown]
    assert [failed[0] for failed in details["failed"]] == [failed.rule for failed in verdict.failed]
    for told, failed in zip(details["failed"], verdict.failed, strict=True):
        if not isinstance(failed.threshold, str):
            assert told[1:3] == [text(number(failed.observed)), text(number(failed.threshold))]
            assert failed.margin is None or told[3] == text(failed.margin)
    decisive = verdict.decisive
    if verdict.rule in {"default", "unknown"} or decisive is None or isinstance(decisive.threshold, str):
        assert (details["observed"], details["threshold"]) == (None, None)
    else:
        assert details["observed"] == text(number(decisive.observed))
        assert details["threshold"] == text(number(decisive.threshold))
        assert details["margin"] in {text(decisive.margin), text(-(decisive.margin or 0))}
        assert details["margin"] == "0" or details["margin"].startswith("-")


def number(value: int | str | None) -> int | None:
    """Return a side of a comparison of numbers."""
    assert not isinstance(value, str)
    return value


def test_the_comparison_that_decides_is_found_through_not_and_or(ledger: Ledger, tmp_path: Path) -> None:
    """`not` turns the sign; of alternatives it is the one that holds longest, never one that does not hold."""
    turned = Rule("turned", "rejected", Not(Is(Score("a"), ">=", Number(ONE // 2))))
    details = said(ledger, tmp_path, "0.2", "0", "", policy=Policy("p", rules=(turned,)), kind="rejected")
    assert (details["observed"], details["threshold"], details["margin"]) == ("0.2", "0.5", "-0.3")
    either_way = either(Is(Score("a"), "<", Number(ONE // 5)), Is(Score("b"), "<", Number(ONE // 2)))
    policy = Policy("q", rules=(Rule("either", "rejected", either_way),))
    details = said(ledger, tmp_path, "0.2", "0.1", "x", policy=policy, kind="rejected")
    assert (details["observed"], details["threshold"], details["margin"]) == ("0.1", "0.5", "-0.4")
