"""ledger_propose_decision: leave a decision about samples in the ledger, for a person or a policy to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from ledger import Ledger
from mcp_server.answers import answer
from mcp_server.face import Face
from mcp_server.tools.acting import (
    LOOKING,
    WRITING,
    Handle,
    Ids,
    Key,
    Position,
    Reason,
    Verdict,
    became,
    head_of,
    how_many_changed,
    members,
    named,
    selected,
)
from mcp_server.tools.asking import Items, Shape, bare

NAME = "ledger_propose_decision"
META = {"anthropic/searchHint": "suggest accept reject defer relabel samples proposal review decide"}


Evidence = Annotated[
    Sequence[Annotated[Position, Field(strict=True)]], Items, Field(max_length=100, json_schema_extra=bare)
]


class Proposal(Shape):
    """What was proposed; `state` is accepted where a policy takes such proposals, `repeated` where the key was used.

    Of an accepted one also what became of its samples.
    """

    proposal: str
    state: str
    count: int
    repeated: bool
    changed: int | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(name=NAME, title="Propose a decision", annotations=WRITING, meta=META)
    async def ledger_propose_decision(
        ctx: Context[Any, Any],
        *,
        verdict: Verdict,
        reason: Reason,
        idempotency_key: Key,
        samples: Ids = (),
        selection: Handle = "",
        evidence_seqs: Evidence = (),
    ) -> Annotated[CallToolResult, Proposal]:
        """Propose a decision about samples or a selection. Nothing changes until a person or policy accepts it."""
        named(samples, selection)
        caller = face.caller(ctx, NAME)

        # Looked up by a reader: the one thread that writes is not kept busy with a filter.
        look = face.read(lambda ledger: members(ledger, face.handles, samples, selection), seconds=LOOKING)
        ids, needed = await look

        def propose(ledger: Ledger) -> dict[str, Any]:
            with selected(needed):
                made = ledger.propose(
                    ids,
                    verdict,
                    reason=reason,
                    key=idempotency_key,
                    evidence=evidence_seqs,
                    client=caller.client,
                    expected_head=needed,
                )
            return {**made, "as_of": head_of(ledger)}

        return told(await face.write(caller, propose))


def told(made: Mapping[str, Any]) -> CallToolResult:
    """Return the answer: its name to pass on, whether it is open, how many samples, what became of them, the head."""
    facts: dict[str, object] = {"proposal": made["name"], "state": made["state"], "count": made["count"]}
    facts |= became(made["settled"]) if made["state"] == "accepted" else {}
    facts |= {"repeated": made["repeated"], "as_of": made["as_of"]}
    again = "Proposed before, by the same request, as" if made["repeated"] else "Proposed as"
    line = f"{again} {made['name']}: {made['verdict']} of {made['count']:,}; {_next(made)}"
    return answer(facts, line=line)


def _next(made: Mapping[str, Any]) -> str:
    if made["state"] == "open":
        return f"a person accepts it with: ledger proposals accept {made['name']}"
    if made["state"] == "accepted":
        return f"accepted: {how_many_changed(made['count'], made['settled'])}"
    return f"it was {made['state']}"
