"""`ledger export-events`: the whole log as lines of text."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import output


@verb("export-events ledger.jsonl.gz")
@click.argument("file", type=click.Path(), callback=output, metavar="FILE")
@click.option("--quick", is_flag=True, help="Verify beforehand only what costs little.")
@click.pass_obj
def command(call: Call, file: str, quick: bool) -> None:  # noqa: FBT001 - an option
    """Write every event and blob to a new file, as text.

    One JSON object a line, in the order of the log; a name that ends in .gz is compressed. From it alone
    `ledger import-events` makes the same ledger again. Nothing is ever overwritten.
    """
    from commands._progress import steps
    from commands._render import digest, line, many, size

    with call.open() as ledger, steps() as progress:
        made = ledger.export_events(file, quick=quick, progress=progress)

    def render() -> None:
        head = made["head"]
        line((made["path"], "bold"), f"  {size(made['bytes'])}")
        erased = f" ({made['erased']:,} erased)" if made["erased"] else ""
        line(f"{many(made['events'], 'event')}, {many(made['blobs'], 'blob')}{erased}")
        line(f"head @{head['position']}  {digest(head['root'])}")
        line((made["blake3"], "dim"))

    call.answer(made, render)
