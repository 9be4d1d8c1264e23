"""Rows in TRL's types, spliced from the exact JSON text of the training fields: nothing is parsed and written again.

Line breaks between the tokens of that text become spaces, because a row is a line. Inside strings JSON has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LABELS = {True: "true", False: "false", None: "null"}


def unpaired_preference(prompt: str, completion: str, tools: str | None, label: bool | None) -> bytes:  # noqa: FBT001 - a label
    """Return a row of KTO: {prompt, completion, label}, with tools where the sample has them."""
    return _line(f'{{"prompt": {prompt}, "completion": {completion}, "label": {_LABELS[label]}', tools)


def prompt_completion(prompt: str, completion: str, tools: str | None) -> bytes:
    """Return a row of SFT: {prompt, completion}, with tools where the sample has them."""
    return _line(f'{{"prompt": {prompt}, "completion": {completion}', tools)


def sample_row(facts: Mapping[str, Any], prompt: str | None, completion: str | None, tools: str | None) -> bytes:
    """Return a row for reading: facts about the sample first, then its fields (null where it has none)."""
    start = json.dumps(dict(facts), ensure_ascii=False)[:-1]
    return _line(f'{start}, "prompt": {prompt or "null"}, "completion": {completion or "null"}', tools)


def _line(start: str, tools: str | None) -> bytes:
    row = f"{start}}}" if tools is None else f'{start}, "tools": {tools}}}'
    return (row.replace("\r", " ").replace("\n", " ") + "\n").encode()
