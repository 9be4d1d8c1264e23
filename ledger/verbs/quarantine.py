"""Quarantine: the lines that are not valid samples, to look at and to read again.

Events hold the reason only: what a message quotes of a line would outlive the line's erasure. A message is made when
somebody looks, by reading the line again as the run that quarantined it did.
"""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

from ledger.digest import show
from ledger.errors import NoSuchId, UnknownEvent
from ledger.readers import LARGEST_LINE, Unreadable, read_line
from ledger.store import Store
from ledger.verbs.ids import find_event
from ledger.verbs.ingest import IngestPlan, plan_of_run
from ledger.views import quarantine

_LOOKED_AT = 1 << 20
"""Bytes; in a list, a longer line is not read again to say where it goes wrong."""


def quarantined(store: Store, campaign: str | None, limit: int) -> list[dict[str, Any]]:
    """Return the lines in quarantine, oldest first."""
    name = None if campaign is None else normalize("NFC", campaign)
    plans: dict[int, IngestPlan | None] = {}
    lines = quarantine.listed(store.connection, campaign=name, limit=limit)
    return [_answer(line, _message(store, line, plans, _LOOKED_AT)) for line in lines]


def quarantined_line(store: Store, identity: str) -> tuple[dict[str, Any], bytes]:
    """Return one line in quarantine and its exact bytes; raise NoSuchId."""
    position = find_event(store, identity)
    for line in quarantine.listed(store.connection):
        if line.position == position:
            return _answer(line, _message(store, line, {}, LARGEST_LINE)), store.body(line.blob) or b""
    raise NoSuchId(identity)


def _answer(line: quarantine.Quarantined, message: str) -> dict[str, Any]:
    return {
        "event": line.id.hex(),
        "position": line.position,
        "blob": show(line.hash),
        "bytes": line.size,
        "campaign": line.campaign,
        "source": line.source,
        "line": line.line,
        "offset": line.offset,
        "reason": line.reason,
        "message": message,
    }


def _message(store: Store, line: quarantine.Quarantined, plans: dict[int, IngestPlan | None], longest: int) -> str:
    """Return what is wrong with a line of at most `longest` bytes; `plans` keeps the plans of the runs seen."""
    if line.size > LARGEST_LINE:
        return f"{line.size} bytes; the longest line is {LARGEST_LINE}"
    if line.size > longest:
        return f"{line.size} bytes; `quarantine show` reads so long a line again"
    if line.run not in plans:
        plans[line.run] = _plan(store, line)
    plan, body = plans[line.run], store.body(line.blob)
    if body is None:
        return "its bytes were erased"
    if plan is None:
        return "it was read as a format that this version does not know"
    read = read_line(body, plan.places, plan.reader)
    return read.message if isinstance(read, Unreadable) else "this version can read it; see `quarantine retry`"


def _plan(store: Store, line: quarantine.Quarantined) -> IngestPlan | None:
    try:
        return plan_of_run(store, line.run, line.campaign)
    except UnknownEvent:
        return None
