"""`ledger diff`: which samples differ between two moments, two views or two releases, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text, whole

if TYPE_CHECKING:
    from commands._render import Part
    from ledger import Ledger

Answer = dict[str, Any]

_SHOWN = 20
_LISTED = 1_000
_WAYS = ("added", "removed", "changed", "relabelled", "moved", "status", "weighted")
_MEANS = {
    "added": "only on the second side",
    "removed": "only on the first side",
    "changed": "another text",
    "relabelled": "another label",
    "moved": "another split",
    "status": "another status",
    "weighted": "another weight",
}
_FACTS = {"label": "labels", "split": "splits", "status": "statuses"}


@verb("diff @1000 now --only relabelled")
@click.argument("a", type=text, metavar="A")
@click.argument("b", type=text, default="now", metavar="[B]")
@click.option("--view", type=text, metavar="VIEW", help="What this view takes at the two moments, not all samples.")
@click.option("--only", type=click.Choice(_WAYS), help="List only samples that differ so; all are counted.")
@click.option(
    "--limit",
    type=whole(0),
    metavar="N",
    help=f"Samples to list; all are counted.  [default: {_SHOWN}; {_LISTED} with --json]",
)
@click.option("--offset", type=whole(0), default=0, metavar="N", help="Leave out the first so many.")
@as_of
@click.pass_obj
def command(call: Call, /, a: str, b: str, *, limit: int | None, **asked: Any) -> None:  # noqa: ANN401 - as Ledger.diff has them
    """Show what differs between two moments, views or releases.

    A and B are positions (@1000), times (2026-01-31T12:00Z), now, views (by name or file), or manifests, which the
    files that they stand beside name as well. Without B it is now. A moment beside a view or a manifest is that view
    at that moment, so `ledger diff train.jsonl` says what the same export would hold today.
    """
    listed = limit if limit is not None else _LISTED if call.json else _SHOWN
    with call.open() as ledger:
        found = ledger.diff(a, b, limit=listed, **asked)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: Answer) -> None:
    from commands._render import line, many, number, table

    sides = [(mark, *_side(found[key])) for mark, key in (("-", "a"), ("+", "b"))]
    table(("", "", "", ">samples", ">rows"), sides)
    counts = found["counts"]
    line()
    if not counts["samples"]:
        line("nothing differs")
        return
    differ = "differs" if counts["samples"] == 1 else "differ"
    line((f"{many(counts['samples'], 'sample')} {differ}", "bold"))
    weighted = _MEANS | ({} if found["a"]["rows"] is None else {"weighted": "another number of rows"})
    rows = [(way, number(counts[way]), (weighted[way], "dim")) for way in _WAYS if counts[way]]
    table(("", ">samples", ""), rows, indent=2)
    for fact, told in _FACTS.items():
        if found["turns"][fact]:
            line((f"  {told}: ", "dim"), "; ".join(_turn(fact, turn) for turn in found["turns"][fact]))
    if found["samples"]:
        _list(ledger, found)
    if found["left"]:
        line()
        line((f"{many(found['left'], 'sample')} more: --offset {found['offset'] + len(found['samples'])}", "dim"))


def _side(side: Answer) -> tuple[Part, ...]:
    from commands._render import digest, number

    taken = "all samples" if side["view"] is None else f"view {side['view']}"
    name = side["name"] if side["kind"] == "manifest" else taken
    place = f"@{side['position']} {side['time'] or ''}".rstrip()
    return (
        (name, "bold"),
        (f"{place}  {digest(side['root'])}", "dim"),
        number(side["samples"]),
        "" if side["rows"] is None else number(side["rows"]),
    )


def _list(ledger: Ledger, found: Answer) -> None:
    from commands._render import line, short, table

    ids = short(ledger, [one["sample"] for one in found["samples"]])
    line()
    rows = [
        (
            _sign(one),
            (ids[one["sample"]], "cyan"),
            ", ".join(one["ways"]),
            _fact(one, "label"),
            _fact(one, "split"),
            _fact(one, "status"),
            _fact(one, "times"),
            (one["source"] or "derived", "dim"),
            (one["campaign"], "dim"),
        )
        for one in found["samples"]
    ]
    table(("", "id", "how", "label", "split", "status", ">times", "from", "campaign"), rows)


def _sign(one: Answer) -> Part:
    return ("+", "green") if one["a"] is None else ("-", "red") if one["b"] is None else ("~", "yellow")


def _fact(one: Answer, fact: str) -> Part:
    """Return a fact of a sample, and what it was before where it differs."""
    sides = [side for side in (one["a"], one["b"]) if side is not None]
    told = [_word(fact, side[fact]) for side in sides]
    return " -> ".join(dict.fromkeys(told)) if len(set(told)) > 1 else (told[0], "dim")


def _turn(fact: str, turn: Answer) -> str:
    from commands._render import number

    return f"{_word(fact, turn['from'])} -> {_word(fact, turn['to'])} {number(turn['samples'])}"


def _word(fact: str, value: Any) -> str:  # noqa: ANN401 - a label, a split, a status or a number
    from commands._render import label

    if fact == "label":
        return label(value)
    return "none" if value is None else str(value)
