"""`ledger near-misses`: the samples nearest to another outcome, to look at and perhaps to accept by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text, whole

if TYPE_CHECKING:
    from commands._render import Part
    from ledger import Ledger


@verb("near-misses --domain asm --limit 50", "near-misses")
@click.option("--campaign", type=text, metavar="TEXT", help="Only those of this campaign.")
@click.option("--domain", type=text, metavar="TEXT", help="Only those of this domain ('': those without one).")
@click.option("--rule", type=text, metavar="TEXT", help="Only those that this rule decided.")
@click.option("--accepted", is_flag=True, help="Accepted samples that only just passed, not rejected ones.")
@click.option("--limit", type=whole(), default=20, show_default=True, metavar="N", help="At most so many.")
@click.option("--after", type=text, metavar="PLACE", help="Go on where an earlier page ended (its `next`).")
@as_of
@click.pass_obj
def command(call: Call, /, **asked: Any) -> None:  # noqa: ANN401 - as Ledger.near_misses has them
    """List the samples that only just failed, nearest first.

    Where several rules reject a sample, its margin is the largest distance among them. Of samples that teach the same
    only the nearest is listed, and none that is accepted elsewhere.
    """
    with call.open() as ledger:
        found = ledger.near_misses(**asked)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: dict[str, Any]) -> None:
    from commands._render import line

    if not found["near_misses"]:
        line(f"no {found['status']} sample is near to another outcome")
        return
    render_entries(ledger, found["near_misses"])
    if found["twins_left_out"]:
        line()
        line((f"{found['twins_left_out']} more teach the same as one of these, or as one that is accepted", "dim"))
    if found["next"] is not None:
        line()
        line((f"more with --after {found['next']}", "dim"))


def render_entries(ledger: Ledger, entries: Sequence[dict[str, Any]], indent: int = 0) -> None:
    """Print near-misses as a table."""
    from commands._render import short, table

    ids = short(ledger, (entry["sample"] for entry in entries))
    columns = ("id", "domain", "reason", ">margin", ">observed", ">threshold", ">score", "also fails", "prompt")
    table(columns, [_row(entry, ids[entry["sample"]]) for entry in entries], indent=indent)


def _row(entry: dict[str, Any], shown: str) -> list[Part]:
    from commands._words import excerpt

    return [
        (shown, "cyan"),
        entry["domain"] or "",
        entry["rule"] or "",
        (entry["margin"], "bold"),
        entry["observed"] or "",
        entry["threshold"] or "",
        entry["score"] or "",
        (", ".join(failed["rule"] for failed in entry["failed"]), "yellow"),
        (excerpt(entry["prompt"]), "dim"),
    ]
