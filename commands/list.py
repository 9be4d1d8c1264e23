"""`ledger list`: the samples that filters leave, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text, wait, whole

if TYPE_CHECKING:
    from commands._render import Part
    from ledger import Ledger

_STATUSES = ("accepted", "rejected", "pending", "errored", "superseded", "erased")
_LABELS = ("true", "false", "none")
_SORTS = ("born", "newest", "decided", "margin", "score", "lowest")


def _score(value: str | tuple[str, str | None, str | None]) -> tuple[str, str | None, str | None]:
    """Return the dimension and both bounds of NAME, or NAME=LEAST..MOST, either of which may be left out."""
    if isinstance(value, tuple):
        return value
    name, equals, stretch = text(value).partition("=")
    least, dots, most = stretch.partition("..")
    if not name.strip() or (equals and not dots):
        raise click.BadParameter(f"{value!r} is neither NAME nor NAME=LEAST..MOST")
    return name.strip(), least.strip() or None, most.strip() or None


@verb("list --status rejected --domain asm --limit 50")
@click.option("--campaign", type=text, metavar="NAME", help="Only samples of this campaign.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only samples of this status.")
@click.option("--label", type=click.Choice(_LABELS), help="Only samples of this label.")
@click.option("--rule", type=text, metavar="NAME", help="Only samples that this rule decided.")
@click.option("--reason", type=text, metavar="TEXT", help="Only samples decided for this reason: a rule, or words.")
@click.option("--source", type=text, metavar="NAME", help="Only samples of this source ('': derived ones).")
@click.option("--domain", type=text, metavar="NAME", help="Only samples of this domain ('': those without one).")
@click.option("--split", type=text, metavar="NAME", help="Only samples of this split ('': those without one).")
@click.option("--tag", type=text, metavar="KEY[=VALUE]", help="Only samples with this tag.")
@click.option("--decided-by", "actor", type=text, metavar="NAME", help="Only samples about which this actor decided.")
@click.option("--since", type=text, metavar="POINT", help="Only samples decided from this position or time on.")
@click.option("--until", type=text, metavar="POINT", help="Only samples decided up to this position or time.")
@click.option("--score", type=_score, metavar="NAME[=LEAST..MOST]", help="Only samples with such a score.")
@click.option("--where", type=text, metavar="CONDITION", help="Only samples for which this holds.")
@click.option("--text", type=text, metavar="QUERY", help="Only samples with these words, as `ledger search` has them.")
@click.option("--unlike", type=text, metavar="NAME", help="Only samples with another status in this campaign.")
@click.option("--within", type=text, metavar="MARGIN", help="Only near-misses up to this margin.")
@click.option("--id", "ids_prefix", type=text, metavar="PREFIX", help="Only samples whose id begins so.")
@click.option("--sort", type=click.Choice(_SORTS), default="born", show_default=True, help="In which order.")
@click.option("--limit", type=whole(0), default=20, show_default=True, metavar="N", help="At most so many.")
@click.option("--after", type=text, metavar="PLACE", help="Go on where an earlier page ended (its `next`).")
@click.option("--exact", is_flag=True, help="Count all of them, however many.")
@click.option("--digest", is_flag=True, help="Tell the digest of all their ids.")
@as_of
@wait
@click.pass_obj
def command(call: Call, /, *, exact: bool, **asked: Any) -> None:  # noqa: ANN401 - as Ledger.find has them
    """List samples.

    All filters that are given must hold. Near-misses (--within) are the rejected samples that nearly passed, or with
    --status accepted those that only just did. The order `decided` begins with the latest decision, `margin` (of
    near-misses) with the nearest, `score` with the highest and `lowest` with the lowest of --score.
    """
    with call.open() as ledger:
        found = ledger.find(total="exact" if exact else True, **asked)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: dict[str, Any]) -> None:
    from commands._render import line, many, table

    least = "" if found["exact"] else "at least "
    line((f"{least}{many(found['total'], 'sample')}", "bold"))
    if found["digest"] is not None:
        line((f"digest of their ids {found['digest']}", "dim"))
    if found["samples"]:
        from commands._render import short

        ids = short(ledger, (one["sample"] for one in found["samples"]))
        columns = ("id", "status", "label", "domain", "source", "campaign", "reason", ">margin", ">score")
        table(columns, [_row(one, ids[one["sample"]]) for one in found["samples"]])
    if found["next"] is not None:
        line()
        line((f"more with --after {found['next']}", "dim"))


def _row(one: dict[str, Any], shown: str) -> list[Part]:
    from commands._render import label, word

    return [
        (shown, "cyan"),
        word(one["status"]),
        word(label(one["label"])),
        one["domain"] or "",
        one["source"] or "derived",
        (one["campaign"], "dim"),
        one["reason"] or one["rule"] or "",
        (one["margin"] or "", "bold"),
        one["score"] or "",
    ]
