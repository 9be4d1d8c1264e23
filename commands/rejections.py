"""`ledger rejections`: how many samples were rejected for what, which nearly passed, and what could be done."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text, whole

if TYPE_CHECKING:
    from commands._render import Part
    from ledger import Ledger

Answer = dict[str, Any]

_WIDE = 40
"""Signs of the longest bar."""
_PAIRS = 10
"""Reasons within domains that are listed on a terminal; --json and --html have all of them."""


def _file(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value == "-":
        raise click.BadParameter("the page needs a file; --json prints the same to stdout")
    return None if value is None else text(value)


@verb("rejections --campaign toolset --html rejections.html")
@click.option("--campaign", type=text, metavar="TEXT", help="Only samples of this campaign.")
@click.option("--limit", type=whole(0), default=10, show_default=True, metavar="N", help="How many of the closest.")
@click.option(
    "--html", "page", type=click.Path(), callback=_file, metavar="FILE", help="Write it as one page without scripts."
)
@as_of
@click.pass_obj
def command(call: Call, campaign: str | None, limit: int, page: str | None, as_of: str | None) -> None:
    """Show why samples are rejected.

    Counts by reason and domain, the closest to passing, the spread of scores, and what could be done. The closest are
    ranked by how far they are from their own threshold.
    """
    with call.open() as ledger:
        found = ledger.rejections(campaign, as_of, limit)
        if page is not None:
            written = _write(ledger, found, page)
            call.answer({**found, "html": written}, lambda: _told(found, written))
            return
        call.answer(found, lambda: _render(ledger, found))


def _write(ledger: Ledger, found: Answer, file: str) -> Answer:
    """Write the page whole or not at all, over a file that stands there."""
    from commands._page import page

    return {"path": file, "bytes": ledger.write_page(file, page(found).encode())}


def _told(found: Answer, written: Answer) -> None:
    from commands._render import line, many, size

    line((written["path"], "bold"), f"  {many(found['total'], 'rejected sample')}, {size(written['bytes'])}")


def _render(ledger: Ledger, found: Answer) -> None:
    from commands._render import heading, line
    from commands.near_misses import render_entries

    _summary(found)
    if not found["total"]:
        return
    _counts("reason", found["by_reason"], found["total"])
    _counts("domain", found["by_domain"], found["total"])
    _pairs(found)
    heading("closest to passing")
    if found["closest"]:
        render_entries(ledger, found["closest"], indent=2)
    else:
        line("  none has a margin")
    _histogram(found)
    heading("what could be done")
    for advice in found["recommendations"]:
        _advice(advice, found["total"])


def _summary(found: Answer) -> None:
    from commands._render import line, number, total

    where = "" if found["campaign"] is None else f" of the campaign {found['campaign']}"
    policies = ", ".join(_policy(one) for one in found["policies"]) or "none adopted"
    considered = f"{number(found['total'])} of {number(found['considered'])} samples{where} are rejected"
    line((considered, "bold"), f"{_share(found['total'], found['considered'])}, {number(found['accepted'])} accepted")
    line((f"policy {policies}; head @{found['head']['position']}", "dim"))
    if found["total"]:
        kinds = len(found["by_reason"])
        if kinds <= 6:  # noqa: PLR2004 - more do not fit into a line
            total(found["total"], "rejected sample", found["by_reason"])
    if found["due"]:
        line((f"{number(found['due'])} of them the policy in force would not reject: run `ledger decide`", "yellow"))


def _policy(one: Answer) -> str:
    return one["name"] if one["campaign"] is None else f"{one['name']} (campaign {one['campaign']})"


def _share(part: int, whole_: int) -> str:
    return f" ({100 * part / whole_:.1f} %)" if whole_ else ""


def _counts(what: str, counts: Mapping[str, int], whole_: int) -> None:
    from commands._render import heading, number, table

    heading(f"by {what}")
    most = max(counts.values())
    rows: list[list[Part]] = [
        [name or "none", number(count), f"{100 * count / whole_:.1f} %", (_bar(count, most), "blue")]
        for name, count in counts.items()
    ]
    table(("", ">samples", ">share", ""), rows, indent=2)


def _pairs(found: Answer) -> None:
    from commands._render import heading, number, table

    pairs = [
        (count, reason, domain)
        for reason, counts in found["by_reason_domain"].items()
        for domain, count in counts.items()
    ]
    if len(found["by_domain"]) < 2 or len(found["by_reason"]) < 2:  # noqa: PLR2004 - it would say the same again
        return
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    cut = f", the {_PAIRS} largest of {number(len(pairs))}" if len(pairs) > _PAIRS else ""
    heading(f"by reason and domain{cut}")
    rows = [(reason, domain or "none", number(count)) for count, reason, domain in pairs[:_PAIRS]]
    table(("reason", "domain", ">samples"), rows, indent=2)


def _histogram(found: Answer) -> None:
    from commands._render import heading, line, number, table
    from commands._words import bins

    heading(f"spread of {found['headline'] or 'scores'}")
    if not found["scored"]:
        line("  none of them has a score")
        return
    of = "" if found["scored"] == found["total"] else f" ({number(found['total'] - found['scored'])} without a score)"
    line(
        f"  {number(found['scored'])} scored{of}: mean {found['average']:.3f}, "
        f"from {found['min']:.3f} to {found['max']:.3f}"
    )
    rows = [
        (name, number(count), (_bar(count, max(found["histogram"]["counts"])), "blue"))
        for name, count in zip(bins(found["histogram"]["edges"]), found["histogram"]["counts"], strict=True)
    ]
    table(("", ">samples", ""), rows, indent=2)


def _advice(advice: Answer, total: int) -> None:
    from commands._render import line, number

    where = f" in {advice['domain']}" if advice["domain"] else ""
    share = f"{100 * advice['samples'] / total:.1f} %"
    line("  ", (f"{advice['reason']}{where}", "bold"), (f"  {number(advice['samples'])}, {share}", "dim"))
    line(f"    {advice['advice']}")
    if advice["set"]:
        line("    ", (f"ledger whatif --set {_shell(advice['set'])}", "cyan"))


def _shell(setting: str) -> str:
    """Return a setting as a shell takes it."""
    import shlex

    return shlex.quote(setting)


def _bar(count: int, most: int) -> str:
    """Return a bar; what is more than nothing is at least one sign long."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    sign = "█" if "utf" in encoding.lower() else "#"
    return sign * max(count * _WIDE // max(most, 1), bool(count))
