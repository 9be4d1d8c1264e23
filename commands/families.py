"""`ledger families`: which samples belong together, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of

if TYPE_CHECKING:
    from ledger import Ledger

Answer = dict[str, Any]


@verb("families 3f9a2c1d 77ab0e12", "families")
@click.argument("sample", metavar="ID")
@click.argument("other", required=False, metavar="[OTHER]")
@as_of
@click.pass_obj
def command(call: Call, *, sample: str, other: str | None, as_of: str | None) -> None:
    """Show why samples are one family.

    Samples with one prompt, a parent in common, texts that were found nearly the same, or one value of the tag `group`
    stay in one split. With a second id: the way from one to the other.
    """
    with call.open() as ledger:
        found = ledger.families(sample, other, as_of=as_of)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: Answer) -> None:
    from commands._render import digest, heading, line, many, short, table, word

    ids = short(ledger, [found["sample"], *(one["sample"] for one in found["members"])])
    line((digest(found["family"]), "cyan"), f"  {many(found['samples'], 'sample')}")
    if "other" in found:
        _path(found["path"], together=found["together"])
        if not found["together"]:
            return
    rows = [
        (
            (ids[one["sample"]], "cyan"),
            digest(one["prompt"]),
            word(one["status"]),
            one["split"] or "",
            f"{one['source'] or 'derived'} ({one['campaign']})",
        )
        for one in found["members"]
    ]
    table(("id", "prompt", "status", "split", "from"), rows, indent=2)
    if found["cut"]:
        line((f"  and {many(found['cut'], 'sample')} more", "dim"))
    if found["ties"]:
        heading("what ties different prompts")
        for tie in found["ties"]:
            line("  ", _tie(tie))


def _path(path: list[Answer] | None, *, together: bool) -> None:
    from commands._render import line

    if path is None:
        said = "one family, by more ties than are read here" if together else "no family: nothing ties them"
        line((f"  {said}", "yellow"))
    elif not path:
        line("  they have one prompt")
    for tie in path or ():
        line("  ", _tie(tie))


def _tie(tie: Answer) -> str:
    from commands._render import digest

    one, other = (digest(prompt) for prompt in tie["prompts"])
    how = f"near, {tie['similarity']:.3f}" if tie["how"] == "near" else f"{tie['how']} @{tie['position']}"
    return f"{one} - {other}: {how}"
