"""`ledger reject`: say that samples are bad, and why."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_or_selection, text
from commands._stdin import read_ids


@verb("reject 3f9a2c1d --reason 'calls a tool that is not on offer'")
@ids_or_selection
@click.option("--reason", required=True, type=text, metavar="TEXT", help="Why; it stands in the event.")
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, ids: tuple[str, ...], *, dry_run: bool, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Reject samples, saying why.

    Their label stays what it is.

    Samples are named by ids (unique prefixes of 6 characters or more; - reads them from standard input, one a line or
    as JSON), or chosen by --where and --campaign, such as --where "rule == 'low_quality' and diversity >= 0.3".
    """
    from commands._decided import render_decided

    with call.open() as ledger:
        done = ledger.reject(read_ids(ids), dry_run=dry_run, **given)
    call.answer(done, lambda: render_decided(done, dry_run=dry_run))
