"""`ledger verify-export`: check any KTO file against the batches that a trainer will make of it."""

from __future__ import annotations

import click

from commands._common import verb
from commands._options import whole


@verb("verify-export train.jsonl --batch-size 4")
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--batch-size", type=whole(), metavar="N", help="Rows of a batch; without it, the manifest's, else 4.")
@click.pass_context
def command(ctx: click.Context, file: str, batch_size: int | None) -> None:
    """Check the batches of any KTO file.

    Every batch must hold both labels and no prompt twice, no text both labels; otherwise it leaves with 1.
    The file need not be from here: rows of {prompt, completion, label} or {messages, label}. Needs no ledger.
    """
    from commands._render import line, many, mark, number, table
    from ledger import Ledger

    found = Ledger.verify_export(file, batch_size)

    def render() -> None:
        line((file, "bold"), f"  {many(found['rows'], 'row')} in batches of {number(found['batch_size'])}")
        faults = ("single_label_windows", "same_prompt_windows", "conflicts")
        rows = [(name.replace("_", " "), number(found[name]), mark(good=not found[name])) for name in faults]
        table(("", ">found", ""), rows, indent=2)
        if found["first_violation"]:
            line(("first: ", "bold red"), found["first_violation"]["message"])

    ctx.obj.answer(found, render)
    if not found["ok"]:
        ctx.exit(1)
