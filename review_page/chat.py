"""A conversation as turns that templates can show: role, text, calls with arguments laid out. Text stays text.

Whatever a sample holds, a page of it is of a bounded size: a `Room` is what the texts on it may take together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ledger import Ledger
from review_page.layout import laid_out

FOLDED = 1_200
"""Characters of a turn from which on it is folded."""
LONGEST = 200_000
"""Characters of one text that are shown; the JSON twin has all of it."""
WHOLE = 500_000
"""Characters of all texts of one page together."""
_FRAME = 100
"""Characters that a turn or a call counts for by being there."""
_NAME = 200
"""Characters of a name that are shown."""


class Call(NamedTuple):
    """One tool call: its name, and its arguments as JSON with an indent, or as the text that stood there."""

    name: str
    arguments: str


class Turn(NamedTuple):
    """One message: who said it, the text before and after its calls, the calls; `cut` characters are not shown."""

    role: str
    side: str
    text: str
    calls: tuple[Call, ...]
    is_long: bool
    cut: int


class Room:
    """How many characters a page, or a part of it, has left to show."""

    def __init__(self, left: int = WHOLE) -> None:
        """Begin with so many."""
        self.left = left

    def frame(self) -> bool:
        """Take what the frame around one text takes; say whether there was room for it."""
        self.left -= _FRAME
        return self.left > 0

    def take(self, text: str) -> str:
        """Return as much of the beginning of a text as is shown."""
        taken = text[: max(0, min(LONGEST, self.left))]
        self.left -= len(taken)
        return taken


def turns(ledger: Ledger, content: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the turns of a content as pages and their twins show them, by the names of a Turn; raise as `read`."""
    found = read(ledger, content, Room())
    return [{**turn._asdict(), "calls": [call._asdict() for call in turn.calls]} for turn in found]


def read(ledger: Ledger, content: Mapping[str, Any] | None, room: Room, *, as_it_came: bool = False) -> list[Turn]:
    """Return the turns of a content as `show` tells it; none where its bytes were erased.

    With `as_it_came` nothing is laid out: text is as a trainer reads it, so that a difference can be told from it.
    Raises Interrupted where the ledger is `limited` and the question is over.
    """
    if content is None:
        return []
    said = [(side, message) for side in ("prompt", "completion") for message in _messages(side, content[side])]
    found: list[Turn] = []
    for n, (side, message) in enumerate(said):
        ledger.go_on()
        if not room.frame():
            found.append(Turn("…", side, f"{len(said) - n:,} more turns: see the JSON.", (), is_long=False, cut=0))
            break
        found.append(_turn(ledger, side, message, room, as_it_came=as_it_came))
    return found


def _messages(side: str, said: str | Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if isinstance(said, str):
        return [{"role": side, "content": said}] if said else []
    return said


def _turn(ledger: Ledger, side: str, message: Mapping[str, Any], room: Room, *, as_it_came: bool) -> Turn:
    role, text, listed = str(message.get("role", "?"))[:_NAME], _text(message.get("content")), message.get("tool_calls")
    calls: Sequence[object] = listed if isinstance(listed, list) else []
    shown = room.take(text)
    cut = len(text) - len(shown)
    if not calls and role == "assistant" and not as_it_came:
        shown, calls = _called(ledger, shown)
    drawn, left_out = _drawn(calls, room, as_it_came=as_it_came)
    return Turn(role, side, shown, drawn, len(shown) > FOLDED, cut + left_out)


def _drawn(calls: Sequence[object], room: Room, *, as_it_came: bool) -> tuple[tuple[Call, ...], int]:
    """Return calls as far as there is room for them, and how many characters of those are not shown."""
    drawn: list[Call] = []
    cut = 0
    for n, one in enumerate(calls):
        if not room.frame():
            drawn.append(Call("…", f"{len(calls) - n:,} more calls: see the JSON."))
            break
        call = one if isinstance(one, Call) else _call(one)
        laid = None if as_it_came or len(call.arguments) > LONGEST else laid_out(call.arguments)
        if laid is None or len(laid) > min(LONGEST, room.left):
            laid = call.arguments
        shown = room.take(laid)
        name = room.take(call.name[:_NAME])
        cut += len(laid) - len(shown) + len(call.name) - len(name)
        drawn.append(Call(name, shown))
    return tuple(drawn), cut


def _called(ledger: Ledger, text: str) -> tuple[str, list[Call]]:
    """Return a text without the calls that it holds, and these; all of it where they could not be told as they stand.

    A call is known by what it was read as. That is not what stands there where a name is given twice, or a number or
    a character is written in another way than JSON is written here; white space alone may differ.
    """
    pieces = ledger.text_calls(text)
    calls: list[Call] = []
    bare, at = _bare(text), 0
    for piece in pieces:
        if isinstance(piece, str):
            continue
        name = _bare(piece.name)
        for written in _written(piece.arguments):
            begin = bare.find(_bare(written), at)
            if begin >= 0 and name in bare:
                break
        else:
            return text, []
        calls.append(Call(piece.name, written))
        at = begin
    return ("".join(piece for piece in pieces if isinstance(piece, str)).strip() if calls else text), calls


def _written(value: object) -> Iterable[str]:
    """Yield the two ways in which a value is usually written."""
    for ascii_only in (False, True):
        yield json.dumps(value, ensure_ascii=ascii_only)


def _bare(text: str) -> str:
    """Return a text without white space."""
    return "".join(text.split())


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        return "\n".join(
            str(part["text"]) if isinstance(part, dict) and "text" in part else _plain(part) for part in content
        )
    return _plain(content)


def _call(call: object) -> Call:
    inner = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(inner, dict):
        return Call("?", _plain(call))
    return Call(str(inner.get("name", "?")), _plain(inner.get("arguments")))


def _plain(value: object) -> str:
    """Return a text as it is, and any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
