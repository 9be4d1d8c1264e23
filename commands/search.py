"""`ledger search`: find samples by their words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text, wait, whole

if TYPE_CHECKING:
    from commands._render import Part
    from ledger import Ledger

_FIELDS = ("prompt", "completion", "all")
_STATUSES = ("accepted", "rejected", "pending", "errored", "superseded")
_LABELS = ("true", "false", "none")


@verb("search '\"stack overflow\" debug*' --status rejected")
@click.argument("query", type=text, metavar="QUERY")
@click.option("--field", type=click.Choice(_FIELDS), default="all", show_default=True, help="Where the words stand.")
@click.option("--campaign", type=text, metavar="NAME", help="Only samples of this campaign.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only samples of this status.")
@click.option("--label", type=click.Choice(_LABELS), help="Only samples of this label.")
@click.option("--domain", type=text, metavar="NAME", help="Only samples of this domain ('': those without one).")
@click.option("--where", type=text, metavar="CONDITION", help="Only samples for which this holds.")
@click.option("--limit", type=whole(0), default=20, show_default=True, metavar="N", help="At most so many.")
@click.option("--offset", type=whole(0), default=0, metavar="N", help="Leave out the first so many.")
@click.option("--rebuild", is_flag=True, help="Make the index of words anew first.")
@as_of
@wait
@click.pass_obj
def command(call: Call, /, query: str, **asked: Any) -> None:  # noqa: ANN401 - as Ledger.search has them
    """Find samples by the words of their text.

    All words must stand in it; a phrase in "quotes" is words in a row, and begin* is any word that begins so. Nothing
    else in QUERY has a meaning; case, accents and punctuation do not count. The nearest come first.

    The first search puts the words of every version into an index in the ledger file, later ones those of new versions.
    Nothing else reads it, `ledger rebuild-views` and `ledger erase` drop it, and no other command pays for it.
    """
    from commands._progress import steps

    with call.open() as ledger:
        with steps() as progress:
            found = ledger.search(query, progress=progress, **asked)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: dict[str, Any]) -> None:
    from commands._render import label, line, many, number, short, word

    if added := found["index"]["added"]:
        line((f"{many(added, 'version')} put into the index, which holds {number(found['index']['versions'])}", "dim"))
    if not found["found"]:
        line("no sample holds these words")
        return
    more = "" if found["complete"] else "more than "
    line((f"{more}{many(found['found'], 'sample')} found", "bold"))
    if not found["complete"]:
        line(("the newest of them are ranked; more words, or --where and the like, find fewer", "dim"))
    ids = short(ledger, [one["sample"] for one in found["samples"]])
    for one in found["samples"]:
        line()
        line(
            (ids[one["sample"]], "cyan"),
            "  ",
            word(one["status"]),
            "  ",
            word(label(one["label"])),
            (f"  {one['domain']}" if one["domain"] else "", ""),
            (f"  {one['source'] or 'derived'}, {one['campaign']}", "dim"),
        )
        line((f"  {one['field']}: ", "dim"), *_snippet(one["snippet"], one["hits"]))
    if found["left"]:
        line()
        line((f"{many(found['left'], 'sample')} more: --offset {found['offset'] + len(found['samples'])}", "dim"))


def _snippet(text: str, hits: list[list[int]]) -> list[Part]:
    """Return a snippet in pieces, the hits in colour, or between signs where there is none."""
    from commands._render import is_colourful

    left, right = ("", "") if is_colourful(sys.stdout) else ("»", "«")
    pieces: list[Part] = []
    done = 0
    for start, end in hits:
        pieces += [text[done:start], (f"{left}{text[start:end]}{right}", "bold yellow")]
        done = end
    return [*pieces, text[done:]]
