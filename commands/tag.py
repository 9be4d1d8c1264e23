"""`ledger tag`: set or remove a tag of samples."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_or_selection, reason, tag_pair, text
from commands._stdin import read_ids


@verb("tag 3f9a2c1d --set persona=novice")
@ids_or_selection
@click.option(
    "--set", "pairs", type=tag_pair, multiple=True, metavar="KEY[=VALUE]", help="Set this tag (KEY alone: true)."
)
@click.option("--remove", type=text, metavar="KEY", help="Remove this tag.")
@reason
@expected_head
@actor
@click.pass_obj
def command(
    call: Call,
    /,
    ids: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    remove: str | None,
    *,
    dry_run: bool,
    **given: Any,  # noqa: ANN401 - as Ledger.tag has them
) -> None:
    """Set or remove a tag of samples.

    Samples are named by ids (unique prefixes of 6 characters or more; - reads them from standard input, one a line or
    as JSON), or chosen by --where and --campaign, such as --where "rule == 'low_quality' and diversity >= 0.3".
    """
    from commands._decided import render_decided

    if len(pairs) + (remove is not None) != 1:
        raise click.UsageError("Give either --set KEY[=VALUE] or --remove KEY, once.")
    key, value = pairs[0] if pairs else (str(remove), None)
    with call.open() as ledger:
        done = ledger.tag(read_ids(ids), key, value, dry_run=dry_run, **given)
    call.answer(done, lambda: render_decided(done, dry_run=dry_run))
