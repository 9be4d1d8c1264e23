"""The view of judgements: one row for each sample under the policy in force, at every moment as if made anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.rule import LabelRule, Policy, Rule
from ledger.views import judgements, policies
from tests.judged import LOW, RELABEL
from tests.logs import improve, line, store_of, tables
from tests.scoring import decide, errors, field_is, find, judged, score, score_is, some, tag_is
from tests.test_views_scores import views

ALL = Policy(
    "all",
    rules=(
        Rule("empty", "rejected", errors("text/empty")),
        Rule("tagged", "rejected", tag_is("who", "twain")),
        Rule("low", "deferred", score_is("quality", "<", 0.5)),
        Rule("false", "rejected", field_is("label", "false")),
    ),
    labels=(LabelRule("poor", label=False, when=score_is("quality", "<", 0.3)),),
    unknown="ignore",
)
"""A policy that looks at everything that can change."""

STOOD = "status, rule, labelled"


def made_anew(ledger: Ledger) -> list[Any]:
    """Return the rows of the view as a rebuild makes them, and leave them there."""
    ledger.rebuild_views()
    return tables(store_of(ledger).connection)["judgements"]


def test_there_are_none_without_a_policy(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever is known."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"quality": "0.2"}})
    assert judged(ledger) == {}
    decide(ledger, LOW)
    assert judged(ledger) == {one: ("rejected", "low_quality", -300_000)}


ACTS: list[tuple[str, Callable[[Ledger, str], object], tuple[str, str, str]]] = [
    ("scored", lambda ledger, one: score(ledger, {one: {"quality": "0.4"}}), ("deferred", "low", "none")),
    ("scored low", lambda ledger, one: score(ledger, {one: {"quality": "0.2"}}), ("deferred", "low", "false")),
    (
        "found",
        lambda ledger, one: find(ledger, {one: [["text/empty", "error", ""]]}),
        ("rejected", "empty", "none"),
    ),
    ("tagged", lambda ledger, one: ledger.tag([one], "who", "twain"), ("rejected", "tagged", "none")),
    ("relabeled", lambda ledger, one: ledger.relabel([one], "false", reason="r"), ("rejected", "false", "false")),
    ("accepted", lambda ledger, one: ledger.reject([one], reason="r"), ("rejected", "default", "none")),
    ("deferred", lambda ledger, one: ledger.defer([one], reason="r"), ("deferred", "default", "none")),
    ("edited", lambda ledger, one: ledger.edit(one, line("p", "q")), ("accepted", "default", "none")),
]


@pytest.mark.parametrize(("act", "stands"), [pytest.param(act, stands, id=name) for name, act, stands in ACTS])
@pytest.mark.parametrize("other", [act for _, act, _ in ACTS], ids=[name for name, _, _ in ACTS])
def test_whatever_changes_a_sample_judges_it_again(
    ledger: Ledger,
    tmp_path: Path,
    act: Callable[[Ledger, str], object],
    stands: tuple[str, str, str],
    other: Callable[[Ledger, str], object],
) -> None:
    """At once, and the others' rows stay; whatever follows, the row is the one made anew."""
    one, another = some(ledger, tmp_path, 2)
    decide(ledger, ALL)
    assert judged(ledger, STOOD) == dict.fromkeys((one, another), ("accepted", "default", "none"))
    act(ledger, one)
    assert judged(ledger, STOOD) == {one: stands, another: ("accepted", "default", "none")}
    other(ledger, one)
    grown = tables(store_of(ledger).connection)["judgements"]
    assert made_anew(ledger) == grown


def test_withdrawing_judges_again(ledger: Ledger, tmp_path: Path) -> None:
    """Tag, label, decision and edit: what stood before is seen again."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"quality": "0.9"}})
    decide(ledger, ALL)
    stood = judged(ledger, STOOD)
    acts: list[Callable[[], dict[str, Any]]] = [
        lambda: ledger.tag([one], "who", "twain"),
        lambda: ledger.relabel([one], "false", reason="r"),
        lambda: ledger.reject([one], reason="r"),
        lambda: ledger.edit(one, line("p", "q")),
    ]
    for act in acts:
        (at,) = act()["events"]
        assert judged(ledger, f"{STOOD}, person, x1") != {one: (*stood[one], None, 900_000)}
        ledger.withdraw([f"@{at}"])
        assert judged(ledger, f"{STOOD}, person, x1") == {one: (*stood[one], None, 900_000)}


def test_new_samples_are_judged(ledger: Ledger, tmp_path: Path) -> None:
    """Those that are ingested and those that are made of others."""
    (one,) = some(ledger, tmp_path, 1)
    decide(ledger, ALL)
    (child,) = improve(ledger, one, [line("p", "better")], label=False)
    (two,) = some(ledger, tmp_path, 1, "d", label=True)
    assert judged(ledger, STOOD) == {
        one: ("accepted", "default", "none"),
        child: ("rejected", "false", "false"),
        two: ("accepted", "default", "true"),
    }


def test_what_people_said_outranks(ledger: Ledger, tmp_path: Path) -> None:
    """The policy's own verdict stays beside it."""
    one, two = some(ledger, tmp_path, 2)
    score(ledger, {each: {"quality": "0.2"} for each in (one, two)})
    ledger.accept([one], reason="r")
    ledger.relabel([one], "true", reason="r")
    decide(ledger, replace(RELABEL, rules=LOW.rules))
    assert judged(ledger, "outcome, label, person, bound, status, labelled") == {
        one: ("rejected", 0, "accepted", 1, "accepted", "true"),
        two: ("rejected", 0, None, 0, "rejected", "false"),
    }


def test_each_campaign_is_judged_by_its_own_policy(ledger: Ledger, tmp_path: Path) -> None:
    """The one for all covers the rest, until another for all covers everything."""
    here, there = (*some(ledger, tmp_path, 1, "here"), *some(ledger, tmp_path, 1, "there"))
    decide(ledger, replace(LOW, default="rejected", unknown="ignore"), "here")
    assert judged(ledger) == {here: ("rejected", "default", None)}
    decide(ledger, replace(LOW, default="deferred", unknown="ignore"))
    assert judged(ledger, "outcome") == {here: ("deferred",), there: ("deferred",)}
    decide(ledger, replace(LOW, default="rejected", unknown="ignore"), "there")
    assert judged(ledger, "outcome, policy = (SELECT max(position) FROM policies)") == {
        here: ("deferred", 0),
        there: ("rejected", 1),
    }


@pytest.mark.parametrize(
    "other",
    [
        replace(LOW, thresholds=(replace(LOW.thresholds[0], default=800_000),)),
        replace(LOW, default="rejected", unknown="ignore"),
        replace(LOW, rules=(*LOW.rules, Rule("of memory", "deferred", score_is("memory", "<", 1)))),
        replace(LOW, scores=replace(LOW.scores, combine="min")),
        ALL,
    ],
    ids=["threshold", "default", "asks for more", "combines otherwise", "another"],
)
def test_trying_a_policy_is_adopting_it(ledger: Ledger, tmp_path: Path, other: Policy) -> None:
    """Whether it sees what the policy in force saw, or something else; the view itself stays as it was."""
    ids = some(ledger, tmp_path, 6)
    for scorer in ("a", "b"):
        score(ledger, {one: {"quality": f"0.{n + 2}", "memory": "1"} for n, one in enumerate(ids)}, scorer=scorer)
        ids = ids[::-1]
    decide(ledger, LOW)
    stood = tables(views(ledger))["judgements"]
    standing = policies.in_force(views(ledger))[0]
    tried = replace_adoption(standing, other)
    judgements.try_on(views(ledger), [standing, tried], tried)
    columns = "sample, person, bound, given, outcome, rule, margin, held, untold, label, label_held, label_untold"
    sql = f"SELECT {columns} FROM {{table}} ORDER BY sample"  # noqa: S608 - names of columns
    rows = views(ledger).execute(sql.format(table="temp.tried")).fetchall()
    assert tables(views(ledger))["judgements"] == stood
    decide(ledger, other)
    assert rows == views(ledger).execute(sql.format(table="judgements")).fetchall()


def replace_adoption(adoption: policies.Adoption, policy: Policy) -> policies.Adoption:
    """Return the adoption of another policy, as of later."""
    return adoption._replace(position=adoption.position + 1000, body=policy.to_bytes(), name=policy.name)
