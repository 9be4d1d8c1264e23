"""What makes a policy unsound: its limits, that what keeps to them can decide, and names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import PolicyInvalid
from ledger.policy import parse_policy
from ledger.policy.check import (
    MOST_CAPS,
    MOST_GROUPS,
    MOST_LEVELS,
    MOST_MEASURES,
    MOST_NUMBERS,
    MOST_RULES,
    MOST_TEXTS,
    MOST_THRESHOLDS,
)
from ledger.policy.expression import DEEPEST_WORDS, MOST
from tests import judged

DOCUMENTATION = Path(__file__).parent.parent / "docs" / "policies.md"
RULE = '[[rule]]\nname = "only"\nreject = "x < 1"\n'


def rules(count: int, key: str = "rule", then: str = "reject") -> str:
    """Return so many rules."""
    return "".join(f'[[{key}]]\nname = "{key} {n}"\n{then} = "x > {n}"\n' for n in reversed(range(count)))


def caps(count: int, groups: int = 1, measure: str = "x") -> str:
    """Return so many caps, each by so many tags."""
    per = ", ".join(f'"tag.{n}"' for n in range(groups))
    return "".join(f'[[cap]]\nname = "cap {n}"\nper = [{per}]\nbest = "{measure}"\n' for n in range(count))


def thresholds(count: int, domains: int = 0) -> str:
    """Return so many thresholds, with values in so many domains."""
    own = "".join(f"[domain.d{d}]\n" + "".join(f"t{n} = 0.{n}\n" for n in range(count)) for d in range(domains))
    return "[threshold]\n" + "".join(f"t{n} = 0.5\n" for n in range(count)) + own


def measures(count: int, weights: int = 1) -> str:
    """Return so many measures of so many scores."""
    weighted = ", ".join(f"x{n} = 1" for n in range(weights))
    return "".join(f"[measure.m{n}]\nweights = {{ {weighted} }}\n" for n in range(count))


def one(when: str, key: str = "rule", then: str = "reject", name: str = "one") -> str:
    """Return a rule."""
    return f"[[{key}]]\nname = '{name}'\n{then} = '''{when}'''\n"


LIMITS: dict[str, tuple[int, Callable[[int], str], str]] = {
    "rules": (MOST_RULES, rules, "rules"),
    "label rules": (MOST_RULES, lambda count: rules(count, "label", "false"), "rules"),
    "caps": (MOST_CAPS, caps, "caps"),
    "groups": (MOST_GROUPS, lambda count: caps(1, count), "names under per"),
    "thresholds": (MOST_THRESHOLDS, lambda count: thresholds(count) + RULE, "thresholds"),
    "levels": (MOST_LEVELS // 10, lambda count: thresholds(10, count) + RULE, "values of thresholds in single"),
    "measures": (MOST_MEASURES, lambda count: measures(count) + RULE, "measures"),
    "numbers": (MOST_NUMBERS, lambda count: measures(1, count) + caps(1, 1, "m0"), "different scores and counts"),
    "texts": (MOST_TEXTS, lambda count: one(f"domain in {[str(n) for n in range(count)]}"), "comparisons of texts"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str) -> None:
    """As many of each as the documentation says are read, one more is not."""
    most, made, what = LIMITS[name]
    assert parse_policy(f'name = "p"\n{made(most)}', "p").name == "p"

    with pytest.raises(PolicyInvalid, match=what) as caught:
        parse_policy(f'name = "p"\n{made(most + 1)}', "p")
    assert f"{most:,}" in str(caught.value) or name == "levels"


def test_the_documentation_says_the_limits() -> None:
    """The numbers in docs/policies.md are those of the program."""
    text = re.sub(r"\s+", " ", DOCUMENTATION.read_text("utf-8"))

    assert (
        f"A policy has at most {MOST_RULES} rules (label rules included), {MOST_CAPS} caps of {MOST_GROUPS} names each,"
        f" {MOST_NUMBERS} different scores and counts of findings, {MOST_MEASURES} measures, {MOST_THRESHOLDS} "
        f"thresholds with {MOST_LEVELS:,} values in single domains, {MOST_TEXTS} different comparisons of texts"
    ) in text
    assert f"{MOST} comparisons" in text
    assert f"{DEEPEST_WORDS} deep in one another" in text


def deep(leaf: str, number: str) -> str:
    """Return a condition with as much in one another as may be."""
    for level in range(DEEPEST_WORDS):
        word = "and" if level % 2 else "or"
        leaf = f'{number} > -{level + 1} {word} tag.a != "{level}" {word} ({leaf})'
    return leaf


CROSS = "[cross]\n" + "".join(f't{n} = "mean"\n' for n in range(MOST_THRESHOLDS))
LARGE = {
    "thresholds and measures": "".join(
        (
            thresholds(MOST_THRESHOLDS, 2),
            CROSS,
            measures(MOST_MEASURES, MOST_NUMBERS),
            one(deep('tag.b == "x"', "m19")),
            one(deep("m18 == t99", "m17"), "label", "false"),
            caps(MOST_CAPS, MOST_GROUPS, "m1"),
        )
    ),
    "and": one(" and ".join(f"x > -{n}" for n in range(MOST))),
    "or": one(" or ".join(f"x > {n}" for n in range(MOST))),
    "a list": one(f"x not in [{', '.join(map(str, range(MOST)))}]"),
    "nots": one("not " * DEEPEST_WORDS + "x < 1"),
    "rules": rules(MOST_RULES - 1) + rules(1, "label", "true"),
    "domains": thresholds(10, MOST_LEVELS // 10) + one("x < t0"),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_read_can_decide(name: str, ledger: Ledger, tmp_path: Path) -> None:
    """A policy at its limits is judged, tried on, adopted and asked about like any other; none is too large for SQL."""
    file = tmp_path / "large.toml"
    file.write_text(f"name = 'large'\nunknown = 'ignore'\n{LARGE[name]}", encoding="utf-8")
    ids = judged.taken(ledger, tmp_path / "a.jsonl", [("d1", {"x": 0.3, "x0": 1}), ("d1+e", {"x": 0.9}), (None, {})])

    ledger.decide("toolset-relabel")
    tried = ledger.whatif(policy=file)
    decided = ledger.decide(file)

    assert decided["decided"] == sum(decided["by_outcome"].values()) == 3
    assert ledger.whatif(["default=defer"])["before"] == tried["after"]
    assert tried["after"]["rejected"] == decided["by_outcome"].get("rejected", 0) == ledger.rejections()["total"]
    assert ledger.why(ids[0])["deciding"]["policy"].startswith("b3:")
    assert ledger.near_misses()
