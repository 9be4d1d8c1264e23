"""`ledger erase`: take bytes out of the ledger for good."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import REASON_HELP, actor, expected_head, ids_argument, text
from commands._progress import steps
from commands._stdin import read_ids

_SHOWN = 20
_HOW = {
    "named": "named",
    "same_text": "the same text",
    "earlier_version": "an earlier version only; the sample stands",
    "child": "derived from it",
}


@verb("erase 3f9a2c1d --reason 'asked to' --authority 'ticket 4711'")
@ids_argument()
@click.option("--reason", required=True, type=text, metavar="TEXT", help=REASON_HELP)
@click.option("--authority", required=True, type=text, metavar="TEXT", help="Who wants it: a person or a ticket.")
@click.option("--with-children", is_flag=True, help="Erase what was derived from it as well.")
@click.option("--dry-run", is_flag=True, help="Only list what would go; nothing is erased.")
@click.option("--yes", is_flag=True, help="Erase what the list without --yes shows; it cannot come back.")
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, ids: tuple[str, ...], *, dry_run: bool, yes: bool, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Erase the bytes of samples for good.

    Every version of a sample goes, every sample with the same text, what scores quote of it, and the phrases of
    templates that it shares. What was said of it stays, with its hash, so that proofs hold and the same text is
    refused when it comes again. Samples are named by ids (unique prefixes of 6 characters or more; - reads them from
    standard input), lines in quarantine by their events, single versions by b3: addresses.

    Without --yes it lists what would go, and what was derived from it or is near to it and would stay.

    Files that were exported, backups and copies of the ledger are not touched, nor are reasons, tags and notes in
    events: the answer names those that quote the text.
    """
    named = read_ids(ids)
    with call.open() as ledger, steps() as progress:
        if not (yes or dry_run or call.json):
            _render(ledger.erase(named, dry_run=True, **given), done=False)
        found = ledger.erase(named, dry_run=dry_run, yes=yes, progress=progress, **given)
    call.answer(found, lambda: _render(found, done=not dry_run) if yes or dry_run else None)


def _render(found: dict[str, Any], *, done: bool) -> None:
    from commands._render import heading, line, many, number, size, table, total, word

    total(found["blobs"], "blob", {"erased" if done else "to erase": found["erased"], "already": found["already"]})
    if found["erased"]:
        kinds = [f"{many(found[kind], noun)}" for kind, noun in _KINDS if found[kind]]
        line((f"{size(found['bytes'])}{', with ' + ', '.join(kinds) if kinds else ''}", "dim"))
    for name, title in (("samples", "samples"), ("relatives", "relatives that stay")):
        if found[name]:
            heading(title)
            rows = [((one["sample"][:12], "cyan"), word(one["status"]), _how(one)) for one in found[name][:_SHOWN]]
            table(("", "", ""), rows, indent=2)
            if (more := found[f"{name}_count"] - len(rows)) > 0:
                line((f"  and {number(more)} more; --json lists up to 1,000", "dim"))
    _left(found)
    if events := found["events"]:
        line(("recorded ", "dim"), f"@{events[0]}" if len(events) == 1 else f"@{events[0]}-@{events[-1]}")


_KINDS = (("lines", "line in quarantine"), ("evidence", "score line"), ("phrases", "template look"))


def _how(one: dict[str, Any]) -> str:
    return f"{one['how']}: {one['by']}" if "by" in one else _HOW[one["how"]]


def _left(found: dict[str, Any]) -> None:
    """Say what still holds the text, or tells of it."""
    from commands._render import heading, line, many

    told = [
        (f"{one['name']}, released @{one['position']}, has {many(one['samples'], 'row')} of it", "the file")
        for one in found["releases"]
    ]
    told += [(f"@{one['position']} {one['kind']}: {', '.join(one['fields'])}", "the event") for one in found["quoting"]]
    told += [
        (f"{one[:12]}, which `ledger erase` takes by that id", "the line in quarantine") for one in found["quarantined"]
    ]
    if not told:
        return
    heading("what stays and holds some of it")
    for what, kind in told[:_SHOWN]:
        line(f"  {kind} {what}")
    if len(told) > _SHOWN:
        line((f"  and {len(told) - _SHOWN:,} more; --json lists them", "dim"))
