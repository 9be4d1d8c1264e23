"""Completions: names and ids that begin as what was typed; none that could be a sentence of somebody else's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from mcp.server import MCPServer
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from ledger import Ledger
from ledger.errors import LedgerError
from mcp_server.face import Face
from mcp_server.tools.asking import is_plain
from mcp_server.tools.search import rules

MOST = 100
RUNS = 50

Complete: TypeAlias = Callable[
    [PromptReference | ResourceTemplateReference, CompletionArgument, CompletionContext | None],
    Awaitable[Completion | None],
]
Offers: TypeAlias = Callable[[Ledger, str], list[str]]


def register(mcp: MCPServer, face: Face) -> None:
    """Add completions for the arguments of prompts and of resource templates."""

    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _context: CompletionContext | None,
    ) -> Completion | None:
        offers = OFFERS.get(argument.name)
        if offers is None:
            return None
        try:
            found = await face.read(lambda ledger: offers(ledger, argument.value))
        except LedgerError:
            return None  # nothing to offer; whoever calls with such a value hears why
        return Completion(values=found[:MOST], total=len(found), has_more=len(found) > MOST)

    add: Callable[[Complete], Complete] = mcp.completion()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
    add(complete)


def _named(names: list[str], beginning: str) -> list[str]:
    """Return plain names that begin so; where none does, those that hold it."""
    plain = sorted({name for name in names if is_plain(name)})
    starting = [name for name in plain if name.casefold().startswith(beginning.casefold())]
    return starting or [name for name in plain if beginning.casefold() in name.casefold()]


def campaigns(ledger: Ledger, beginning: str) -> list[str]:
    """Return campaigns."""
    return _named(ledger.offers("campaigns"), beginning)


def samples(ledger: Ledger, beginning: str) -> list[str]:
    """Return short ids of samples; none before something is typed."""
    return ledger.offers("samples", beginning.strip().lower())


def runs(ledger: Ledger, beginning: str) -> list[str]:
    """Return the positions of the last releases, the newest first."""
    found = [str(one["position"]) for one in ledger.releases(limit=RUNS)["releases"]]
    return [position for position in found if position.startswith(beginning.strip())]


OFFERS: dict[str, Offers] = {
    "a": campaigns,
    "b": campaigns,
    "campaign": campaigns,
    "name": lambda ledger, beginning: _named(ledger.offers("views"), beginning),
    "projection": lambda ledger, beginning: _named(ledger.offers("views"), beginning),
    "rule": lambda ledger, beginning: _named(rules(ledger), beginning),
    "run": runs,
    "sample": samples,
}
