"""`ledger why`: the story of one sample, from where it came to the files it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of

if TYPE_CHECKING:
    from ledger import Ledger

Answer = dict[str, Any]


@verb("why 3f9a2c1d")
@click.argument("sample", metavar="ID")
@as_of
@click.pass_obj
def command(call: Call, sample: str, as_of: str | None) -> None:
    """Show why a sample stands as it does.

    Its origin, decisions, twins, relatives, releases and events.
    """
    with call.open() as ledger:
        found = ledger.why(sample, as_of)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: Answer) -> None:
    from commands._render import heading, line, short, word
    from commands._render import label as label_word
    from commands.log import render_events

    lineage = found["lineage"]
    relatives = [("from", one) for one in lineage["parents"]] + [("to", one) for one in lineage["children"]]
    named = [
        found["sample"],
        *(twin["sample"] for twin in found["duplicates"]),
        *(one["sample"] for _, one in relatives),
    ]
    ids = short(ledger, [*named, *(decision["event"] for decision in found["decisions"])])
    split = f", split {found['split']}" if found["split"] else ""
    head = ("sample ", (ids[found["sample"]], "bold cyan"), " is ", word(found["status"]), ", label ")
    line(*head, word(label_word(found["label"])), (f" (from the {found['label_from']})", "dim"), split)
    heading("where from")
    origin = found["origin"]
    place = f"{origin['source']} line {origin['line']}" if origin["line"] else str(origin["source"])
    line(f"  {place}, campaign {origin['campaign']}, {origin['event']} @{origin['position']}")
    _decisions(found, ids)
    _twins(found, ids)
    if relatives:
        heading("relatives")
        for direction, one in relatives:
            line(f"  {one['how']} {direction} ", (ids[one["sample"]], "cyan"))
    _releases(found["releases"])
    heading("events")
    render_events(ledger, found["events"], indent=2)


def _decisions(found: Answer, ids: dict[str, str]) -> None:
    from commands._render import heading, line, word

    heading("decisions")
    if not found["decisions"]:
        line(f"  none: nobody has decided, so it is {found['status']}")
    for one in found["decisions"]:
        state = "in force" if one["in_force"] else "withdrawn" if one["withdrawn"] else "not in force"
        rule = f" by the rule {one['rule']}" if one["rule"] else ""
        reason = f": {one['reason']}" if one["reason"] else ""
        by = f" by {one['actor']} ({one['authority']}, {one['via']}) at {one['time']}{rule}{reason}  "
        line("  ", word(one["outcome"]), by, (f"{state}, event {ids[one['event']]} @{one['position']}", "dim"))


def _twins(found: Answer, ids: dict[str, str]) -> None:
    from commands._render import heading, label, line, many, table, word

    twins = found["duplicates"]
    heading("twins")
    if not twins:
        line("  none: no other sample teaches the same")
        return
    conflicts = sum(twin["conflict"] for twin in twins)
    against = (f", {conflicts:,} with the opposite label", "red") if conflicts else ""
    line(f"  {many(len(twins), 'sample')} with the same fingerprint", against)
    rows = [
        (
            (ids[twin["sample"]], "cyan"),
            word(label(twin["label"])),
            word(twin["status"]),
            f"{twin['source']} ({twin['campaign']})",
            "same bytes" if twin["same_bytes"] else "other bytes",
            ("conflict", "bold red") if twin["conflict"] else "",
        )
        for twin in twins
    ]
    table(("id", "label", "status", "source", "", ""), rows, indent=2)


def _releases(releases: list[Answer]) -> None:
    from commands._render import digest, heading, line
    from commands._words import OMISSIONS

    heading("releases")
    if not releases:
        line("  none has considered it yet")
    for one in releases:
        where = (f"  {one['view']} @{one['position']}, {digest(one['output'])}", "dim")
        if one["omitted"] is None:
            line("  ", (f"line {one['row'] + 1:,} of {one['name']}", "green"), where)
        else:
            clause = OMISSIONS.get(one["omitted"], "")
            line("  ", (f"left out of {one['name']}: {one['omitted']}", "yellow"), where)
            line(f"    {clause}")
