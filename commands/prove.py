"""`ledger prove`: small files that show what is in the ledger to those who have it not."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import as_of, text


@verb("prove 3f9a2c1d -o sample.proof")
@click.argument("ids", nargs=-1, type=text, metavar="[ID…]")
@click.option("--consistency", is_flag=True, help="Show that the log only grew: from position A to B, or to now.")
@click.option("--checkpoint", is_flag=True, help="Give the head alone, as a checkpoint to keep elsewhere.")
@click.option("--key", type=click.Path(), metavar="FILE", help="Sign the head with this private key.")
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="The file; without it, standard output.")
@as_of
@click.pass_obj
def command(
    call: Call,
    ids: tuple[str, ...],
    consistency: bool,  # noqa: FBT001 - an option
    checkpoint: bool,  # noqa: FBT001 - an option
    key: str | None,
    output: str | None,
    as_of: str | None,
) -> None:
    """Write a proof of what is in the ledger.

    Of a sample, of every event about it; ids of events, @POSITION and @FIRST-@LAST name events. `ledger verify-proof`
    checks it without the ledger. With --consistency the arguments are two positions or times, A and B.
    """
    _check(ids, as_of, consistency=consistency, checkpoint=checkpoint)
    given: dict[str, Any] = {"key": key, "out": output}
    with call.open() as ledger:
        if consistency:
            made = ledger.prove_consistency(*ids, **given)
        elif checkpoint:
            made = ledger.checkpoint(as_of=as_of, **given)
        else:
            made = ledger.prove(ids, as_of=as_of, **given)
        call.answer(made, lambda: _show(made))


def _check(ids: tuple[str, ...], as_of: str | None, *, consistency: bool, checkpoint: bool) -> None:
    if consistency and checkpoint:
        raise click.UsageError("--consistency and --checkpoint are two things.")
    if consistency and (as_of is not None or len(ids) not in {1, 2}):
        raise click.UsageError("--consistency takes one or two positions, and no --as-of.")
    if checkpoint and ids:
        raise click.UsageError("--checkpoint takes no ids.")
    if not (ids or checkpoint):
        raise click.UsageError("Name what is to be proved: a sample, an event, or @POSITION.")


def _show(made: dict[str, Any]) -> None:
    from commands._render import digest, emit_bytes, line, many

    if made["path"] is None:
        emit_bytes(made["text"].encode())
        return
    what = {
        "inclusion": f"{many(len(made['events']), 'event')} shown to be in the log",
        "consistency": f"shown to go on from @{made['first']['position']}" if made["first"] else "",
        "checkpoint": "the head",
    }[made["proof"]]
    signed = "" if made["signed_by"] is None else f", signed by {made['signed_by']}"
    line((made["path"], "bold"), f"  {what}{signed}")
    line(f"head @{made['head']['position']}  {digest(made['head']['root'])}")
