"""`ledger redact`: take secrets out of samples."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, ids_or_selection, text
from commands._stdin import read_ids

_SHOWN = 20
_ERASABLE = 3


@verb("redact --campaign toolset --dry-run")
@ids_or_selection
@click.option("--rule", type=text, metavar="RULE", help="Only this kind of secret, such as text/secret_aws_key.")
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, ids: tuple[str, ...], *, dry_run: bool, **given: Any) -> None:  # noqa: ANN401 - as Ledger has them
    """Take secrets out of samples.

    Every API key, token and private key in the training fields becomes [REDACTED:rule], in a new version of the
    sample; nothing else of its text changes. A decision about the old version does not apply to the new one.
    The old bytes stay in the ledger file, so it holds the secrets as before: `ledger erase` takes them out by the
    addresses that this command answers.

    Samples are named by ids (unique prefixes of 6 characters or more; - reads them from standard input, one a line or
    as JSON), or chosen by --where and --campaign, such as --where "finding('text/secret_*')" after `ledger validate`.
    """
    with call.open() as ledger:
        done = ledger.redact(read_ids(ids), dry_run=dry_run, **given)
    call.answer(done, lambda: _render(done, dry_run=dry_run))


def _render(done: dict[str, Any], *, dry_run: bool) -> None:
    from commands._decided import render_decided
    from commands._render import heading, line, many, number, table

    render_decided(done, dry_run=dry_run)
    if not done["secrets"]:
        return
    heading("secrets")
    table(("rule", ">found"), [((rule, "yellow"), number(count)) for rule, count in done["by_rule"].items()], indent=2)
    heading("places")
    rows = [(one["sample"][:12], one["rule"], one["path"]) for one in done["places"][:_SHOWN]]
    table(("sample", "rule", "where"), rows, indent=2)
    if done["secrets"] > len(rows):
        line((f"  and {number(done['secrets'] - len(rows))} more; --json lists up to 1,000", "dim"))
    line()
    if dry_run:
        return
    line(f"The old bytes of {many(done['old_bytes_kept'], 'version')} stay in the ledger file, secrets included.")
    line(
        "Take them out too: ledger erase --reason … --authority … ",
        (" ".join(done["old_versions"][:_ERASABLE]), "cyan"),
    )
    if len(done["old_versions"]) > _ERASABLE:
        line((f"  and {number(len(done['old_versions']) - _ERASABLE)} more: --json lists up to 1,000", "dim"))
    if lapsed := done["decisions_lapsed"]:
        says = "applies" if lapsed == 1 else "apply"
        line(f"{many(lapsed, 'decision')} about them no longer {says}: decide on the new versions.")
