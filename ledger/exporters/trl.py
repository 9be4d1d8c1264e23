"""Rows for reading, spliced from the exact JSON text of the training fields: nothing is parsed and written again.

Line breaks between the tokens of that text become spaces, because a row is a line. Inside strings JSON has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def sample_row(facts: Mapping[str, Any], prompt: str | None, completion: str | None, tools: str | None) -> bytes:
    """Return a row for reading: facts about the sample first, then its fields (null where it has none)."""
    start = json.dumps(dict(facts), ensure_ascii=False)[:-1]
    end = "}" if tools is None else f', "tools": {tools}}}'
    row = f'{start}, "prompt": {prompt or "null"}, "completion": {completion or "null"}{end}'
    return (row.replace("\r", " ").replace("\n", " ") + "\n").encode()
