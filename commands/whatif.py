"""`ledger whatif`: what other thresholds, weights or rules would change, replayed from what is recorded."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, as_of, expected_head, text, whole

_WAYS = ("to_accepted", "to_rejected", "to_pending", "to_true", "to_false", "to_none")


@verb("whatif --set domain.asm.min_quality=0.35")
@click.option(
    "--set",
    "changes",
    multiple=True,
    type=text,
    metavar="KEY=VALUE",
    help="Setting to change; `ledger policy show --settings` prints all. May be given several times.",
)
@click.option("--policy", type=text, metavar="FILE", help="Another policy to start from. Default: the one in force.")
@click.option("--campaign", type=text, metavar="NAME", help="Only this campaign.")
@click.option(
    "--limit", default=20, show_default=True, type=whole(0), metavar="N", help="Flips to list; all are counted."
)
@click.option("--adopt", is_flag=True, help="Make it the policy, as an event, and decide by it.")
@click.option("--reason", default="", type=text, metavar="TEXT", help="Why it is adopted.")
@expected_head
@as_of
@actor
@click.pass_obj
def command(
    call: Call,
    *,
    changes: tuple[str, ...],
    policy: str | None,
    campaign: str | None,
    limit: int,
    adopt: bool,
    reason: str,
    expected_head: int | None,
    as_of: str | None,
) -> None:
    """Ask what would change.

    Replays every decision with other settings, from what is recorded: no scorer runs, and nothing is written unless
    --adopt is given. What people decided stays as it is.
    """
    with call.open() as ledger:
        done = ledger.whatif(
            changes,
            policy=policy,
            campaign=campaign,
            limit=limit,
            adopt=adopt,
            reason=reason,
            expected_head=expected_head,
            as_of=as_of,
        )
        short = ledger.short([example["sample"] for example in done["examples"]])
    call.answer(done, lambda: _render(done, short))


def _render(done: dict[str, Any], short: dict[str, str]) -> None:
    from commands._render import line, number, table
    from commands.decide import warn_of_missing

    before, after = done["before"], done["after"]
    names = [name for name in before if name != "acceptance_rate" and (before[name] or after[name])]
    rows = [(name, number(before[name]), number(after[name]), _change(after[name] - before[name])) for name in names]
    if before["acceptance_rate"] is not None:
        rows.append(("acceptance", f"{before['acceptance_rate']:.1%}", f"{after['acceptance_rate']:.1%}", ""))
    table(("", ">before", ">after", ">change"), rows)
    flips = done["flips"]
    if not any(flips[way] for way in _WAYS):
        line("nothing would change")
    for way in _WAYS:
        if flips[way]:
            reasons = ", ".join(f"{reason or '-'} {number(n)}" for reason, n in flips["by_reason"][way].items())
            line(f"{number(flips[way])} {way.replace('_', ' ')}: ", (reasons, "dim"))
    if done["examples"]:
        table(
            ("sample", "domain", "before", "by", "after", "by", ">margin"), [_row(e, short) for e in done["examples"]]
        )
    warn_of_missing(done)
    if "decided" in done:
        adopted = "in force already" if done["adopted"] is None else f"adopted @{done['adopted']}"
        line(f"{adopted}; {number(done['decided']['changed'])} samples changed")
    elif any(flips[way] for way in _WAYS):
        line(("make it the policy: ", "dim"), "the same command with --adopt")


def _row(example: dict[str, Any], short: dict[str, str]) -> tuple[str, ...]:
    """Return what changes of one sample, status or label or both, and by which rules."""
    before, after = example["before"], example["after"]
    status, label = before["status"] != after["status"], example["label_before"] != example["label_after"]
    return (
        short[example["sample"]],
        example["domain"] or "-",
        _joined(before["status"] if status else None, example["label_before"] if label else None),
        _joined(before["rule"] if status else None, example["label_rules_before"] if label else None) or "-",
        _joined(after["status"] if status else None, example["label_after"] if label else None),
        _joined(after["rule"] if status else None, example["label_rules_after"] if label else None) or "-",
        (after["margin"] if status else None) or "-",
    )


def _joined(*words: str | None) -> str:
    return " ".join(word for word in words if word is not None)


def _change(amount: int) -> str:
    return f"{amount:+,}" if amount else "-"
