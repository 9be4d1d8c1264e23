"""Alpaca's shape: `instruction`, optional `input`, `output`. Its relatives' `system` and `history` are not read yet.

It becomes one user message (instruction, blank line, input) and one assistant message, so that the tokenizer's chat
template, not a text template, decides how it is rendered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.readers.contract import Line, Raw, Reader, refuse
from ledger.sample import Content


def matches(value: Mapping[str, Any]) -> bool:
    """Say whether the object has an instruction and an output."""
    return value.get("instruction") is not None and value.get("output") is not None


def read(value: Mapping[str, Any]) -> Content:
    """Return the content; raise Refused where a field is not text."""
    for key in ("system", "history"):
        if value.get(key):
            raise refuse("bad_field", f"`{key}` is part of what is taught, but this reader does not read it")
    for key in ("instruction", "output"):
        if not isinstance(value.get(key), str):
            raise refuse("bad_field", f"`{key}` is not text")
    extra = value.get("input")
    if extra is not None and not isinstance(extra, str):
        raise refuse("bad_field", "`input` is not text")
    asked = f"{value['instruction']}\n\n{extra}" if extra else value["instruction"]
    return Content(
        "conversational",
        ({"role": "user", "content": asked},),
        ({"role": "assistant", "content": value["output"]},),
    )


def raw(line: Line) -> Raw:
    """Return the two messages; all text stands exactly as in the line."""
    asked, extra = line.raw("instruction"), line.raw("input")
    if asked is not None and extra is not None and extra != '""':
        asked = f"{asked[:-1]}\\n\\n{extra[1:]}"
    prompt = f'[{{"role": "user", "content": {asked}}}]'
    return Raw(prompt, f'[{{"role": "assistant", "content": {line.raw("output")}}}]', None)


READER = Reader(
    "instruction",
    1,
    "Alpaca's {instruction, input, output}",
    ("instruction", "input", "output"),
    matches,
    read,
    raw,
)
