"""Views as values: their frozen form, what cannot be a view, and the views that every ledger has."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.digest import blake3_bytes, decode, encode
from ledger.exporters.view_spec import (
    ALIASES,
    BUILT_IN,
    CONFLICTS,
    DUPLICATES,
    FACTS,
    LABELS,
    ORDERS,
    PAIRS,
    SPLITS,
    STATUSES,
    TAG,
    TYPES,
    WEIGHTS,
    ViewSpec,
    is_name,
    own_columns,
    problems,
    spec_of,
)

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True).filter(is_name)
COLUMNS = st.text(min_size=1, max_size=12).filter(lambda name: name == name.strip() and name.isprintable())
TAGS = st.text(min_size=1, max_size=12).filter(lambda name: name == name.strip())
DRAWN = {"interleaved": ("unpaired_preference",), "keyed": TYPES, "ingested": TYPES}


@st.composite
def specs(draw: st.DrawFn) -> ViewSpec:
    """Draw any view that somebody could define."""
    order = draw(st.sampled_from(ORDERS))
    kind = draw(st.sampled_from(DRAWN[order]))
    weights = {"samples": ("ignore",), "preference": ("repeat", "ignore")}.get(kind, WEIGHTS)
    weighing = draw(st.sampled_from(weights))
    needs_both = kind == "preference" or order == "interleaved"
    possible = LABELS[:2] if kind == "unpaired_preference" else LABELS
    some = draw(st.sets(st.sampled_from(possible), min_size=1)) | ({True, False} if needs_both else set())
    statuses = draw(st.none() | st.sets(st.sampled_from(STATUSES), min_size=1))
    taken = own_columns(kind) | {"weight"}
    most = 0 if kind == "samples" else 3
    columns = draw(st.lists(COLUMNS.filter(lambda name: name not in taken), unique=True, max_size=most))
    facts = st.sampled_from(FACTS) | TAGS.map(lambda name: TAG + name)
    return ViewSpec(
        name=draw(NAMES),
        type=kind,
        statuses=None if statuses is None else tuple(one for one in STATUSES if one in statuses),
        split=draw(st.sampled_from((None, *SPLITS))),
        labels=tuple(label for label in LABELS if label in some),
        select=draw(st.none() | st.text(min_size=1, max_size=30).filter(str.strip)),
        order=order,
        duplicates=draw(st.sampled_from(DUPLICATES)),
        conflicts=draw(st.sampled_from(CONFLICTS if kind != "preference" else ("omit",))),
        weights=weighing,
        pairs=draw(st.sampled_from(PAIRS if kind == "preference" else ("prompt",))),
        fields=tuple((column, draw(facts)) for column in columns),
    )


@given(specs())
def test_a_frozen_view_comes_back(spec: ViewSpec) -> None:
    """Every view that somebody can define, value for value, and its digest is that of the frozen bytes."""
    assert list(problems(spec)) == []
    assert spec_of(decode(spec.to_bytes())) == spec
    assert spec.digest == blake3_bytes(encode(spec.as_json()))


@settings(max_examples=200)
@given(specs(), specs())
def test_views_that_differ_have_different_digests(one: ViewSpec, other: ViewSpec) -> None:
    """The digest tells views apart, and only that."""
    assert (one.digest == other.digest) is (one == other)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_view_that_every_ledger_has_comes_back(name: str) -> None:
    """Its frozen form is read, with what only such a view may leave open."""
    assert spec_of(json.loads(BUILT_IN[name].to_bytes())) == BUILT_IN[name]
    assert is_name(name)


def test_the_views_that_every_ledger_has() -> None:
    """Those that training takes, splits as they are, and each status for reading."""
    assert [(name, spec.type) for name, spec in BUILT_IN.items()] == [
        ("kto-interleaved", "unpaired_preference"),
        ("kto", "unpaired_preference"),
        ("sft", "prompt_completion"),
        ("dpo", "preference"),
        ("prompts", "prompt_only"),
        ("train", "auto"),
        ("val", "auto"),
        ("test", "auto"),
        ("accepted", "samples"),
        ("rejected", "samples"),
        ("pending", "samples"),
        ("preference", "preference"),
    ]
    assert {alias: BUILT_IN[alias].name for alias in ALIASES} == ALIASES
    assert BUILT_IN["kto-interleaved"] == replace(BUILT_IN["kto"], name="kto-interleaved", order="interleaved")
    assert [name for name, spec in BUILT_IN.items() if spec.split == "training"] == [
        "kto-interleaved",
        "kto",
        "sft",
        "dpo",
        "prompts",
        "preference",
    ]


FULL = ViewSpec(
    "full",
    "unpaired_preference",
    ("accepted",),
    "train",
    (True, False),
    "label == true",
    fields=(("where", "source"), ("who", "tag.persona")),
)

FORGED: list[dict[str, Any]] = [
    {"format": 2},
    {"format": True},
    {"format": "1"},
    {"more": 1},
    {"name": "with/slash"},
    {"name": "mine.toml"},
    {"name": "-o"},
    {"name": ""},
    {"name": "x" * 101},
    {"name": None},
    {"name": ["full"]},
    {"name": {}},
    {"type": "auto"},
    {"type": "kto"},
    {"type": None},
    {"type": []},
    {"statuses": []},
    {"statuses": ["erased"]},
    {"statuses": ["pending", "accepted"]},
    {"statuses": ["accepted", "accepted"]},
    {"statuses": "accepted"},
    {"statuses": [1]},
    {"statuses": [["accepted"]]},
    {"split": "any"},
    {"split": "dev"},
    {"split": 1},
    {"labels": []},
    {"labels": [1, 0]},
    {"labels": [True, True]},
    {"labels": [False, True]},
    {"labels": "true"},
    {"labels": None},
    {"labels": [True, False, None]},
    {"select": ""},
    {"select": " \n"},
    {"select": 1},
    {"select": "x" * 10_001},
    {"order": "shuffled"},
    {"duplicates": True},
    {"conflicts": "maybe"},
    {"weights": "copy"},
    {"pairs": "lineage"},
    {"fields": {}},
    {"fields": None},
    {"fields": ["ab"]},
    {"fields": [["a"]]},
    {"fields": [["a", "source", "x"]]},
    {"fields": [["a", 1]]},
    {"fields": [["a", "source"], ["a", "domain"]]},
    {"fields": [[f"c{n}", "source"] for n in range(51)]},
    {"fields": [["", "source"]]},
    {"fields": [[" a", "source"]]},
    {"fields": [["a\u200b", "source"]]},
    {"fields": [["a", "secret"]]},
    {"fields": [["a", "tag."]]},
    {"fields": [["a", "tag. x"]]},
    {"fields": [["prompt", "source"]]},
    {"fields": [["messages", "source"]]},
    {"fields": [["label", "label"]]},
    {"fields": [["weight", "times"]], "weights": "column"},
    {"order": "interleaved", "labels": [True]},
    {"order": "interleaved", "type": "prompt_completion"},
    {"type": "preference", "labels": [True]},
    {"type": "preference", "conflicts": "keep"},
    {"type": "preference", "weights": "column"},
    {"type": "samples"},
    {"type": "samples", "weights": "ignore", "fields": [["status", "status"]]},
]


@pytest.mark.parametrize("forged", FORGED, ids=[ascii(forged)[:60] for forged in FORGED])
def test_what_is_no_view_is_refused(forged: dict[str, Any]) -> None:
    """A file from elsewhere may hold anything where a frozen view should be."""
    with pytest.raises(ValueError, match=r"view|text|label|column"):
        spec_of({**FULL.as_json(), **forged})


@pytest.mark.parametrize("forged", [None, [], "full", 1, {}, {"name": "full"}])
def test_what_is_no_object_is_no_view(forged: object) -> None:
    """Nor is an object with other keys."""
    with pytest.raises(ValueError, match="not a frozen view"):
        spec_of(forged)


def test_the_forged_ones_differ_from_a_sound_one_alone() -> None:
    """The view that they are made of is read, and so are some of the changes by themselves."""
    assert spec_of(FULL.as_json()) == FULL
    assert spec_of({**FULL.as_json(), "order": "interleaved"}).order == "interleaved"
    assert spec_of({**FULL.as_json(), "fields": [["weight", "times"]]}).fields == (("weight", "times"),)
    assert spec_of({**FULL.as_json(), "type": "preference", "pairs": "lineage"}).pairs == "lineage"


def test_a_forged_view_under_a_built_in_name_is_no_built_in_one() -> None:
    """Only the very value may leave its type open."""
    with pytest.raises(ValueError, match="type"):
        spec_of({**BUILT_IN["train"].as_json(), "duplicates": "keep"})
    with pytest.raises(ValueError, match="label"):
        spec_of({**BUILT_IN["train"].as_json(), "labels": [1, 0, None]})
