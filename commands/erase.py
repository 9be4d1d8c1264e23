"""`ledger erase`: take bytes out of the ledger for good."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import REASON_HELP, actor, expected_head, ids_argument, text
from commands._progress import steps
from commands._stdin import read_ids

_SHOWN = 20
_HOW = {
    "named": "named",
    "same_text": "the same text",
    "earlier_version": "an earlier version only; the sample stands",
    "child": "derived from it",
    "same_prompt": "the same prompt, answered otherwise",
}
_HINT = "Read what the same command answers with --dry-run, then run it with --yes; what is erased cannot come back."


@verb("erase 3f9a2c1d --reason 'asked to' --authority 'ticket 4711'")
@ids_argument()
@click.option("--reason", required=True, type=text, metavar="TEXT", help=REASON_HELP)
@click.option("--authority", required=True, type=text, metavar="TEXT", help="Who wants it: a person or a ticket.")
@click.option("--with-children", is_flag=True, help="Erase what was derived from it as well.")
@click.option("--dry-run", is_flag=True, help="Only list what would go; nothing is erased.")
@click.option("--yes", is_flag=True, help="Erase what the list without --yes shows; it cannot come back.")
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, ids: tuple[str, ...], *, dry_run: bool, yes: bool, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Erase the bytes of samples for good.

    Every version of a sample goes, every sample with the same text, what scores quote of it, and the phrases of
    templates that it shares. What was said of it stays, with its hash, so that proofs hold and the same messages are
    refused when they come again, in whatever envelope; with other words or spaces they are not. Samples are named by
    ids (unique prefixes of 6 characters or more; - reads them from standard input), lines in quarantine by their
    events, single versions and the answers of an evaluation by b3: addresses.

    Without --yes it lists what would go, and what would stay: what was derived from it, is near to it, or has the same
    prompt.

    Files that were exported, models, backups and copies of the ledger are not touched, nor are reasons, tags and notes
    in events: the answer names those that quote the text, and the trainings and evaluations that had to do with it.
    """
    from ledger.errors import NotConfirmed

    named = read_ids(ids)
    with call.open() as ledger, steps() as progress:
        if not (yes or dry_run or call.json):
            _render(ledger.erase(named, dry_run=True, **given), done=False)
        try:
            found = ledger.erase(named, dry_run=dry_run, yes=yes, progress=progress, **given)
        except NotConfirmed as error:
            raise NotConfirmed(*error.args, hint=_HINT if call.json else None) from None
    call.answer(found, lambda: _render(found, done=not dry_run) if yes or dry_run else None)


def _render(found: dict[str, Any], *, done: bool) -> None:
    from commands._render import heading, line, many, number, size, table, total, word

    total(found["blobs"], "blob", {"erased" if done else "to erase": found["erased"], "already": found["already"]})
    if found["erased"]:
        kinds = [f"{many(found[kind], noun)}" for kind, noun in _KINDS if found[kind]]
        line((f"{size(found['bytes'])}{', with ' + ', '.join(kinds) if kinds else ''}", "dim"))
    for name, title in (("samples", "samples"), ("relatives", "relatives that stay")):
        if found[name]:
            heading(title)
            rows = [((one["sample"][:12], "cyan"), word(one["status"]), _how(one)) for one in found[name][:_SHOWN]]
            table(("", "", ""), rows, indent=2)
            if (more := found[f"{name}_count"] - len(rows)) > 0:
                line((f"  and {number(more)} more; --json lists up to 1,000", "dim"))
    if alike := found["same_prompt"]:
        hold = "holds" if alike == 1 else "hold"
        line(f"  {number(alike)} of them {hold} the prompt of an erased text; such rows stay, also in releases")
    _left(found)
    if unread := found["unread"]:
        why = "gone already" if found["already"] else "of more than 100 samples"
        told, of = ("1 text is", "it") if unread == 1 else (f"{number(unread)} texts are", "them")
        line((f"{told} {why}, so what quotes {of} could not be looked for", "yellow"))
    if unheard := found["unheard"]:
        what = "1 evaluation was" if unheard == 1 else f"{number(unheard)} evaluations were"
        line((f"the answers of {what} not looked through for it: too many, or too much text", "yellow"))
    if events := found["events"]:
        line(("recorded ", "dim"), f"@{events[0]}" if len(events) == 1 else f"@{events[0]}-@{events[-1]}")


_KINDS = (
    ("lines", "line in quarantine"),
    ("evidence", "score line"),
    ("phrases", "template look"),
    ("answers", "set of answers"),
)


def _how(one: dict[str, Any]) -> str:
    if not one.get("by"):
        return _HOW[one["how"]]
    return f"{one['how']}: {one['by']}{', with the same prompt' if one['same_prompt'] else ''}"


def _heard(one: dict[str, Any]) -> str:
    """Say what the answers of an evaluation have to do with the text."""
    why = "were asked with prompts of such a release" if one["asked"] else "are of a model trained on such a release"
    if one["shared"]:
        why = f"have {one['shared']:,} characters in a row of it"
    return f"answers of the evaluation @{one['position']} {why}: `ledger erase` takes {one['outputs'][:15]}"


def _left(found: dict[str, Any]) -> None:
    """Say what still holds the text, or tells of it."""
    from commands._render import heading, line, many

    told = [
        f"the file {one['name']}, released @{one['position']}, has {many(one['rows'], 'row')} of it"
        for one in found["releases"]
    ]
    told += [
        f"{run['method']} was trained on such a release for {many(run['steps'], 'step')}: {run['output']}"
        f" @{run['position']}, {run['state']}; what a model has learned stays in it"
        for run in found["trainings"]
    ]
    told += [_heard(one) for one in found["evaluations"]]
    told += [
        f"words of the text stand in the event @{one['position']} ({one['kind']}), in: {', '.join(one['fields'])}"
        for one in found["quoting"]
    ]
    told += [
        f"the line in quarantine {one[:12]}, which `ledger erase` takes by that id" for one in found["quarantined"]
    ]
    if not told:
        return
    heading("what stays and holds some of it")
    for what in told[:_SHOWN]:
        line(f"  {what}")
    if len(told) > _SHOWN:
        line((f"  and {len(told) - _SHOWN:,} more; --json lists them", "dim"))
