"""Who may connect to a server that a command starts: the options, and what is made of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from commands._options import text

if TYPE_CHECKING:
    from http_access.door import Door
    from http_access.place import Place

F = TypeVar("F", bound=Callable[..., Any])

LONGEST = 3_600
"""Seconds that one question may be given."""
_TOKEN = "LEDGER_TOKEN"  # noqa: S105 - the name of a variable
_FILE = "Who may connect{0}: lines subject:token, readable by its owner only. One token: LEDGER_TOKEN."
_HOST = "Another name of this server."


def access(over: str, origin: str) -> Callable[[F], F]:
    """Return the options that say who may connect; `over` and `origin` end their help texts."""
    options = (
        click.option("--token-file", type=click.Path(path_type=Path), metavar="FILE", help=_FILE.format(over)),
        click.option("--allow-host", type=text, multiple=True, metavar="HOST[:PORT]", help=_HOST),
        click.option("--allow-origin", type=text, multiple=True, metavar="URL", help=origin),
    )

    def add(function: F) -> F:
        for option in reversed(options):  # as if they stood above the function, one below the other
            function = option(function)
        return function

    return add


def door_at(place: Place, subject: Callable[[], str], given: dict[str, Any]) -> Door:
    """Return who may come in at a place; raises BadRequest for a token that is no use, and for an unsafe door.

    `subject` is asked for the name of the one token in the environment; `given` holds the options of `access`.
    """
    from commands._render import note
    from http_access.door import Door

    door = Door(place, _subjects(subject, given["token_file"]), given["allow_host"], given["allow_origin"])
    door.check()
    if door.subjects and not place.is_loopback():
        note("warning: ", "tokens travel as they are; put a proxy with TLS in front of this port", style="yellow")
    return door


def _subjects(subject: Callable[[], str], file: Path | None) -> dict[str, str]:
    from http_access import tokens
    from ledger.errors import BadRequest

    found: dict[str, str] = {} if file is None else tokens.read(file)
    if (token := os.environ.get(_TOKEN)) is not None:
        if tokens.checked(token, f"in {_TOKEN}") in found:
            raise BadRequest(
                f"The token in {_TOKEN} stands in the token file too", hint="Give each person a token of their own."
            )
        found[token] = subject()
    return found


def checked_deadline(deadline: float) -> float:
    """Return the seconds that a question may take; raises BadRequest for none or too many."""
    from ledger.errors import BadRequest

    if not 0 < deadline <= LONGEST:
        raise BadRequest(f"A question takes more than 0 and at most {LONGEST} seconds", hint="The usual is 5 or 10.")
    return deadline
