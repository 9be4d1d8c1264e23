"""`ledger revise`: take back what was worked on elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, text

_WRONG = 1
_NAMED = 5
"""Rows or originals of one kind that are named for a batch; --json has all."""
_UNALIGNED = ("missing", "extra", "duplicated", "ambiguous", "doubted", "erased", "unreadable")


@click.group("revise")
def command() -> None:
    """Take back what was worked on elsewhere."""


@verb("revise import returned/*.jsonl --recipe 'toolset-enhance 1.1'", "import")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES…")
@click.option("--checkout", type=text, metavar="JOB", help="The job that they are of; without it, they say.")
@click.option("--where", type=text, metavar="CONDITION", help="Or: compare with the samples for which this holds.")
@click.option("--campaign", type=text, metavar="TEXT", help="Or: compare with the samples of this campaign.")
@click.option("--against", type=text, metavar="SOURCE", help="Or: compare with the samples of this source alone.")
@click.option("--recipe", type=text, default="", metavar="TEXT", help="What the work was told to do.")
@click.option(
    "--label",
    type=click.Choice(("true", "false", "none")),
    default="true",
    show_default=True,
    help="Label of what comes back.",
)
@click.option("--format", "form", type=text, metavar="TEXT", help="Read every row so, as ingest does.")
@click.option("--map", "places", type=text, metavar="TEXT", help="Where things stand: sample=meta.id,label=label.")
@click.option("--partial", is_flag=True, help="Record what is aligned in wrong batches too.")
@click.option("--dry-run", is_flag=True, help="Only say what would be recorded.")
@actor
@click.pass_obj
def import_(call: Call, /, files: tuple[str, ...], **asked: Any) -> None:  # noqa: ANN401 - as Ledger.revise has them
    """Take back rows that were worked on elsewhere, as children of the samples that they are from.

    Rows are told apart by the id that they give, else by what they say: the words and identifiers that they share with
    an original, and their order only where the words leave it open. What cannot be told is listed, never guessed.
    A batch with a sample missing, or with a row that is none of its samples', is wrong: nothing of it is recorded
    without --partial. Exits with 1 where a batch is wrong and was not recorded.
    """
    from commands._progress import steps

    with call.open() as ledger, steps() as progress:
        done = ledger.revise(files, progress=progress, **asked)
        call.answer(done, lambda: _render(done))
    if (done["states"]["wrong"] or done["unplaced"]) and not asked["partial"]:
        click.get_current_context().exit(_WRONG)


command.add_command(import_)


def _render(done: Mapping[str, Any]) -> None:
    from commands._render import line, many, number, table, total

    found = {name: done[name] for name in ("aligned", *_UNALIGNED[1:])}
    total(done["rows"], "row", {name: count for name, count in found.items() if count or name == "aligned"})
    came_of = {name: done[name] for name in ("recorded", "known", "unchanged", "refused", "held")}
    total(
        done["aligned"], "aligned row", {name: count for name, count in came_of.items() if count or name == "recorded"}
    )
    missing = {"aligned": done["aligned"], "missing": done["missing"], "erased": done["gone"]}
    total(done["originals"], "original", {name: count for name, count in missing.items() if count or name != "erased"})
    by = ", ".join(f"{name} {number(count)}" for name, count in done["by"].items() if count)
    line(("aligned by ", "dim"), by or "nothing")
    states = ", ".join(f"{number(count)} {name}" for name, count in done["states"].items() if count)
    line(
        ("batches: ", "dim"),
        states or "none",
        ("  (nothing was recorded: a dry run)" if done["dry_run"] else "", "dim"),
    )
    rows = [row for name, batch in done["batches"].items() for row in _rows(name, batch)]
    if rows:
        line()
        table(("batch", "", "what"), rows)
    for file in done["unplaced"]:
        line((f"{file['file']}: ", "red"), f"{many(file['rows'], 'row')} of no batch, or of several")
    for name in done["outstanding"]:
        line((f"{name}: ", "yellow"), "not returned")
    if done["held"]:
        line((f"held back, of wrong batches: {many(done['held'], 'row')}; recorded with ", "dim"), "--partial")


def _rows(name: str, batch: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return what is to be said of a batch, which is nothing where it came back whole."""
    kinds = [*_UNALIGNED, "reordered", "refused"]
    style = {"wrong": "red", "reordered": "yellow"}.get(batch["state"], "")
    told = [(kind, _named(name, kind, batch[kind])) for kind in kinds if batch[kind]]
    return [((name, style) if n == 0 else "", kind, what) for n, (kind, what) in enumerate(told)]


def _named(name: str, kind: str, listed: Sequence[Mapping[str, Any]]) -> str:
    from commands._render import number

    some = "; ".join(_one(name, kind, each) for each in listed[:_NAMED])
    return some + (f"; and {number(len(listed) - _NAMED)} more" if len(listed) > _NAMED else "")


def _one(name: str, kind: str, each: Mapping[str, Any]) -> str:
    """Return where one row or original stands, and which it may be."""
    if kind == "missing":
        perhaps = ", ".join(str(row["line"]) for row in each["perhaps"])
        return _original(name, each) + (f" (perhaps row {perhaps})" if perhaps else "")
    row = f"row {each['line']}"
    if each.get("reason"):
        return f"{row}: {each['reason']}"
    if "from" in each:
        return f"{row} from {_original(name, each['from'])}"
    if candidates := each.get("candidates"):
        return f"{row}, perhaps from {' or '.join(_original(name, one) for one in candidates)}"
    return row


def _original(name: str, each: Mapping[str, Any]) -> str:
    """Return where an original came from; of a batch that is a source, the line is enough."""
    within = "" if each["source"] in {None, name} else f"{each['source']} "
    line = "" if each["line"] is None else f"line {each['line']} "
    return f"{within}{line}({each['sample'][:12]})"
