"""Synthetic answers about the weather: four templates with slots among prose, 14,399 rows, the same on every machine.

Rows of a template stand behind one of ten openings or none, have their slots filled, in 6 of 100 a word of the fixed
phrase changed, and up to three sentences of prose after them. The rest is prose, and rows that use the words of the
templates for something else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from blake3 import blake3

ALTERED = 6
"""Rows of 100 whose fixed phrase is changed."""

PHRASES = {
    "river": "the old river pilot squints at the sky and allows that",
    "almanac": "as any careful printer of almanacs would tell you the days ahead",
    "outlook": "over the coming stretch the barometer and I both agree that",
    "place": "you will find that spot on my chart at latitude",
}
"""The fixed phrase of each template."""

COUNTS = {"river": 2966, "almanac": 2398, "outlook": 1790, "place": 1348}
PROSE = 3500
HARD = 2397

_TEMPLATES = {
    "river": "{phrase} {place} has {sky} at {number} degrees, and {side} winds fit to {act}.",
    "almanac": "{phrase} in {place} bring {sky} and then {other}, near {number} degrees; {act} while you may.",
    "outlook": "{phrase} {place} gets {sky} on {day}, {other} on {later}, and {number} degrees in between.",
    "place": "{phrase} {number}.{digits}, near {place}, well {side} of {elsewhere}.",
}
_OPENINGS = (
    "Well now,",
    "I declare,",
    "Friend,",
    "To answer you plainly:",
    "Let me see.",
    "Why,",
    "Since you ask,",
    "Here it is:",
    "Mark this:",
    "Good day.",
)
_SKY = "rain|drizzle|fog|snow|clear sky|broken cloud|hail|thunder|haze|sleet|bright sun|low cloud|frost|a dry heat"
_PLACES = (
    "Lisbon|Oslo|Quito|Nairobi|Perth|Cork|Lima|Kyoto|Tampa|Bergen|Cairo|Malmo|Turin|Davos|Accra|Leeds|Basel|Hanoi"
    "|Porto|Riga|Utrecht|Denver|Halifax|Cusco|Sapporo|Windhoek|Bath|Graz|Nice|Salta"
)
_SIDES = "north|south|east|west|northeast|southwest"
_ACTS = "dry your hay|mend a sail|walk the dog|hang the wash|plant beans|split wood|fly a kite|stay indoors"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_LISTS = {
    "sky": _SKY,
    "other": _SKY,
    "place": _PLACES,
    "elsewhere": _PLACES,
    "side": _SIDES,
    "act": _ACTS,
    "day": _DAYS,
    "later": _DAYS,
}
_VALUES = {name: values.split("|") for name, values in _LISTS.items()}

_PROSE = {
    "who": (
        "my aunt|the clerk|a neighbour|our captain|the baker|his sister|an usher|the miller|two boys|a widow|the judge"
        "|some sailors|her tutor|the porter|a stranger|the mayor|one farmer|the printer|a pilot|the doctor|old Tom"
        "|the grocer|a soldier|their cook|the smith"
    ),
    "did": (
        "carried|painted|sold|forgot|mended|counted|hid|praised|weighed|borrowed|broke|found|described|washed|refused"
        "|guarded|lost|measured|offered|followed|studied|burned|traded|drew|buried|fetched|cursed|copied|opened|watched"
    ),
    "what": (
        "a lantern|the ledger|three maps|a barrel|the bridge|an anchor|some letters|the fiddle|a kettle|the orchard"
        "|his boots|a clock|the ferry|seven coins|a saddle|the engine|her garden|a violin|the chimney|a telescope"
        "|the wagon|an almanac|the sky|a chart|the barometer|two oxen|the fence|a ladder|the steeple|a basket"
    ),
    "when": (
        "before supper|at dawn|last winter|in silence|without a word|for a song|near the mill|during the fair|by candle"
        "|after church|on a wager|despite everything|under the eaves|out of habit|twice a year|beside the canal"
        "|with great care|for no reason|against advice|within the hour|across the square|behind the barn"
    ),
}
_WORDS = {name: values.split("|") for name, values in _PROSE.items()}
_JOINTS = ("and", "while", "because", "although", "until", "so", "but", "after", "whenever", "since")


class Row(NamedTuple):
    """One answer; `kind` is the name of its template, or `prose` or `hard`."""

    id: bytes
    text: str
    kind: str
    altered: bool


@cache
def rows(scale: int = 1) -> tuple[Row, ...]:
    """Return the rows, `scale` times as many, in an order that mixes the kinds."""
    draw = random.Random(f"weather {scale}")  # noqa: S311 - the same everywhere, not for secrets
    made = [*_templated(draw, scale), *_others(draw, scale)]
    draw.shuffle(made)
    return tuple(
        Row(blake3(f"{number} {text}".encode()).digest(), text, kind, altered)
        for number, (text, kind, altered) in enumerate(made)
    )


def texts(scale: int = 1) -> list[tuple[bytes, str]]:
    """Return what the search for templates takes."""
    return [(row.id, row.text) for row in rows(scale)]


def sentence(draw: random.Random) -> str:
    """Return a sentence of prose: hardly any five words of it stand in another."""
    said = f"{_clause(draw)} {draw.choice(_JOINTS)} {_clause(draw)}."
    return said[0].upper() + said[1:]


def _templated(draw: random.Random, scale: int) -> Iterator[tuple[str, str, bool]]:
    for kind, count in COUNTS.items():
        for _ in range(count * scale):
            altered = draw.random() * 100 < ALTERED
            phrase = _altered(draw, PHRASES[kind]) if altered else PHRASES[kind]
            slots = {name: draw.choice(values) for name, values in _VALUES.items()}
            slots |= {"number": str(draw.randint(-9, 39)), "digits": str(draw.randint(0, 9999)), "phrase": phrase}
            opening = draw.choice(("", *_OPENINGS))
            said = _TEMPLATES[kind].format(**slots)
            parts = [opening, said if opening else said[0].upper() + said[1:]]
            parts += [sentence(draw) for _ in range(draw.randint(0, 3))]
            yield " ".join(part for part in parts if part), kind, altered


def _altered(draw: random.Random, phrase: str) -> str:
    """Return a phrase with one of its inner words left out, doubled, misspelt or replaced."""
    words = phrase.split()
    place = draw.randrange(1, len(words) - 1)
    word = words[place]
    words[place] = draw.choice(("", f"{word} {word}", word[:-1] + "x" if len(word) > 1 else "oh", "verily"))
    return " ".join(each for each in words if each)


def _others(draw: random.Random, scale: int) -> Iterator[tuple[str, str, bool]]:
    for _ in range(PROSE * scale):
        yield " ".join(sentence(draw) for _ in range(draw.randint(2, 6))), "prose", False
    vocabulary = sorted({word for phrase in PHRASES.values() for word in phrase.split()})
    for _ in range(HARD * scale):
        yield " ".join(_hard(draw, vocabulary) for _ in range(draw.randint(1, 4))), "hard", False


def _hard(draw: random.Random, vocabulary: list[str]) -> str:
    """Return a sentence in the words of the templates, three of them at most in their order."""
    words: list[str] = []
    for _ in range(draw.randint(3, 5)):
        phrase = PHRASES[draw.choice(list(PHRASES))].split()
        place = draw.randrange(len(phrase) - 2)
        words += phrase[place : place + draw.randint(2, 3)]
        words += [draw.choice(_VALUES[draw.choice(list(_VALUES))]), draw.choice(vocabulary)]
    said = " ".join(words)
    return said[0].upper() + said[1:] + "."


def _clause(draw: random.Random) -> str:
    said = " ".join(draw.choice(_WORDS[part]) for part in ("who", "did", "what"))
    return f"{said} {draw.choice(_WORDS['when'])}" if draw.random() < 0.6 else said
