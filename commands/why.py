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

    First the story in a few lines: scores, the deciding rule and its margin, who overrode whom, and the smallest
    change that would flip it. Then decisions, scores, findings, twins, relatives, releases and events.
    """
    with call.open() as ledger:
        found = ledger.why(sample, as_of)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: Answer) -> None:
    from commands._proposal import open_about
    from commands._render import heading, line, short, word
    from commands._render import label as label_word
    from commands._story import story
    from commands.log import render_events

    lineage = found["lineage"]
    relatives = [("from", one) for one in lineage["parents"]] + [("to", one) for one in lineage["children"]]
    named = [found["sample"], *(one["sample"] for one in (*found["duplicates"], *(one for _, one in relatives)))]
    named += [one["event"] for one in (*found["decisions"], *found["labels"])]
    named += [] if found["weight"] is None else [found["weight"]["event"]]
    twin = (found["deciding"] or {}).get("twin")
    ids = short(ledger, [*named, *([] if twin is None else [twin["sample"]])])
    split = f", split {found['split']}" if found["split"] else ""
    head = ("sample ", (ids[found["sample"]], "bold cyan"), " is ", word(found["status"]), ", label ")
    line(*head, word(label_word(found["label"])), (f" (from the {found['label_from']})", "dim"), split)
    if (weight := found["weight"]) is not None:
        because = f": {weight['reason']}" if weight["reason"] else ""
        line(f"  weight {weight['times']:,}, by {weight['by']}{because}  ", (f"event {ids[weight['event']]}", "dim"))
    if (gone := found["erased"]) is not None:
        said = f"  erased by {gone['actor']} on the authority of {gone['authority']}: {gone['reason']}  "
        line(said, (f"event @{gone['position']}", "dim"))
    for told in story(found, ids):
        line("  ", *told)
    _decisions(found, ids)
    open_about(found)
    _scores(found)
    _findings(found)
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
    from commands._story import value

    heading("decisions")
    if not found["decisions"]:
        gone = found["status"] == "erased"
        line("  none" if gone else f"  none: nobody has decided, so it is {found['status']}")
    for one in [*found["decisions"], *found["labels"]]:
        state = "in force" if one["in_force"] else "withdrawn" if one["withdrawn"] else "not in force"
        rule = f" by the rule {one['rule']}" if one["rule"] else ""
        reason = f": {one['reason']}" if one["reason"] else ""
        by = f" by {one['actor']} ({one['authority']}, {one['via']}) at {one['time']}{rule}{reason}  "
        proposed = f", proposal {one['details']['proposal'][:12]}" if "proposal" in one["details"] else ""
        line("  ", word(value(one)), by, (f"{state}, event {ids[one['event']]} @{one['position']}{proposed}", "dim"))


def _scores(found: Answer) -> None:
    from commands._render import digest, heading, line, table
    from commands._story import scorer

    if not found["scores"]:
        return
    heading("scores")
    for one in found["scores"]:
        about = "" if one["current"] else f", of the version {digest(one['version'])}"
        evidence = f", evidence {digest(one['evidence'])}" if one["evidence"] else ""
        attempt = f", attempt {one['replicate']}" if one["replicate"] else ""
        told = (f"  recorded by {one['actor']} at {one['time']} @{one['position']}{attempt}{about}{evidence}", "dim")
        line("  ", (scorer(one), "bold"), told)
        rows = [(name, number, one["notes"].get(name, "")) for name, number in one["dimensions"].items()]
        rows += [(each["dimension"] or "everything", "-", each["reason"]) for each in one["unscored"]]
        table(("", "", ""), rows, indent=4)


def _findings(found: Answer) -> None:
    from commands._render import heading, line, table, word

    look = found["validated"]
    if look is None:
        return
    heading("findings")
    if not found["findings"]:
        line(f"  none: the validators found nothing @{look['position']}")
        return
    rows = [(word(one["severity"]), one["rule"], one["path"], one["sentence"] or "") for one in found["findings"]]
    table(("", "rule", "where", ""), rows, indent=2)


def _twins(found: Answer, ids: dict[str, str]) -> None:
    from commands._render import heading, label, line, many, table, word

    twins = found["duplicates"]
    heading("twins")
    if not twins:
        line("  none: no other sample teaches the same")
        return
    conflicts = sum(twin["conflict"] for twin in twins)
    against = (f", {conflicts:,} with the opposite label", "red") if conflicts else ""
    line(f"  {many(len(twins), 'sample')} with the same fingerprint (similarity 1)", against)
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
            for run in one["trained"]:
                line(f"    {run['method']} was trained on it: {run['output']} @{run['position']}, {run['state']}")
        else:
            clause = OMISSIONS.get(one["omitted"], "")
            line("  ", (f"left out of {one['name']}: {one['omitted']}", "yellow"), where)
            line(f"    {clause}")
