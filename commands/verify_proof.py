"""`ledger verify-proof`: what a proof shows, without the ledger."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import text


@verb("verify-proof sample.proof --head kept.checkpoint")
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option(
    "--head", type=text, metavar="HEAD", help="A head you trust: a checkpoint, a manifest, POSITION:ROOT or a root."
)
@click.option("--key", type=text, metavar="KEY", help="Who must have signed the head: a public key, or its file.")
@click.pass_obj
def command(call: Call, file: str, head: str | None, key: str | None) -> None:
    """Check a proof; needs no ledger.

    Without --head or --key a file is only compared with the head inside it, which anybody could have made up.
    """
    from ledger import Ledger

    found = Ledger.verify_proof(file, head=head, key=key)
    call.answer(found, lambda: _show(found))


def _show(found: dict[str, Any]) -> None:
    from commands._render import digest, line, mark, table

    position = found["head"]["position"]
    what = {
        "inclusion": "these events are in the log",
        "consistency": f"the log up to @{position} only goes on from @{(found['first'] or {}).get('position')}",
        "checkpoint": "this is a head",
    }[found["proof"]]
    line((f"{what}  ", "bold"), mark(good=True))
    line(f"ledger {found['ledger']}  head @{position}  {digest(found['head']['root'])}")
    trusted = {"head": "the head you gave", "key": f"the key {found['signed_by']}"}
    line("trusted by: ", " and ".join(trusted[word] for word in found["trusted"]) or ("nothing outside it", "yellow"))
    if found["events"]:
        line()
        rows = [
            ((f"@{one['position']}", "dim"), (one["time"], "dim"), one["actor"], one["kind"], one["sentence"])
            for one in found["events"]
        ]
        table((">at", "time", "actor", "kind", "what"), rows, indent=2)
    for note in found["notes"]:
        line(("note: ", "bold"), note)
