"""`ledger doctor`: what could harm the ledger where it stands, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from commands._common import Call, verb

_SIGNS = {"error": ("error", "bold red"), "warning": ("warning", "yellow"), "info": ("info", "dim")}
_COLUMNS = ("severity", "finding", "what, and what to do")


@verb("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Say what could harm the ledger, and what to do.

    Looks at SQLite, the file, its place, the witness, the clock and what stands beside it. Nothing is changed; it
    leaves with 1 if an error was found.
    """
    from commands._progress import steps
    from commands._render import line, many, mark, size, table
    from ledger import Ledger

    call: Call = ctx.obj
    with steps() as progress:
        found = Ledger.doctor(call.path, progress=progress)

    def render() -> None:
        facts, findings = found["facts"], found["findings"]
        line((f"{facts['path']}  ", "bold"), size(facts["bytes"]), (f", {size(facts['free_bytes'])} free", "dim"))
        line((f"SQLite {facts['sqlite']} ({facts['driver']}), Python {facts['python']}, ", "dim"), *_about(facts))
        notes = [finding for finding in findings if finding["severity"] == "info"]
        counted = {each: sum(finding["severity"] == each for finding in findings) for each in ("error", "warning")}
        told = ", ".join(many(count, each) for each, count in counted.items() if count)
        line(told or "nothing is wrong", "  ", mark(good=found["ok"]))
        if told:
            line()
            table(_COLUMNS, _rows(finding for finding in findings if finding not in notes), indent=2)
        if notes:
            line()
            line(("for your information", "dim"))
            table(_COLUMNS, _rows(notes), indent=2)

    call.answer(found, render)
    if not found["ok"]:
        ctx.exit(1)


def _rows(findings: Iterable[dict[str, str]]) -> Iterator[tuple[str | tuple[str, str], ...]]:
    for finding in findings:
        yield _SIGNS[finding["severity"]], finding["id"], finding["message"]
        yield "", "", (finding["advice"], "dim")


def _about(facts: dict[str, object]) -> list[tuple[str, str]]:
    journal = "not opened" if facts["journal"] is None else f"{facts['journal']} journal"
    return [(f"{journal}, on {facts['file_system'] or 'an unknown file system'}", "dim")]
