"""`ledger gains`: what derived samples gained over what they were made of, and what that cost."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import as_of, text


@verb("gains --recipe b3:4f2a90")
@click.option("--recipe", type=text, metavar="DIGEST", help="Only what this recipe made.")
@click.option("--run", type=text, metavar="EVENT", help="Only what the run did that began with this event.")
@as_of
@click.pass_obj
def command(call: Call, recipe: str | None, run: str | None, as_of: str | None) -> None:
    """Show what improving gained, and what it cost.

    Scores before and after by the same scorer, failures, and dollars for each result.

    Means are over all results, and over the accepted ones beside it. A change is higher or lower only where its
    interval at 95 % leaves zero out.
    """
    with call.open() as ledger:
        found = ledger.gains(recipe=recipe, run=run, as_of=as_of)
    call.answer(found, lambda: _render(found))


def _render(found: dict[str, Any]) -> None:
    from commands._render import line

    if not found["recipes"]:
        line("No sample was derived from another so far.")
    for one in found["recipes"]:
        _recipe(one)


def _recipe(one: dict[str, Any]) -> None:
    from commands._render import line, number, table

    named = " ".join(str(one[name]) for name in ("purpose", "name", "model") if one[name])
    line(f"{named}  {one['recipe'][:15]}")
    stands = ", ".join(f"{number(count)} {status}" for status, count in one["by_status"].items() if count)
    line(
        f"  {number(one['results'])} results ({stands or 'none'}), {number(one['failed'])} failed; "
        f"unchanged {_share(one['unchanged'])}, templated {_share(one['templated'])}"
    )
    each = one["cost_per_accepted_usd"] or one["cost_per_result_usd"]
    per = "accepted sample" if one["cost_per_accepted_usd"] else "result"
    line(f"  ${one['cost_usd']} for {number(one['requests'])} requests" + (f"; ${each} for each {per}" if each else ""))
    rows = [
        (dimension["dimension"], dimension["scorer"], of, *_numbers(dimension[of]))
        for dimension in one["dimensions"]
        for of in ("all", "accepted")
        if dimension[of] is not None
    ]
    if rows:
        table(("dimension", "scorer", "of", ">samples", ">before", ">after", ">change", ">95 %", ""), rows)
    if one["by_failure"]:
        table(("failure", ">samples"), ((kind, number(count)) for kind, count in one["by_failure"].items()))


def _numbers(compared: dict[str, Any]) -> tuple[str, ...]:
    from commands._render import number

    change = compared["change"]
    return (
        number(compared["samples"]),
        f"{compared['before']['mean']:.3f}",
        f"{compared['after']['mean']:.3f}",
        f"{change['mean']:+.3f}",
        f"{change['low']:+.3f} to {change['high']:+.3f}",
        change["word"],
    )


def _share(part: dict[str, Any]) -> str:
    return "-" if part["share"] is None else f"{100 * part['share']:.1f} %"
