"""`ledger relabel`: change the label of samples."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_argument, reason
from commands._stdin import read_ids


@verb("relabel 3f9a2c1d --label false --reason 'answers another question'")
@ids_argument()
@click.option("--label", required=True, type=click.Choice(["true", "false", "none"]), help="The new label.")
@reason
@expected_head
@actor
@click.pass_obj
def command(call: Call, ids: tuple[str, ...], label: str, reason: str, expected_head: int | None) -> None:
    """Label samples true, false or none.

    True is desirable, false undesirable. Their status stays what it is.

    Ids are unique prefixes of 6 characters or more; - reads them from standard input, one a line or as JSON.
    """
    from commands._decided import render_decided

    with call.open() as ledger:
        done = ledger.relabel(read_ids(ids), label, reason=reason, expected_head=expected_head)
    call.answer(done, lambda: render_decided(done))
