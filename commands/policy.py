"""`ledger policy`: the policies that there are, one of them as TOML, and whether a file holds one."""

from __future__ import annotations

import sys
from typing import Any

import click

from commands._common import Call, verb
from commands._options import as_of, text

STDIN = "-"


@click.group("policy")
def command() -> None:
    """List, show or check policies."""


@verb("policy list", "list")
@as_of
@click.pass_obj
def list_(call: Call, as_of: str | None) -> None:
    """List the policies that come with the program, and those that were adopted here."""
    from commands._render import digest, line, table

    found = _listed(call, as_of)

    def render() -> None:
        line(("with the program: ", "dim"), ", ".join(found["shipped"]))
        if not found["adopted"]:
            line("none is adopted; `ledger decide --policy NAME` adopts one")
            return
        rows = [
            (
                (f"@{one['position']}", "dim"),
                one["name"],
                one["campaign"] or "all",
                (digest(one["policy"]), "cyan"),
                ("in force", "green") if one["in_force"] else "",
                one["reason"],
            )
            for one in found["adopted"]
        ]
        table((">at", "policy", "campaign", "digest", "", "reason"), rows)

    call.answer(found, render)


@verb("policy show seed-000 > mine.toml", "show")
@click.argument("name", default="in-force", type=text, metavar="[NAME]")
@click.option("--campaign", type=text, metavar="NAME", help="The one in force for this campaign.")
@click.option("--settings", "only", is_flag=True, help="List the keys that `ledger whatif --set` takes, with values.")
@as_of
@click.pass_obj
def show(call: Call, name: str, *, campaign: str | None, only: bool, as_of: str | None) -> None:
    """Show a policy as TOML: one by its name or digest, or the one in force.

    What is printed can be saved, changed and given to `ledger decide --policy FILE`.
    """
    from commands._render import emit_bytes, table
    from ledger import Ledger

    found = _shown(call, name, campaign, as_of)
    pairs = Ledger.policy_settings(found["toml"], found["name"])

    def render() -> None:
        if only:
            table(("setting", "value"), pairs.items())
        else:
            emit_bytes(found["toml"].encode())

    call.answer({**found, "settings": pairs}, render)


@verb("policy check mine.toml", "check")
@click.argument("file", type=text, metavar="FILE")
@click.pass_obj
def check(call: Call, file: str) -> None:
    """Read a policy, `-` from standard input, and say what it compares; needs no ledger.

    A policy that cannot be read, or contradicts itself, is refused with the line and a remedy.
    """
    from commands._render import digest, line, table
    from ledger import Ledger

    found = Ledger.check_policy_file(sys.stdin.buffer if file == STDIN else file)

    def render() -> None:
        line((found["name"], "bold"), "  ", (digest(found["policy"]), "cyan"), "  is a sound policy")
        rows = [(part, ", ".join(found[part])) for part in ("compares", "rules", "labels", "caps") if found[part]]
        table(("", ""), [((part, "dim"), names) for part, names in rows])

    call.answer(found, render)


def _listed(call: Call, as_of: str | None) -> dict[str, Any]:
    """Return the policies of the ledger, or, where nobody named one and there is none, those of the program."""
    from ledger import Ledger
    from ledger.errors import LedgerNotFound

    try:
        with call.open() as ledger:
            return ledger.policies(as_of)
    except LedgerNotFound:
        if call.path is not None or as_of is not None:
            raise
        return {"shipped": list(Ledger.shipped_policies()), "adopted": []}


def _shown(call: Call, name: str, campaign: str | None, as_of: str | None) -> dict[str, Any]:
    """Return one policy; one that came with the program and was not changed, with its comments."""
    from ledger import Ledger
    from ledger.errors import LedgerNotFound

    texts = Ledger.shipped_policies()
    try:
        with call.open() as ledger:
            found = ledger.policy(name, campaign=campaign, as_of=as_of)
    except LedgerNotFound:
        if call.path is not None or as_of is not None or name not in texts:
            raise
        found = Ledger.check_policy(texts[name], name)
    text = texts.get(found["name"])
    unchanged = text is not None and Ledger.check_policy(text, found["name"])["policy"] == found["policy"]
    return {**found, "toml": text} if unchanged else found


for child in (list_, show, check):
    command.add_command(child)
