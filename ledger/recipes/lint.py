"""What contradicts in a rubric: its examples with their means, its anchors with one another and with its rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from ledger.fixed import text_of
from ledger.recipes.rubric import Dimension, Example, Rubric, contradicts
from ledger.recipes.wording import words

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "example_mean": "the scores of an example have another mean than it says",
        "example_scores": "an example does not score what the rubric judges, or leaves the scale",
        "no_anchor": "nothing says what a point of the scale means",
        "anchor_twice": "a point of the scale is told twice",
        "same_anchor": "two points of a scale are told in the same words",
        "fact_twice": "one fact has two points of a scale",
        "rule_contradicts": "a rule gives a fact another value than the anchors do",
        "rule_off_scale": "a rule gives a value that the scale does not have",
        "lengths_overlap": "one length has two points of a scale",
        "lengths_gap": "some lengths have no point of the scale",
        "lengths_fall": "a longer text has a lower point of the scale",
        "no_examples": "no example shows what is meant",
    }
)


class Fault(NamedTuple):
    """What contradicts: one of FAULTS, where, and a sentence."""

    kind: str
    where: str
    message: str


def lint(rubric: Rubric) -> tuple[Fault, ...]:
    """Return what contradicts in a rubric, in the order in which its parts are told."""
    found: list[Fault] = []
    for dimension in rubric.judged.values():
        found += _anchors(dimension, rubric)
        found += _lengths(dimension)
    found += _rules(rubric)
    for example in rubric.examples:
        found += _example(example, rubric)
    if not rubric.examples:
        found.append(Fault("no_examples", "example", "no example shows what is meant"))
    return tuple(found)


def _anchors(dimension: Dimension, rubric: Rubric) -> Iterator[Fault]:
    where = f"dimension.{dimension.name}"
    values = [anchor.value for anchor in dimension.anchors]
    for value in range(rubric.least, rubric.most + 1):
        if value not in values:
            yield Fault("no_anchor", where, f"nothing says what {value} means")
        elif values.count(value) > 1:
            yield Fault("anchor_twice", where, f"what {value} means is told {values.count(value)} times")
    said: dict[tuple[str, ...], int] = {}
    facts: dict[str, int] = {}
    for anchor in dimension.anchors:
        other = said.setdefault(tuple(words(anchor.text)), anchor.value)
        if other != anchor.value:
            yield Fault("same_anchor", where, f"{other} and {anchor.value} are told in the same words")
        for fact in anchor.facts:
            other = facts.setdefault(fact, anchor.value)
            if other != anchor.value:
                yield Fault("fact_twice", where, f"{fact!r} is {other} and {anchor.value}")


def _lengths(dimension: Dimension) -> Iterator[Fault]:
    where = f"dimension.{dimension.name}"
    ranges = sorted((anchor.chars, anchor.value) for anchor in dimension.anchors if anchor.chars is not None)
    for ((_, end), value), ((begin, _), other) in pairwise(ranges):
        if other < value:
            yield Fault("lengths_fall", where, f"texts from {begin} characters on are {other}, shorter ones {value}")
        if end is None or begin < end:
            yield Fault("lengths_overlap", where, f"a text of {begin} characters is {value} and {other}")
        elif begin > end:
            yield Fault("lengths_gap", where, f"a text of {end} characters is neither {value} nor {other}")


def _rules(rubric: Rubric) -> Iterator[Fault]:
    for number, rule in enumerate(rubric.extras, 1):
        if rule.dimension is None or rule.fact is None or rule.value is None:
            continue
        where = f"rule {number}"
        if not rubric.least <= rule.value <= rubric.most:
            yield Fault("rule_off_scale", where, f"{rule.value} is not on the scale")
        if contradicts(rule, rubric):
            anchors = rubric.judged[rule.dimension].anchors
            others = ", ".join(str(anchor.value) for anchor in anchors if rule.fact in anchor.facts)
            told = f"{rule.fact!r} is {rule.value} by the rule and {others} by the anchors, which stand"
            yield Fault("rule_contradicts", where, f"{rule.dimension}: {told}")


def _example(example: Example, rubric: Rubric) -> Iterator[Fault]:
    where = f"example {example.title!r}"
    missing, strange = rubric.judged.keys() - example.scores.keys(), example.scores.keys() - rubric.judged.keys()
    if missing or strange:
        listed = ", ".join(sorted(missing | strange))
        yield Fault("example_scores", where, f"it and the rubric do not judge the same: {listed}")
    off = [name for name, value in example.scores.items() if not rubric.least <= value <= rubric.most]
    if off:
        yield Fault("example_scores", where, f"{', '.join(off)}: not on the scale")
    mean = rubric.overall_of(example.scores)
    if example.overall is not None and mean is not None and mean != example.overall:
        yield Fault(
            "example_mean", where, f"it says {text_of(example.overall)}; the mean of its scores is {text_of(mean)}"
        )
