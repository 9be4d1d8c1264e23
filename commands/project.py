"""`ledger project`: freeze a view into a file with a manifest."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, as_of, output, text, whole
from commands._plan import plan_options
from commands._words import OMISSIONS

DIALECTS = ("trl", "openai", "sharegpt", "alpaca", "llama-factory", "axolotl")
TOOL_ARGS = ("as-is", "object", "string")
CONTAINERS = ("jsonl", "parquet", "datasets")
_ALL = "all"


@verb("project kto-interleaved -o train.jsonl --batch-size 4")
@click.argument("view", type=text, metavar="VIEW")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(),
    callback=output,
    help="The file to write; FILE.manifest.json beside it.",
)
@plan_options
@click.option("--dialect", default="trl", show_default=True, type=click.Choice(DIALECTS), help="Whose rows they are.")
@click.option(
    "--tool-args",
    default="object",
    show_default=True,
    type=click.Choice(TOOL_ARGS),
    help="Arguments of tool calls: as JSON objects, as JSON text, or as they came.",
)
@click.option(
    "--as",
    "container",
    default="jsonl",
    show_default=True,
    type=click.Choice(CONTAINERS),
    help="The kind of file; `datasets` is a folder with a card.",
)
@click.option("--omit-unrepresentable", is_flag=True, help="Leave out, counted, what the dialect cannot hold.")
@click.option("--gates", type=click.Path(), metavar="FILE", help="What it must keep; without it, the shipped gates.")
@click.option("--no-gates", is_flag=True, help="Do not check it; the manifest says so.")
@click.option("--card", is_flag=True, help="Write README.md and croissant.json beside it.")
@click.option("--license", type=text, metavar="TEXT", help="The licence that the card names, such as mit.")
@click.option("--push", metavar="REPO", type=text, help="Push it to this dataset of the Hugging Face Hub, private.")
@click.option("--overwrite", is_flag=True, help="Replace what stands there, whatever it is.")
@click.option("--workers", default=1, show_default=True, type=whole(), metavar="N", help="Processes that make rows.")
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
def command(call: Call, /, view: str, out: str, list_omitted: str | None, push: str | None, **params: Any) -> None:  # noqa: ANN401 - as Ledger.project has them
    """Write a view to a file with a manifest.

    Records the release and says what was used and what was left out, and why. VIEW is a name (kto-interleaved, kto,
    sft, dpo, prompts, train, val, test, accepted, rejected, pending, or one of your own) or the file of a view.
    """
    from commands._progress import steps

    with call.open() as ledger:
        with steps() as progress:
            made = ledger.project(view, out, progress=progress, **params)
        name = made["output"]["name"]
        if push is not None:
            made = {**made, "pushed": ledger.push(_manifest(out, made), push)}
        if list_omitted is None:
            call.answer(made, lambda: _render(made, out))
            return
        reason = None if list_omitted == _ALL else list_omitted
        left_out = ledger.omissions(name, reason)
    call.answer({**made, "omissions": left_out}, lambda: _list(left_out))


def _manifest(out: str, made: dict[str, Any]) -> str:
    """Return where the manifest stands: beside the file, which is in a folder where one was asked for."""
    from pathlib import Path

    folder = Path(out) if made["params"].get("container") == "datasets" else Path(out).parent
    return str(folder / f"{made['output']['name']}.manifest.json")


def _render(made: dict[str, Any], out: str) -> None:
    from commands._render import heading, line, many, number, size, table, total, word

    output = made["output"]
    line((out, "bold"), f"  {many(made['rows'], 'row')}, {size(output['bytes'])}, {made['type']}, {made['form']}")
    line((output["blake3"], "dim"))
    line((f"from head @{made['head']['position']}; manifest {_manifest(out, made)}", "dim"))
    line()
    total(made["considered"], "sample", {"used": made["used"], "omitted": sum(made["omitted"].values())})
    if made["weights"]["repeated"]:
        line(f"{many(made['weights']['repeated'], 'row')} of them repeat a sample, by its weight")
    if made["unrendered"]:
        told = f"{many(made['unrendered'], 'prompt')} could not be rendered by the chat template, where a trainer stops"
        line((told, "yellow"), "; they were counted without it")
    heading("labels")
    labels = [(word(name), number(count)) for name, count in sorted(made["labels"].items(), reverse=True) if count]
    table(("", ">rows"), labels, indent=2)
    _windows(made)
    _gates(made)
    if any(made["omitted"].values()):
        heading("left out")
        counts = [(name, made["omitted"].get(name, 0)) for name in OMISSIONS]
        rows = [((name, "yellow"), number(count), (OMISSIONS[name], "dim")) for name, count in counts if count]
        table(("reason", ">samples", ""), rows, indent=2)
    for one in made["beside"]:
        line((f"beside it: {one['name']}", "dim"))
    if "pushed" in made:
        line(f"pushed to {made['pushed']['repo']}  ", (made["pushed"]["commit"], "dim"))


def _windows(made: dict[str, Any]) -> None:
    """Say of an interleaved file what its trainer is to be told."""
    from commands._render import line, number

    facts = made["interleaving"]
    if facts is None:
        return
    batch, needed = made["params"]["batch_size"], facts["batch_needed"]
    if needed > batch:
        told = f"both labels in every batch of {batch} took {number(facts['thinned'])} rows of the more frequent label"
        line((told, "yellow"), f"; a batch of {number(needed)} would keep all")
    low, high = facts["label_weights"]["desirable_weight"]
    line((f"label weights: desirable_weight {low} to {high}, or undesirable_weight ", "dim"), _to(facts))


def _to(facts: dict[str, Any]) -> tuple[str, str]:
    low, high = facts["label_weights"]["undesirable_weight"]
    return f"{low} to {high}", "dim"


def _gates(made: dict[str, Any]) -> None:
    """Say which gates did not pass; those that are errors would have stopped it."""
    from commands._render import heading, line, table

    if made["gates_digest"] is None:
        if made["type"] != "samples":
            line(("not checked (--no-gates)", "yellow"))
        return
    failed = [one for one in made["gates"] if not one["passed"]]
    if failed:
        heading("to look at")
        table(
            ("gate", ">observed", ""), [((one["name"], "yellow"), str(one["observed"]), one["about"]) for one in failed]
        )


def _list(left_out: list[dict[str, Any]]) -> None:
    for one in left_out:
        click.echo(f"{one['sample']}\t{one['reason']}")
