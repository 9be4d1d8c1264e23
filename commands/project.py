"""`ledger project`: freeze a view into a file with a manifest."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, as_of, output, text, whole
from commands._words import OMISSIONS

VIEWS = ("kto-interleaved", "sft", "train", "val", "test", "accepted", "rejected")
FORMS = ("auto", "conversational", "standard")
_ALL = "all"


@verb("project kto-interleaved -o train.jsonl --batch-size 4")
@click.argument("view", type=click.Choice(VIEWS), metavar="VIEW")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(),
    callback=output,
    help="The file to write; FILE.manifest.json beside it.",
)
@click.option(
    "--batch-size", default=4, show_default=True, type=whole(), metavar="N", help="Rows of one device's batch."
)
@click.option(
    "--world-size", default=1, show_default=True, type=whole(), metavar="N", help="Devices that train together."
)
@click.option(
    "--ratio", default="keep", show_default=True, type=text, metavar="TEXT", help="True to false: keep, 1:1 or a:b."
)
@click.option(
    "--seed", default="0", show_default=True, type=text, metavar="TEXT", help="Key of the hash that orders rows."
)
@click.option("--form", default="auto", show_default=True, type=click.Choice(FORMS), help="Form of the rows.")
@click.option(
    "--list-omitted",
    type=click.Choice([_ALL, *OMISSIONS]),
    is_flag=False,
    flag_value=_ALL,
    metavar="[REASON]",
    help="Print id and reason of what was left out (tab between).",
)
@as_of
@actor
@click.pass_obj
def command(call: Call, /, view: str, out: str, list_omitted: str | None, **params: Any) -> None:  # noqa: ANN401 - as Ledger.project has them
    """Write a view to a file with a manifest.

    Records the release and says what was used and what was left out, and why.
    Views: kto-interleaved, sft, train, val, test, accepted, rejected.
    """
    from pathlib import Path

    from commands._progress import steps

    with call.open() as ledger:
        with steps() as progress:
            made = ledger.project(view, out, progress=progress, **params)
        if list_omitted is None:
            call.answer(made, lambda: _render(made, out))
            return
        reason = None if list_omitted == _ALL else list_omitted
        left_out = ledger.omissions(Path(out).name, reason)
    call.answer({**made, "omissions": left_out}, lambda: _list(left_out))


def _render(made: dict[str, Any], out: str) -> None:
    from commands._render import heading, line, many, number, size, table, total, word

    output = made["output"]
    line((out, "bold"), f"  {many(made['rows'], 'row')}, {size(output['bytes'])}, {made['type']}, {made['form']}")
    line((output["blake3"], "dim"))
    line((f"from head @{made['head']['position']}; manifest {out}.manifest.json", "dim"))
    line()
    total(made["considered"], "sample", {"used": made["used"], "omitted": sum(made["omitted"].values())})
    heading("labels")
    labels = [(word(name), number(count)) for name, count in sorted(made["labels"].items(), reverse=True) if count]
    table(("", ">rows"), labels, indent=2)
    if any(made["omitted"].values()):
        heading("left out")
        counts = [(name, made["omitted"].get(name, 0)) for name in OMISSIONS]
        rows = [((name, "yellow"), number(count), (OMISSIONS[name], "dim")) for name, count in counts if count]
        table(("reason", ">samples", ""), rows, indent=2)


def _list(left_out: list[dict[str, Any]]) -> None:
    for one in left_out:
        click.echo(f"{one['sample']}\t{one['reason']}")
