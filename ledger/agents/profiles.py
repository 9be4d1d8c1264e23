"""What models take: from the provider's own list of models, over a shipped table of families, over careful defaults.

No model is named in the code. What the provider says of a model goes before the table; the table tells what the
provider does not say, and stands in for it where it cannot be asked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

ANTHROPIC, OPENAI = "anthropic", "openai"
PROVIDERS = (ANTHROPIC, OPENAI)

NONE, OFF, ALWAYS = "none", "off", "always"
"""How a model thinks before it answers: it has no such mode, it can be told not to, or it always does."""

_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,127}", re.ASCII)
_LONGEST = 128
_NEAR = 3


class Profile(NamedTuple):
    """What a model takes: what may stand in a request to it, and how large its prompts and answers may be.

    `sampling` says whether it takes a temperature, and `version` under which version of the interface (None: the
    client's own). `thinking` is one of none, off, always; `efforts` are the words that it takes, least first. `schema`
    says whether it can be held to one. `cache_minimum` is the shortest prompt, in tokens, that is cached; `max_output`
    the most tokens of an answer. `retires` is the day from which it is no longer offered, where that is known.
    """

    provider: str
    model: str
    sampling: bool = False
    version: str | None = None
    thinking: str = NONE
    efforts: tuple[str, ...] = ()
    schema: bool = True
    batch: bool = True
    cache: bool = True
    cache_minimum: int = 512
    max_output: int = 8192
    context: int = 128_000
    retires: str | None = None


def is_name(model: str) -> bool:
    """Say whether a text can be the name of a model: it becomes part of an address."""
    return _NAME.fullmatch(model) is not None and ".." not in model and "//" not in model


def shipped(provider: str, model: str) -> Profile:
    """Return what the shipped table says of a model; careful defaults where it says nothing."""
    table = _table(provider)
    known = (family for family in table["family"] if any(fnmatchcase(model, one) for one in family["models"]))
    family: dict[str, Any] = next(known, {})
    facts = {name: value for name, value in (table["default"] | family).items() if name != "models"}
    return Profile(provider, model, **facts | {"efforts": tuple(facts.get("efforts", ()))})


def told(profile: Profile, said: Mapping[str, Any]) -> Profile:
    """Return a profile with what the provider says of the model put in: an entry of its list of models.

    What is missing there, or is not of the kind that it should be, stays as it was.
    """
    changes: dict[str, Any] = {}
    name = said.get("id")
    if isinstance(name, str) and is_name(name):
        changes["model"] = name
    for field, key in (("max_output", "max_tokens"), ("context", "max_input_tokens")):
        number = said.get(key)
        if type(number) is int and number > 0:
            changes[field] = number
    retires = said.get("retires_at")
    if isinstance(retires, str):
        changes["retires"] = retires[:10]
    return profile._replace(**changes, **_capabilities(profile, _object(said.get("capabilities"))))


def retired(said: Mapping[str, Any]) -> bool:
    """Say whether the provider says that it no longer offers a model."""
    return said.get("lifecycle") == "retired"


def near(model: str, offered: Sequence[str]) -> list[str]:
    """Return the offered names that a name may have been meant for, nearest first."""
    return get_close_matches(model[:_LONGEST], [name for name in offered if is_name(name)], _NEAR)


def _capabilities(profile: Profile, said: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for field, key in (("schema", "structured_outputs"), ("batch", "batch")):
        if (supported := _supported(said.get(key))) is not None:
            changes[field] = supported
    thinking, effort = _object(said.get("thinking")), _object(said.get("effort"))
    if (can_be_off := _supported(_object(thinking.get("types")).get("disabled"))) is not None:
        thinks = thinking.get("supported") is not False
        changes["thinking"] = ALWAYS if not can_be_off else OFF if thinks else NONE
    if (takes_efforts := effort.get("supported")) is not None:
        words = tuple(word for word in _EFFORTS if _supported(effort.get(word)))
        changes["efforts"] = (words or profile.efforts) if takes_efforts is True else ()
    return changes


def _supported(value: object) -> bool | None:
    supported = _object(value).get("supported")
    return supported if isinstance(supported, bool) else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


@cache
def _table(provider: str) -> dict[str, Any]:
    return tomllib.loads(files("ledger.agents").joinpath("shipped", f"{provider}.toml").read_text(encoding="utf-8"))
