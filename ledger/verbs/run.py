"""A run: one execution of a command, recorded before the first event that it causes and after the last.

A command that changes nothing leaves no run either, so doing everything twice appends nothing the second time.
"""

from __future__ import annotations

import gc
import getpass
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ledger.digest import digest_of
from ledger.errors import BadRequest, BrokenLaw
from ledger.event import AUTHORITIES, Draft, Stamp, draft
from ledger.transaction import Transaction
from ledger.verbs.words import plain_text
from ledger.version import VERSION

WAYS = ("cli", "mcp", "ui", "api")


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts, through what (cli, mcp, ui, api) and on whose authority; raises BadRequest for what cannot be one."""

    actor: str
    via: str = "api"
    authority: str = "person"

    def __post_init__(self) -> None:
        """Check all three."""
        plain_text("The actor's name", self.actor, needed=True)
        if self.via not in WAYS:
            raise BadRequest(f"There is no way in called {self.via!r}; there are {', '.join(WAYS)}")
        if self.authority not in AUTHORITIES:
            raise BadRequest(f"There is no authority {self.authority!r}; there are {', '.join(AUTHORITIES)}")


def default_actor() -> str:
    """Return LEDGER_ACTOR, else the name of the user who runs this process."""
    if named := os.environ.get("LEDGER_ACTOR"):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in the password database
        return f"uid {os.getuid()}"


class Run:
    """A run in the making; it may spread over several transactions, one after the other."""

    def __init__(self, ledger_id: str, command: str, params: Mapping[str, Any], who: Who) -> None:
        """Describe the run; nothing is written yet."""
        self._ledger_id = ledger_id
        self._command = command
        self._params = dict(params)
        self._who = who
        self._started: tuple[int, bytes] | None = None

    @property
    def recipe(self) -> bytes:
        """Return the digest of what is done: the command and its parameters."""
        return digest_of({"command": self._command, "params": self._params})

    @property
    def started(self) -> bytes:
        """Return the op of the event that recorded the start; raise BrokenLaw before it is recorded."""
        if self._started is None:
            raise BrokenLaw("a run that has not begun")
        return self._started[1]

    def append(self, transaction: Transaction, drafts: Sequence[Draft]) -> int | None:
        """Append drafts under this run, recording its start first; return the first one's position."""
        return transaction.append(drafts, self.begun(transaction)) if drafts else None

    def begun(self, transaction: Transaction) -> Stamp:
        """Return the circumstances of what this run is about to append, recording its start first."""
        if not self._began(transaction):
            self._start(transaction)
        return self._stamp(transaction)

    def finish(self, transaction: Transaction, counts: Mapping[str, int]) -> None:
        """Record the end and the counts, if the run caused any event."""
        if self._started is not None and self._began(transaction):
            fields = {"counts": dict(counts), "started": self._started[1].hex()}
            transaction.append([draft("run_finished", None, None, fields)], self._stamp(transaction))

    def _began(self, transaction: Transaction) -> bool:
        """Say whether the start is in the log: the transaction that recorded it may have been undone."""
        return self._started is not None and bool(transaction.known_ops([self._started[1]]))

    def _start(self, transaction: Transaction) -> None:
        position = transaction.next_position
        fields = {
            "command": self._command,
            "ledger": self._ledger_id,
            "params": self._params,
            "recipe": self.recipe.hex(),
            "root": transaction.root.hex(),
            "size": position,
            "tool": VERSION,
        }
        started = draft("run_started", None, None, fields)
        transaction.append([started], Stamp(self._who.actor, self._who.via, transaction.at, position))
        self._started = (position, started.op)

    def _stamp(self, transaction: Transaction) -> Stamp:
        if self._started is None:
            raise BrokenLaw("an event outside a run")
        return Stamp(self._who.actor, self._who.via, transaction.at, self._started[0])


@contextmanager
def without_collector() -> Iterator[None]:
    """Hold the cycle collector during bulk work, which makes no cycles; looking for some costs a seventh of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def conserve(whole: str, total: int, parts: Mapping[str, int]) -> None:
    """Raise BrokenLaw unless the parts add up to the total; call before committing."""
    if sum(parts.values()) != total:
        sums = " + ".join(f"{count} {name}" for name, count in parts.items())
        raise BrokenLaw(f"{total} {whole}, but {sums}")
