"""What a server offers, as it is listed: the surface that hosts and models see, and what it costs in tokens.

`python -m tests.mcp_surface` writes it to tests/data/mcp/surface.json; what changed there is what callers will notice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mcp.client import Client

from mcp_server.options import ALLOWABLE
from tests.mcp_talk import talk
from tests.mcp_tokens import tokens

FILE = Path(__file__).parent / "data" / "mcp" / "surface.json"


def surface(path: Path) -> dict[str, Any]:
    """Return all that a server lists that may write everything: tools with their tokens, resources, prompts."""

    async def ask(client: Client) -> dict[str, Any]:
        tools = (await client.list_tools()).tools
        resources = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        prompts = (await client.list_prompts()).prompts
        return {
            "tools": [_tool(_plain(one)) for one in tools],
            "resources": [_plain(one) for one in resources],
            "templates": [_plain(one) for one in templates],
            "prompts": [_plain(one) for one in prompts],
        }

    return talk(path, ask, allow=frozenset(ALLOWABLE))


def seen(tool: dict[str, Any]) -> str:
    """Return what a model is shown of a tool: its name, description and arguments."""
    return compact({key: tool[key] for key in ("name", "description", "inputSchema")})


def compact(value: object) -> str:
    """Return JSON without spaces, as a host sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {**tool, "tokens": tokens(seen(tool))}


def _plain(listed: Any) -> dict[str, Any]:  # noqa: ANN401 - one of the SDK's models
    found: dict[str, Any] = listed.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def text(found: dict[str, Any]) -> str:
    """Return a surface as it stands in the file."""
    return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text(surface(Path("nowhere.db"))), encoding="utf-8")
