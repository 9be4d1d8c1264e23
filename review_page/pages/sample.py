"""One sample: its conversation, its history, why it stands as it does, its versions, twins and releases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ledger import Ledger
from review_page import notices
from review_page.chat import WHOLE, Room, Turn, read, turns
from review_page.pages.queue import reasons
from review_page.site import Facts, View
from review_page.story import story
from review_page.worddiff import Effort, worddiff
from review_page.words import maybe

Content: TypeAlias = Mapping[str, Any] | None
"""A content as `show` tells it; None where its bytes were erased."""


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return what `show` and `why` say of a sample, its conversation, and two of its versions word by word."""
    sample, as_of = state["sample"], state.get("as_of")
    shown, why = ledger.show(sample, as_of=as_of), ledger.why(sample, as_of=as_of)
    return {
        "shown": shown,
        "why": why,
        "story": story(why),
        "turns": turns(ledger, shown["content"]),
        "chain": notices.chain(state.get("undo")),
        "compared": _compared(ledger, shown, maybe(state, "a"), maybe(state, "b"), as_of),
        "reasons": reasons(ledger, as_of),
    }


def _compared(ledger: Ledger, shown: Facts, a: int | None, b: int | None, as_of: str | None) -> Facts | None:
    """Return two versions side by side: those in the address, else the last two; None where there is one."""
    positions = [version["position"] for version in shown["versions"]]
    if len(positions) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    before, after = (positions[-2] if a is None else a), (positions[-1] if b is None else b)
    first, second = (ledger.version(shown["sample"], each, as_of=as_of)["content"] for each in (before, after))
    return {"a": before, "b": after, "sides": beside(ledger, first, second, WHOLE // 2, Effort())}


def beside(ledger: Ledger, first: Content, second: Content, room: int, effort: Effort) -> list[Facts]:
    """Return two conversations turn by turn, with what differs between them word by word.

    `room` is how many characters of each are shown. Texts are compared as they came, with nothing laid out; what is not
    shown of them is told by a piece of the kind `cut`. Raises Interrupted as `read`.
    """
    one, other = (read(ledger, content, Room(room), as_it_came=True) for content in (first, second))
    found: list[Facts] = []
    for n in range(max(len(one), len(other))):
        ledger.go_on()
        there = [side[n] for side in (one, other) if n < len(side)]
        before, after = (words(side[n]) if n < len(side) else "" for side in (one, other))
        told = [{"kind": piece.kind, "text": piece.text} for piece in worddiff(before, after, effort)]
        if cut := max(turn.cut for turn in there):
            told.append({"kind": "cut", "text": f"\n{cut:,} more characters: see the JSON."})
        found.append({"role": there[0].role, "pieces": told})
    return found


def words(turn: Turn) -> str:
    """Return a turn as one text: what was said, and the calls."""
    return "\n".join([*([turn.text] if turn.text else []), *(f"{call.name} {call.arguments}" for call in turn.calls)])


def editing(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a sample as the line that it is, to be edited."""
    shown: dict[str, Any] = ledger.show(state["sample"], as_of=state.get("as_of"))
    return {"shown": shown, "back": state.get("back") or f"/sample/{shown['sample']}"}


VIEW = View("/sample/{sample}", "sample.html", "Sample", ask, takes=frozenset({"a", "b", "last", "undo"}))
EDIT = View("/edit/{sample}", "edit.html", "Edit", editing, takes=frozenset({"back"}))
