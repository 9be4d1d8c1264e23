"""`ledger verify-export`: check any KTO file against the batches that a trainer will make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from commands._common import verb
from commands._options import whole


@verb("verify-export train.jsonl --batch-size 4 --max-length 1024 --tokenizer model/tokenizer.json")
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--batch-size", type=whole(), metavar="N", help="Rows of a batch; without it, the manifest's, else 4.")
@click.option("--world-size", type=whole(), metavar="W", help="Processes; without it, the manifest's, else 1.")
@click.option("--max-length", type=whole(), metavar="N", help="The trainer's max_length; without it, the manifest's.")
@click.option("--tokenizer", type=click.Path(), metavar="PATH", help="A tokenizer.json, or its folder, to count with.")
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    batch_size: int | None,
    world_size: int | None,
    max_length: int | None,
    tokenizer: str | None,
) -> None:
    """Check the batches of any KTO file.

    Rows that TRL would drop for their length are left out, as it does; then every batch must hold both labels and no
    prompt twice, no text both labels; otherwise it leaves with 1. The file need not be from here: rows of
    {prompt, completion, label}, {prompt, chosen, rejected} or {messages, label}. Needs no ledger.
    """
    from ledger import Ledger

    found = Ledger.verify_export(file, batch_size, world_size, max_length, tokenizer)
    ctx.obj.answer(found, lambda: _show(file, found))
    if not found["ok"]:
        ctx.exit(1)


def _show(file: str, found: Mapping[str, Any]) -> None:
    from commands._render import line, many, mark, number, table

    processes = f" on {number(found['world_size'])} processes" if found["world_size"] > 1 else ""
    line((file, "bold"), f"  {many(found['rows'], 'row')} in batches of {number(found['batch_size'])}{processes}")
    faults = ["single_label_windows", "same_prompt_windows", "conflicts", "same_prompt_kl_pairs", "self_pairs"]
    if found["measured_by"] is not None:
        faults.append("dropped_by_trainer")
    names = {"same_prompt_kl_pairs": "same prompt KL pairs"}
    rows = [
        (names.get(name, name.replace("_", " ")), number(found[name]), mark(good=not found[name])) for name in faults
    ]
    table(("", ">found", ""), rows, indent=2)
    if found["first_violation"]:
        line(("first: ", "bold red"), found["first_violation"]["message"])
    for note in found["notes"]:
        line(("note: ", "bold"), note)
