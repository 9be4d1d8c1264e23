"""Samples to measure with: real lines of tests/data/toolset, varied into as many as are asked for.

Line `i` is a pure function of (seed, i), so any number of lines takes constant memory, and fewer lines are a prefix
of more. Like real files they repeat themselves: whole lines, contents with another envelope, contents with the other
label, and many completions of one prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

SLICES = Path(__file__).resolve().parent.parent / "tests" / "data" / "toolset"
_FILES = ("poor.jsonl", "scored.jsonl", "poor.jsonl", "scored.jsonl", "enhanced.jsonl")
"""Lines of enhanced.jsonl are half as long; in this mix the mean is about 1.5 KB."""

_DOMAINS = ("asm", "cpp", "text", "oracle", "asm+oracle", "errors")
"""One for each template, in turn; the real lines name none."""

_SAME_LINE, _SAME_CONTENT, _OTHER_LABEL, _SAME_PROMPT = 2, 6, 8, 38
"""Percent, each bound including those before it: what a line has in common with some earlier line."""

_SESSION = re.compile(r"session_[0-9]+")


class Variant(NamedTuple):
    """What one line is made of: a template, the numbers that make its parts its own, its label."""

    template: int
    prompt: int
    completion: int
    label: bool
    number: int


def lines(count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield `count` lines of JSON without line ends."""
    for index in range(count):
        yield line(variant(index, seed))


def write(path: Path, count: int, seed: int = 0) -> int:
    """Write `count` lines to a file and return its size in bytes."""
    with path.open("wb") as file:
        for body in lines(count, seed):
            file.write(body + b"\n")
    return path.stat().st_size


def variant(index: int, seed: int) -> Variant:
    """Return what line `index` is; 38 in 100 take something from an earlier line."""
    drawn = blake3(f"{seed}:{index}".encode()).digest()
    share, label = drawn[0] * 256 + drawn[1], drawn[2] % 2 == 0
    place = int.from_bytes(drawn[3:11], "big")
    percent = share * 100 >> 16
    if index == 0 or percent >= _SAME_PROMPT:
        return Variant(place % len(templates()), index, index, label, index)
    earlier = variant(place % index, seed)
    if percent < _SAME_LINE:
        return earlier
    if percent < _SAME_CONTENT:
        return earlier._replace(number=index)
    if percent < _OTHER_LABEL:
        return earlier._replace(number=index, label=not earlier.label)
    return earlier._replace(completion=index, label=label, number=index)


def line(what: Variant) -> bytes:
    """Return the bytes of one line."""
    text = templates()[what.template]
    text = text.replace("@PROMPT@", str(what.prompt), 1).replace("@COMPLETION@", f"{what.completion:011}")
    text = text.replace('"@LABEL@"', "true" if what.label else "false", 1)
    return text.replace('"@INDEX@"', str(what.number), 1).encode()


@cache
def templates() -> tuple[str, ...]:
    """Return the real lines with marks where a variant's own numbers and label go."""
    texts = [text for name in _FILES for text in _texts(SLICES / name)]
    return tuple(_template(text, _DOMAINS[n % len(_DOMAINS)]) for n, text in enumerate(texts))


def _texts(path: Path) -> list[str]:
    """Return the lines of a slice that parse; one was kept because it does not."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            json.loads(text)
        except json.JSONDecodeError:
            continue
        found.append(text)
    return found


def _template(text: str, domain: str) -> str:
    value = json.loads(text)
    user, assistant = value["conversations"]
    user["content"] = f"{user['content']} (note @PROMPT@)"
    text, changed = _SESSION.subn("session_17@COMPLETION@", assistant["content"])
    assistant["content"] = text if changed else f"{text} (note @COMPLETION@)"
    return json.dumps({**value, "label": "@LABEL@", "_index": "@INDEX@", "domain": domain}, ensure_ascii=False)
