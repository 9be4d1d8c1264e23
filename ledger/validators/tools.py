"""Tools: whether calls fit the schemas of the tools that they call, a file's or, without one, the sample's own."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.validators import own_tools
from ledger.validators.contract import Finding, NoSchema, Schemas, Talk, TextLimits, Validator
from ledger.validators.tool_rules import RULES, found


def check(talk: Talk, schemas: Schemas | None, _limits: TextLimits) -> Iterator[Finding]:
    """Yield what is wrong with the calls of a content as calls of tools that are described."""
    own = None
    if talk.content.tools is not None:
        try:
            own = own_tools.own_tools(talk)
        except NoSchema as error:
            yield found("tools/bad_tools", "tools", str(error))
    if schemas is not None:
        yield from schemas.check(talk)
    elif own is not None:
        yield from own_tools.check(talk, own)


VALIDATOR = Validator("tools", "1", "whether calls fit the schemas of their tools", check, RULES)
