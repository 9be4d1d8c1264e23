"""`ledger import-events`: the ledger of an archive, made anew or continued."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import wait


@verb("import-events ledger.jsonl.gz --ledger restored.db")
@click.argument("file", type=click.Path(), metavar="FILE")
@wait
@click.pass_obj
def command(call: Call, file: str) -> None:
    """Make the ledger that an archive holds.

    It is ./ledger.db, or the file that --ledger or LEDGER_PATH names: a new file, or an older copy of the same ledger,
    which is continued. Every line is checked; it is there whole or not at all.
    """
    from commands._progress import steps
    from commands._render import digest, line, many, mark
    from ledger import Ledger

    path = call.path or "ledger.db"
    with steps() as progress:
        made = Ledger.import_events(file, path, progress=progress, **call.timing(path))

    def render() -> None:
        head = made["head"]
        done = "made" if made["created"] else "continued" if made["new"] else "nothing to add to"
        line(f"{done} ", (made["path"], "bold"), f"  {many(made['new'], 'new event')} of {made['events']:,}")
        if made["forgotten"]:
            line(f"{many(made['forgotten'], 'blob')} erased, as the new events say")
        line(f"head @{head['position']}  {digest(head['root'])}  ", mark(good=True))

    call.answer(made, render)
