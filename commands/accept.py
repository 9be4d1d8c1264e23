"""`ledger accept`: say that samples are good."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_or_selection, reason
from commands._stdin import read_ids


@verb("accept 3f9a2c1d --reason 'checked by hand'")
@ids_or_selection
@reason
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, ids: tuple[str, ...], *, dry_run: bool, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Accept samples.

    Samples are named by ids (unique prefixes of 6 characters or more; - reads them from standard input, one a line or
    as JSON), or chosen by --where and --campaign, such as --where "rule == 'low_quality' and diversity >= 0.3".
    """
    from commands._decided import render_decided

    with call.open() as ledger:
        done = ledger.accept(read_ids(ids), dry_run=dry_run, **given)
    call.answer(done, lambda: render_decided(done, dry_run=dry_run))
