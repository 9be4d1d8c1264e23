"""Words and sentences for answers: some of the prompt's own, some of a list, put together by drawn numbers."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

_VOCABULARY = (
    "morning evening budget review chapter garden kitchen invoice travel meeting outline sketch draft summary client "
    "season recipe library museum bridge harbor market weather calendar lesson project journal reader writer folder "
    "window lantern compass river valley winter autumn spring summer train station ticket letter packet parcel shelf "
    "notebook margin paragraph heading figure table column measure balance account expense income payment contract "
    "partner neighbor teacher student lecture seminar research survey sample method finding pattern signal channel "
    "editor version release schedule deadline reminder priority progress decision question comment answer feature "
    "backup history record detail section overview inventory supply order delivery engine battery charger cable "
    "carefully quickly usually recently finally together already before after during between across toward within "
    "collects compares prepares reviews gathers updates arranges confirms describes explains tracks follows keeps "
    "moves sorts links names marks lists checks reads writes plans shares builds repairs measures balances studies "
    "helpful quiet steady narrow recent early careful certain common simple complete useful practical specific open"
)
_OWN = _VOCABULARY.split()
_MARKERS = (
    "tool call calls arguments argument result results error json true false null content role user assistant system "
    "messages conversations context label data sample untrusted instructions ignore placeholder todo tbd lorem ipsum "
    "example unknown none text field value"
)
_LEFT_OUT = frozenset(_MARKERS.split())
_WORD = re.compile(r"(?<![A-Za-z0-9_])[a-z]{4,11}(?![A-Za-z0-9_])")
_RANGE = re.compile(
    r"(\d{1,5})\s*(?:to|and|-|\u2013)\s*(\d{1,5})\s*(characters|chars|letters|words|signs)", re.IGNORECASE
)
_BOUND = re.compile(
    r"(at least|at most|no more than|up to|minimum|maximum|under|over|more than|fewer than)\s*(?:of\s*)?(\d{1,5})\s*"
    r"(characters|chars|letters|words|signs)",
    re.IGNORECASE,
)
_KEYWORD = re.compile(r"(minLength|maxLength)\W{1,4}(\d{1,5})")
_LOWER = frozenset({"at least", "minimum", "over", "more than"})
_LETTERS = 7
"""What a word takes with the space after it, where a length is asked for in words."""
_FEW = 12
"""With fewer words than these a prompt would be heard again in every answer."""
_MANY = 200_000
"""So much of a prompt is looked at."""


def words_of(text: str) -> list[str]:
    """Return the plain words of a text, each once, in their order."""
    plain = text[:_MANY].replace("\\n", " ").replace('\\"', " ").lower()
    return [word for word in dict.fromkeys(_WORD.findall(plain)) if word not in _LEFT_OUT]


def lengths(described: str, least: int = 60, most: int = 140) -> tuple[int, int]:
    """Return between how many characters a text must have by its description; without a word of it, a sentence."""
    if found := _RANGE.search(described):
        low, high = int(found[1]), int(found[2])
        scale = _scale(found[3])
        return low * scale, max(low, high) * scale
    bounds = [(one[1].lower() in _LOWER, int(one[2]) * _scale(one[3])) for one in _BOUND.finditer(described)]
    bounds += [(one[1] == "minLength", int(one[2])) for one in _KEYWORD.finditer(described)]
    lowest = [size for lower, size in bounds if lower]
    highest = [size for lower, size in bounds if not lower]
    high = min(highest, default=most)
    low = max(lowest, default=min(least, high // 2) if highest else least)
    return low, max(low, high)


def text(rng: random.Random, known: list[str], low: int, high: int) -> str:
    """Return sentences of between `low` and `high` characters that no other drawing gives."""
    wanted = rng.randint(low + (high - low) // 4, high - (high - low) // 4)
    said = ""
    while len(said) < wanted:
        said += (" " if said else "") + _sentence(rng, known)
    if len(said) > high:
        said = said[: high - 1].rsplit(" ", 1)[0].rstrip(" .,") + "." if high > 1 else said[:high]
    while len(said) < low:  # the last word was long
        said = said.rstrip(".") + rng.choice((" now.", " too.", " here.", " again."))
    return said[:high]


def found_in(text_of_prompt: str) -> dict[str, Any]:
    """Return the values of every key in any JSON object within a text, however often it is quoted; the first wins."""
    found: dict[str, Any] = {}
    for value in _objects(text_of_prompt[:_MANY], 0):
        _collect(value, found, 0)
    return found


def _scale(unit: str) -> int:
    return _LETTERS if unit.lower() == "words" else 1


def _sentence(rng: random.Random, known: list[str]) -> str:
    count = rng.randint(6, 13)
    share = 0.5 if len(known) >= _FEW else 0.15
    said = [rng.choice(known) if known and rng.random() < share else rng.choice(_OWN) for _ in range(count)]
    return " ".join(said).capitalize() + "."


def _objects(said: str, depth: int) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    at, tries = said.find("{"), 0
    while at >= 0 and tries < 200:
        tries += 1
        try:
            value, end = decoder.raw_decode(said, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value
        at = said.find("{", end)
    if depth == 0:
        for quoted in re.findall(r'"(?:[^"\\]|\\.){2,}"', said):
            if "{" in quoted:
                try:
                    yield from _objects(json.loads(quoted), 1)
                except ValueError:
                    continue


def _collect(value: object, found: dict[str, Any], depth: int) -> None:
    if depth > 40:
        return
    if isinstance(value, dict):
        for key, one in value.items():
            found.setdefault(str(key), one)
            _collect(one, found, depth + 1)
    elif isinstance(value, list):
        for one in value:
            _collect(one, found, depth + 1)
    elif isinstance(value, str) and "{" in value:
        for one in _objects(value, 1):
            _collect(one, found, depth + 1)
