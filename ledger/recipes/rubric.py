"""Rubrics: TOML files that say what a model judges, on which scale, and what each point of the scale means.

The whole of what can stand in one is told in docs/improving.md. A rubric that contradicts itself can be read; what
contradicts is told by `ledger.recipes.lint`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger.digest import digest_of
from ledger.fixed import ONE, text_of
from ledger.recipes.spec import MOST_OUTPUT
from ledger.recipes.table import Table, Wrong, document_of, refusal

MOST_DIMENSIONS = 16
MOST_POINTS = 20
NEEDS = ("call", "prompt")


class Anchor(NamedTuple):
    """What one point of a scale means; `facts` are words for what decides it, `chars` the lengths that it is for.

    Lengths are of the dimension's field, from the first up to, not including, the second (None: without end).
    """

    value: int
    text: str
    facts: tuple[str, ...] = ()
    chars: tuple[int, int | None] | None = None


class Dimension(NamedTuple):
    """One thing that is judged, with the anchors of its scale; `needs` is what a sample must have to be judged."""

    name: str
    about: str
    anchors: tuple[Anchor, ...]
    needs: str | None


class Extra(NamedTuple):
    """A rule beside the anchors: what a fact is worth, or advice."""

    text: str
    dimension: str | None
    fact: str | None
    value: int | None


class Example(NamedTuple):
    """A judged example: its scores, what its overall score is said to be, in millionths, and what it shows."""

    title: str
    scores: Mapping[str, int]
    overall: int | None
    note: str


class Overall(NamedTuple):
    """A dimension that is the mean of the others, rounded to so many decimals."""

    name: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Rubric:
    """One rubric as it was read."""

    name: str
    version: str
    about: str
    instructions: str
    output: int
    model: str | None
    least: int
    most: int
    judged: Mapping[str, Dimension]
    overall: Overall | None
    extras: tuple[Extra, ...]
    examples: tuple[Example, ...]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Return the names of what is scored, the overall one last where there is one."""
        return (*self.judged, *(() if self.overall is None else (self.overall.name,)))

    @property
    def digest(self) -> bytes:
        """Return the address of all that the numbers depend on."""
        return digest_of(self.frozen())

    def frozen(self) -> dict[str, Any]:
        """Return all of it as restricted JSON."""
        return {
            "about": self.about,
            "dimensions": [
                [one.name, one.about, one.needs, [list(anchor) for anchor in one.anchors]]
                for one in self.judged.values()
            ],
            "examples": [
                [one.title, [list(pair) for pair in one.scores.items()], _shown(one.overall), one.note]
                for one in self.examples
            ],
            "extras": [list(extra) for extra in self.extras],
            "instructions": self.instructions,
            "name": self.name,
            "output": self.output,
            "overall": None if self.overall is None else list(self.overall),
            "scale": [self.least, self.most],
            "version": self.version,
        }

    def overall_of(self, scores: Mapping[str, int]) -> int | None:
        """Return the mean of whole scores in millionths, rounded as the rubric says; None unless all are there."""
        if self.overall is None or self.judged.keys() - scores.keys():
            return None
        total, count = sum(scores[name] for name in self.judged), len(self.judged)
        step: int = ONE // 10**self.overall.decimals
        return (2 * total * ONE + step * count) // (2 * step * count) * step


def load_rubric(text: str, place: str) -> Rubric:
    """Return the rubric of a TOML text; `place` names the file in errors. Raises SpecInvalid, with the line."""
    document = document_of(text, place, "a rubric")
    try:
        return _rubric(document)
    except Wrong as wrong:
        raise refusal(wrong, text, place) from None


def contradicts(rule: Extra, rubric: Rubric) -> bool:
    """Say whether an anchor gives a rule's fact another value; then it stands, and no judge is told the rule."""
    anchors = () if rule.dimension is None else rubric.judged[rule.dimension].anchors
    return any(rule.fact in anchor.facts and anchor.value != rule.value for anchor in anchors)


def _rubric(table: Table) -> Rubric:
    scale = table.table("scale")
    least = scale.whole("least", 1, least=0, most=100)
    most = scale.whole("most", 5, least=0, most=100)
    scale.end()
    if not 1 <= most - least < MOST_POINTS:
        table.wrong(f"a scale has 2 to {MOST_POINTS} points", "scale")
    judged = {name: _dimension(name, inner, least, most) for name, inner in table.tables("dimension").items()}
    if not 1 <= len(judged) <= MOST_DIMENSIONS:
        table.wrong(f"a rubric has 1 to {MOST_DIMENSIONS} dimensions: [dimension.NAME]", "dimension")
    rubric = Rubric(
        name=table.name("name"),
        version=str(table.whole("version", least=1, most=10**6)),
        about=table.text("about"),
        instructions=table.text("instructions"),
        output=table.whole("output", least=1, most=MOST_OUTPUT),
        model=table.maybe("model"),
        least=least,
        most=most,
        judged=judged,
        overall=_overall(table.table("overall"), judged) if "overall" in table else None,
        extras=tuple(_extra(inner, judged) for inner in table.rows("rule")),
        examples=tuple(_example(inner) for inner in table.rows("example")),
    )
    table.end()
    return rubric


def _dimension(name: str, table: Table, least: int, most: int) -> Dimension:
    about = table.text("about")
    needs = table.choice("needs", NEEDS) if "needs" in table else None
    anchors = []
    for row in table.rows("anchor"):
        value = row.whole("value", least=least, most=most)
        anchors.append(Anchor(value, row.text("text"), row.texts("facts"), _chars(row)))
        row.end()
    if not anchors:
        table.wrong(f"nothing says what the points mean: [[dimension.{name}.anchor]]")
    table.end()
    return Dimension(name, about, tuple(anchors), needs)


def _chars(row: Table) -> tuple[int, int | None] | None:
    """Return the lengths that an anchor is for: `chars = [20, 50]`, or `[100]` for all from 100 on."""
    if "chars" not in row:
        return None
    value = row.wholes("chars")
    if not 1 <= len(value) <= 2 or sorted({*value}) != value:  # noqa: PLR2004 - a beginning and an end
        row.wrong("chars is [FROM, BELOW], or [FROM] without an end", "chars")
    return value[0], value[1] if len(value) > 1 else None


def _overall(table: Table, judged: Mapping[str, Dimension]) -> Overall:
    overall = Overall(table.text("name", most=64), table.whole("decimals", 1, least=0, most=6))
    if overall.name in judged:
        table.wrong("the overall score has a name of its own", "name")
    table.end()
    return overall


def _extra(table: Table, judged: Mapping[str, Dimension]) -> Extra:
    dimension = table.choice("dimension", tuple(judged)) if "dimension" in table else None
    value = table.whole("value", least=0, most=100) if "value" in table else None
    extra = Extra(table.text("text"), dimension, table.maybe("fact"), value)
    if (extra.fact is None) != (extra.value is None) or (extra.fact is not None and dimension is None):
        table.wrong("a rule that gives a value names its dimension and the fact: dimension, fact, value")
    table.end()
    return extra


def _example(table: Table) -> Example:
    scores = table.table("scores")
    title = table.text("title")
    overall = table.number("overall") if "overall" in table else None
    found = {name: scores.whole(name, least=-100, most=100) for name in scores.names()}
    example = Example(title, found, overall, table.text("note", ""))
    table.end()
    return example


def _shown(millionths: int | None) -> str | None:
    return None if millionths is None else text_of(millionths)
