"""`ledger defer`: put a decision off."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_argument, reason
from commands._stdin import read_ids


@verb("defer 3f9a2c1d --reason 'ask the author'")
@ids_argument()
@reason
@expected_head
@actor
@click.pass_obj
def command(call: Call, ids: tuple[str, ...], reason: str, expected_head: int | None) -> None:
    """Put a decision off.

    The samples are pending again.

    Ids are unique prefixes of 6 characters or more; - reads them from standard input, one a line or as JSON.
    """
    from commands._decided import render_decided

    with call.open() as ledger:
        done = ledger.defer(read_ids(ids), reason=reason, expected_head=expected_head)
    call.answer(done, lambda: render_decided(done))
