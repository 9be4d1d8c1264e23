"""What goes wrong, in words for an agent: one sentence and a next step; never a traceback, never another's text."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

from ledger.errors import (
    BadRequest,
    HeadMoved,
    LedgerBusy,
    LedgerError,
    NoPolicy,
    NoSuchId,
    NoSuchPosition,
    NotWritable,
)
from mcp_server.untrusted import one_line

LONGEST = 1_000
"""Characters of an error: what a caller sent is quoted in it, and that may be long."""

INTERNAL = "The server failed to answer (an internal error). next: tell the operator; its log says where."

_NEXT: dict[type[LedgerError], str] = {
    BadRequest: "Correct the arguments; the tool's input schema says what it takes.",
    HeadMoved: "Look at what changed (ledger_overview), then call again.",
    LedgerBusy: "Call again in a few seconds.",
    NoPolicy: "Ask a person to adopt one with `ledger decide --policy FILE`.",
    NoSuchId: "ledger_search finds ids; any unique prefix of 6 characters or more works.",
    NoSuchPosition: "Give a position or a time that the log has reached; ledger_overview shows the head.",
    NotWritable: "Ask a person to check the permissions of the ledger file.",
}
"""Next steps for an agent, where the class's own is for somebody at a command line."""

_log = logging.getLogger("mcp_server")


def told(error: LedgerError) -> str:
    """Return an error of the ledger as one line: what is wrong, and what to do next."""
    step = error.next_step
    if step == type(error).hint.format(*error.args):
        step = _NEXT.get(type(error), step)
    said = one_line(str(error).replace("--as-of", "as_of"), LONGEST - len(step) - 8)
    return f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} next: {step}"


def cause(error: BaseException) -> LedgerError | None:
    """Return the error of the ledger that `error` was made from, if there is one."""
    return next((one for one in _behind(error) if isinstance(one, LedgerError)), None)


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what it was raised from, and what a group of tasks made one of."""
    waiting: list[BaseException] = [error]
    for one in waiting:
        yield one
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        waiting += () if one.__cause__ is None else (one.__cause__,)


def note(what: str, error: BaseException) -> None:
    """Log an error that nobody foresaw: its kind and the places it came through, without what it says.

    The words of an exception may quote a sample or an argument; a log is read by others than the ledger.
    """
    *_, error = _behind(error)
    places = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    _log.error("%s: %s at %s", what, type(error).__name__, " < ".join(reversed(places[-6:])) or "no place")
