"""What every verb shares: being a command, opening the ledger, giving the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from commands._options import Given, everywhere

if TYPE_CHECKING:
    from ledger import Ledger


class Call(Given):
    """One run of the program."""

    @contextmanager
    def open(self, *, trust: bool = False) -> Iterator[Ledger]:
        """Yield the open ledger; its warnings go to stderr in the end."""
        from ledger import Ledger

        timing: dict[str, Any] = {} if self.wait is None else {"wait": self.wait}
        opened = Ledger.open(self.path, actor=self.actor, via="cli", trust=trust, on_wait=_waiting(), **timing)
        with opened:
            try:
                yield opened
            finally:
                self.warn(opened)

    def warn(self, ledger: Ledger) -> None:
        """Pass on what went less well than it should have."""
        from commands._render import note

        for warning in ledger.warnings:
            note("warning: ", warning, style="yellow")

    def answer(self, value: Mapping[str, Any], render: Callable[[], None]) -> None:
        """Print the answer: as one JSON document, or rendered for people."""
        if self.json:
            from commands._render import emit_json

            emit_json(value)
        else:
            render()


def verb(example: str, name: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, with the options that every verb takes and an example after `$ ledger`."""

    def make(function: Callable[..., Any]) -> click.Command:
        command = click.command(name, epilog=f"\b\nExample:\n  $ ledger {example}")(function)
        command.params += everywhere()
        return command

    return make


def _waiting() -> Callable[[float], None]:
    """Return what hears of waiting for another writer, and says so once."""
    told: list[bool] = []

    def on_wait(_seconds: float) -> None:
        if not told:
            from commands._render import note

            note("", "waiting: another process is writing the ledger …", style="yellow")
            told.append(True)

    return on_wait
