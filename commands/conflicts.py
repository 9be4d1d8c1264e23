"""`ledger conflicts`: samples that teach the same and contradict one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text, whole

if TYPE_CHECKING:
    from ledger import Ledger

Answer = dict[str, Any]

_SHOWN = 20
_LISTED = 1_000
_KINDS = {
    "labels": "both labels",
    "decisions": "accepted and rejected",
    "derived": "a derived text that was rejected elsewhere",
}


@verb("conflicts --campaign scored")
@click.option("--campaign", type=text, metavar="NAME", help="Only conflicts that a sample of this campaign is part of.")
@click.option("--kind", type=click.Choice(list(_KINDS)), help="Only this kind.")
@click.option(
    "--limit",
    type=whole(0),
    metavar="N",
    help=f"Conflicts to list; all are counted.  [default: {_SHOWN}; {_LISTED} with --json]",
)
@click.option("--offset", type=whole(0), default=0, metavar="N", help="Leave out the first so many.")
@as_of
@click.pass_obj
def command(
    call: Call, *, campaign: str | None, kind: str | None, limit: int | None, offset: int, as_of: str | None
) -> None:
    """List the contradictions.

    One text labelled true and false, accepted and rejected, or improved, regenerated or edited into one that was
    rejected; with all the samples that are part of it.
    """
    listed = limit if limit is not None else _LISTED if call.json else _SHOWN
    with call.open() as ledger:
        found = ledger.conflicts(campaign, kind=kind, limit=listed, offset=offset, as_of=as_of)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: Answer) -> None:
    from commands._render import digest, line, many, number, short, table

    if not found["fingerprints"]:
        line("no conflicts: no text is contradicted")
        return
    ids = short(ledger, [twin["sample"] for group in found["groups"] for twin in group["twins"]])
    line((f"{many(found['fingerprints'], 'text')} with a conflict, in {many(found['samples'], 'sample')}", "bold"))
    rows = [
        (_KINDS[kind], number(counted["fingerprints"]), number(counted["samples"]))
        for kind, counted in found["by_kind"].items()
        if counted["fingerprints"]
    ]
    table(("", ">texts", ">samples"), rows, indent=2)
    if found["in_exports"]:
        stopped = f"{many(found['in_exports'], 'text')} would be left out of exports for training"
        line("  ", (stopped, "yellow"), ": relabel or reject one side")
    for group in found["groups"]:
        line()
        kinds = ", ".join(_KINDS[kind] for kind in group["kinds"])
        line((digest(group["fingerprint"]), "cyan"), f"  {kinds}, {many(group['samples'], 'sample')}")
        table(
            ("id", "label", "", "status", "", ">score", "from", ""), [_twin(t, ids) for t in group["twins"]], indent=2
        )
        if group["cut"]:
            line((f"  and {many(group['cut'], 'sample')} more", "dim"))
    if found["left"]:
        line()
        line((f"{many(found['left'], 'conflict')} more: --offset {found['offset'] + len(found['groups'])}", "dim"))


def _twin(twin: Answer, ids: dict[str, str]) -> tuple[Any, ...]:
    from commands._render import label, word

    place = f"{twin['source']} line {twin['line']}" if twin["line"] else "derived"
    edited = ", edited" if twin["derived"] and twin["line"] else ""
    released = f"in {twin['releases']} releases" if twin["releases"] else ""
    return (
        (ids[twin["sample"]], "cyan"),
        word(label(twin["label"])),
        (_by(twin["labelled_by"]) or "envelope", "dim"),
        word(twin["status"]),
        (_by(twin["decided_by"]), "dim"),
        twin["score"]["value"] if twin["score"] else "-",
        f"{place}, {twin['campaign']}{edited}",
        released,
    )


def _by(said: Answer | None) -> str:
    """Return who said so: the rule of a policy, or the person."""
    if said is None:
        return ""
    return f"by {said['rule']}" if said["rule"] else f"by {said['actor']}"
