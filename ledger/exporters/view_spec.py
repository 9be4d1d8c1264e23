"""What a view is, as a value: which samples it takes and what a row of it looks like. Built-in views are values too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ledger.digest import Json, blake3_bytes, encode

TYPES = ("samples", "language_modeling", "prompt_only", "prompt_completion", "preference", "unpaired_preference")
ORDERS = ("interleaved", "keyed", "ingested")
"""`interleaved`: both labels in every window, for unpaired_preference only. `keyed`: by a hash of content and seed.
`ingested`: as the samples came in."""
STATUSES = ("accepted", "rejected", "pending", "errored", "superseded")
SPLITS = ("training", "train", "val", "test")
"""`training` is train once splits exist and any before; a view of any split has None."""
LABELS = (True, False, None)
DUPLICATES = ("collapse", "keep")
CONFLICTS = ("omit", "keep")
WEIGHTS = ("repeat", "column", "ignore")
PAIRS = ("prompt", "lineage")
FACTS = ("sample", "version", "campaign", "source", "domain", "label", "status", "split", "times")
TAG = "tag."
"""What a further column can hold: one of FACTS, or this and the name of a tag."""

MOST_FIELDS = 50
LONGEST_NAME = 100
LONGEST_TAG = 1_000
LONGEST_SELECT = 10_000
FORMAT = 1

WEIGHT = "weight"
"""The column in which `weights = "column"` writes how many times a sample counts."""
_TRAINED = frozenset({"chosen", "completion", "images", "messages", "prompt", "rejected", "text", "tools"})
"""Columns by which a trainer tells the type of its rows, or that it reads in rows of several types."""
_OWN = {
    "samples": frozenset(
        {
            "campaign",
            "decided_by",
            "details",
            "domain",
            "label",
            "policy",
            "reason",
            "rule",
            "sample",
            "source",
            "status",
            "tags",
            "version",
        }
    ),
    "unpaired_preference": frozenset({"label"}),
}
"""Columns that only one type has."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_KEYS = frozenset(
    {
        "conflicts",
        "duplicates",
        "fields",
        "format",
        "labels",
        "name",
        "order",
        "pairs",
        "select",
        "split",
        "statuses",
        "type",
        "weights",
    }
)


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """How a view is made. `type` "auto", of built-in views only, is unpaired_preference where every row has a label."""

    name: str
    type: str = "prompt_completion"
    statuses: tuple[str, ...] | None = None  # None: what training takes (pending too while no policy is adopted)
    split: str | None = None  # "train", "val", "test"; None: any; "training": train once splits exist, else any
    labels: tuple[bool | None, ...] = LABELS
    select: str | None = None  # a condition, in the grammar of --where
    order: str = "keyed"
    duplicates: str = "collapse"  # or "keep"
    conflicts: str = "omit"  # or "keep"
    weights: str = "repeat"  # or "column" (a column `weight`), "ignore"
    pairs: str = "prompt"  # of preference: "lineage" (parent edges only), or also rows of one prompt with both labels
    fields: tuple[tuple[str, str], ...] = ()  # further columns: (column, fact)

    def as_json(self) -> dict[str, Json]:
        """Return the frozen form as restricted JSON: `spec_of(spec.as_json()) == spec`."""
        return {
            "conflicts": self.conflicts,
            "duplicates": self.duplicates,
            "fields": [list(pair) for pair in self.fields],
            "format": FORMAT,
            "labels": list(self.labels),
            "name": self.name,
            "order": self.order,
            "pairs": self.pairs,
            "select": self.select,
            "split": self.split,
            "statuses": None if self.statuses is None else list(self.statuses),
            "type": self.type,
            "weights": self.weights,
        }

    def to_bytes(self) -> bytes:
        """Return the frozen form as bytes, whose address is the digest."""
        return encode(self.as_json())

    @property
    def digest(self) -> bytes:
        """Return BLAKE3 over the frozen form: two views that say the same under one name have the same."""
        return blake3_bytes(self.to_bytes())


def spec_of(value: Json) -> ViewSpec:
    """Return the view of a frozen form; raise ValueError with a sentence for whatever is none."""
    if not isinstance(value, dict) or value.keys() != _KEYS or encode(value["format"]) != encode(FORMAT):
        raise ValueError("not a frozen view: it has other keys, or a format of another version")
    labels, fields, statuses = value["labels"], value["fields"], value["statuses"]
    are_lists = isinstance(labels, list) and isinstance(fields, list) and isinstance(statuses, list | None)
    if not are_lists or not all(isinstance(pair, list) for pair in fields):
        raise ValueError("not a frozen view: labels, fields or statuses are no lists")
    given: dict[str, Any] = {name: part for name, part in value.items() if name != "format"}
    given |= {"labels": tuple(labels), "fields": tuple(map(tuple, fields))}
    given |= {"statuses": None if statuses is None else tuple(statuses)}
    spec = ViewSpec(**given)
    if not _is_built_in(value):
        for _, what in problems(spec):
            raise ValueError(f"not a frozen view: {what}")
    return spec


def problems(spec: ViewSpec) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a view that somebody defined: the attribute, and a sentence without its final stop.

    Raises ValueError where a value is not even of the right kind.
    """
    _check_kinds(spec)
    if not is_name(spec.name):
        what = "letters, digits and _ . - with a letter or a digit first, does not end with .toml"
        yield "name", f"the name of a view is {what}, and has at most {LONGEST_NAME} characters"
    yield from _wrong_words(spec)
    yield from _without_meaning(spec)
    yield from _wrong_fields(spec)


def is_name(name: object) -> bool:
    """Say whether a view can have this name: what no shell, option or path could be mistaken for."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and not name.endswith(".toml")


def own_columns(kind: str) -> frozenset[str]:
    """Return the columns that a further one cannot have in rows of a type."""
    return _TRAINED | _OWN.get(kind, frozenset())


def _is_built_in(value: dict[str, Json]) -> bool:
    """Say whether this is one of BUILT_IN to the last value: to Python, 1 is equal to True."""
    name = value["name"]
    return isinstance(name, str) and name in BUILT_IN and encode(BUILT_IN[name].as_json()) == encode(value)


def _check_kinds(spec: ViewSpec) -> None:
    texts = (spec.name, spec.type, spec.order, spec.duplicates, spec.conflicts, spec.weights, spec.pairs)
    more = [part for part in (spec.select, spec.split) if part is not None]
    pairs = [part for pair in spec.fields for part in pair]
    if not all(isinstance(part, str) for part in (*texts, *more, *pairs, *(spec.statuses or ()))):
        raise ValueError("what should be a text is none")
    if not all(len(pair) == len(("column", "fact")) for pair in spec.fields):
        raise ValueError("a further column is a name and a fact")
    if not all(any(label is one for one in LABELS) for label in spec.labels):
        raise ValueError("a label is true, false or none")


def _wrong_words(spec: ViewSpec) -> Iterator[tuple[str, str]]:
    """Yield each word that is none of those that there are."""
    one_of = {
        "type": TYPES,
        "order": ORDERS,
        "duplicates": DUPLICATES,
        "conflicts": CONFLICTS,
        "weights": WEIGHTS,
        "pairs": PAIRS,
        "split": (None, *SPLITS),
    }
    for key, words in one_of.items():
        if (word := getattr(spec, key)) not in words:
            yield key, f"{key} cannot be {str(word)[:100]!r}"
    statuses = spec.statuses
    if statuses is not None and statuses != tuple(status for status in STATUSES if status in statuses):
        yield "statuses", f"status is some of {', '.join(STATUSES)}, each once and in this order"
    if statuses == ():
        yield "statuses", "status is empty, so no sample could stand in the view; leave the line out or name one"
    if spec.labels != tuple(label for label in LABELS if label in spec.labels):
        yield "labels", "label is some of true, false, none, each once and in this order"
    if not spec.labels:
        yield "labels", "label is empty, so no sample could stand in the view; leave the line out or name one"
    if spec.select is not None and not 0 < len(spec.select.strip()) <= len(spec.select) <= LONGEST_SELECT:
        yield "select", f"select is a condition of at most {LONGEST_SELECT:,} characters; leave the line out for all"


def _wrong_fields(spec: ViewSpec) -> Iterator[tuple[str, str]]:
    """Yield each further column that cannot be."""
    if len(spec.fields) > MOST_FIELDS:
        yield "fields", f"there are {len(spec.fields)} further columns; the most are {MOST_FIELDS}"
    columns = [column for column, _ in spec.fields]
    if len(set(columns)) < len(columns):
        yield "fields", "two further columns have one name"
    if spec.type == "samples" and spec.fields:
        yield "fields", "rows of samples hold every fact already; leave [fields] out"
    own = own_columns(spec.type)
    for column, fact in spec.fields:
        key = f"fields.{column}"
        if not 0 < len(column.strip()) == len(column) <= LONGEST_NAME or not column.isprintable():
            yield key, f"the name of a column is 1 to {LONGEST_NAME} printable characters, without a space at its ends"
        elif column in own:
            yield key, f"rows of {spec.type} have, or would be read by, a column {column!r}; give this another name"
        elif column == WEIGHT and spec.weights == "column":
            yield key, f'weights = "column" writes a column {WEIGHT!r}; give this another name'
        if not (fact in FACTS or _is_tag(fact)):
            yield key, f"there is no fact {fact[:100]!r}"


def _is_tag(fact: str) -> bool:
    name = fact.removeprefix(TAG)
    return fact.startswith(TAG) and 0 < len(name.strip()) == len(name) <= LONGEST_TAG


def _without_meaning(spec: ViewSpec) -> Iterator[tuple[str, str]]:
    """Yield each pair of settings that cannot mean anything together."""
    both = {True, False} <= set(spec.labels)
    if spec.order == "interleaved" and spec.type != "unpaired_preference":
        yield "order", f"only rows of unpaired_preference can be interleaved; {spec.type} is keyed or ingested"
    if spec.order == "interleaved" and not both:
        yield "labels", "an interleaved view has both labels in every window; it takes true and false"
    if spec.type == "unpaired_preference" and None in spec.labels:
        yield "labels", 'a row of unpaired_preference has a label; take "none" out of label'
    if spec.type == "preference":
        if not both:
            yield "labels", "a preference pairs a good row with a poor one, so label takes true and false"
        if spec.conflicts == "keep":
            yield "conflicts", "a text under both labels would be preferred over itself; a preference omits conflicts"
        if spec.weights == "column":
            yield "weights", 'a pair has two samples and no weight of its own; weights is "repeat" or "ignore"'
    elif spec.pairs != "prompt":
        yield "pairs", f"only a preference has pairs; {spec.type} has none"
    if spec.type == "samples" and spec.weights != "ignore":
        yield "weights", 'a view of samples is for reading and has each of them once; weights is "ignore"'


def _whole(status: str) -> ViewSpec:
    """Return the view for reading every sample of a status, whether or not a trainer could take it."""
    return ViewSpec(status, "samples", (status,), duplicates="keep", conflicts="keep", weights="ignore")


_ALL = (
    ViewSpec("kto-interleaved", "unpaired_preference", labels=(True, False), split="training", order="interleaved"),
    ViewSpec("kto", "unpaired_preference", labels=(True, False), split="training"),
    ViewSpec("sft", "prompt_completion", labels=(True, None), split="training"),
    ViewSpec("dpo", "preference", split="training"),
    ViewSpec("prompts", "prompt_only", split="training"),
    *(ViewSpec(split, "auto", split=split) for split in ("train", "val", "test")),
    *map(_whole, ("accepted", "rejected", "pending")),
)
ALIASES = {"preference": "dpo"}
"""Other names of built-in views."""
BUILT_IN: dict[str, ViewSpec] = {spec.name: spec for spec in _ALL}
"""The views that every ledger has, by each of their names."""
BUILT_IN |= {alias: BUILT_IN[name] for alias, name in ALIASES.items()}
