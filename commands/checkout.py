"""`ledger checkout`: write samples into batches, to be worked on elsewhere."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, text, whole


@verb("checkout --where 'label == false' --size 50 -o batches")
@click.option("-o", "--output", "folder", type=click.Path(), metavar="DIR", help="Where the files go.")
@click.option("--where", type=text, metavar="CONDITION", help="The samples for which this holds.")
@click.option("--campaign", type=text, metavar="TEXT", help="The samples of this campaign.")
@click.option("--size", type=whole(), metavar="N", default=50, show_default=True, help="Samples of a batch.")
@click.option("--list", "listing", is_flag=True, help="List what was checked out, and how much of it came back.")
@actor
@click.pass_obj
def command(
    call: Call, *, folder: str | None, where: str | None, campaign: str | None, size: int, listing: bool
) -> None:
    """Write samples into batches, as files of lines that name them.

    Each line holds a sample, its version and its batch beside the content; whoever works on it keeps these three.
    DIR/checkout.json says which batches there are. `ledger revise import` takes the files back.
    The same checkout again changes nothing; a file that was worked on is never written over.
    """
    if listing:
        _list(call)
        return
    if folder is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    from commands._render import digest, line, many, number
    from commands._render import size as of_bytes

    with call.open() as ledger:
        done = ledger.checkout(folder, where=where, campaign=campaign, size=size)

    def render() -> None:
        count = sum(batch["bytes"] for batch in done["batches"])
        files = f"{many(done['samples'], 'sample')} in {many(len(done['batches']), 'file')} in {done['folder']}"
        line("job ", (digest(done["job"]), "bold cyan"), f": {files}")
        known = len(done["batches"]) - done["recorded"]
        line((of_bytes(count) + (f", {number(known)} checked out so before" if known else ""), "dim"))

    call.answer(done, render)


def _list(call: Call) -> None:
    from commands._render import digest, line, number, table

    with call.open() as ledger:
        found = ledger.checkouts()

    def render() -> None:
        rows: list[tuple[Any, ...]] = [
            (
                (digest(job["job"]), "bold cyan"),
                job["time"],
                number(len(job["batches"])),
                number(job["samples"]),
                number(job["returned"]),
            )
            for job in found["jobs"]
        ]
        if rows:
            table(("job", "at", ">batches", ">samples", ">improved since"), rows)
        else:
            line(("nothing was checked out yet", "dim"))

    call.answer(found, render)
