"""`ledger propose`: ask for a decision about samples, which somebody else makes."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_or_selection, text, whole
from commands._stdin import read_ids

VERDICTS = ("accept", "reject", "defer", "label-true", "label-false", "label-none")


@verb("propose reject 3f9a2c1d --reason 'calls a tool that is not on offer'")
@click.argument("verdict", type=click.Choice(VERDICTS), metavar="VERDICT")
@ids_or_selection
@click.option("--reason", required=True, type=text, metavar="TEXT", help="Why, in 8 to 500 characters.")
@click.option("--key", type=text, metavar="TEXT", help="Name of this request; made again, it appends nothing.")
@click.option("--evidence", type=whole(0), multiple=True, metavar="N", help="Position of an event that shows it.")
@expected_head
@actor
@click.pass_obj
def command(
    call: Call,
    /,
    verdict: str,
    ids: tuple[str, ...],
    *,
    dry_run: bool,
    **given: Any,  # noqa: ANN401 - as Ledger has them
) -> None:
    """Propose a decision that somebody else makes.

    The verdict is accept, reject, defer, label-true, label-false or label-none. Nothing about the samples changes until
    the proposal is accepted: by a person (`ledger proposals accept`), or at once by a policy that trusts this actor
    with this verdict.

    Samples are named by ids (unique prefixes of 6 characters or more; - reads them from standard input, one a line or
    as JSON), or chosen by --where and --campaign, such as --where "rule == 'low_quality' and diversity >= 0.3".
    """
    with call.open() as ledger:
        done = ledger.propose(read_ids(ids), verdict, dry_run=dry_run, **given)
    call.answer(done, lambda: _render(done, dry_run=dry_run))


def _render(done: dict[str, Any], *, dry_run: bool) -> None:
    from commands._proposal import render_counts, render_settled, what
    from commands._render import line

    if done["would"] is not None:
        line("would propose ", *what(done))
        render_counts(done["count"], done["would"])
        if done["would_accept"]:
            line(f"the policy {done['would_accept'][:15]} would accept it at once")
        line(("nothing was recorded (--dry-run)", "dim"))
        return
    said = "was proposed before" if done["repeated"] else "is proposed"
    line((done["name"], "bold cyan"), f" {said}: ", *what(done), ("" if dry_run else f"  @{done['position']}", "dim"))
    if done["settled"] is None:
        line(("nothing changes until it is accepted: ", "dim"), f"ledger proposals accept {done['name']}")
    else:
        render_settled(done)
