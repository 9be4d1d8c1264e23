"""What the tools that decide share: their arguments, and from a selection's handle to the samples it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from mcp.types import ToolAnnotations
from pydantic import BeforeValidator, Field

from ledger import Ledger
from ledger.errors import BadRequest, HeadMoved
from mcp_server.handles import Handles
from mcp_server.tools.asking import LONGEST, Items, bare

SHORTEST = 8
"""Characters of a reason."""
MOST = 200_000
"""Samples of one decision: the ledger takes more, but nobody else can write while it does."""
LOOKING = 30.0
"""Seconds that looking up the samples of a decision may take."""
_SELECT_AGAIN = "Ask ledger_search again with select=true, look at the new total, and use that selection."

_OTHERS = "Ask ledger_search with other filters and select=true."


WRITING = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)  # the log is only ever appended to, and a key that was used appends nothing

Verdict = Literal["accept", "reject", "defer", "label-true", "label-false", "label-none"]
Ids = Annotated[
    Sequence[Annotated[str, Field(max_length=LONGEST)]],
    Items,
    Field(max_length=100, json_schema_extra=bare, description="ids or unique prefixes, 6+"),
]
Absent = BeforeValidator(lambda value: "" if value is None else value)
Handle = Annotated[str, Absent, Field(max_length=200, json_schema_extra=bare, description="in place of samples")]
Reason = Annotated[str, Field(min_length=SHORTEST, max_length=500, json_schema_extra=bare)]
Key = Annotated[
    str, Field(min_length=1, max_length=200, json_schema_extra=bare, description="new for each new request")
]
Position = Annotated[int, Field(ge=0, le=2**53)]


def named(samples: Sequence[str], selection: str) -> None:
    """Refuse a request that names samples in no way or in two; raise BadRequest."""
    if samples and selection:
        raise BadRequest("Both samples and a selection were given; give one of the two")
    if not samples and not selection:
        raise BadRequest(
            "No samples were given", hint="Name them by id, or pass the selection of ledger_search with select=true."
        )


def members(ledger: Ledger, handles: Handles, samples: Sequence[str], selection: str) -> tuple[list[str], int | None]:
    """Return the ids that a request is about, and the head that they need, None where any will do.

    A selection stands for exactly the samples that it was made for. Where its filter finds others by now, they are
    looked up as of then, and then only a repetition may go on: whatever would write sees that the head has moved, which
    `selected` puts into words. Raises BadRequest for a selection that this server did not make, and where those samples
    are not found any more, as when the index of words has learnt of more texts.
    """
    if not selection:
        return list(samples), None
    chosen = handles.chosen(selection)
    if not chosen.count:
        raise BadRequest("That selection holds no samples, so there is nothing to decide", hint=_OTHERS)
    not_too_many(chosen.count, "Narrow the search, or ask a person to run `ledger propose` with --where.")
    now = ledger.find_ids(**chosen.chosen)
    if now["digest"] == chosen.digest:
        return now["ids"], None
    then = ledger.find_ids(**{**chosen.chosen, "as_of": chosen.position})
    if then["digest"] != chosen.digest:
        raise BadRequest(
            "The ledger changed since the search: the filter of that selection finds other samples than it did",
            hint=_SELECT_AGAIN,
        )
    return then["ids"], chosen.position


def not_too_many(count: int, step: str) -> None:
    """Raise BadRequest where a decision is about more samples than this server takes at once."""
    if count > MOST:
        raise BadRequest(f"{count:,} samples are too many for one decision here; the most are {MOST:,}", hint=step)


@contextmanager
def selected(needed: int | None) -> Iterator[None]:
    """Let a HeadMoved inside say what to do about a selection whose samples are looked up at the head they need."""
    try:
        yield
    except HeadMoved:
        if needed is None:
            raise
        told = "The ledger changed since the search that gave this selection"
        raise BadRequest(told, hint=f"Its filter finds other samples by now. {_SELECT_AGAIN}") from None


def became(settled: Mapping[str, Any]) -> dict[str, int]:
    """Return what became of the samples of an accepted proposal: how many changed, and what else there is to count."""
    names = ("changed", "outranked", "unchanged", "changed_since", "erased")
    return {name: settled[name] for name in names if settled[name] or name == "changed"}


def how_many_changed(count: int, settled: Mapping[str, Any]) -> str:
    """Return how many of so many samples changed, in words; one that a person has decided about did not."""
    held = settled["outranked"]
    more = f"; {held:,} {'stays as it is' if held == 1 else 'stay as they are'}: a person decided" if held else ""
    return f"{settled['changed']:,} of {count:,} changed{more}"


def head_of(ledger: Ledger) -> int:
    """Return the position that the log ends at."""
    return int(ledger.status()["head"]["position"])
