"""`ledger edit`: give a sample a new version."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, reason, text
from commands._stdin import read_content


@verb("edit 3f9a2c1d -f better.json --reason 'fixed the tool name'")
@click.argument("sample", metavar="ID")
@click.option("-f", "--file", default="-", type=click.Path(), help="The new content; without it (or -), stdin.")
@click.option(
    "--format", "form", type=text, metavar="TEXT", help="Read it so: messages, prompt_completion, instruction."
)
@reason
@expected_head
@actor
@click.pass_obj
def command(
    call: Call,
    sample: str,
    file: str,
    form: str | None,
    reason: str,
    expected_head: int | None,
) -> None:
    """Give a sample a new version.

    It is made of the training fields of one JSON object. Its label, tags and domain stay;
    its earlier versions stay in the ledger.
    """
    from commands._decided import render_decided

    content = read_content(file)
    with call.open() as ledger:
        done = ledger.edit(sample, content, form=form, reason=reason, expected_head=expected_head)
    call.answer(done, lambda: render_decided(done))
