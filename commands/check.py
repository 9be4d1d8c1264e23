"""`ledger check`: whether a view keeps its gates, and what its rows are made of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text
from commands._plan import plan_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger import Ledger

Answer = dict[str, Any]

_FAILED = 1
_TAGS = 10
"""Tags, campaigns and domains that are shown; --json has more."""
_ALWAYS = ("by_label", "by_split", "by_status")


def _show_gates(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own signature
    if value:
        from ledger import Ledger

        click.echo(Ledger.shipped_gates(), nl=False)
        ctx.exit()


@verb("check kto-interleaved --gates gates.toml")
@click.argument("view", type=text, metavar="VIEW")
@click.option("--gates", type=click.Path(), metavar="FILE", help="The gates, as TOML; without it, the shipped ones.")
@click.option(
    "--show-gates",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_gates,
    help="Print the shipped gates and leave.",
)
@plan_options
@as_of
@click.pass_obj
def command(call: Call, /, view: str, **asked: Any) -> None:  # noqa: ANN401 - as Ledger.check has them
    """Check a view before it is released.

    Plans it as `project` would, and says which gates it keeps, what its rows are made of, and what changed since its
    last release. Nothing is written. Exits with 1 where a gate of severity error fails.
    """
    with call.open() as ledger:
        found = ledger.check(view, **asked)
        call.answer(found, lambda: render(ledger, found))
    if not found["passed"]:
        click.get_current_context().exit(_FAILED)


def render(ledger: Ledger, found: Answer) -> None:
    """Print gates, composition and change for people."""
    from commands._render import line, many, mark

    failed = Counter(gate["severity"] for gate in found["gates"] if not gate["passed"])
    told = "passed" if found["passed"] else "not passed"
    words = {"error": "error", "warning": "warning", "info": "note"}
    more = "".join(f", {many(failed[severity], word)}" for severity, word in words.items() if failed[severity])
    line(
        (f"{found['view']}: {told}", "bold"), "  ", mark(good=found["passed"]), f"  {many(found['rows'], 'row')}{more}"
    )
    _gates(ledger, found["gates"])
    _composition(found["composition"])
    _change(found["change"])


def _gates(ledger: Ledger, gates: list[Answer]) -> None:
    from commands._render import heading, line, mark, short, table

    heading("gates")
    marks = [("-", "dim") if gate["observed"] is None else mark(good=gate["passed"]) for gate in gates]
    table(("", "", "", ">", "", ""), map(_gate, gates, marks), indent=2)
    failed = [gate for gate in gates if not gate["passed"] and gate["examples"]]
    if failed:
        ids = short(ledger, [sample for gate in failed for sample in gate["examples"]])
        heading("for example")
        for gate in failed:
            line("  ", gate["name"], "  ", (" ".join(ids[sample] for sample in gate["examples"]), "cyan"))


def _gate(gate: Answer, kept: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a part of a line
    from commands._render import word

    observed = "-" if gate["observed"] is None else str(gate["observed"])
    words = {"max": "at most", "min": "at least"}
    limit = ", ".join(f"{words[key]} {value}" for key, value in (gate["limit"] or {}).items())
    return kept, word(gate["severity"]), gate["name"], observed, limit, (gate["about"], "dim")


def _composition(made: Answer) -> None:
    from commands._render import heading, number, table

    heading("rows")
    rows = [
        (fact.removeprefix("by_"), name, number(part["samples"]), number(part["rows"]), _percent(part["share"]))
        for fact in ("by_label", "by_split", "by_status", "by_campaign", "by_domain")
        if fact in _ALWAYS or len(made[fact]) > 1
        for name, part in list(made[fact].items())[:_TAGS]
    ]
    table(("", "", ">samples", ">rows", ">share"), rows, indent=2)
    if made["by_tag"]:
        heading("tags")
        table(("tag", ">samples", ">rows", ">share"), _tags(made["by_tag"]), indent=2)
    if any(part["tags"] for part in made["splits"].values()):
        heading("tags in the splits of the whole ledger (rows, weights counted)")
        splits = {name: part for name, part in made["splits"].items() if part["samples"]}
        names = list(next(iter(made["splits"].values()))["tags"])[:_TAGS]
        table(("tag", *(f">{name}" for name in splits)), [_in_splits(name, splits) for name in names], indent=2)


def _tags(tags: Mapping[str, Answer]) -> list[tuple[str, ...]]:
    from commands._render import number

    return [
        (name, number(part["samples"]), number(part["rows"]), _percent(part["share"]))
        for name, part in list(tags.items())[:_TAGS]
    ]


def _in_splits(name: str, splits: Mapping[str, Answer]) -> tuple[str, ...]:
    from commands._render import number

    parts = [part["tags"][name] for part in splits.values()]
    return (name, *(f"{number(part['rows'])} ({_percent(part['share'])})" for part in parts))


def _change(change: Answer | None) -> None:
    from commands._render import heading, line, many, number

    if change is None:
        return
    before = change["previous"]
    heading("since the previous release")
    told = [f"{number(change[key])} {key.replace('_', ' ')}" for key in ("added", "removed", "relabelled", "edited")]
    moved = f"{number(change['moved_split'])} in another split"
    line(
        "  ",
        f"{before['name']} ({many(before['samples'], 'sample')}, @{before['position']}): ",
        ", ".join([*told, moved]),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
