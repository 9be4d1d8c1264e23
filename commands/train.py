"""`ledger train`: train a model on a release."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, output


@verb("train kto --release kto-interleaved.jsonl.manifest.json --model models/qwen -o runs/first")
@click.argument("method", type=click.Choice(["sft", "kto", "dpo"]))
@click.option("--release", required=True, type=click.Path(), metavar="MANIFEST", help="The manifest of the rows.")
@click.option("--model", type=click.Path(), metavar="PATH", help="The folder of a model with its tokenizer.")
@click.option("-o", "--out", type=click.Path(), callback=output, help="The run's folder; else METHOD-RELEASE here.")
@click.option("--backend", type=click.Choice(["trl", "unsloth"]), default="trl", show_default=True, help="Who trains.")
@click.option("--config", type=click.Path(), metavar="FILE", help="Settings, as TOML (docs/training.md).")
@click.option("--smoke", is_flag=True, help="Try the trainer: a few steps, on a tiny model unless --model names one.")
@actor
@click.pass_obj
def command(call: Call, /, method: str, release: str, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Train a model on a release.

    The bytes of the rows are compared with the manifest, and the trainer is asked whether it will see all of them as
    they stand, before the first step; otherwise nothing is trained. The run, what came of it and on which release
    stands in the ledger, and the manifest in every checkpoint. A run that was interrupted goes on from its last
    checkpoint when the same command is given again.
    """
    from commands._progress import training

    with call.open() as ledger, training() as on_step:
        done = ledger.train(method, release, on_step=on_step, **given)
    call.answer(done, lambda: _render(done))
    if done["state"] != "finished":
        _stopped(call, done)


def _stopped(call: Call, done: dict[str, Any]) -> None:
    """End with the exit code of a training that did not finish; the answer has said how far it came."""
    from commands._render import note
    from ledger.errors import TrainingStopped

    error = TrainingStopped(done["steps"], done["of"], done["failure"] or done["state"])
    if not call.json:
        note("next: ", error.hint, style="cyan")
    click.get_current_context().exit(error.exit_code)


def _render(done: dict[str, Any]) -> None:
    from commands._render import line, many, mark, number, size, table

    good = done["state"] == "finished"
    line(mark(good=good), f" {done['state']}: ", (done["out"], "bold"), f"  {done['method']} with {done['backend']}")
    took = f"{number(done['steps'])} of {many(done['of'], 'step')} in {float(done['seconds']):,.1f} s, {done['device']}"
    memory = f", at most {size(done['peak_bytes'])} of its memory" if done["peak_bytes"] else ""
    line(took + memory)
    release = done["release"]
    line(f"{many(release['rows'], 'row')} of the release @{release['position']}, recorded as @{done['position']}")
    if done["metrics"]:
        table(("number", ">last"), [(name, value) for name, value in done["metrics"].items()], indent=2)
