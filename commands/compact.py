"""`ledger compact`: the same ledger in a smaller file."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import text


@verb("compact --codec zstd")
@click.option(
    "--codec",
    type=text,
    metavar="NAME",
    help="zstd: pack the bytes of samples, and of what comes later; none: unpack them. Default: as they are.",
)
@click.pass_obj
def command(call: Call, codec: str | None) -> None:
    """Build the file anew, without pages that hold nothing.

    Nothing that is read changes: ids, root, views and exports are the same, packed or not. Readers can go on until
    the new file is copied over the old one; writers wait. Until the end it needs room for both beside each other.
    --codec zstd needs pip install "sample-ledger[zstd]", then and wherever the samples' bytes are read.
    """
    from commands._progress import steps
    from commands._render import line, many, number

    with call.open() as ledger, steps() as progress:
        done = ledger.compact(codec=codec, progress=progress)

    def render() -> None:
        before, after = done["bytes_before"], done["bytes_after"]
        line(f"{number(before)} bytes before, {number(after)} now ({after / before:.0%})")
        if done["packed"]:
            share = done["stored_bytes"] / done["plain_bytes"] if done["plain_bytes"] else 1
            line(
                f"{number(done['packed'])} of {many(done['blobs'], 'blob')} packed; all take {share:.0%} of their bytes"
            )
        line((f"head @{done['head']['position']}, as before; {done['seconds']:.2f} s", "dim"))

    call.answer(done, render)
