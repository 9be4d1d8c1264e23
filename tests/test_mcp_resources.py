"""Resources, their templates and completions: the same facts as the tools', under addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import Completion, PromptReference, ResourceTemplateReference, TextResourceContents

from ledger import Ledger
from mcp_server.resources import LARGEST
from tests.mcp_talk import Era, facts, talk
from tests.mcp_worlds import World, rich


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Yield a ledger in which everything happened."""
    folder = tmp_path_factory.mktemp("worlds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(folder / "witness"))
        yield rich(folder)


def read(path: Path, uri: str, mode: Era = "auto") -> Any:  # noqa: ANN401 - JSON
    """Return what stands at an address."""

    async def ask(client: Client) -> str:
        (content,) = (await client.read_resource(uri)).contents
        assert isinstance(content, TextResourceContents)
        assert content.mime_type == "application/json"
        return content.text

    text = talk(path, ask, mode=mode)
    assert len(text.encode()) <= LARGEST
    return json.loads(text)


def completed(path: Path, argument: str, value: str, *, prompt: bool = False) -> list[str]:
    """Return what is offered for an argument of a template or of a prompt."""
    template = ResourceTemplateReference(type="ref/resource", uri="ledger://campaign/{campaign}")
    ref = PromptReference(type="ref/prompt", name="triage_campaign") if prompt else template

    async def ask(client: Client) -> Completion:
        return (await client.complete(ref, {"name": argument, "value": value})).completion

    found = talk(path, ask)
    assert found.total is None or found.total >= len(found.values)
    return found.values


def test_what_is_listed(world: World) -> None:
    """Two resources and five templates are listed, each with a title, a description and a type."""

    async def ask(client: Client) -> tuple[list[Any], list[Any]]:
        return (await client.list_resources()).resources, (await client.list_resource_templates()).resource_templates

    resources, templates = talk(world.path, ask)
    assert [one.uri for one in resources] == ["ledger://overview", "ledger://schema"]
    assert sorted(one.uri_template for one in templates) == [
        "ledger://campaign/{campaign}",
        "ledger://event/{seq}",
        "ledger://projection/{run}",
        "ledger://sample/{sample}",
        "ledger://sample/{sample}/history",
    ]
    assert all(one.title and one.description and one.mime_type for one in (*resources, *templates))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_resource_says_what_the_tool_says(world: World, mode: Era) -> None:
    """Overview, campaign, sample, history and release are the facts of the tools."""
    sample = world.sample["edited"]
    every = ["prompt", "completion", "tools", "tags", "scores", "findings", "versions", "twins", "releases"]

    assert read(world.path, "ledger://overview", mode) == facts(world.path, "overview")
    assert read(world.path, "ledger://campaign/asm-v1", mode) == facts(world.path, "overview", campaign="asm-v1")
    whole = facts(world.path, "sample", sample=sample, fields=every, max_chars=8000)
    assert read(world.path, f"ledger://sample/{sample}", mode) == whole
    events = facts(world.path, "history", sample=sample, limit=100)
    assert read(world.path, f"ledger://sample/{sample[:8]}/history", mode) == events
    release = facts(world.path, "projections", run=world.release)
    assert read(world.path, f"ledger://projection/{world.release}", mode) == release


def test_an_event_says_what_the_log_says(world: World) -> None:
    """What an event says stands in one text that counts as a stranger's; kind, time and actor beside it."""
    with Ledger.open(world.path) as ledger:
        event = ledger.log(world.sample["person"])[-1]

    told = read(world.path, f"ledger://event/{event['position']}")
    assert (told["kind"], told["time"], told["by"]) == (event["kind"], event["time"], event["actor"])
    assert json.loads(told["untrusted_says"]) == event["says"]


def test_the_schema_names_every_kind_of_event(world: World) -> None:
    """Kinds of events, statuses and words are explained."""
    told = read(world.path, "ledger://schema")

    assert told["events"] == Ledger.kinds()
    assert set(told["statuses"]) == set(Ledger.findable()["status"])


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("ledger://campaign/asm-v9", "nearest campaigns"),
        ("ledger://sample/zz", "is not an id"),
        ("ledger://sample/ffffffff", "Nothing in the ledger"),
        ("ledger://event/999999", "Nothing in the ledger"),
        ("ledger://event/-1", "not a position"),
        ("ledger://event/%F0%9F%98%80", "not a position"),
        ("ledger://projection/3", "ledger_projections"),
        ("ledger://projection/..%2Fx", ""),
        ("ledger://nothing", "Unknown resource"),
    ],
)
def test_a_wrong_address_is_refused_in_a_sentence(world: World, uri: str, says: str) -> None:
    """What is not there is an error of the protocol, with one sentence."""
    with pytest.raises(MCPError) as caught:
        read(world.path, uri)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_completions(world: World) -> None:
    """Campaigns, rules, projections, releases and ids are offered by how they begin."""
    assert completed(world.path, "campaign", "asm") == ["asm-v1", "asm-v2"]
    assert completed(world.path, "campaign", "V2", prompt=True) == ["asm-v2"]
    assert completed(world.path, "a", "asm-v1") == ["asm-v1"]
    assert "low_quality" in completed(world.path, "rule", "low")
    assert completed(world.path, "name", "kto") == ["kto", "kto-interleaved"]
    assert str(world.release) in completed(world.path, "run", str(world.release)[:1])
    sample = world.sample["low"]
    assert sample.startswith(completed(world.path, "sample", sample[:6])[0])
    assert completed(world.path, "sample", "") == []
    assert completed(world.path, "sample", "'; --") == []
    assert completed(world.path, "nothing", "x") == []
