"""Facts that stand beside the training fields: label, domain and tags, and where to look for them.

`--map domain=meta.topic,tag.persona=tags.persona` names places as dotted paths. Without a map, the label is `label`,
the domain is `domain`, `_metadata.domain` or `metadata.domain`, and every plain value under `tags` is a tag.
A domain or tag that does not fit (no plain value, a control character, too long) is left out where nobody asked for
it; one that the map asks for is refused with its line, and so is a label that is none. A decision is looked for only
where that was asked for (`ledger.readers.decisions`), and never refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.readers import decisions
from ledger.readers.contract import CONTROL, MISSING, Facts, at, refuse, short
from ledger.readers.decisions import DecisionMap

_TRUE = frozenset({"true", "desirable"})
_FALSE = frozenset({"false", "undesirable"})
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
NOWHERE = "-"
LONGEST = 1_000
"""Characters of a domain, of a tag's name and of its value."""


@dataclass(frozen=True, slots=True)
class FactMap:
    """Where facts stand: dotted paths, tried in order. `tags` adds named tags to those under `tag_root`.

    `asked` names the facts (label, domain, tags) whose places somebody gave; the others stand at their defaults.
    `decisions` says where a decision stands; None: decisions are not looked for.
    """

    label: tuple[str, ...] = ("label",)
    domain: tuple[str, ...] = ("domain", "_metadata.domain", "metadata.domain")
    tag_root: str | None = "tags"
    tags: Mapping[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    decisions: DecisionMap | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the map as plain values, for the recipe of a run."""
        named = [list(pair) for pair in sorted(self.tags.items())]  # names need not be ASCII, so not as an object
        return {
            "asked": sorted(self.asked),
            "domain": list(self.domain),
            "label": list(self.label),
            "tag_root": self.tag_root,
            "tags": named,
            **({} if self.decisions is None else {"decisions": self.decisions.as_json()}),
        }


def map_of(value: Mapping[str, Any]) -> FactMap:
    """Return the FactMap that `as_json` made `value` of."""
    return FactMap(
        label=tuple(value["label"]),
        domain=tuple(value["domain"]),
        tag_root=value["tag_root"],
        tags=dict(value["tags"]),
        asked=frozenset(value["asked"]),
        decisions=decisions.map_of(value["decisions"]) if "decisions" in value else None,
    )


def parse_map(text: str | None, *, with_decisions: bool = False) -> FactMap:
    """Return the FactMap of `FACT=PATH,…`; FACT is label, domain, tags or tag.NAME, PATH `-` means nowhere.

    `with_decisions` looks for decisions too, and takes their facts. What is given more than once is looked for in that
    order. Raises ValueError with a sentence for the user.
    """
    found: dict[str, Any] = {}
    decided: dict[str, tuple[str, ...]] = {}
    tags: dict[str, str] = {}
    asked: set[str] = set()
    for part in (text or "").split(","):
        fact, separator, place = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not separator or not place:
            raise ValueError(f"{part.strip()!r} is not FACT=PATH")
        if _UNFIT.search(part):
            raise ValueError(f"{part.strip()!r} holds characters that a name cannot have")
        if fact.startswith("tag.") and len(fact) > len("tag."):
            tags[_named(fact.removeprefix("tag."))] = place
            continue
        if fact == "tags":
            found["tag_root"] = None if place == NOWHERE else place
        elif fact in {"label", "domain"}:
            found[fact] = () if place == NOWHERE else (*found.get(fact, ()), place)
        elif with_decisions and fact in decisions.FACTS:
            decided[fact] = () if place == NOWHERE else (*decided.get(fact, ()), place)
            continue
        else:
            raise ValueError(_no_fact(fact, with_decisions))
        asked.add(fact)
    made = DecisionMap(**decided) if with_decisions else None
    return FactMap(**found, tags=tags, asked=frozenset(asked), decisions=made)


def read_facts(value: Mapping[str, Any], places: FactMap) -> Facts:
    """Return the facts of a parsed line; raise Refused where one was asked for, is there, but cannot be one."""
    tags: dict[str, str] = {}
    under = MISSING if places.tag_root is None else at(value, places.tag_root)
    if isinstance(under, dict):
        for key, item in under.items():
            if (text := _text(item)) is None:
                continue
            if "tags" in places.asked:
                tags[_checked(key, "a tag's name")] = _checked(text, f"the tag {short(key)}")
            elif _misfit(key) is None and _misfit(text) is None:
                tags[key] = text
    for key, place in places.tags.items():
        item = at(value, place)
        if item is MISSING or item is None:
            continue
        if (text := _text(item)) is None:
            raise refuse("bad_fact", f"{place} is not a plain value, so it cannot be the tag {key!r}")
        tags[key] = _checked(text, f"the tag {key!r}")
    said = None if places.decisions is None else decisions.read_decision(value, places.decisions)
    return Facts(_label(value, places.label), _domain(value, places), tags, said)


def read_label(item: Any, place: str) -> bool | None:  # noqa: ANN401 - any JSON value
    """Return a label as true, false or none; raise Refused for anything else."""
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, int) and item in {0, 1}:
        return bool(item)
    if isinstance(item, str) and (word := item.strip().lower()) in _TRUE | _FALSE:
        return word in _TRUE
    message = f"{place} is {short(item)}, not true, false, desirable or undesirable (see --map label=)"
    raise refuse("bad_label", message)


def _label(value: Mapping[str, Any], places: tuple[str, ...]) -> bool | None:
    for place in places:
        if (item := at(value, place)) is not MISSING:
            return read_label(item, place)
    return None


def _domain(value: Mapping[str, Any], places: FactMap) -> str | None:
    asked = "domain" in places.asked
    for place in places.domain:
        item = at(value, place)
        if item is MISSING or item is None:
            continue
        text = "+".join(item) if isinstance(item, list) and all(isinstance(i, str) for i in item) else _text(item)
        if text is None and asked:
            raise refuse("bad_fact", f"{place} is not a plain value, so it cannot be the domain")
        if text is None or not text.strip():
            continue
        if asked:
            return _checked(text, "the domain")
        if _misfit(text) is None:
            return text
    return None


def _text(item: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (int, float)):
        return str(item)
    if isinstance(item, list) and item and all(isinstance(part, (str, int, float)) for part in item):
        return ",".join(str(_text(part)) for part in item)
    return None


def _checked(text: str, what: str) -> str:
    if (fault := _misfit(text)) is not None:
        raise refuse("bad_fact", f"{what} {fault}")
    return text


def _misfit(text: str) -> str | None:
    """Return why a text cannot be a fact, or None if it can."""
    if len(text) > LONGEST:
        return f"has {len(text)} characters; the most are {LONGEST}"
    return "holds control characters" if CONTROL.search(text) else None


def _no_fact(fact: str, with_decisions: bool) -> str:  # noqa: FBT001 - as parse_map takes it
    known = ["label", "domain", "tags", *(decisions.FACTS if with_decisions else ())]
    more = f"; {fact} is one of decisions (--decisions)" if fact in decisions.FACTS else ""
    return f"{fact!r} is not a fact: {', '.join(known)} or tag.NAME{more}"


def _named(name: str) -> str:
    if len(name) > LONGEST:
        raise ValueError(f"a tag's name of {len(name)} characters; the most are {LONGEST}")
    return name
