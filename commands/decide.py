"""`ledger decide`: judge every sample by a policy and record what it decides."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, text


@verb("decide --policy toolset-relabel.toml --dry-run")
@click.option(
    "--policy",
    type=text,
    metavar="FILE",
    help="Policy to adopt: a TOML file, or a name from `ledger policy list`. Default: the one in force.",
)
@click.option("--campaign", type=text, metavar="NAME", help="Only this campaign; a policy is adopted for it alone.")
@click.option("--dry-run", is_flag=True, help="Say what would be decided, and record nothing.")
@click.option("--reason", default="", type=text, metavar="TEXT", help="Why the policy is adopted.")
@expected_head
@actor
@click.pass_obj
def command(
    call: Call, *, policy: str | None, campaign: str | None, dry_run: bool, reason: str, expected_head: int | None
) -> None:
    """Decide by a policy.

    Every sample whose status or label the policy sees otherwise than it was decided gets an event with the deciding
    rule, what it observed, the threshold and the margin. Run again, it appends nothing. What people decided stands.
    """
    from commands._progress import steps

    with call.open() as ledger, steps() as progress:
        done = ledger.decide(
            policy, campaign=campaign, reason=reason, dry_run=dry_run, expected_head=expected_head, progress=progress
        )
    call.answer(done, lambda: render_decision(done, dry_run=dry_run))


def warn_of_missing(done: dict[str, Any]) -> None:
    """Say which scores a policy asks for that nobody ever gave, and what its caps need a look for."""
    from commands._render import line

    if never := done["never_scored"]:
        line((f"no sample has a score {', '.join(never)}: not measured yet, or mistyped", "yellow"))
    if never := done["never_looked"]:
        what = "ledger duplicates --near" if never[0].startswith("near") else "ledger templates"
        line((f"nobody has looked for {', '.join(never)} yet, so nothing is alike there: run `{what}` first", "yellow"))


def render_decision(done: dict[str, Any], *, dry_run: bool) -> None:
    """Print what a policy says of every sample, and how many that changes."""
    from commands._render import line, number, table, total

    total(done["decided"], "sample", done["by_outcome"])
    labels = ((label, number(count)) for label, count in done["by_label"].items() if count)
    table(("label", ">samples"), labels)
    if done["by_rule"]:
        rows = sorted(done["by_rule"].items(), key=lambda item: (-item[1], item[0]))
        table(("rule", ">samples"), ((rule, number(count)) for rule, count in rows))
    warn_of_missing(done)
    if done["by_person"]:
        line(f"{number(done['by_person'])} of them a person decided; that stands")
    changes = "would change" if dry_run else "changed"
    line(f"{number(done['changed'])} {changes}")
    if done["events"]:
        first, last = done["events"]
        line(("recorded ", "dim"), f"@{first}" if first == last else f"@{first}-@{last}")
