"""`ledger templates`: the phrases that many texts are made from."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import actor, as_of, text, whole

if TYPE_CHECKING:
    from ledger import Ledger

Answer = dict[str, Any]

_SHOWN = 20
_LISTED = 1_000


@verb("templates --field toolContext --by-batch --spread source", "templates")
@click.option(
    "--field",
    default="answer",
    show_default=True,
    type=text,
    metavar="NAME",
    help="Look at this: answer, completion, prompt, conversation, exchange, or an argument of tool calls.",
)
@click.option("--campaign", type=text, metavar="NAME", help="Only samples of this campaign.")
@click.option("--by-batch", is_flag=True, help="Search each source by itself.")
@click.option("--words", type=whole(2), default=5, show_default=True, metavar="N", help="Words that must be the same.")
@click.option("--min-share", default="0.02", show_default=True, metavar="SHARE", help="Least share of the texts.")
@click.option("--min-rows", type=whole(2), metavar="N", help="Least number of texts, instead of a share.")
@click.option(
    "--fuzzy", type=whole(0), default=78, show_default=True, metavar="N", help="Likeness to join a family (0: never)."
)
@click.option(
    "--spread", multiple=True, type=text, metavar="BY", help="Count each family by campaign, source or tag.NAME."
)
@click.option("--phrases", type=click.File("rb"), metavar="FILE", help="Count these phrases too, one a line.")
@click.option("--last", is_flag=True, help="Show what the last look found, without looking.")
@click.option("--dry-run", is_flag=True, help="Only look; nothing is recorded, and the last look is shown.")
@click.option(
    "--limit", type=whole(0), metavar="N", help=f"Families to list.  [default: {_SHOWN}; {_LISTED} with --json]"
)
@as_of
@actor
@click.pass_obj
def command(call: Call, /, *, last: bool, limit: int | None, phrases: IO[bytes] | None, **asked: Any) -> None:  # noqa: ANN401 - as Ledger.templates has them
    """Find the phrases that many texts are made from.

    No list of phrases is needed: what stands word for word in enough texts makes a family, and texts that miss it by a
    word or two join it. What is found is recorded, and policies can keep so many of each family.
    """
    from commands._progress import steps

    known = [] if phrases is None else _lines(phrases)
    listed = limit if limit is not None else _LISTED if call.json else _SHOWN
    with call.open() as ledger, steps() as progress:
        found = ledger.templates(look=not last, limit=listed, phrases=known, progress=progress, **asked)
        call.answer(found, lambda: _render(ledger, found, dry_run=asked["dry_run"]))


def _lines(file: IO[bytes]) -> list[str]:
    """Return the lines of a file that are not empty."""
    from ledger.errors import InputUnreadable

    try:
        return [line.strip() for line in file.read().decode("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputUnreadable(file.name, "it is not UTF-8 text") from error


def _render(ledger: Ledger, found: Answer, *, dry_run: bool) -> None:
    from commands._render import heading, line, many, number, short, table

    if "looked" in found:
        looked = found["looked"]
        where = "as it was recorded" if looked["position"] is None else f"recorded @{looked['position']}"
        dry = (
            f"a dry run: {looked['templated']:,} of {many(looked['rows'], 'text')} in {looked['families']:,} templates"
        )
        line((dry if dry_run else where, "dim"))
    if found["look"] is None:
        return
    share = f"{found['share']:.1%}"
    line(
        (f"{many(found['rows'], 'text')} of {found['field']}", "bold"),
        f": {share} in {found['counted']:,} templates",
    )
    before, after = found["diversity"]["before"], found["diversity"]["after"]
    rows = [(name, _figure(before[name]), _figure(after[name])) for name in _FIGURES]
    table(("", ">all", ">without templates"), [*rows, ("", before["grade"] or "", after["grade"] or "")], indent=2)
    if "phrases" in found:
        heading(f"known phrases, in {many(found['phrases']['any'], 'text')}")
        table(
            ("phrase", ">texts"),
            [(one["phrase"], number(one["texts"])) for one in found["phrases"]["phrases"]],
            indent=2,
        )
    if not found["families"]:
        return
    heading("families")
    ids = short(ledger, [one for family in found["families"] for one in family["examples"][:1]])
    table(
        (">texts", ">share", "batch", "phrase", "for example"),
        [
            (
                number(family["rows"]),
                f"{family['share']:.1%}",
                family["batch"] or "",
                _phrase(family),
                (ids.get(family["examples"][0], "") if family["examples"] else "", "cyan"),
            )
            for family in found["families"]
        ],
        indent=2,
    )
    for family in found["families"]:
        for name in [key for key in family if key in {"campaign", "source"} or key.startswith("tag.")]:
            told = ", ".join(f"{value or '(none)'} {count:,}" for value, count in family[name].items())
            line(("  " + _phrase(family)[:60], "dim"), f"  {name}: {told}")
    if found["counted"] > len(found["families"]):
        line((f"{found['counted'] - len(found['families']):,} more; --limit shows more", "dim"))


_FIGURES = ("distinct", "compression", "repetition", "score")


def _phrase(family: Answer) -> str:
    """Return a family's phrase in one line; it has none where an erased text had it."""
    return " ".join(family["phrase"].split()) or "(erased)"


def _figure(value: str | None) -> str:
    return "-" if value is None else f"{float(value):.3f}"
