"""What the server lists is what it listed when somebody last looked: names, schemas, hints and tokens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.types import Tool

from mcp_server.options import Options
from mcp_server.server import make
from tests.mcp_surface import FILE, surface, text

READING = [
    "overview",
    "why",
    "history",
    "sample",
    "search",
    "near_misses",
    "compare",
    "whatif",
    "projections",
    "verify",
]


def test_the_surface_is_the_one_on_file(tmp_path: Path) -> None:
    """A change of any name, schema, hint or token count shows in tests/data/mcp/surface.json.

    It is written anew by `python -m tests.mcp_surface`.
    """
    assert text(surface(tmp_path / "none.db")) == FILE.read_text(encoding="utf-8")


def test_reading_tools_say_that_they_read(tmp_path: Path) -> None:
    """The ten reading tools come first, in one order, and are marked as reading only, closed, and repeatable."""
    tools = surface(tmp_path / "none.db")["tools"]

    assert [one["name"] for one in tools[:10]] == [f"ledger_{name}" for name in READING]
    for one in tools[:10]:
        assert one["annotations"] == {
            "readOnlyHint": True,
            "destructiveHint": False,
            "idempotentHint": True,
            "openWorldHint": False,
        }
        assert one["inputSchema"]["additionalProperties"] is False
        assert "as_of" in one["outputSchema"]["required"]
    assert all(one["annotations"]["readOnlyHint"] is False for one in tools[10:])


def test_without_leave_only_reading_tools_are_there(tmp_path: Path) -> None:
    """What was not allowed is not registered, so nobody can be talked into it."""
    listed = [tool.name for tool in _listed(tmp_path / "none.db")]

    assert listed == [f"ledger_{name}" for name in READING]


def _listed(path: Path) -> list[Tool]:
    return list(anyio.run(make(Options(path)).list_tools))


def test_only_what_is_needed_first_is_loaded_first(tmp_path: Path) -> None:
    """Two tools ask to be loaded at once; the others say by which words they are found."""
    tools = surface(tmp_path / "none.db")["tools"]

    first = [one["name"] for one in tools if one.get("_meta", {}).get("anthropic/alwaysLoad")]
    assert first == ["ledger_overview", "ledger_why"]
    assert all(one["_meta"]["anthropic/searchHint"] for one in tools)


QUESTIONS = {
    "why was this sample rejected": "why",
    "what would flip the status of a sample": "why",
    "what happened to a sample and when": "history",
    "read the prompt and completion text of a sample": "sample",
    "find rejected samples of one domain": "search",
    "how many samples were accepted by status": "overview",
    "which samples nearly passed": "near_misses",
    "compare the acceptance rate of two campaigns": "compare",
    "what if the threshold was lower": "whatif",
    "which exports are stale": "projections",
    "was the log tampered with": "verify",
    "propose to reject these samples": "propose_decision",
    "record a decision": "record_decision",
    "export a projection to a file": "run_projection",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_tool_is_found_by_the_words_of_a_question(tmp_path: Path, question: str) -> None:
    """Hosts that show names only at first search names, descriptions and hints; the right tool is among three."""
    tools = surface(tmp_path / "none.db")["tools"]
    asked = words(question)

    ranked = sorted(tools, key=lambda one: -sum(weight(word, tools) for word in asked & of_tool(one)))
    assert f"ledger_{QUESTIONS[question]}" in [one["name"] for one in ranked[:3]]


def words(text: str) -> set[str]:
    """Return the words of a text, without endings."""
    return {word.rstrip("s").removesuffix("ed") for word in re.findall("[a-z]+", text.lower())}


def of_tool(tool: dict[str, Any]) -> set[str]:
    """Return the words by which a tool is found."""
    return words(f"{tool['name']} {tool['description']} {tool['_meta']['anthropic/searchHint']}")


def weight(word: str, tools: list[dict[str, Any]]) -> float:
    """Return how much a word tells: less, the more tools have it."""
    return 1 / sum(word in of_tool(one) for one in tools)
