"""`ledger weight`: let exports for training repeat samples."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_or_selection, reason, whole
from commands._stdin import read_ids


@verb("weight --where 'tag = perfect' --times 5")
@ids_or_selection
@click.option(
    "--times", type=whole(), required=True, metavar="N", help="Rows of each sample, 1 to 1000; 1 takes a weight back."
)
@reason
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, ids: tuple[str, ...], times: int, *, dry_run: bool, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Let exports for training repeat samples.

    A weight is no copy: nothing is a duplicate of itself, so no look for duplicates undoes it, and counts of samples
    stay what they are. Views of statuses (accepted, rejected, pending) write each sample once.

    Samples are named by ids (unique prefixes of 6 characters or more; - reads them from standard input, one a line or
    as JSON), or chosen by --where and --campaign, such as --where "tag = perfect and split == 'train'".
    """
    from commands._decided import render_decided

    with call.open() as ledger:
        done = ledger.weight(read_ids(ids), times, dry_run=dry_run, **given)
    call.answer(done, lambda: render_decided(done, dry_run=dry_run))
