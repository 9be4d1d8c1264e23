"""What callers type, checked at the door: events are restricted JSON, and what they say is shown in terminals."""

from __future__ import annotations

import re

from ledger.errors import BadRequest

LONGEST = 10_000
"""Characters of one text; more belongs into a sample, not into a reason or a name."""
LARGEST = 1_000_000
"""The largest number of rows or processes that anybody can mean by a batch size or a world size."""

_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def plain_text(what: str, text: object, *, needed: bool = False) -> str:
    """Return `text`; raise BadRequest if it is not a text of whole characters without control characters.

    `what` begins the message, such as "The reason"; `needed` says that it must not be blank either.
    """
    if not isinstance(text, str):
        raise BadRequest(f"{what} must be text, not {type(text).__name__}")
    if needed and not text.strip():
        raise BadRequest(f"{what} must not be empty")
    if len(text) > LONGEST:
        raise BadRequest(f"{what} is {len(text)} characters long; the longest is {LONGEST}")
    if found := _NOT_TEXT.search(text):
        code = ord(found[0])
        kind = "half of a character" if code > 0xFF else "a control character"  # noqa: PLR2004 - the last of Latin-1
        raise BadRequest(f"{what} holds {kind} (U+{code:04X}) at place {found.start() + 1}")
    return text


def whole_number(what: str, number: object, least: int, most: int = LARGEST) -> int:
    """Return `number`; raise BadRequest unless it is a whole number from `least` to `most`."""
    if not isinstance(number, int) or isinstance(number, bool):
        raise BadRequest(f"{what} must be a whole number, not {type(number).__name__}")
    if not least <= number <= most:
        raise BadRequest(f"{what} must be from {least} to {most}, not {number if abs(number) < 10**20 else 'that'}")
    return number
