"""`ledger improve`: a model writes fields of samples anew; what comes of it are child samples."""

from __future__ import annotations

from typing import Any

import click

from commands._asking import asking, finish, render, selecting, stopping, watching
from commands._common import Call, verb
from commands._options import actor, expected_head, text


@verb("improve --spec toolset-improve --where \"status == 'rejected'\" --model NAME --budget 5")
@selecting
@click.option("--spec", required=True, type=text, metavar="FILE", help="What is asked: a TOML file, or a shipped name.")
@asking
@click.option("--rescore", type=text, metavar="NAME", help="Accept only what this scorer, or rubric, finds better.")
@click.option("--dry-run", is_flag=True, help="Only say how many samples would be asked about.")
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, *, spec: str, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Improve samples by a model.

    The spec says which fields a model may write anew and when; code puts them in place, so that nothing else moves.
    Each result is a child sample; the original stays. Run again, the command goes on where it was, and pays for no
    answer twice. Ctrl-C lets what is under way come to its end.
    """
    with call.open() as ledger, stopping() as should_stop, watching("improving") as watch:
        done = ledger.improve(spec, should_stop=should_stop, watch=watch, **options)
    call.answer(done, lambda: render(done))
    finish(call, done)
