"""`ledger train`: train a model on a release."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, output


@verb("train kto --release kto-interleaved.jsonl.manifest.json --model models/qwen -o runs/first")
@click.argument("method", required=False, type=click.Choice(["sft", "kto", "dpo"]))
@click.option("--release", type=click.Path(), metavar="MANIFEST", help="The manifest of the rows.")
@click.option("--model", type=click.Path(), metavar="PATH", help="The folder of a model with its tokenizer.")
@click.option("-o", "--out", type=click.Path(), callback=output, help="The run's folder; else METHOD-RELEASE here.")
@click.option("--backend", type=click.Choice(["trl", "unsloth"]), default="trl", show_default=True, help="Who trains.")
@click.option("--config", type=click.Path(), metavar="FILE", help="Settings, as TOML (docs/training.md).")
@click.option("--smoke", is_flag=True, help="Try the trainer: a few steps, on a tiny model unless --model names one.")
@click.option("--check", is_flag=True, help="Train nothing: say what there is, and what would come of it.")
@click.option("--list", "listing", is_flag=True, help="Train nothing: list the last trainings.")
@actor
@click.pass_obj
def command(
    call: Call,
    /,
    method: str | None,
    release: str | None,
    *,
    check: bool,
    listing: bool,
    **given: Any,  # noqa: ANN401 - as Ledger has them
) -> None:
    """Train a model on a release.

    The bytes of the rows are compared with the manifest, and the trainer is asked whether it will see all of them as
    they stand, before the first step; otherwise nothing is trained. The run, what came of it and on which release
    stands in the ledger, and the manifest in every checkpoint. A run that was interrupted goes on from its last
    checkpoint when the same command is given again.

    With --check it says which versions, which device and which releases there are; with METHOD and --release also
    batches, steps, label weights and windows, and with --model which rows would be dropped. It leaves with 1 where
    something stands in the way.
    """
    if listing:
        _list(call, alone=method is release is None and not check)
    elif check:
        _check(call, method, release, **given)
    elif method is None or release is None:
        raise click.UsageError("Name the method, sft, kto or dpo, and the release with --release MANIFEST.")
    else:
        _train(call, method, release, **given)


def _train(call: Call, method: str, release: str, **given: Any) -> None:  # noqa: ANN401 - likewise
    from commands._progress import training

    with call.open() as ledger, training() as on_step:
        done = ledger.train(method, release, on_step=on_step, **given)
    call.answer(done, lambda: _render(done))
    if done["state"] != "finished":
        _stopped(done)


def _list(call: Call, *, alone: bool) -> None:
    from commands._trainings import render_list

    if not alone:
        raise click.UsageError("--list stands alone.")
    with call.open() as ledger:
        found = ledger.trainings()
    call.answer(found, lambda: render_list(found))


def _check(
    call: Call,
    method: str | None,
    release: str | None,
    *,
    out: str | None,
    smoke: bool,
    **given: Any,  # noqa: ANN401 - likewise
) -> None:
    from commands._trainings import render_check

    if out is not None or smoke:
        raise click.UsageError("--check trains nothing: it takes METHOD, --release, --model, --backend and --config.")
    with call.open() as ledger:
        found = ledger.check_training(method, release, **given)
    call.answer(found, lambda: render_check(found))
    if not found["ok"]:
        click.get_current_context().exit(1)


def _stopped(done: dict[str, Any]) -> None:
    """End with the exit code of a training that did not finish; the answer has said how far it came."""
    from commands._render import note
    from ledger.errors import TrainingStopped

    hint = _MEMORY if done["failure"] == "out_of_memory" else None
    error = TrainingStopped(done["steps"], done["of"], done["failure"] or done["state"], hint=hint)
    note("error: ", str(error), style="bold red")
    note("next: ", error.next_step, style="bold")
    click.get_current_context().exit(error.exit_code)


_MEMORY = (
    "It is recorded. Take less, and another folder with -o: a smaller max_length, lora_r = 16, "
    "gradient_checkpointing = true, or a release that was made for smaller batches (docs/training.md)."
)


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
