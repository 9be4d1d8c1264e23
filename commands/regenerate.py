"""`ledger regenerate`: a model answers samples afresh, each unlike the others; what comes of it are child samples."""

from __future__ import annotations

from typing import Any

import click

from commands._asking import asking, finish, render, selecting, stopping, watching
from commands._common import Call, verb
from commands._options import actor, expected_head, text


@verb("regenerate --spec persona-answers --campaign toolset --model NAME --budget 5")
@selecting
@click.option("--spec", required=True, type=text, metavar="FILE", help="What is asked: a TOML file, or a shipped name.")
@click.option("--corpus", type=text, metavar="FILE", help="Texts that show styles; without it, the file of the spec.")
@asking
@click.option("--rescore", type=text, metavar="NAME", help="Accept only what this scorer, or rubric, finds better.")
@click.option("--dry-run", is_flag=True, help="Only say how many samples would be asked about.")
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, *, spec: str, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Answer samples afresh by a model.

    For answers that were made from templates: personas, styles from a file of texts, phrases that may not come back,
    and a gate against what too many accepted answers say. Tool calls stay as they are. As `ledger improve` otherwise.
    """
    with call.open() as ledger, stopping() as should_stop, watching("regenerating") as watch:
        done = ledger.regenerate(spec, should_stop=should_stop, watch=watch, **options)
    call.answer(done, lambda: render(done))
    finish(call, done)
