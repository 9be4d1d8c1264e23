"""`ledger log`: what happened, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, whole

if TYPE_CHECKING:
    from ledger import Ledger


@verb("log 3f9a2c1d --limit 10")
@click.argument("sample", required=False, metavar="[ID]")
@click.option("--limit", type=whole(), metavar="N", default=50, show_default=True, help="The last so many events.")
@as_of
@click.pass_obj
def command(call: Call, sample: str | None, limit: int, as_of: str | None) -> None:
    """Show the last events.

    Those of the whole ledger, or of one sample; oldest first.
    """
    with call.open() as ledger:
        events = ledger.log(sample, limit, as_of)
        call.answer({"events": events}, lambda: render_events(ledger, events))


def render_events(ledger: Ledger, events: list[dict[str, Any]], indent: int = 0) -> None:
    """Print events as a table."""
    from commands._render import STYLES, short, table

    ids = short(ledger, (event["event"] for event in events))
    rows = [
        (
            (f"@{event['position']}", "dim"),
            (ids[event["event"]], "cyan"),
            (event["time"], "dim"),
            event["actor"],
            (event["kind"], STYLES.get(event["kind"], "")),
            event["sentence"],
        )
        for event in events
    ]
    table((">at", "event", "time", "actor", "kind", "what"), rows, indent=indent)
