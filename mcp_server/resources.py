"""Resources: what the reading tools answer, under addresses that a client can list, read and keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import CallToolResult

from ledger import Ledger
from ledger.errors import AmbiguousId, BadRequest, NoSuchId, NoSuchPosition
from mcp_server.answers import answer, compact
from mcp_server.errors import told
from mcp_server.face import Face
from mcp_server.tools.asking import MOST_ROWS
from mcp_server.tools.history import history, what
from mcp_server.tools.overview import overview
from mcp_server.tools.projections import one_run
from mcp_server.tools.sample import LONGEST, one_sample
from mcp_server.tools.telling import Names

LARGEST = 64 * 1024
"""Bytes of one resource."""
JSON = "application/json"
ALL = ("prompt", "completion", "tools", "tags", "scores", "findings", "versions", "twins", "releases")

STATUSES = {
    "accepted": "a policy or a person accepted the version that stands",
    "rejected": "a policy, a person or an imported file rejected it; it keeps its label",
    "pending": "nobody decided, or the decision was put off",
    "errored": "the latest attempt failed and nothing was decided since",
    "superseded": "a policy or a person replaced it by another sample",
    "erased": "its bytes are gone; its events and addresses stay",
}
WORDS = {
    "sample": "one ingested occurrence of a training example, or one derived from another",
    "version": "a text that a sample has or had; scores and decisions are about one",
    "campaign": "the named effort that a sample was ingested under",
    "policy": "a frozen set of rules; each decision by it names it",
    "rule": "what decided: a rule of the policy, or whose authority did (person, agent, import); default: none held",
    "margin": "observed minus threshold, signed so that less than zero means the rule held",
    "projection": "a view of the log that a trainer reads; run: one release of it, by the position of its event",
    "stale": "something was recorded since that can change which rows the projection has",
    "seq": "the position of an event in the log, from 0; as_of: the position of the head that was read",
    "selection": "a handle that this server gave out for all samples that a filter found",
}


def register(mcp: MCPServer, face: Face) -> None:
    """Add the resources and the templates to a server."""
    _fixed(mcp, face)
    _samples(mcp, face)
    _others(mcp, face)


def _fixed(mcp: MCPServer, face: Face) -> None:
    @mcp.resource("ledger://overview", name="overview", title="How the ledger stands", mime_type=JSON)
    async def whole() -> str:
        """Show counts by status, label and campaign, the policy in force, the last releases; as ledger_overview."""
        return await _read(face, overview)

    @mcp.resource("ledger://schema", name="schema", title="Words and kinds of events", mime_type=JSON)
    def schema() -> str:
        """Say what kinds of events there are, what each status means, and the words that answers use."""
        return compact({"statuses": STATUSES, "words": WORDS, "events": Ledger.kinds()})


def _samples(mcp: MCPServer, face: Face) -> None:
    @mcp.resource("ledger://sample/{sample}", name="sample", title="One sample", mime_type=JSON)
    async def one(sample: str) -> str:
        """Show one sample whole: facts, scores, findings, and its text in untrusted_* fields; as ledger_sample."""
        return await _read(face, lambda ledger: one_sample(ledger, sample, ALL, LONGEST))

    @mcp.resource("ledger://sample/{sample}/history", name="history", title="A sample's events", mime_type=JSON)
    async def events(sample: str) -> str:
        """List the last hundred events of a sample, newest first; as ledger_history."""
        return await _read(face, lambda ledger: history(ledger, face.handles, sample, MOST_ROWS))


def _others(mcp: MCPServer, face: Face) -> None:
    @mcp.resource("ledger://campaign/{campaign}", name="campaign", title="One campaign", mime_type=JSON)
    async def one(campaign: str) -> str:
        """Show counts of one campaign, why its samples were rejected, its domains; as ledger_overview."""
        return await _read(face, lambda ledger: overview(ledger, campaign))

    @mcp.resource("ledger://event/{seq}", name="event", title="One event", mime_type=JSON)
    async def event(seq: str) -> str:
        """Show one event by its position: kind, time, actor, and what it says (which can quote what files said)."""
        return await _read(face, lambda ledger: one_event(ledger, seq))

    @mcp.resource("ledger://projection/{run}", name="projection", title="One release", mime_type=JSON)
    async def release(run: str) -> str:
        """Show one release of a projection: rows, digest, what was left out; as ledger_projections with run."""
        return await _read(face, lambda ledger: one_run(ledger, _position(run)))


def one_event(ledger: Ledger, seq: str) -> CallToolResult:
    """Return one event; what it says stands in one text, as any of its fields can be what a file said."""
    position = _position(seq)
    with ledger.standing_still() as head:
        found = ledger.event(f"@{position}")
        names = Names()
        facts: dict[str, Any] = {
            "as_of": head["position"],
            "seq": position,
            "event": found["event"],
            "kind": found["kind"],
            "time": found["time"],
            "by": names(found["actor"]),
            "via": found["via"],
            "run": found["run"],
            "sample": found["sample"],
            "what": what(found, names),
            **names.facts(),
        }
        says = json.dumps(found["says"], ensure_ascii=False, sort_keys=True)
        return answer(facts, line=f"Event {position}.", untrusted={"untrusted_says": says[:LONGEST]})


def _position(text: str) -> int:
    digits = text.removeprefix("@")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):  # noqa: PLR2004 - within 2^53
        raise BadRequest(f"{text[:40]!r} is not a position", hint="A position is a whole number from 0 on.")
    return int(digits)


async def _read(face: Face, ask: Callable[[Ledger], CallToolResult]) -> str:
    """Return the facts of an answer as JSON; raise what the protocol has for a name that is none."""
    try:
        made = await face.read(ask)
    except (AmbiguousId, BadRequest, NoSuchId, NoSuchPosition) as error:
        raise ResourceNotFoundError(told(error)) from error
    text = compact(made.structured_content)
    if len(text.encode()) > LARGEST:
        raise ResourceError("This is more than a resource may hold; the tool of the same name reads it in pages.")
    return text
