"""`ledger show`: one sample as a chat, with its facts and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of

if TYPE_CHECKING:
    from ledger import Ledger


@verb("show 3f9a2c1d")
@click.argument("sample", metavar="ID")
@click.option("--raw", is_flag=True, help="Print only the exact bytes of the current version.")
@as_of
@click.pass_obj
def command(call: Call, sample: str, raw: bool, as_of: str | None) -> None:  # noqa: FBT001 - an option
    """Show one sample: its conversation, facts and versions."""
    from commands._render import emit_bytes

    with call.open() as ledger:
        found = ledger.show(sample, as_of)
        if raw and not call.json:
            with call.paged():
                emit_bytes((found["raw"] or "").encode())
            return
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: dict[str, Any]) -> None:
    from commands._chat import render_content
    from commands._proposal import open_about
    from commands._render import digest, heading, label, line, number, short, size, table, word

    origin = found["origin"]
    line("sample ", (short(ledger, [found["sample"]])[found["sample"]], "bold cyan"), "  ", word(found["status"]))
    tags = ", ".join(f"{key}={value}" for key, value in found["tags"].items())
    facts = [
        ("label", word(label(found["label"]))),
        ("from", f"{origin['source']} line {number(origin['line'] or 0)}, campaign {origin['campaign']}"),
        ("domain", found["domain"] or ""),
        ("split", found["split"] or ""),
        ("tags", tags),
        ("weight", f"{number(found['times'])} rows in exports for training" if found["times"] != 1 else ""),
        ("version", f"{digest(found['version'])}, {size(found['bytes'])}, read by {found['reader']}"),
        ("fingerprint", digest(found["fingerprint"])),
    ]
    table(("", ""), [((name, "dim"), value) for name, value in facts if value])
    if found["content"] is None:
        gone = found["erased"]
        line((f"its bytes were erased by {gone['actor']} on the authority of {gone['authority']}", "bold"))
        line(f"  {gone['time']}: {gone['reason']}  ", (f"event @{gone['position']}", "dim"))
    else:
        render_content(found["content"])
    if len(found["versions"]) > 1:
        heading("versions")
        rows = [
            (
                f"@{one['position']}",
                digest(one["version"]),
                "withdrawn" if one["withdrawn"] else "",
                "erased" if one["erased"] else "",
            )
            for one in found["versions"]
        ]
        table((">at", "version", "", ""), rows, indent=2)
    open_about(found)
