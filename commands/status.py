"""`ledger status`: counts that add up, and the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of

if TYPE_CHECKING:
    from commands._render import Part


@verb("status --as-of 2026-01-31T12:00Z")
@as_of
@click.pass_obj
def command(call: Call, as_of: str | None) -> None:
    """Show how many samples there are and how they stand."""
    with call.open() as ledger:
        found = ledger.status(as_of)
    call.answer(found, lambda: _render(found))


def _render(found: dict[str, Any]) -> None:
    from commands._render import digest, heading, line, many, number, table, total, word

    head = found["head"]
    line((found["path"], "bold"), f"  ledger {found['ledger'][:12]}")
    line(f"head @{head['position']}  {digest(head['root'])}", (f"  {many(found['events'], 'event')}", "dim"))
    stored = (many(found["blobs"], "blob"), many(found["fingerprints"], "fingerprint"))
    line((f"{', '.join(stored)}, {many(found['quarantined'], 'quarantined line')}", "dim"))
    line()
    total(found["samples"], "sample", found["by_status"])
    if found["campaigns"]:
        statuses = [name for name, count in found["by_status"].items() if count or name in _USUAL]
        labels = list(found["by_label"])
        line()
        table(
            ("campaign", ">samples", *(f">{name}" for name in statuses), *(f">{name}" for name in labels)),
            [_campaign(one, statuses, labels) for one in found["campaigns"]],
        )
    if waiting := found["proposals"]["open"]:
        line()
        line((many(waiting, "open proposal"), "yellow"), ": ledger proposals list")
    for title, key in (
        ("label", "by_label"),
        ("split", "by_split"),
        ("domain", "by_domain"),
        ("rejected for", "by_reason"),
    ):
        if any(found[key].values()):
            heading(title)
            table(("", ">samples"), [(word(name), number(count)) for name, count in found[key].items()], indent=2)


_USUAL = ("accepted", "rejected", "pending")


def _campaign(one: dict[str, Any], statuses: list[str], labels: list[str]) -> list[Part]:
    from commands._render import STYLES, number

    cells: list[Part] = [(one["name"], "bold"), number(one["samples"])]
    for key, names in (("by_status", statuses), ("by_label", labels)):
        cells += [(number(one[key][name]), STYLES[name] if one[key][name] else "dim") for name in names]
    return cells
