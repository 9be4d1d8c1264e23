"""`ledger prove`: small files that show what is in the ledger to those who have it not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from commands._common import Call, verb
from commands._options import as_of, text


@verb("prove 3f9a2c1d -o sample.proof")
@click.argument("ids", nargs=-1, type=text, metavar="[ID…]")
@click.option("--consistency", is_flag=True, help="Show that the log only grew: from position A to B, or to now.")
@click.option("--checkpoint", is_flag=True, help="Give the head alone, as a checkpoint to keep elsewhere.")
@click.option("--trained", type=text, metavar="RUN", help="Show whether --sample was in what this run trained on.")
@click.option("--sample", type=text, metavar="ID", help="The sample for --trained.")
@click.option("--key", type=click.Path(), metavar="FILE", help="Sign the head with this private key.")
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="The file; without it, standard output.")
@as_of
@click.pass_obj
def command(
    call: Call,
    ids: tuple[str, ...],
    *,
    consistency: bool,
    checkpoint: bool,
    trained: str | None,
    sample: str | None,
    key: str | None,
    output: str | None,
    as_of: str | None,
) -> None:
    """Write a proof of what is in the ledger.

    Of a sample, of every event about it; ids of events, @POSITION and @FIRST-@LAST name events. `ledger verify-proof`
    checks it without the ledger. With --consistency the arguments are two positions or times, A and B. With --trained
    RUN --sample ID the training, its release and the sample are shown, and whether steps of the training took a row of
    it, and which version that was.
    """
    if trained is not None or sample is not None:
        _check_trained(ids, as_of, trained, sample, others=consistency or checkpoint)
    else:
        _check(ids, as_of, consistency=consistency, checkpoint=checkpoint)
    given: dict[str, Any] = {"key": key, "out": output}
    with call.open() as ledger:
        if trained is not None and sample is not None:
            made = ledger.prove_trained(trained, sample, **given)
        elif consistency:
            made = ledger.prove_consistency(*ids, **given)
        elif checkpoint:
            made = ledger.checkpoint(as_of=as_of, **given)
        else:
            made = ledger.prove(ids, as_of=as_of, **given)
        call.answer(made, lambda: _show(made))


def _check_trained(
    ids: tuple[str, ...], as_of: str | None, trained: str | None, sample: str | None, *, others: bool
) -> None:
    if trained is None or sample is None:
        raise click.UsageError("--trained RUN and --sample ID go together.")
    if ids or others or as_of is not None:
        raise click.UsageError("--trained takes --sample, --key and -o, and nothing else.")


def _check(ids: tuple[str, ...], as_of: str | None, *, consistency: bool, checkpoint: bool) -> None:
    if consistency and checkpoint:
        raise click.UsageError("--consistency and --checkpoint are two things.")
    if consistency and (as_of is not None or len(ids) not in {1, 2}):
        raise click.UsageError("--consistency takes one or two positions, and no --as-of.")
    if checkpoint and ids:
        raise click.UsageError("--checkpoint takes no ids.")
    if not (ids or checkpoint):
        raise click.UsageError("Name what is to be proved: a sample, an event, or @POSITION.")


def _show_use(made: dict[str, Any]) -> None:
    """Say whether and how a sample was in what was trained on."""
    from commands._render import line, many, mark, note

    run = made["trained"]
    what = f"{run['method']} run {run['output']} @{run['position']} ({run['state']}, {many(run['steps'], 'step')})"
    rows = many(run["release"]["rows"], "row")
    side = "" if made["side"] is None else f", {made['side']}"
    where = f"row {made['place'] + 1:,} of {rows}, repeated {made['copies']}x{side}" if made["in_release"] else ""
    if made["used"]:
        said = f"{where}, seen {made['seen']:,}x"
    elif where:
        said = f"not used: {where}, and no step came so far"
    else:
        said = f"not used: {made['omitted']}"
    told = f"{made['sample'][:12]} in {what}: {said}"
    more = list(_more(made, rows))
    if made["path"] is None:
        note("", told, style="bold")
        for one in more:
            note("", one, style="")
        return
    line(mark(good=made["used"]), f" {told}")
    for one in more:
        line(one)
    line(f"the list of its rows: {made['members']}")


def _more(made: dict[str, Any], rows: str) -> Iterator[str]:
    """Say whose row stands for a duplicate, and that another version stood in the release."""
    if (twin := made["survivor"]) is not None:
        seen = f"seen {twin['seen']:,}x" if twin["seen"] else "which no step came to"
        yield f"{twin['sample'][:12]} teaches the same, and stands for it: row {twin['place'] + 1:,} of {rows}, {seen}"
    if made["version"] not in {None, made["version_now"]}:
        yield f"its version there was {made['version'][:15]}; by now it is {made['version_now'][:15]}"


def _show(made: dict[str, Any]) -> None:
    from commands._render import digest, emit_bytes, line, many

    if "trained" in made:
        _show_use(made)
    if made["path"] is None:
        emit_bytes(made["text"].encode())
        return
    what = {
        "inclusion": f"{many(len(made['events']), 'event')} shown to be in the log",
        "consistency": f"shown to go on from @{made['first']['position']}" if made["first"] else "",
        "checkpoint": "the head",
    }[made["proof"]]
    signed = "" if made["signed_by"] is None else f", signed by {made['signed_by']}"
    line((made["path"], "bold"), f"  {what}{signed}")
    line(f"head @{made['head']['position']}  {digest(made['head']['root'])}")
