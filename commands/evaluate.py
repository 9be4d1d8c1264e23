"""`ledger evaluate`: ask a model and check its answers, before and after training."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor


@verb("evaluate --model runs/first --release val.jsonl.manifest.json --expect expect.toml")
@click.option("--model", required=True, type=click.Path(), metavar="PATH", help="The folder of a run, or of a model.")
@click.option("--release", required=True, type=click.Path(), metavar="MANIFEST", help="The prompts, held out.")
@click.option(
    "--baseline", type=click.Path(), metavar="PATH", help="The model before; else the one the run began from."
)
@click.option("--expect", "expectations", type=click.Path(), metavar="FILE", help="What answers should have, as TOML.")
@click.option("--schemas", type=click.Path(), metavar="FILE", help="The tools, as `ledger validate` takes them.")
@click.option("--limit", default=40, show_default=True, type=int, metavar="N", help="Prompts, each once.")
@click.option(
    "--max-tokens", "most_tokens", default=256, show_default=True, type=int, metavar="N", help="Of an answer."
)
@actor
@click.pass_obj
def command(call: Call, /, model: str, release: str, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Ask a model and check its answers.

    Every prompt of the release is answered greedily, by the model and by the one before it. The answers are checked by
    the validators that look at samples, and by what is expected of them; shares come with their 95 % intervals.
    """
    from commands._progress import steps

    with call.open() as ledger, steps() as progress:
        done = ledger.evaluate(model, release, progress=progress, **given)
    call.answer(done, lambda: _render(done))


def _render(done: dict[str, Any]) -> None:
    from commands._render import line, many, note, table

    line(f"{many(done['prompts'], 'prompt')}, recorded as @{done['position']}")
    if done["seen"]:
        note("note: ", f"{many(done['seen'], 'prompt')} stood in what the model was trained on", style="yellow")
    rows = [(one["check"], _share(one["before"]), _share(one["after"]), _difference(one)) for one in done["checks"]]
    table(("check", ">before", ">after", "difference"), rows, indent=2)


def _share(share: dict[str, Any] | None) -> str:
    if share is None:
        return "-"
    return f"{share['passed']:,}  {share['value']:.0%} ({share['low']:.0%} to {share['high']:.0%})"


def _difference(one: dict[str, Any]) -> str:
    found = one["difference"]
    if found is None:
        return ""
    return f"{found['value']:+.0%} ({found['low']:+.0%} to {found['high']:+.0%}), {one['word']}"
