"""`ledger rebuild`: make the file of a manifest again, byte for byte."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import output


@verb("rebuild train.jsonl.manifest.json -o again.jsonl")
@click.argument("manifest", type=click.Path(), metavar="MANIFEST")
@click.option(
    "-o", "--out", type=click.Path(), callback=output, help="The file to write; without it, where the manifest says."
)
@click.pass_obj
def command(call: Call, manifest: str, out: str | None) -> None:
    """Make an export again, byte for byte.

    From the ledger and the manifest alone; no network, no other file.
    """
    from commands._progress import steps
    from commands._render import line, many, mark, size

    with call.open() as ledger, steps() as progress:
        made = ledger.rebuild(manifest, out, progress=progress)

    def render() -> None:
        output = made["output"]
        line((made["path"], "bold"), f"  {many(made['rows'], 'row')}, {size(output['bytes'])}")
        line("identical to the manifest, byte for byte  ", mark(good=made["identical"]))
        line((output["blake3"], "dim"))

    call.answer(made, render)
