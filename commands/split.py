"""`ledger split`: give every sample without a split train, val or test."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, text


@verb("split --ratio 90/5/5 --seed 7")
@click.option(
    "--ratio", default="90/5/5", show_default=True, type=text, metavar="TEXT", help="Train/val/test in percent."
)
@click.option(
    "--seed", default="0", show_default=True, type=text, metavar="TEXT", help="Key of the hash that places a family."
)
@expected_head
@actor
@click.pass_obj
def command(call: Call, ratio: str, seed: str, expected_head: int | None) -> None:
    """Put samples into train, val or test.

    Every sample that has no split yet gets one, family by family. Nothing assigned moves.
    """
    from commands._render import line, number, table, total

    with call.open() as ledger:
        done = ledger.split(ratio, seed=seed, expected_head=expected_head)

    def render() -> None:
        total(sum(done["by_split"].values()), "sample", done["by_split"])
        families = "1 family" if done["families"] == 1 else f"{number(done['families'])} families"
        line(f"{number(done['assigned'])} assigned now; {families}")
        if done["leaks"]:
            table(("", ">families"), [(("in more than one split", "yellow"), number(done["leaks"]))])
            line("their members in train are left out of training views (family_crosses_splits)")

    call.answer(done, render)
