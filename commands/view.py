"""`ledger view`: the views that there are, one of them as TOML, and defining or checking one in a file."""

from __future__ import annotations

import sys
from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, as_of, expected_head, reason, text

STDIN = "-"


@click.group("view")
def command() -> None:
    """List, show, define or check views."""


@verb("view list", "list")
@as_of
@click.pass_obj
def list_(call: Call, as_of: str | None) -> None:
    """List the views that every ledger has, and those that were defined here."""
    from commands._render import digest, line, table

    found = _listed(call, as_of)

    def render() -> None:
        table(("view", "rows"), [((one["name"], "bold"), one["type"]) for one in found["built_in"]])
        if not found["defined"]:
            line("none is defined; `ledger view define FILE` defines one")
            return
        rows = [
            (
                (f"@{one['position']}", "dim"),
                (one["name"], "bold"),
                one["type"],
                (digest(one["view"]), "cyan"),
                ("in force", "green") if one["in_force"] else "",
                one["reason"],
            )
            for one in found["defined"]
        ]
        table((">at", "view", "rows", "digest", "", "reason"), rows)

    call.answer(found, render)


@verb("view show sft > mine.toml", "show")
@click.argument("name", type=text, metavar="NAME")
@as_of
@click.pass_obj
def show(call: Call, name: str, as_of: str | None) -> None:
    """Show a view as TOML, by its name or digest.

    What is printed can be saved, changed, given another name, and defined with `ledger view define FILE`.
    """
    from commands._render import emit_bytes

    found = _shown(call, name, as_of)
    call.answer(found, lambda: emit_bytes(found["toml"].encode()))


@verb("view define mine.toml --reason 'what the last run took'", "define")
@click.argument("file", type=text, metavar="FILE")
@reason
@expected_head
@actor
@click.pass_obj
def define(call: Call, file: str, reason: str, expected_head: int | None) -> None:
    """Let the name in a TOML file stand for the view in it, from here on.

    A later definition of a name takes the place of the earlier one; releases keep what they were made by.
    """
    from commands._render import digest, line

    with call.open() as ledger:
        found = ledger.define_view(file, reason=reason, expected_head=expected_head)

    def render() -> None:
        said = (found["name"], "bold"), "  ", (digest(found["view"]), "cyan"), "  "
        if found["defined"] is None:
            line(*said, "is defined so already")
        elif found["former"] is None:
            line(*said, f"is defined (@{found['defined']})")
        else:
            line(*said, f"takes the place of {digest(found['former'])} (@{found['defined']})")

    call.answer(found, render)


@verb("view check mine.toml", "check")
@click.argument("file", type=text, metavar="FILE")
@click.pass_obj
def check(call: Call, file: str) -> None:
    """Read a view, `-` from standard input; needs no ledger.

    A view that cannot be read, or whose settings contradict one another, is refused with the line and a remedy.
    """
    from commands._render import digest, line
    from ledger import Ledger

    found = Ledger.check_view_file(sys.stdin.buffer if file == STDIN else file)

    def render() -> None:
        line((found["name"], "bold"), "  ", (digest(found["view"]), "cyan"), f"  is a sound view of {found['type']}")

    call.answer(found, render)


def _listed(call: Call, as_of: str | None) -> dict[str, Any]:
    """Return the views of the ledger, or, where nobody named one and there is none, those that every ledger has."""
    from ledger import Ledger
    from ledger.errors import LedgerNotFound

    try:
        with call.open() as ledger:
            return ledger.views(as_of)
    except LedgerNotFound:
        if call.path is not None or as_of is not None:
            raise
        return Ledger.built_in_views()


def _shown(call: Call, name: str, as_of: str | None) -> dict[str, Any]:
    """Return one view; one that every ledger has can be seen without any."""
    from ledger import Ledger
    from ledger.errors import LedgerNotFound

    try:
        with call.open() as ledger:
            return ledger.view(name, as_of)
    except LedgerNotFound:
        if call.path is not None or as_of is not None or name not in Ledger.view_names():
            raise
        return Ledger.built_in_view(name)


for child in (list_, show, define, check):
    command.add_command(child)
