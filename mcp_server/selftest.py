"""A look at the server from outside, in this process: it connects, lists what there is, and asks one question."""

from __future__ import annotations

from typing import Any

from mcp.client import Client

from mcp_server.options import Options
from mcp_server.server import LedgerServer, make

ERAS = ("auto", "legacy")
QUESTION = "ledger_overview"


async def selftest(options: Options) -> dict[str, Any]:
    """Return what a client sees: per era its protocol, and tools, prompts, resources and the line of an overview.

    `passed` says whether all of it worked; `failed` says in words what did not.
    """
    server = make(options)
    found = [await _seen(server, era) for era in ERAS]
    failed = [one.pop("failed") for one in found if "failed" in one]
    if len({tuple(one["tools"]) for one in found}) > 1:
        failed.append("The two eras of the protocol list other tools.")
    return {"passed": not failed, "failed": failed, "eras": found}


async def _seen(server: LedgerServer, era: str) -> dict[str, Any]:
    async with Client(server, mode=era) as client:
        tools = [one.name for one in (await client.list_tools()).tools]
        seen: dict[str, Any] = {"mode": era, "protocol": client.protocol_version, "tools": tools}
        seen["prompts"] = [one.name for one in (await client.list_prompts()).prompts]
        seen["resources"] = [str(one.uri) for one in (await client.list_resources()).resources]
        templates = (await client.list_resource_templates()).resource_templates
        seen["templates"] = [one.uri_template for one in templates]
        if QUESTION not in tools:
            return {**seen, "failed": f"There is no tool {QUESTION}."}
        answer = await client.call_tool(QUESTION, {})
        said = "".join(one.text for one in answer.content if one.type == "text")
        return {**seen, "failed": said} if answer.is_error else {**seen, "overview": said.partition("\n")[0]}
