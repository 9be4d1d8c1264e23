"""`ledger validate`: find what is wrong with samples."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, text, whole

_SHOWN = 40


@verb("validate --schemas tool_schemas.json --campaign toolset --coverage")
@click.option("--schemas", type=click.Path(), metavar="FILE", help="Tools that calls are compared with, as JSON.")
@click.option("--campaign", type=text, metavar="TEXT", help="Only the samples of this campaign.")
@click.option("--min-chars", type=whole(0), metavar="N", help="Completions must have so many characters.")
@click.option("--max-chars", type=whole(0), metavar="N", help="Completions must not have more characters.")
@click.option("--require-call", is_flag=True, help="Every sample must call a tool.")
@click.option("--dry-run", is_flag=True, help="Only look; nothing is recorded.")
@click.option("--list", "listing", is_flag=True, help="List the findings, with a sentence for each.")
@click.option("--coverage", is_flag=True, help="Show which tools of the schemas are called, and which are not.")
@actor
@click.pass_obj
def command(
    call: Call,
    /,
    *,
    schemas: str | None,
    campaign: str | None,
    min_chars: int | None,
    max_chars: int | None,
    require_call: bool,
    dry_run: bool,
    listing: bool,
    coverage: bool,
) -> None:
    """Find what is wrong with samples.

    Messages and roles, tool calls in any notation, arguments compared with the schemas of their tools, the length of
    texts, signs of being cut off, secrets. What is found is recorded where it differs from the last look, for policies
    to decide on. Without --schemas calls are compared with the tools that a sample brings itself.
    """
    from commands._progress import steps

    if coverage and schemas is None:
        raise click.UsageError("--coverage compares with a schema file; name it with --schemas FILE")
    with call.open() as ledger, steps() as progress:
        done = ledger.validate(
            schemas,
            campaign=campaign,
            min_chars=min_chars,
            max_chars=max_chars,
            require_call=require_call,
            dry_run=dry_run,
            listing=listing,
            progress=progress,
        )

        def render() -> None:
            _render(done, dry_run=dry_run)
            if done["by_rule"] and listing:
                _list(done, ledger.short([one["sample"] for one in done["findings"][:_SHOWN]]))
            if coverage:
                _coverage(done["coverage"])

        call.answer(done, render)


def _render(done: dict[str, Any], *, dry_run: bool) -> None:
    from commands._render import heading, line, number, table, total, word
    from ledger import Ledger

    parts = {"with errors": done["with_errors"], "with warnings only": done["with_warnings"], "clean": done["clean"]}
    total(done["samples"], "sample", parts)
    if dry_run:
        line(("nothing was recorded (--dry-run)", "dim"))
    else:
        line(f"{number(done['changed'])} recorded, {number(done['unchanged'])} as they were")
    if done["by_rule"]:
        heading("rules")
        rules = Ledger.validation_rules()
        rows = sorted(done["by_rule"].items(), key=lambda rule: (rule[1]["severity"], -rule[1]["samples"], rule[0]))
        cells = [
            (word(each["severity"]), rule, number(each["samples"]), number(each["findings"]), rules[rule])
            for rule, each in rows
        ]
        table(("", "rule", ">samples", ">findings", ""), cells, indent=2)


def _list(done: dict[str, Any], ids: dict[str, str]) -> None:
    from commands._render import heading, line, number, table, word

    heading("findings")
    shown = done["findings"][:_SHOWN]
    rows = [
        ((ids[one["sample"]], "cyan"), word(one["severity"]), one["rule"], one["path"], one["message"]) for one in shown
    ]
    table(("sample", "", "rule", "where", ""), rows, indent=2)
    if more := sum(each["findings"] for each in done["by_rule"].values()) - len(shown):
        line((f"  and {number(more)} more; --json lists up to 1,000", "dim"))


def _coverage(found: dict[str, Any]) -> None:
    from commands._render import heading, line, many, number, table, total

    heading("tools")
    total(found["schema_tools"], "tool", {"called": len(found["used"]), "never called": len(found["unused"])})
    used = sorted(found["used"].items(), key=lambda tool: (-tool[1], tool[0]))
    if used:
        table(("tool", ">calls"), [(name, number(calls)) for name, calls in used], indent=2)
    if found["unused"]:
        line(("never called: ", "bold"), ", ".join(found["unused"]))
    if found["unknown"]:
        line(("not in the schemas:", "bold red"))
        unknown = sorted(found["unknown"].items(), key=lambda tool: (-tool[1], tool[0]))
        table(("", ">calls"), [(name, number(calls)) for name, calls in unknown[:_SHOWN]], indent=2)
        rest = sum(calls for _, calls in unknown[_SHOWN:]) + found["unknown_more"]
        if rest:
            line((f"  and {many(rest, 'call')} of others", "dim"))
