"""ledger_record_decision: record a decision about samples, once the person at the client has confirmed it."""

# No postponed annotations here: the SDK looks for the names in them in the module, and `ask` belongs to one server.

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve
from mcp.types import CallToolResult
from pydantic import Field

from ledger import Ledger
from mcp_server.answers import answer
from mcp_server.face import Caller, Face
from mcp_server.tools.acting import WRITING, Absent, Handle, Ids, Key, Position, Verdict, head_of, members
from mcp_server.tools.asking import Shape, bare
from mcp_server.tools.confirming import Confirmation, Request, checked, must_be_able_to_ask, outcome, question

NAME = "ledger_record_decision"
META = {"anthropic/searchHint": "apply confirm accept reject relabel decision; accept a proposal"}
CONFIRMED = "elicitation"


class Recorded(Shape):
    """What came of it: outcome `recorded`, `declined` or `cancelled`; the rest where it was recorded."""

    outcome: str
    proposal: str | None = None
    count: int | None = None
    changed: int | None = None
    seqs: list[int] | None = None
    repeated: bool | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    async def ask(
        ctx: Context[Any, Any], proposal: str, samples: Sequence[str], selection: str, verdict: str | None, reason: str
    ) -> Elicit[Confirmation]:
        request = checked(proposal, samples, selection, verdict, reason)
        must_be_able_to_ask(ctx)
        return Elicit(await question(face, face.caller(ctx, NAME), request), Confirmation)

    @mcp.tool(name=NAME, title="Record a decision", annotations=WRITING, meta=META)
    async def ledger_record_decision(
        ctx: Context[Any, Any],
        *,
        idempotency_key: Key,
        answered: Annotated[ElicitationResult[Confirmation], Resolve(ask)],
        proposal: Annotated[Handle, Field(description="its id; or samples, verdict and reason")] = "",
        samples: Ids = (),
        selection: Handle = "",
        verdict: Verdict | None = None,
        reason: Annotated[str, Absent, Field(max_length=500, json_schema_extra=bare)] = "",
        expect_head: Position | None = None,
    ) -> Annotated[CallToolResult, Recorded]:
        """Record a decision, or an open proposal, once the user confirms in the client. Without a yes nothing is."""
        came = outcome(answered)
        if came != "confirmed":
            return await refused(face, came)
        request = checked(proposal, samples, selection, verdict, reason)
        caller = face.caller(ctx, NAME)
        key, head = idempotency_key, expect_head
        return told(await face.write(caller, lambda ledger: record(face, ledger, caller, request, key, head)))


def record(
    face: Face, ledger: Ledger, caller: Caller, request: Request, key: str, expected: int | None
) -> dict[str, Any]:
    """Record what was confirmed, in one commit; the same key again returns what it recorded."""
    common: dict[str, Any] = {"reason": request.reason, "key": key, "client": caller.client, "confirmed": CONFIRMED}
    if request.proposal:
        made = ledger.record_proposal(request.proposal, expected_head=expected, **common)
    else:
        ids, needed = members(ledger, face.handles, request.samples, request.selection)
        head = expected if needed is None else needed
        made = ledger.record(ids, str(request.verdict), expected_head=head, **common)
    return {**made, "as_of": head_of(ledger)}


async def refused(face: Face, came: str) -> CallToolResult:
    """Return that nothing was recorded, and where the log ends."""
    return answer({"outcome": came, "as_of": await face.read(head_of)}, line=f"Nothing was recorded: the user {came}.")


def told(made: Mapping[str, Any]) -> CallToolResult:
    """Return what was recorded: the proposal that holds it, what became of its samples, and where its events stand."""
    done = made["settled"]
    counts = {name: done[name] for name in ("changed", "unchanged", "changed_since", "erased", "outranked")}
    facts: dict[str, object] = {
        "outcome": "recorded",
        "proposal": made["name"],
        "count": made["count"],
        **{name: count for name, count in counts.items() if count or name == "changed"},
        "seqs": done["events"],
        "repeated": made["repeated"],
        "as_of": made["as_of"],
    }
    again = "Recorded before, by the same request" if made["repeated"] else "Recorded"
    return answer(facts, line=f"{again}: {made['verdict']}, {counts['changed']:,} of {made['count']:,} changed.")
