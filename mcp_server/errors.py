"""What goes wrong, in words for an agent: one sentence and a next step; never a traceback, never another's text."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import (
    BadRequest,
    CorruptLedger,
    ErasedBytes,
    GatesFailed,
    HeadMoved,
    LedgerBusy,
    LedgerError,
    LedgerNotFound,
    NoPolicy,
    NoSuchId,
    NoSuchPosition,
    NoSuchProposal,
    NotALedger,
    NotRepresentable,
    NotWritable,
    PlanImpossible,
    ProposalSettled,
    RolledBack,
)
from mcp_server.untrusted import one_line

LONGEST = 1_000
"""Characters of an error: what a caller sent is quoted in it, and that may be long."""

INTERNAL = "The server failed to answer (an internal error). next: tell the operator; its log says where."

_OPERATOR = "Tell the person who runs this server."

_NEXT: dict[type[LedgerError], str] = {
    BadRequest: "Correct the arguments; the tool's input schema says what it takes.",
    CorruptLedger: f"{_OPERATOR[:-1]}; answers about this ledger cannot be relied on.",
    ErasedBytes: "They cannot come back: leave these samples out.",
    GatesFailed: "A dry run lists the gates that fail; the samples have to be mended first.",
    HeadMoved: "Look at what changed (ledger_overview), then call again.",
    LedgerBusy: "Call again in a few seconds.",
    LedgerNotFound: f"{_OPERATOR[:-1]}; nothing can be asked until the ledger is back.",
    NoPolicy: "Ask a person to adopt one with `ledger decide --policy FILE`.",
    NoSuchId: "ledger_search finds ids; any unique prefix of 6 characters or more works.",
    NoSuchPosition: "Give a position or a time that the log has reached; ledger_overview shows the head.",
    NoSuchProposal: "Use the name that ledger_propose_decision returned; ledger_why lists the open ones of a sample.",
    NotALedger: f"{_OPERATOR[:-1]}; nothing can be asked until the ledger is back.",
    NotRepresentable: "Choose another dialect.",
    NotWritable: "Ask a person to check the permissions where this server writes.",
    PlanImpossible: "Try another batch_size or ratio, or another view; ledger_overview counts labels and statuses.",
    ProposalSettled: "Nothing was changed. ledger_why says how a sample stands; propose anew where that is wrong.",
    RolledBack: f"{_OPERATOR[:-1]}: the file may be an older copy. Do not go on until they have looked.",
}
"""Next steps for an agent, where the class's own is for somebody at a command line."""

_ALWAYS = (CorruptLedger, ErasedBytes, LedgerBusy, LedgerNotFound, NotALedger, PlanImpossible, RolledBack)
"""Whose own next steps are never passed on: they name files, options, or what another process was started with."""
_COMMAND = re.compile(r"`(?:ledger|pip)\b|(?<![\w-])--[a-z]")
"""What can only be done at a command line; a step that asks a person to do it can stay."""
_FOLDERS = re.compile(r"(?<![\w./~:-])/(?:[^\s/:;,'\"`()]+/)+")
_STEP = 400
"""Characters of a next step."""

_log = logging.getLogger("mcp_server")


def told(error: LedgerError) -> str:
    """Return an error of the ledger as one line: what is wrong, and what to do next.

    Neither says where files lie, nor what other processes were started with.
    """
    step = one_line(_FOLDERS.sub("", _step(error)), _STEP)
    said = one_line(_said(error).replace("--as-of", "as_of"), LONGEST - len(step) - 8)
    return f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} next: {step}"


def _step(error: LedgerError) -> str:
    kind, step = type(error), error.next_step
    if isinstance(error, _ALWAYS) or step == kind.hint.format(*error.args):
        step = _NEXT.get(kind, step)
    if _COMMAND.search(step) and "person" not in step:
        step = _NEXT.get(kind, _OPERATOR)
    return step


def _said(error: LedgerError) -> str:
    """Return the message of an error; a file has its name, without its folders."""
    if any(isinstance(one, Path) for one in error.args):
        args = [one.name if isinstance(one, Path) else one for one in error.args]
        return _FOLDERS.sub("", (type(error).__doc__ or "{0}").format(*args))
    return _FOLDERS.sub("", str(error))


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
