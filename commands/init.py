"""`ledger init`: make an empty ledger."""

from __future__ import annotations

import click

from commands._common import Call, verb


@verb("init")
@click.option("--wal", is_flag=True, help="Use write-ahead logging; refused where the linked SQLite is not safe.")
@click.pass_obj
def command(call: Call, wal: bool) -> None:  # noqa: FBT001 - an option
    """Make an empty ledger.

    It is ./ledger.db, also below another one, or the file that --ledger or LEDGER_PATH names.
    """
    from commands._render import line
    from ledger import Ledger

    with Ledger.init(call.path or "ledger.db", actor=call.actor, via="cli", wal=wal) as made:
        status = made.status()
        call.warn(made)
    answer = {"path": status["path"], "ledger": status["ledger"], "head": status["head"]}

    def render() -> None:
        line("made ", (status["path"], "bold"), f", an empty ledger ({status['ledger'][:12]})")
        line(("next: ", "dim"), "ledger ingest FILES… --campaign NAME")

    call.answer(answer, render)
