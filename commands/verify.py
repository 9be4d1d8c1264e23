"""`ledger verify`: derive everything that is stored again, and compare."""

from __future__ import annotations

import click

from commands._common import Call, verb


@verb("verify --quick")
@click.option("--quick", is_flag=True, help="Only what costs little: pages, schema, head and last events.")
@click.pass_context
def command(ctx: click.Context, quick: bool) -> None:  # noqa: FBT001 - an option
    """Check the ledger file against itself.

    Every blob, event, tile, head and view is derived again; it leaves with 1 if a fault was found.
    """
    from commands._progress import steps
    from commands._render import digest, line, many, mark, number, table, word

    call: Call = ctx.obj
    with call.open(trust=True) as ledger, steps() as progress:
        found = ledger.verify(quick=quick, progress=progress)

    def render() -> None:
        head = found["head"]
        verdict = "sound" if found["ok"] else "not sound"
        line((f"the ledger is {verdict}  ", "bold"), mark(good=found["ok"]))
        line(f"head @{head['position']}  {digest(head['root'])}")
        checked = ", ".join(f"{number(count)} {name}" for name, count in found["checked"].items())
        line((f"checked: {checked}", "dim"))
        if found["findings"]:
            line()
            line(many(len(found["findings"]), "finding"))
            rows = [
                (
                    word(one["severity"]),
                    one["id"],
                    "" if one["position"] is None else f"@{one['position']}",
                    one["message"],
                )
                for one in found["findings"]
            ]
            table(("severity", "finding", ">at", "what"), rows, indent=2)

    call.answer(found, render)
    if not found["ok"]:
        ctx.exit(1)
