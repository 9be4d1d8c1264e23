"""What every verb shares: being a command, opening the ledger, giving the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands._options import Given, everywhere, no_pager

if TYPE_CHECKING:
    from ledger import Ledger


class Call(Given):
    """One run of the program."""

    @contextmanager
    def open(self, *, trust: bool = False) -> Iterator[Ledger]:
        """Yield the open ledger; its warnings go to stderr in the end."""
        from ledger import Ledger, find_ledger

        path = self.path or find_ledger()
        opened = Ledger.open(path, actor=self.actor, via="cli", trust=trust, **self.timing(path))
        with opened:
            try:
                yield opened
            finally:
                self.warn(opened)

    def timing(self, path: str | Path) -> dict[str, Any]:
        """Return how long to wait for others who write the ledger at `path`, and what hears of it meanwhile."""
        from commands._progress import waiting

        asked: dict[str, Any] = {} if self.wait is None else {"wait": self.wait}
        return {**asked, "on_wait": waiting(path)}

    def warn(self, ledger: Ledger) -> None:
        """Pass on what went less well than it should have."""
        from commands._render import note

        for warning in ledger.warnings:
            note("warning: ", warning, style="yellow")

    def answer(self, value: Mapping[str, Any], render: Callable[[], None]) -> None:
        """Print the answer: as one JSON document, or rendered for people."""
        with self.paged():
            if self.json:
                from commands._render import emit_json

                emit_json(value)
            else:
                render()

    @contextmanager
    def paged(self) -> Iterator[None]:
        """Show what is printed inside through a pager, where the verb is one that reads and somebody sits there."""
        if self.no_pager or not is_reading(click.get_current_context().command):
            yield
            return
        from commands._pager import paged

        with paged():
            yield


def is_reading(command: click.Command) -> bool:
    """Say whether a verb reads at a moment: those have the long answers."""
    return any(parameter.name == "as_of" for parameter in command.params)


def verb(example: str, name: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, with the options that every verb takes and an example after `$ ledger`."""

    def make(function: Callable[..., Any]) -> click.Command:
        command = click.command(name, epilog=f"\b\nExample:\n  $ ledger {example}")(function)
        command.params += [*([no_pager()] if is_reading(command) else []), *everywhere()]
        return command

    return make
