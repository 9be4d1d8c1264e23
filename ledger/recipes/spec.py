"""Specs: TOML files that say which fields of which samples a model is to write anew, and what it is told.

The whole of what can stand in one is told in docs/improving.md. What a spec does not know is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger.fixed import text_of
from ledger.recipes.contract import IMPROVE, REGENERATE
from ledger.recipes.fields import ANSWER, DROPPED, NAMED
from ledger.recipes.table import Table, Wrong, document_of, refusal

MOST_OUTPUT = 20_000
MOST_CHARACTERS = 100_000
MOST_FIELDS = 24
CONDITIONS = ("dimension", "rule", "note", "field", "always")


class Field(NamedTuple):
    """A field that a model may write: its name in the reply, where it stands, what it is, how long its text is.

    `may_stay` allows the text that was there; `add` allows a key of the arguments that was not.
    """

    name: str
    path: str
    about: str
    least: int
    most: int
    may_stay: bool
    add: bool


class When(NamedTuple):
    """When fields are asked for, and what the model is told then.

    Of `dimension` (a score below `below` millionths), `rule` (of the policy), `note` (words that a scorer's note
    holds), `field` (shorter than `shorter`, or beginning with `begins`) and `always` exactly one is given.
    """

    kind: str
    name: str
    fields: tuple[str, ...]
    say: str
    below: int = 0
    missing: bool = False
    shorter: int = 0
    begins: str = ""


class Lag(NamedTuple):
    """How far the memory of accepted texts lags behind, in what steps it grows, and how many phrases it holds."""

    lag: int
    step: int
    phrases: int


class Limit(NamedTuple):
    """How many accepted texts may share a run of `n` words before the next one with it is refused."""

    n: int
    seen: int


class Style(NamedTuple):
    """Where texts come from that show a style: a file, the keys that its texts and their voices stand under."""

    corpus: str
    keys: tuple[str, ...]
    voice: str | None
    voices: tuple[str, ...]
    packs: int
    each: int
    shortest: int
    longest: int


class Persona(NamedTuple):
    """Who is to speak: by the value of a tag, in the words of the spec; without one of them, the default."""

    tag: str
    default: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spec:
    """One spec as it was read. `label` and `tags` are the child's (None: the parent's label)."""

    name: str
    version: str
    purpose: str
    about: str
    instructions: str
    output: int
    model: str | None
    label: bool | None
    tags: Mapping[str, str]
    drop: tuple[str, ...]
    keep: tuple[str, ...]
    fields: Mapping[str, Field]
    when: tuple[When, ...]
    memory: Lag | None
    gate: Limit | None
    persona: Persona | None
    style: Style | None

    @property
    def corpus(self) -> str | None:
        """Return the name of the file of style texts, as the spec has it; None where it needs none."""
        return None if self.style is None else self.style.corpus

    def frozen(self) -> dict[str, Any]:
        """Return all of it as restricted JSON."""
        persona = self.persona
        return {
            "about": self.about,
            "drop": list(self.drop),
            "fields": [field._asdict() for field in self.fields.values()],
            "gate": None if self.gate is None else self.gate._asdict(),
            "instructions": self.instructions,
            "keep": list(self.keep),
            "label": self.label,
            "memory": None if self.memory is None else self.memory._asdict(),
            "name": self.name,
            "output": self.output,
            "persona": None if persona is None else [persona.tag, persona.default, *map(list, persona.words.items())],
            "purpose": self.purpose,
            "style": None if self.style is None else self.style._asdict(),
            "tags": [list(pair) for pair in sorted(self.tags.items())],
            "version": self.version,
            "when": [{**when._asdict(), "below": text_of(when.below)} for when in self.when],
        }


def load_spec(text: str, place: str) -> Spec:
    """Return the spec of a TOML text; `place` names the file in errors. Raises SpecInvalid, with the line."""
    document = document_of(text, place, "a spec")
    try:
        return _spec(document)
    except Wrong as wrong:
        raise refusal(wrong, text, place) from None


def _spec(table: Table) -> Spec:
    purpose = table.choice("purpose", (IMPROVE, REGENERATE))
    child = table.table("child")
    fields = {name: _field(name, inner) for name, inner in table.tables("field").items()}
    if not 1 <= len(fields) <= MOST_FIELDS:
        table.wrong(f"a spec has 1 to {MOST_FIELDS} fields: [field.NAME]", "field")
    spec = Spec(
        name=table.name("name"),
        version=str(table.whole("version", least=1, most=10**6)),
        purpose=purpose,
        about=table.text("about"),
        instructions=table.text("instructions"),
        output=table.whole("output", least=1, most=MOST_OUTPUT),
        model=table.maybe("model"),
        label=child.flag("label", default=True) if "label" in child else None,
        tags=child.pairs("tags"),
        drop=_among(child, "drop", DROPPED),
        keep=child.texts("keep"),
        fields=fields,
        when=tuple(_when(inner, fields) for inner in table.rows("when")),
        memory=_memory(table.table("memory")) if "memory" in table else None,
        gate=_gate(table.table("gate")) if "gate" in table else None,
        persona=_persona(table.table("persona")) if "persona" in table else None,
        style=_style(table.table("style")) if "style" in table else None,
    )
    child.end()
    table.end()
    _check(spec, table)
    return spec


def _check(spec: Spec, table: Table) -> None:
    if not spec.when:
        table.wrong("nothing says when a field is asked for: [[when]]", "when")
    paths = [field.path for field in spec.fields.values()]
    if len(set(paths)) != len(paths):
        table.wrong("two fields stand at one path", "field")
    steps = [path.split(".") for path in paths if path not in NAMED]
    if any(one != other and one == other[: len(one)] for one in steps for other in steps):
        table.wrong("one field stands inside another", "field")
    if twice := {*spec.drop} & {*paths}:
        table.wrong(f"{min(twice)} is both written and dropped", "child")
    asked = {name for when in spec.when for name in when.fields}
    if never := spec.fields.keys() - asked:
        table.wrong(f"no [[when]] asks for {min(never)}", "field")
    if spec.purpose == IMPROVE and (spec.persona or spec.style or ANSWER in paths):
        table.wrong('a persona, a style and the answer are for purpose = "regenerate"', "purpose")
    if spec.style and spec.style.voices and not spec.persona:
        table.wrong("a style has voices only where there is a [persona]", "style")
    if spec.style and spec.persona and (strange := {*spec.style.voices} - {*spec.persona.words}):
        table.wrong(f"no persona is called {min(strange)!r}", "style")


def _field(name: str, table: Table) -> Field:
    path = table.text("path", name, 200)
    if not all(path.split(".")):
        table.wrong("path is names with dots between them, such as context.toolContext", "path")
    field = Field(
        name,
        path,
        table.text("about"),
        table.whole("least", 1, least=1, most=MOST_CHARACTERS),
        table.whole("most", 2000, least=1, most=MOST_CHARACTERS),
        table.flag("may_stay", default=False),
        table.flag("add", default=False),
    )
    if field.least > field.most:
        table.wrong("least is more than most", "least")
    table.end()
    return field


def _when(table: Table, fields: Mapping[str, Field]) -> When:
    given = [kind for kind in CONDITIONS if kind in table]
    if len(given) != 1:
        table.wrong(f"a [[when]] has one of {', '.join(CONDITIONS)}")
    kind = given[0]
    if kind == "always" and not table.flag("always", default=False):
        table.wrong("always is true where it stands", "always")
    name = "" if kind == "always" else table.text(kind)
    if kind == "field" and name not in fields:
        table.wrong(f"there is no [field.{name[:64]}]", "field")
    measured = kind == "dimension"
    when = When(
        kind,
        name,
        _among(table, "fields", tuple(fields)) or tuple(fields),
        table.text("say", ""),
        table.number("below") if measured else 0,
        table.flag("missing", default=False) if measured else False,
        table.whole("shorter", 0, least=1, most=MOST_CHARACTERS) if "shorter" in table and kind == "field" else 0,
        table.text("begins", "") if kind == "field" else "",
    )
    if kind == "field" and bool(when.shorter) == bool(when.begins):
        table.wrong("a condition on a field has either shorter or begins")
    table.end()
    return when


def _memory(table: Table) -> Lag:
    lag = Lag(
        table.whole("lag", 200, least=0, most=10**6),
        table.whole("step", 100, least=1, most=10**6),
        table.whole("phrases", 60, least=1, most=500),
    )
    table.end()
    return lag


def _gate(table: Table) -> Limit:
    limit = Limit(table.whole("n", 8, least=2, most=50), table.whole("seen", 5, least=1, most=10**6))
    table.end()
    return limit


def _persona(table: Table) -> Persona:
    persona = Persona(table.text("tag", "persona"), table.text("default"), table.pairs("words"))
    if persona.default not in persona.words:
        table.wrong(f"words says nothing about the default, {persona.default[:64]!r}", "default")
    table.end()
    return persona


def _style(table: Table) -> Style:
    style = Style(
        table.text("corpus", most=500),
        table.texts("keys", ("text",)),
        table.maybe("voice"),
        table.texts("voices"),
        table.whole("packs", 4, least=1, most=100),
        table.whole("each", 3, least=1, most=20),
        table.whole("shortest", 50, least=1, most=10_000),
        table.whole("longest", 500, least=1, most=10_000),
    )
    if style.shortest > style.longest:
        table.wrong("shortest is more than longest", "shortest")
    table.end()
    return style


def _among(table: Table, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
    found = table.texts(key)
    for each in found:
        if each not in known:
            table.wrong(f"{key} names {each[:64]!r}; there are {', '.join(known)}", key)
    return found
