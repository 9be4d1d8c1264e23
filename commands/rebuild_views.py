"""`ledger rebuild-views`: drop every view and fold it again from the log."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import actor


@verb("rebuild-views")
@actor
@click.pass_obj
def command(call: Call) -> None:
    """Drop every view and fold it again.

    Views are derived from the log; events and blobs are not touched.
    """
    from commands._progress import steps
    from commands._render import line, many

    with call.open() as ledger, steps() as progress:
        done = ledger.rebuild_views(progress)
    call.answer(done, lambda: line(f"{many(done['views'], 'view')} folded from {many(done['events'], 'event')}"))
