"""`ledger withdraw`: take decisions, labels, tags, weights and edits back."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_argument, reason
from commands._stdin import read_ids


@verb("withdraw @123 --reason 'wrong sample'")
@ids_argument("EVENT…")
@reason
@expected_head
@actor
@click.pass_obj
def command(call: Call, ids: tuple[str, ...], reason: str, expected_head: int | None) -> None:
    """Take decisions, labels, tags, weights or edits back.

    What stood before applies again. An event is named by the beginning of its id or by @POSITION, as in
    `ledger log`; - reads them from standard input.
    """
    from commands._decided import render_decided

    with call.open() as ledger:
        done = ledger.withdraw(read_ids(ids, "event"), reason=reason, expected_head=expected_head)
    call.answer(done, lambda: render_decided(done, "event"))
