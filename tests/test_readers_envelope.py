"""Facts: labels, domains and tags, where they are looked for, and what cannot be one."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.readers.contract import Facts, Refused
from ledger.readers.envelope import LONGEST, FactMap, map_of, parse_map, read_facts, read_label
from tests.strategies import json_values, texts


def facts(value: dict[str, Any], where: str | None = None) -> Facts:
    """Return the facts of an envelope under a map."""
    return read_facts(value, parse_map(where))


def refused(value: dict[str, Any], where: str | None = None) -> str:
    """Return the word with which an envelope is refused."""
    with pytest.raises(Refused) as caught:
        facts(value, where)
    assert str(caught.value).isprintable()
    return caught.value.reason


@pytest.mark.parametrize("item", [True, 1, "true", "True", " DESIRABLE\n"], ids=ascii)
def test_what_is_true(item: Any) -> None:  # noqa: ANN401 - any JSON value
    """Labels are booleans, 1 and 0, and the words of the seeds and of TRL."""
    assert read_label(item, "label") is True


@pytest.mark.parametrize("item", [False, 0, "false", "FALSE", "undesirable"], ids=ascii)
def test_what_is_false(item: Any) -> None:  # noqa: ANN401 - any JSON value
    """False has the same spellings as true."""
    assert read_label(item, "label") is False


@pytest.mark.parametrize(
    "item", [2, -1, 1.0, 0.0, "", "yes", "1", [], {}, [True], "x" * 10_000, "\u0000"], ids=map(str, range(12))
)
def test_nonsense_is_no_label(item: Any) -> None:  # noqa: ANN401 - any JSON value
    """Anything else is refused, never read as true, false or none."""
    assert refused({"label": item}) == "bad_label"


def test_no_label_is_none() -> None:
    """An absent label and null are no label; a map can look elsewhere, or nowhere."""
    assert facts({}).label is None
    assert facts({"label": None}).label is None
    assert facts({"label": "x", "meta": {"good": 0}}, "label=meta.good").label is False
    assert facts({"label": "x"}, "label=-").label is None
    assert facts({"b": True}, "label=a,label=b").label is True


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, None),
        ({"domain": "asm"}, "asm"),
        ({"domain": None, "metadata": {"domain": "m"}}, "m"),
        ({"domain": " ", "_metadata": {"domain": "u"}, "metadata": {"domain": "m"}}, "u"),
        ({"domain": ["a", "b"]}, "a+b"),
        ({"domain": [], "metadata": "no object"}, None),
        ({"domain": 3}, "3"),
        ({"domain": True}, "true"),
        ({"domain": [1, 2.5]}, "1,2.5"),
    ],
    ids=map(str, range(9)),
)
def test_domains(value: dict[str, Any], expected: str | None) -> None:
    """The domain is the first place that says one; blank says nothing; a list is joined."""
    assert facts(value).domain == expected


UNFIT_DOMAINS: tuple[Any, ...] = ({"a": 1}, [{}], "a\u001b[31m", "a\nb", "x" * (LONGEST + 1), ["x" * LONGEST, "y"])
UNFIT_TAGS: tuple[dict[str, Any], ...] = (
    {"a\u0000": "x"},
    {"a": "x\u0085"},
    {"a": "x\ny"},
    {"a": "x" * (LONGEST + 1)},
    {"a" * (LONGEST + 1): "x"},
    {"a": [1] * LONGEST},
)


@pytest.mark.parametrize("item", UNFIT_DOMAINS, ids=range(len(UNFIT_DOMAINS)))
def test_a_domain_that_does_not_fit(item: Any) -> None:  # noqa: ANN401 - any JSON value
    """An unfit domain is passed over at the default places, and refused where a map asks for it, even if the same."""
    assert facts({"domain": item}).domain is None
    assert facts({"domain": item, "metadata": {"domain": "m"}}).domain == "m"
    assert refused({"domain": item}, "domain=domain") == "bad_fact"
    assert refused({"x": item}, "domain=x") == "bad_fact"
    assert facts({"domain": item}, "label=domain.x,tags=-").domain is None


@pytest.mark.parametrize("tags", UNFIT_TAGS, ids=range(len(UNFIT_TAGS)))
def test_a_tag_that_does_not_fit(tags: dict[str, Any]) -> None:
    """An unfit tag is left out and its neighbours are not; where a map asks for the tags it is refused."""
    value = {"tags": {"before": "1", **tags, "z": "2"}}
    assert facts(value).tags == facts(value, "domain=-,tag.q=none").tags == {"before": "1", "z": "2"}
    assert refused(value, "tags=tags") == "bad_fact"


def test_a_named_tag_that_does_not_fit_is_refused() -> None:
    """A tag that the map names is refused if it is an object, has control characters or is too long."""
    unfit: tuple[Any, ...] = ({}, "\n", "x" * (LONGEST + 1))
    for item in unfit:
        assert refused({"x": item}, "tag.a=x") == "bad_fact"
    with pytest.raises(ValueError, match="1001 characters"):
        parse_map(f"tag.{'a' * (LONGEST + 1)}=x")


def test_the_longest_facts_fit() -> None:
    """A thousand characters are not too many, for domain, tag and name."""
    text = "x" * LONGEST
    assert facts({"domain": text, "tags": {text: text}}) == Facts(None, text, {text: text})
    assert facts({"x": text}, f"domain=x,tag.{text}=x") == Facts(None, text, {text: text})


def test_tags() -> None:
    """Plain values under `tags` are tags; named tags come from anywhere and win; what is null or nested is none."""
    value = {"tags": {"p": "x", "n": 2, "on": False, "l": ["a", 1], "o": {}, "e": [], "z": None}, "meta": {"p": "y"}}
    plain = {"p": "x", "n": "2", "on": "false", "l": "a,1"}
    assert facts(value).tags == plain
    assert facts(value, "tag.p=meta.p,tag.q=meta.q,tag.z=tags.z").tags == {**plain, "p": "y"}
    assert facts(value, "tags=-,tag.p=meta.p").tags == {"p": "y"}
    assert facts(value, "tags=meta").tags == {"p": "y"}
    assert facts({"tags": ["a"]}).tags == {}


@given(st.dictionaries(st.sampled_from(["label", "domain", "tags", "metadata"]), json_values()))
def test_any_envelope_has_facts_or_is_refused(value: dict[str, Any]) -> None:
    """Whatever JSON stands in the places of facts, they are refused or are text without control characters."""
    try:
        found = facts(value)
    except Refused:
        return
    assert found.label in (True, False, None)
    said = "".join([found.domain or "", *found.tags, *found.tags.values()])
    assert not any(unicodedata.category(character) == "Cc" for character in said)


@pytest.mark.parametrize(
    "text",
    ["domain", "domain=", "=x", "colour=x", "tag.=x", "tag=x", "domain\u0000=x", "tag.\udcff=x", "tag.a=b\u0007"],
    ids=ascii,
)
def test_a_map_that_is_none_is_refused(text: str) -> None:
    """What is not FACT=PATH is refused with a sentence."""
    with pytest.raises(ValueError, match=r"is not|holds"):
        parse_map(text)


def test_a_map_as_json() -> None:
    """A map is recorded whole and sorted; without a map the documented defaults apply."""
    assert parse_map(None) == parse_map(" , ") == FactMap()
    assert parse_map("tag.b=y, tag.a = x ,label=l,domain=-,tags=t").as_json() == {
        "asked": ["domain", "label", "tags"],
        "domain": [],
        "label": ["l"],
        "tag_root": "t",
        "tags": [["a", "x"], ["b", "y"]],
    }
    assert FactMap().as_json() == {
        "asked": [],
        "domain": ["domain", "_metadata.domain", "metadata.domain"],
        "label": ["label"],
        "tag_root": "tags",
        "tags": [],
    }


@pytest.mark.parametrize(
    "text", [None, "label=a,label=b,domain=-", "tags=-,tag.\u00e4=x.y", "domain=domain"], ids=ascii
)
def test_a_map_comes_back_from_what_was_recorded(text: str | None) -> None:
    """The recorded form holds all of a map, also whether a default place was asked for."""
    made = parse_map(text)
    assert map_of(json.loads(json.dumps(made.as_json()))) == made
    assert (made == FactMap()) == (text is None)


@given(texts)
def test_any_map_is_taken_or_refused(text: str) -> None:
    """Any text is a map or a ValueError."""
    try:
        made = parse_map(text)
        assert map_of(made.as_json()) == made
    except ValueError:
        assert text.strip(", \t\n")
