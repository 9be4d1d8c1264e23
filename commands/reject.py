"""`ledger reject`: say that samples are bad, and why."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_argument, text
from commands._stdin import read_ids


@verb("reject 3f9a2c1d --reason 'calls a tool that is not on offer'")
@ids_argument()
@click.option("--reason", required=True, type=text, metavar="TEXT", help="Why; it stands in the event.")
@expected_head
@actor
@click.pass_obj
def command(call: Call, ids: tuple[str, ...], reason: str, expected_head: int | None) -> None:
    """Reject samples, saying why.

    Their label stays what it is.

    Ids are unique prefixes of 6 characters or more; - reads them from standard input, one a line or as JSON.
    """
    from commands._decided import render_decided

    with call.open() as ledger:
        done = ledger.reject(read_ids(ids), reason=reason, expected_head=expected_head)
    call.answer(done, lambda: render_decided(done))
