"""`ledger quarantine`: the lines that are not valid samples, to look at and to read again."""

from __future__ import annotations

import base64

import click

from commands._common import Call, verb
from commands._options import actor, as_of, text, whole


@click.group("quarantine")
def command() -> None:
    """List, show or retry the lines that are not valid samples."""


@verb("quarantine list --campaign toolset", "list")
@click.option("--campaign", type=text, metavar="TEXT", help="Only those of this campaign.")
@click.option("--limit", type=whole(), metavar="N", default=1000, show_default=True, help="At most so many.")
@as_of
@click.pass_obj
def list_(call: Call, campaign: str | None, limit: int, as_of: str | None) -> None:
    """List the lines in quarantine: where they stood, and why."""
    from commands._render import line, number, short, size, table

    with call.open() as ledger:
        lines = ledger.quarantine(campaign, limit, as_of)

        def render() -> None:
            if not lines:
                line("no line is in quarantine")
                return
            ids = short(ledger, (one["event"] for one in lines))
            rows = [
                (
                    (ids[one["event"]], "cyan"),
                    one["campaign"],
                    one["source"],
                    number(one["line"]),
                    number(one["offset"]),
                    size(one["bytes"]),
                    (one["reason"], "yellow"),
                    one["message"],
                )
                for one in lines
            ]
            table(("id", "campaign", "source", ">line", ">offset", ">bytes", "reason", "message"), rows)

        call.answer({"lines": lines}, render)


@verb("quarantine show 3f9a2c1d", "show")
@click.argument("identity", metavar="ID")
@click.option("--raw", is_flag=True, help="Print only the line's exact bytes.")
@as_of
@click.pass_obj
def show(call: Call, identity: str, *, raw: bool, as_of: str | None) -> None:
    """Show one line in quarantine: where it stood, why it is no sample, and its bytes."""
    from commands._render import emit_bytes, line, number

    with call.open() as ledger:
        found, body = ledger.quarantined_line(identity, as_of)
    if raw and not call.json:
        with call.paged():
            emit_bytes(body)
        return

    def render() -> None:
        line((f"{found['source']} line {number(found['line'])}", "bold"), f", byte {number(found['offset'])}")
        line((found["reason"], "yellow"), f": {found['message']}")
        line(f"campaign {found['campaign']}, event {found['event'][:12]} @{found['position']}, {found['blob'][:15]}")
        line()
        line(body.decode("utf-8", "backslashreplace"), lines=True)

    call.answer({**found, "base64": base64.b64encode(body).decode()}, render)


@verb("quarantine retry --campaign toolset --map label=verdict", "retry")
@click.option("--campaign", required=True, type=text, metavar="TEXT", help="Whose lines to read again.")
@click.option(
    "--format", "form", type=text, metavar="TEXT", help="Read every line so: messages, prompt_completion, instruction."
)
@click.option("--map", "places", type=text, metavar="TEXT", help="Where facts stand: label=verdict,domain=meta.topic.")
@actor
@click.pass_obj
def retry(call: Call, campaign: str, form: str | None, places: str | None) -> None:
    """Read a campaign's quarantined lines again, making samples of those that are valid now."""
    from commands._render import total

    with call.open() as ledger:
        done = ledger.retry_quarantine(campaign=campaign, form=form, places=places)
    parts = {name: done[name] for name in ("new", "quarantined")}
    call.answer(done, lambda: total(done["lines"], "line", parts))


for child in (list_, show, retry):
    command.add_command(child)
