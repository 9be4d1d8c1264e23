"""ledger_verify: whether what is stored is what was recorded."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from mcp.server import MCPServer
from mcp.types import CallToolResult

from ledger import Ledger
from ledger.errors import Interrupted
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.tools.asking import READING, Rows, Shape

META = {"anthropic/searchHint": "verify integrity chain tamper hash audit"}
LISTED = 10

Scope: TypeAlias = Literal["chain", "quick", "full"]


class Verify(Shape):
    """Whether everything holds, and where it first does not."""

    ok: bool
    root: str
    first_bad_seq: int | None = None
    findings: Rows | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="Verify", annotations=READING, meta=META)
    async def ledger_verify(scope: Scope = "chain") -> Annotated[CallToolResult, Verify]:
        """Check that the log is what was recorded. chain: tree, guards, witness; quick: pages too; full: every byte."""
        try:
            return await face.read(lambda ledger: verify(ledger, scope))
        except Interrupted as error:
            raise Interrupted(*error.args, hint="Use scope=chain, or ask a person to run `ledger verify`.") from error


def verify(ledger: Ledger, scope: str = "chain") -> CallToolResult:
    """Return whether the ledger is sound."""
    found = ledger.verify_chain() if scope == "chain" else ledger.verify(quick=scope == "quick")
    bad = [one for one in found["findings"] if one["severity"] == "error"]
    places = sorted(one["position"] for one in bad if one["position"] is not None)
    facts = {
        "as_of": found["head"]["position"],
        "ok": found["ok"],
        "scope": scope,
        "root": found["head"]["root"][:15],
        **({"first_bad_seq": places[0]} if places else {}),
    }
    rows = [[one["id"], one["severity"], one["position"]] for one in found["findings"][:LISTED]]
    tables = [Table("findings", ["finding", "severity", "seq"], rows)] if rows else []
    line = "The log is sound." if found["ok"] else f"The log is damaged: {len(bad)} errors; run `ledger verify`."
    return answer(facts, line=line, tables=tables)
