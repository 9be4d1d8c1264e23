"""`ledger backup`: a copy of the file, made while others go on, and verified."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import output


@verb("backup ../backups/2026-01-31.db")
@click.argument("dest", type=click.Path(), callback=output, metavar="DEST")
@click.option("--quick", is_flag=True, help="Verify only what costs little: pages, schema, head and last events.")
@click.pass_obj
def command(call: Call, dest: str, quick: bool) -> None:  # noqa: FBT001 - an option
    """Copy the ledger to a new file.

    Others go on reading and writing meanwhile. The copy is verified before it gets its name; it is a ledger like any
    other, so restoring is using it. Nothing is ever overwritten.
    """
    from commands._progress import steps
    from commands._render import digest, line, mark, number, size

    with call.open() as ledger, steps() as progress:
        made = ledger.backup(dest, quick=quick, progress=progress)

    def render() -> None:
        head = made["head"]
        line((made["path"], "bold"), f"  {size(made['bytes'])}")
        line(f"head @{head['position']}  {digest(head['root'])}  ", mark(good=True))
        checked = ", ".join(f"{number(count)} {name}" for name, count in made["checked"].items())
        line((f"checked: {checked}", "dim"))

    call.answer(made, render)
