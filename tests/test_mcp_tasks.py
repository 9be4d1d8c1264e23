"""The tools lead to the answers: real questions, with the truth from SQL, at a stated price, at every size.

MCP_TASK_ROWS=1000000 adds a ledger of that size, which takes minutes to make; MCP_TASK_LEDGER keeps or reuses its file.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.client import Client

from tests import mcp_questions  # noqa: F401 - fills TASKS
from tests.mcp_acting import server, standing, using
from tests.mcp_tasks import TASKS, Metered, Task, agrees, given, truth, value
from tests.mcp_toolset import make

LARGER = 20_000
HUGE = int(os.environ.get("MCP_TASK_ROWS", "0"))
SIZES = ("slices", LARGER, *([HUGE] if HUGE else []))


class World:
    """A ledger of one size, and what the questions name in it."""

    def __init__(self, path: Path) -> None:
        """Look up the names."""
        self.path = path
        self.names = given(path)
        self.server = server(path, "propose")


@pytest.fixture(scope="module", params=SIZES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Yield a ledger of each size."""
    folder = tmp_path_factory.mktemp("toolset")
    kept = Path(os.environ.get("MCP_TASK_LEDGER", folder / "ledger.db"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(folder / "witness"))
        if request.param == HUGE and kept.exists():
            yield World(kept)
        else:
            yield World(make(folder, None if request.param == "slices" else request.param))


def run(world: World, one: Task) -> tuple[object, Metered]:
    """Return the answer that the plan comes to, and what it cost."""

    async def work(client: Client) -> tuple[object, Metered]:
        metered = Metered(client, world.names)
        return value(await one.plan(metered)), metered

    return using(world.server, work)


@pytest.mark.parametrize("one", TASKS, ids=[one.name for one in TASKS])
def test_a_question_is_answered_within_its_budget(world: World, one: Task) -> None:
    """The plan's answer is the one in the file, with no more calls and tokens than the task allows, at every size."""
    true = truth(world.path, one, world.names)

    answer, cost = run(world, one)

    assert agrees(answer, true), (one.question, answer, true)
    assert cost.calls <= one.calls
    assert cost.tokens <= one.tokens


def test_there_are_enough_questions() -> None:
    """At least twenty questions are asked, each tool that reads is needed by one, and recovery is among them."""
    assert len(TASKS) >= 20
    assert len({one.name for one in TASKS}) == len(TASKS)
    assert len({one.tool for one in TASKS}) >= 10
    assert sum(one.name.startswith("wrong") for one in TASKS) >= 4


def test_proposing_changed_nothing(world: World) -> None:
    """After the tasks that propose, every sample stands as before."""
    proposing = [one for one in TASKS if "propose" in one.name]
    before = standing(world.path)

    for one in proposing:
        run(world, one)

    assert len(proposing) == 2
    assert standing(world.path) == before


def test_the_tools_are_found_by_what_they_are_for(world: World) -> None:
    """For each question the words that one would look for bring the right tool among the first three.

    Hosts hand a model the names of tools and let it look for the rest by words, in names, descriptions and hints.
    """

    async def listed(client: Client) -> dict[str, str]:
        tools = (await client.list_tools()).tools
        hints = {one.name: str((one.meta or {}).get("anthropic/searchHint", "")) for one in tools}
        return {one.name: f"{one.name} {one.description} {hints[one.name]}" for one in tools}

    about = {name: Counter(_words(text)) for name, text in using(world.server, listed).items()}

    for one in TASKS:
        found = sorted(about, key=lambda name: (-_fit(one.keywords, name, about), name))
        assert one.tool in found[:3], (one.name, found[:3])


def _words(text: str) -> list[str]:
    return [re.sub(r"(ies|y|s)$", "", word) for word in re.findall(r"[a-z]{3,}", text.lower())]


def _fit(keywords: str, name: str, about: dict[str, Counter[str]]) -> float:
    """Return how well words fit a tool: each counts the more, the fewer tools have it."""
    words = set(_words(keywords))
    rare = {word: math.log(1 + len(about) / (1 + sum(word in one for one in about.values()))) for word in words}
    return sum(rare[word] for word in words if word in about[name])
