"""`ledger duplicates`: who is the twin of whom, exactly or nearly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import actor, as_of, text, whole

if TYPE_CHECKING:
    from ledger import Ledger

Answer = dict[str, Any]

_SHOWN = 10
_LISTED = 1_000
_MEMBERS = 10


@verb("duplicates --near 0.8 --field toolContext", "duplicates")
@click.option(
    "--near",
    type=click.FloatRange(0.5, 1),
    metavar="NUMBER",
    help="Look for near-duplicates first: texts that share so much of their runs of words (Jaccard, 0.5 to 1).",
)
@click.option(
    "--field",
    default="exchange",
    show_default=True,
    type=text,
    metavar="NAME",
    help="Compare this: exchange (all but system messages), conversation, prompt, completion, answer, or an argument "
    "of tool calls.",
)
@click.option("--campaign", type=text, metavar="NAME", help="Only samples of this campaign.")
@click.option("--shingle", type=whole(), default=3, show_default=True, metavar="N", help="Words in a run.")
@click.option("--dry-run", is_flag=True, help="Only look; nothing is recorded.")
@click.option(
    "--limit",
    type=whole(0),
    metavar="N",
    help=f"Groups to list; all are counted.  [default: {_SHOWN}; {_LISTED} with --json]",
)
@click.option("--offset", type=whole(0), default=0, metavar="N", help="Leave out the first so many.")
@as_of
@actor
@click.pass_obj
def command(call: Call, /, *, near: float | None, limit: int | None, **asked: Any) -> None:  # noqa: ANN401 - as Ledger.duplicates has them
    """Name every twin.

    Samples that are the same bytes, that teach the same, or whose texts are nearly the same. With --near the texts
    that were not looked at yet are compared, and what is found is recorded: policies can use it, families are joined.
    """
    from commands._progress import steps

    listed = limit if limit is not None else _LISTED if call.json else _SHOWN
    with call.open() as ledger, steps() as progress:
        found = ledger.duplicates(near, limit=listed, progress=progress, **asked)
        call.answer(found, lambda: _render(ledger, found, dry_run=asked["dry_run"]))


def _render(ledger: Ledger, found: Answer, *, dry_run: bool) -> None:
    from commands._render import line, many, short

    if "looked" in found:
        looked = found["looked"]
        where = "a dry run" if dry_run else "nothing new"
        where = where if looked["position"] is None else f"recorded @{looked['position']}"
        line(f"{many(looked['texts'], 'text')}, {looked['new']:,} new: {many(looked['twins'], 'pair')}; {where}")
    line((f"{many(found['exact'], 'sample')} with an exact twin", "bold"), f", {found['same_bytes']:,} byte for byte")
    if found["look"] is None:
        line(("no look for near-duplicates yet: --near 0.8", "dim"))
    else:
        line((f"{many(found['near'], 'sample')} with a near twin", "bold"), f" ({found['threshold']} or more)")
    ids = short(ledger, [one["sample"] for group in found["groups"] for one in group["members"]])
    for group in found["groups"]:
        _group(group, ids)
    if found["left"] and found["groups"]:
        line()
        line((f"{many(found['left'], 'group')} more: --offset {found['offset'] + len(found['groups'])}", "dim"))


def _group(group: Answer, ids: dict[str, str]) -> None:
    from commands._render import label, line, many, table, word

    line()
    line(
        (ids[group["representative"]], "cyan"),
        f"  {many(group['samples'], 'sample')} of {many(group['texts'], 'text')}",
    )
    rows = [
        (
            (ids[one["sample"]], "cyan"),
            _LIKE[one["kind"]] if place else "",
            f"{one['similarity']:.3f}" if place else "",
            word(label(one["label"])),
            word(one["status"]),
            f"{one['source']} line {one['line']}" if one["line"] else "derived",
            (one["campaign"], "dim"),
        )
        for place, one in enumerate(group["members"])
    ]
    table(("id", "", ">alike", "label", "status", "from", ""), rows, indent=2)
    if more := group["samples"] - len(rows):
        line((f"  and {many(more, 'sample')} more", "dim"))


_LIKE = {"content": "same bytes", "fingerprint": "same teaching", "near": "near"}
