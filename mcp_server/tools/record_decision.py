"""ledger_record_decision: record a decision about samples, once the person at the client has confirmed it."""

# No postponed annotations here: the SDK looks for the names in them in the module, and `ask` belongs to one server.
# ruff: noqa: ARG001 - the arguments of the tool are those of its resolvers, which get them by name

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve
from mcp.types import CallToolResult
from pydantic import Field

from ledger import Ledger
from ledger.errors import BadRequest
from mcp_server.answers import answer
from mcp_server.face import Caller, Face
from mcp_server.tools.acting import (
    LOOKING,
    WRITING,
    Absent,
    Handle,
    Ids,
    Key,
    Position,
    Verdict,
    became,
    head_of,
    how_many_changed,
    selected,
)
from mcp_server.tools.asking import Shape, bare
from mcp_server.tools.confirming import (
    CONFIRMED,
    Confirmation,
    Meant,
    checked,
    looked_up,
    must_be_able_to_ask,
    outcome,
    question,
)

NAME = "ledger_record_decision"
META = {"anthropic/searchHint": "apply confirm accept reject relabel decision; accept a proposal"}


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

    async def meant(
        ctx: Context[Any, Any],
        *,
        proposal: str,
        samples: Sequence[str],
        selection: str,
        verdict: str | None,
        reason: str,
        idempotency_key: str,
        expect_head: int | None,
    ) -> Meant:
        request = checked(proposal, samples, selection, verdict, reason, idempotency_key, expect_head)
        actor = face.caller(ctx, NAME).principal
        return await face.read(lambda ledger: looked_up(ledger, face.handles, request, actor), seconds=LOOKING)

    async def ask(
        ctx: Context[Any, Any], about: Annotated[Meant, Resolve(meant)]
    ) -> Elicit[Confirmation] | Confirmation:
        if about.found["repeated"]:  # it was confirmed then; this is no yes
            return Confirmation(record=False)
        must_be_able_to_ask(ctx, about, face.options)
        return Elicit(question(about), Confirmation)

    @mcp.tool(name=NAME, title="Record a decision", annotations=WRITING, meta=META)
    async def ledger_record_decision(  # noqa: PLR0913 - one argument for each part of a request
        ctx: Context[Any, Any],
        *,
        idempotency_key: Key,
        about: Annotated[Meant, Resolve(meant)],
        answered: Annotated[ElicitationResult[Confirmation], Resolve(ask)],
        proposal: Annotated[Handle, Field(description="its id; or samples, verdict and reason")] = "",
        samples: Ids = (),
        selection: Handle = "",
        verdict: Verdict | None = None,
        reason: Annotated[str, Absent, Field(max_length=500, json_schema_extra=bare)] = "",
        expect_head: Position | None = None,
    ) -> Annotated[CallToolResult, Recorded]:
        """Record a decision, or an open proposal, once the user confirms in the client. Without a yes nothing is."""
        if about.found["repeated"]:
            return told(about.found)
        came = outcome(answered)
        if came != "confirmed":
            return await refused(face, came)
        caller = face.caller(ctx, NAME)
        return told(await face.write(caller, lambda ledger: record(ledger, caller, about)))


def record(ledger: Ledger, caller: Caller, about: Meant) -> dict[str, Any]:
    """Record what was confirmed, in one commit; the same key again returns what it recorded.

    The yes was to the samples and versions that were looked up for the question: other ones by now are refused, and so
    is another ledger in this one's place. An open proposal keeps the list of its versions, so the yes is to that very
    proposal; what changed since is left as it is.
    """
    request = about.request
    common: dict[str, Any] = {"reason": request.reason, "key": request.key, "client": caller.client}
    common |= {"confirmed": CONFIRMED, "expected_head": about.head}
    if ledger.status()["ledger"] != about.found["ledger"]:
        raise BadRequest(
            "Another ledger stands there by now, so nothing was recorded", hint="Look again, and ask again."
        )
    with selected(about.needed):
        if request.proposal:
            made = ledger.record_proposal(about.found["proposal"], about=about.found, **common)
        else:
            made = ledger.record(about.ids, str(request.verdict), members=about.found["list"], **common)
    return {**made, "as_of": head_of(ledger)}


async def refused(face: Face, came: str) -> CallToolResult:
    """Return that nothing was recorded, and where the log ends."""
    return answer({"outcome": came, "as_of": await face.read(head_of)}, line=f"Nothing was recorded: the user {came}.")


def told(made: Mapping[str, Any]) -> CallToolResult:
    """Return what was recorded: the proposal that holds it, what became of its samples, and where its events stand."""
    done = made["settled"]
    facts: dict[str, object] = {
        "outcome": "recorded",
        "proposal": made["name"],
        "count": made["count"],
        **became(done),
        "seqs": done["events"],
        "repeated": made["repeated"],
        "as_of": made["as_of"],
    }
    again = "Recorded before, by the same request" if made["repeated"] else "Recorded"
    return answer(facts, line=f"{again}: {made['verdict']}, {how_many_changed(made['count'], done)}.")
