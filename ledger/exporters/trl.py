"""Rows in TRL's types, spliced from the exact JSON text of the training fields: nothing is parsed and written again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LABELS = {True: "true", False: "false", None: "null"}


def unpaired_preference(prompt: str, completion: str, tools: str | None, label: bool | None) -> bytes:  # noqa: FBT001 - a label
    """Return a row of KTO: {prompt, completion, label}, with tools where the sample has them."""
    end = "" if tools is None else f', "tools": {tools}'
    return f'{{"prompt": {prompt}, "completion": {completion}, "label": {_LABELS[label]}{end}}}\n'.encode()


def prompt_completion(prompt: str, completion: str, tools: str | None) -> bytes:
    """Return a row of SFT: {prompt, completion}, with tools where the sample has them."""
    end = "" if tools is None else f', "tools": {tools}'
    return f'{{"prompt": {prompt}, "completion": {completion}{end}}}\n'.encode()


def sample_row(facts: Mapping[str, Any], prompt: str | None, completion: str | None, tools: str | None) -> bytes:
    """Return a row for reading: facts about the sample first, then its fields (null where it has none)."""
    start = json.dumps(dict(facts), ensure_ascii=False)[:-1]
    end = "" if tools is None else f', "tools": {tools}'
    return f'{start}, "prompt": {prompt or "null"}, "completion": {completion or "null"}{end}}}\n'.encode()
