"""JSON laid out for reading: white space between its parts is made anew, everything else stands as it came.

It is not read and written again: a name that is given twice, a long number and an escape are shown as they are.
"""

from __future__ import annotations

import json
import re

DEEPEST = 12
"""Levels that are laid out; JSON that goes deeper is none that anybody reads line by line."""
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_OPENS, _CLOSES = "{[", "}]"


def laid_out(text: str) -> str | None:
    """Return a text that is a JSON object or list with a line for each of its members, two spaces for each level.

    None where it is no such text, or goes deeper than DEEPEST. Takes time by the length of the text.
    """
    if text.lstrip()[:1] not in {"{", "["} or not _is_json(text):
        return None
    lines: list[str] = []
    depth, before = 0, ""
    for part in _PART.findall(text):
        depth -= part in _CLOSES
        lines.append(_between(before, part, depth) + part)
        depth += part in _OPENS
        if depth > DEEPEST:
            return None
        before = part
    return "".join(lines)


def _between(before: str, part: str, depth: int) -> str:
    """Return the white space between two parts."""
    if not before or part in {",", ":"} or (before in _OPENS and part in _CLOSES):
        return ""
    if before == ":":
        return " "
    return "\n" + "  " * depth


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
