"""`ledger proposals`: the decisions that somebody asks for; list them, look at one, accept or decline it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import actor, as_of, expected_head, reason, text, whole

if TYPE_CHECKING:
    from ledger import Ledger

STATES = ("open", "accepted", "declined", "all")


@click.group("proposals")
def command() -> None:
    """List, show, accept or decline what was proposed."""


@verb("proposals list --state all", "list")
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="Only those.")
@click.option("--limit", type=whole(), metavar="N", default=50, show_default=True, help="At most so many.")
@click.option("--after", type=text, metavar="PROPOSAL", help="Go on after this one.")
@as_of
@click.pass_obj
def list_(call: Call, state: str, limit: int, after: str | None, as_of: str | None) -> None:
    """List proposals, oldest first: by whom, what, of how many samples, and what became of them."""
    from commands._render import line, number, table

    with call.open() as ledger:
        found = ledger.proposals(state, limit, after, as_of)

    def render() -> None:
        rows = [
            (
                (one["name"], "bold cyan"),
                one["time"],
                one["proposer"],
                (one["verdict"], "bold"),
                number(one["count"]),
                (one["state"], _STYLES[one["state"]]),
                one["reason"],
            )
            for one in found["proposals"]
        ]
        if rows:
            table(("", "at", "by", "verdict", ">samples", "state", "reason"), rows)
        if found["next"] is not None:
            line(("there are more: ", "dim"), f"--after P{found['next']}")
        line((", ".join(f"{number(count)} {name}" for name, count in found["by_state"].items()), "dim"))

    call.answer(found, render)


@verb("proposals show P12", "show")
@click.argument("proposal", type=text, metavar="PROPOSAL")
@click.option("--limit", type=whole(0), metavar="N", default=20, show_default=True, help="So many of its samples.")
@as_of
@click.pass_obj
def show(call: Call, proposal: str, limit: int, as_of: str | None) -> None:
    """Show one proposal: who asks for what and why, the first of its samples, and what accepting would change."""
    with call.open() as ledger:
        found = ledger.proposal(proposal, limit, as_of)
        call.answer(found, lambda: _render(ledger, found))


@verb("proposals accept P12 --reason 'looked at ten of them'", "accept")
@click.argument("proposal", type=text, metavar="PROPOSAL")
@reason
@expected_head
@actor
@click.pass_obj
def accept(call: Call, /, proposal: str, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Accept a proposal: decide what it asks for, as the person you are, in one commit.

    Samples that were edited or erased since it was made are left as they are, and counted.
    """
    with call.open() as ledger:
        done = ledger.accept_proposal(proposal, **given)
    _answer(call, done)


@verb("proposals decline P12 --reason 'the tool exists since May'", "decline")
@click.argument("proposal", type=text, metavar="PROPOSAL")
@click.option("--reason", required=True, type=text, metavar="TEXT", help="Why; it stands in the event.")
@expected_head
@actor
@click.pass_obj
def decline(call: Call, /, proposal: str, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Decline a proposal, saying why; nothing of its samples changes."""
    with call.open() as ledger:
        done = ledger.decline_proposal(proposal, **given)
    _answer(call, done)


_STYLES = {"open": "yellow", "accepted": "green", "declined": "red"}


def _answer(call: Call, done: dict[str, Any]) -> None:
    def render() -> None:
        from commands._proposal import render_settled, what
        from commands._render import line

        line((done["name"], "bold cyan"), " by ", done["proposer"], ": ", *what(done))
        render_settled(done)

    call.answer(done, render)


def _render(ledger: Ledger, found: dict[str, Any]) -> None:
    from commands._proposal import render_counts, render_settled, what
    from commands._render import heading, line, short, table

    line((found["name"], "bold cyan"), f" by {found['proposer']} ({found['via']}) at {found['time']}")
    line("  ", *what(found))
    client = ", ".join(f"{name} {said}" for name, said in found["client"].items() if said)
    facts = [
        ("client says", client),
        ("evidence", " ".join(f"@{position}" for position in found["evidence"])),
        ("key", found["key"]),
        ("id", found["proposal"]),
    ]
    table(("", ""), [((name, "dim"), value) for name, value in facts if value], indent=2)
    if found["would"] is not None:
        line("accepted now, of its samples:")
        render_counts(found["count"], found["would"])
    else:
        render_settled(found)
    if found["members"]:
        heading("samples")
        ids = short(ledger, (one["sample"] for one in found["members"]))
        states = {"same": "", "changed_since": "another version by now", "erased": "erased"}
        rows = [((ids[one["sample"]], "cyan"), one["version"][:15], states[one["now"]]) for one in found["members"]]
        table(("id", "version", ""), rows, indent=2)
        if (more := found["count"] - len(found["members"])) > 0:
            line((f"  and {more:,} more", "dim"))


for child in (list_, show, accept, decline):
    command.add_command(child)
