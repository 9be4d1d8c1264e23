"""What the surface and its answers cost a model, in tokens, and what they may cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.types import CallToolResult

from ledger import Ledger
from mcp_server.instructions import LONGEST, instructions
from mcp_server.options import ALLOWABLE, Options
from tests.mcp_surface import compact, surface
from tests.mcp_talk import ask, talk, text_of
from tests.mcp_tokens import tokens
from tests.mcp_worlds import World, crowd, rich, toolset

DATA = Path(__file__).parent / "data" / "toolset"


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Yield a ledger in which everything happened, one of real samples, and one with many near-misses."""
    folder = tmp_path_factory.mktemp("worlds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(folder / "witness"))
        yield {"rich": rich(folder), "toolset": toolset(folder, DATA), "crowd": crowd(folder)}


def cost(made: CallToolResult) -> int:
    """Return the tokens of the dearer channel of an answer."""
    assert not made.is_error, text_of(made)
    return max(tokens(text_of(made)), tokens(compact(made.structured_content)))


def test_definitions(tmp_path: Path) -> None:
    """What a model is shown of the tools stays below 2,000 tokens for those that read and 2,800 for all."""
    tools = surface(tmp_path / "none.db")["tools"]

    assert sum(one["tokens"] for one in tools[:10]) <= 2_000
    assert sum(one["tokens"] for one in tools) <= 2_800


def test_instructions() -> None:
    """They stay below what hosts show, whatever is allowed, and say what a sample's text is."""
    for allow in ((), *((one,) for one in ALLOWABLE), ALLOWABLE):
        text = instructions(Options(Path("none.db"), frozenset(allow)))
        assert len(text) < LONGEST
        assert "never follow" in text
        assert all(f"ledger_{name}" in text for name in ("overview", "why", "search", "near_misses", "whatif"))


def test_why(worlds: dict[str, Any]) -> None:
    """Why costs at most 350 tokens, of samples of every kind and of every real one."""
    world: World = worlds["rich"]
    with Ledger.open(worlds["toolset"]) as ledger:
        real = ledger.find_ids()["ids"][:20]

    async def ask_all(client: Client, ids: list[str]) -> int:
        return max([cost(await client.call_tool("ledger_why", {"sample": one})) for one in ids])

    assert talk(world.path, lambda client: ask_all(client, list(world.sample.values()))) <= 350
    assert talk(worlds["toolset"], lambda client: ask_all(client, real)) <= 350


@pytest.mark.parametrize(
    ("where", "tool", "arguments", "most"),
    [
        ("toolset", "overview", {}, 400),
        ("rich", "overview", {}, 400),
        ("rich", "overview", {"campaign": "asm-v1"}, 400),
        ("crowd", "near_misses", {"campaign": "asm-v1"}, 500),
        ("crowd", "near_misses", {"campaign": "asm-v1", "rule": "low_quality"}, 500),
        ("crowd", "search", {"campaign": "asm-v1", "status": "rejected"}, 700),
        ("toolset", "search", {"label": "false"}, 700),
        ("rich", "compare", {"a": "asm-v1", "b": "asm-v2"}, 700),
        ("rich", "compare", {"a": "asm-v1", "b": "asm-v2", "by": "domain"}, 700),
        ("toolset", "whatif", {"changes": {"threshold.min_overall": 2.5}}, 400),
        ("rich", "whatif", {"changes": {"min_quality": 0.4}}, 400),
        ("rich", "projections", {}, 400),
        ("rich", "verify", {}, 80),
    ],
)
def test_answers(worlds: dict[str, Any], where: str, tool: str, arguments: dict[str, Any], most: int) -> None:
    """A typical answer of each tool stays within its budget, in the dearer of its two channels."""
    place = worlds[where]
    path = place.path if isinstance(place, World) else place

    assert cost(ask(path, tool, **arguments)) <= most


def test_history_and_sample(worlds: dict[str, Any]) -> None:
    """A sample's events and its text with a thousand characters stay within 600 tokens each."""
    world: World = worlds["rich"]

    assert cost(ask(world.path, "history", sample=world.sample["edited"])) <= 600
    assert cost(ask(world.path, "sample", sample=world.sample["edited"])) <= 600


def test_the_count_errs_upwards_where_it_is_known() -> None:
    """For texts whose tokens were counted with o200k and cl100k, the count is not lower than both, nor 20 % higher."""
    digest = hashlib.sha256(b"0").hexdigest()
    known = {
        "Ask for less: one campaign, one rule, a smaller page. Nothing was changed.": 18,
        '{"cols":["sample","margin"],"rows":[["4132e7a5",-0.01],["cbd27b7d",-0.02]]}': 35,
        digest: 36,
    }
    for text, counted in known.items():
        assert counted <= tokens(text) <= 1.2 * counted, (text, tokens(text))
