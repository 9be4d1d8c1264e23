"""`ledger keygen`: a pair of keys to sign heads with."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import text


@verb("keygen ~/ledger.key --name example.com/team")
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--name", type=text, metavar="NAME", help="What the key is called; without it, as the file.")
@click.pass_obj
def command(call: Call, file: str, name: str | None) -> None:
    """Make a key that signs heads.

    The private key goes to FILE, readable by you alone, the public one to FILE.pub: keep the first away from the ledger
    and give the second to those who check proofs. Nothing is overwritten.
    """
    from commands._render import line
    from ledger import Ledger

    made = Ledger.make_keys(file, name)

    def render() -> None:
        line(("private key  ", "dim"), made["private"])
        line(("public key   ", "dim"), made["public"])
        line(made["key"])

    call.answer(made, render)
