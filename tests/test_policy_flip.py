"""The smallest change that would flip a sample: it really does, and nothing smaller on the same number does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ledger.fixed import micro
from ledger.policy import Facts, changed, flip, judge, parse_policy
from ledger.policy.flip import Change
from ledger.policy.moves import set_at
from ledger.policy.verdict import UNSET
from ledger.policy.writing import measured
from ledger.rule import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Findings,
    LabelRule,
    Levels,
    Not,
    Number,
    Observed,
    Policy,
    Rule,
    Score,
    Threshold,
)
from tests import policy_model as book

ERRORS, QUALITY, COHERENCE = Findings("*", "error"), Score("quality"), Score("coherence")
AMOUNTS = st.sampled_from([250_000, 400_000, 500_000, 750_000, 1_000_000])


@st.composite
def ordered(draw: st.DrawFn) -> tuple[Policy, Facts]:
    """Return a policy that asks what is more and what is less, and a sample of which everything is known."""
    number = st.sampled_from([QUALITY, COHERENCE])
    limit = st.sampled_from([Threshold("low"), Threshold("high"), Number(500_000)])
    compare = st.builds(Compare, number, st.sampled_from(["<", "<=", ">", ">="]), limit)
    several = st.lists(compare, min_size=2, max_size=3, unique=True).map(tuple)
    part: st.SearchStrategy[Condition] = st.one_of(
        compare, compare, st.builds(Not, compare), st.builds(AllOf, several), st.builds(AnyOf, several)
    )
    own = st.dictionaries(st.sampled_from(["asm", "cpp"]), AMOUNTS).map(lambda found: tuple(sorted(found.items())))
    outcomes = st.sampled_from(["accepted", "rejected", "deferred"])
    policy = Policy(
        "p",
        tuple(Rule(f"r{n}", draw(outcomes), draw(part)) for n in range(draw(st.integers(0, 3)))),
        tuple(
            LabelRule(f"l{n}", draw(st.sampled_from([True, False, None])), draw(part))
            for n in range(draw(st.integers(0, 2)))
        ),
        thresholds=tuple(
            Levels(name, draw(AMOUNTS), draw(own), draw(st.sampled_from([None, "min", "mean"])))
            for name in ("low", "high")
        ),
        default=draw(outcomes),
    )
    domain = draw(st.sampled_from(["", "asm", "asm+cpp", "my domain"]))
    return policy, Facts({QUALITY: draw(AMOUNTS), COHERENCE: draw(AMOUNTS)}, {"domain": domain}, {})


def said(policy: Policy, seen: Facts, of: str) -> str:
    """Return what a policy says of the status or the label of a sample, as changes name it."""
    verdict = judge(policy, seen)
    if of == "status":
        return verdict.outcome
    return "unchanged" if verdict.label is UNSET else "none" if verdict.label is None else str(verdict.label).lower()


def ways(policy: Policy, seen: Facts) -> Iterator[tuple[str, str, list[Change]]]:
    """Yield status and label, `set` and `score`, and the changes that go together."""
    found = flip(policy, seen) or []
    for of in ("status", "label"):
        for key in ("set", "score"):
            if together := [change for change in found if change["of"] == of and key in change]:
                yield of, key, together


def needed(change: Change, number: Observed) -> int:
    """Return the nearest number that is what a change needs."""
    op, limit = change["needs"].split(" ")
    step = 1_000_000 if isinstance(number, Findings) else 1
    value = micro(limit)
    base = value // step * step if op in {"<=", ">"} else -(-value // step) * step
    return base + {"<": -step, "<=": 0, ">": step, ">=": 0, "==": 0, "!=": step}[op]


def with_numbers(seen: Facts, changes: list[Change]) -> Facts:
    """Return a sample with the numbers that changes need."""
    named = {measured(number): number for number in seen.numbers}
    numbers = {named[change["score"]]: needed(change, named[change["score"]]) for change in changes}
    return seen._replace(numbers={**seen.numbers, **numbers})


@given(ordered() | book.judged())
def test_other_thresholds_really_flip(pair: tuple[Policy, Facts]) -> None:
    """The settings of one way can be set as they stand there, and the policy then says what they promise."""
    policy, seen = pair
    for of, key, changes in ways(policy, seen):
        if key == "set":
            then = said(changed(policy, [change["set"] for change in changes]), seen, of)

            assert then != said(policy, seen, of)
            assert {change["gives"] for change in changes} == {then}
            assert all(change["set"].endswith(f"={change['to']}") for change in changes)


@given(ordered() | book.judged())
def test_other_numbers_really_flip(pair: tuple[Policy, Facts]) -> None:
    """A sample with the numbers that one way needs is one of which the policy says what is promised."""
    policy, seen = pair
    measures = {weighted.name for weighted in policy.measures}  # a measure as a whole; errors are a score there, too
    for of, key, changes in ways(policy, seen):
        moved = {one.get("score") for one in changes}
        if key == "score" and changes[0]["gives"] is not None and not moved & (measures | {"errors"}):
            then = said(policy, with_numbers(seen, changes), of)

            assert then != said(policy, seen, of)
            assert {change["gives"] for change in changes} == {then}


@given(ordered(), st.integers(1, 10**6))
def test_nothing_smaller_flips_a_threshold(pair: tuple[Policy, Facts], less: int) -> None:
    """Where one threshold is enough, no smaller change of it, up or down, flips anything."""
    policy, seen = pair
    domain = seen.fields["domain"]
    for of, key, changes in ways(policy, seen):
        if key == "set" and len(changes) == 1:
            before, after = micro(changes[0]["from"]), micro(changes[0]["to"])
            far = abs(after - before)
            name = changes[0]["set"].split("=")[0].rsplit(".", 1)[1]
            for amount in {far - 1, far // 2, less % far, 1 if far > 1 else 0}:
                for value in (before - amount, before + amount):
                    assert said(at(policy, domain, {name: value}), seen, of) == said(policy, seen, of)


@given(ordered(), st.integers(1, 10**6))
def test_nothing_smaller_flips_a_number(pair: tuple[Policy, Facts], less: int) -> None:
    """Where another number is enough, no nearer one flips anything."""
    policy, seen = pair
    for of, key, changes in ways(policy, seen):
        if key == "score" and len(changes) == 1:
            number = Score(changes[0]["score"])
            value = seen.numbers[number] or 0
            far = abs(needed(changes[0], number) - value)
            for amount in {far - 1, far // 2, less % far}:
                for nearer in (value - amount, value + amount):
                    nearly = seen._replace(numbers={**seen.numbers, number: nearer})
                    assert said(policy, nearly, of) == said(policy, seen, of)


@given(ordered())
def test_one_threshold_is_found_where_one_is_enough(pair: tuple[Policy, Facts]) -> None:
    """Whatever a single threshold can flip is found, and the threshold that has to move least is taken."""
    policy, seen = pair
    domain = seen.fields["domain"]
    values = {value for value in seen.numbers.values() if value is not None}
    for of, rules in (("status", policy.rules), ("label", policy.labels)):
        moves = [
            (abs(value - levels.at(domain)), book.is_sound(at(policy, domain, {levels.name: value})))
            for levels in policy.thresholds
            for value in {near + step for near in values for step in (-1, 0, 1)}
            if said(at(policy, domain, {levels.name: value}), seen, of) != said(policy, seen, of)
        ]
        found = [changes for kind, key, changes in ways(policy, seen) if (kind, key) == (of, "set")]
        least = min(moves, default=(0, False))[0]
        if rules and {sound for amount, sound in moves if amount == least} == {True}:
            [[change]] = found
            assert abs(micro(change["to"]) - micro(change["from"])) == least


def at(policy: Policy, domain: str, values: dict[str, int]) -> Policy:
    """Return a policy with thresholds changed in a domain, sound or not."""
    return replace(
        policy,
        thresholds=tuple(
            set_at(levels, domain, values[levels.name]) if levels.name in values else levels
            for levels in policy.thresholds
        ),
    )


def policy(rules: str) -> Policy:
    """Return a policy of these rules."""
    return parse_policy(f'name = "p"\n{rules}', "p.toml")


LOW = """
[threshold]
low = 0.7
[domain.asm]
low = 0.4
[[rule]]
name = "poor"
reject = "quality < low"
"""


def test_the_threshold_of_the_domain() -> None:
    """The change is for the domain of the sample, so that as few others as possible are touched."""
    seen = Facts({QUALITY: 330_000}, {"domain": "asm"}, {})
    others: tuple[dict[str, str], ...] = ({}, {"domain": "cpp"}, {"domain": "a.b"}, {"domain": "asm+cpp"})

    assert flip(policy(LOW), seen) == [
        {"of": "status", "gives": "accepted", "set": "domain.asm.low=0.33", "from": "0.4", "to": "0.33"},
        {"of": "status", "gives": "accepted", "score": "quality", "needs": ">= 0.4", "has": "0.33"},
    ]
    assert [(flip(policy(LOW), seen._replace(fields=fields)) or [{}])[0]["set"] for fields in others] == [
        "threshold.low=0.33",
        "domain.cpp.low=0.33",
        'domain."a.b".low=0.33',
        "domain.asm+cpp.low=0.33",
    ]


def test_a_change_that_no_policy_could_have() -> None:
    """A threshold that would make a rule contradict itself is not proposed."""
    narrow = policy(
        '[threshold]\nlow = 0.5\n[[rule]]\nname = "r"\nreject = "quality < low and quality >= 0.3"\n'
        '[[rule]]\nname = "s"\nreject = "errors > 0"'
    )
    changes = flip(narrow, Facts({QUALITY: 300_000, ERRORS: 0}, {}, {})) or []

    assert [change.get("set") or change.get("needs") for change in changes] == ["< 0.3"]


def test_findings_are_whole() -> None:
    """A sample is told how many findings it may have, not a part of one."""
    two = policy('[[rule]]\nname = "r"\nreject = "errors > 0.5"')

    assert flip(two, Facts({ERRORS: 2_000_000}, {}, {})) == [
        {"of": "status", "gives": "accepted", "score": "errors", "needs": "<= 0.5", "has": "2"}
    ]
    assert with_numbers(Facts({ERRORS: 2_000_000}, {}, {}), flip(two, Facts({ERRORS: 2_000_000}, {}, {})) or []) == (
        Facts({ERRORS: 0}, {}, {})
    )


def test_several_rules_have_to_be_left() -> None:
    """Where one change is not enough, the changes that are needed go together."""
    both = policy('[[rule]]\nname = "a"\nreject = "quality < 0.5"\n[[rule]]\nname = "b"\nreject = "coherence < 0.6"')
    seen = Facts({QUALITY: 400_000, COHERENCE: 500_000}, {}, {})

    assert [(change["score"], change["needs"]) for change in flip(both, seen) or []] == [
        ("quality", ">= 0.5"),
        ("coherence", ">= 0.6"),
    ]


def test_what_is_missing() -> None:
    """Where nothing is decided because numbers are missing, they are named."""
    assert flip(policy(LOW), Facts({QUALITY: None}, {}, {})) == [
        {"of": "status", "gives": None, "score": "quality", "needs": "a value", "has": None}
    ]
    label = policy('[[label]]\nname = "l"\nfalse = "quality < 0.5"')
    assert flip(label, Facts({}, {}, {})) == [
        {"of": "label", "gives": None, "score": "quality", "needs": "a value", "has": None}
    ]


def test_what_no_number_can_flip() -> None:
    """What a text decides, or nothing decides, has no change that is one of numbers."""
    text = policy('[[rule]]\nname = "r"\nreject = "domain == \'asm\'"')

    assert flip(text, Facts({}, {"domain": "asm"}, {})) is None
    assert flip(policy('[[cap]]\nname = "c"\nper = ["domain"]'), Facts({}, {}, {})) is None


def test_status_and_label() -> None:
    """Both are told of a policy that says something of both."""
    both = policy('[[rule]]\nname = "r"\nreject = "quality < 0.5"\n[[label]]\nname = "l"\nfalse = "quality < 0.4"')

    assert flip(both, Facts({QUALITY: 450_000}, {}, {})) == [
        {"of": "status", "gives": "accepted", "score": "quality", "needs": ">= 0.5", "has": "0.45"},
        {"of": "label", "gives": "false", "score": "quality", "needs": "< 0.4", "has": "0.45"},
    ]
