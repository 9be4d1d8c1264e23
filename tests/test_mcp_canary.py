"""Text of samples stays where text of samples belongs: words that stand in every text are looked for everywhere else.

The ledger of `mcp_worlds.rich` holds the canary in prompts, completions, tags, domains, reasons, notes and in a line
that is no sample. Whatever a server says is searched for it, fields that begin with `untrusted_` taken out.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, PromptReference, ResourceTemplateReference

from ledger import Ledger
from tests.mcp_acting import EVERYTHING, server, using, yes
from tests.mcp_surface import surface
from tests.mcp_talk import talk, text_of
from tests.mcp_worlds import CANARY, World, rich
from tests.small import samples

EVERY = ["prompt", "completion", "tools", "tags", "scores", "findings", "versions", "twins", "releases"]
COLUMNS = ["campaign", "source", "split", "reason", "born", "decided", "excerpt"]
_MARKED = re.compile(r"<(sample-[0-9a-f]{8})>.*?</\1>", re.DOTALL)
CUTS = (CANARY, CANARY[:12])
"""Also a part of it counts: what is cut is cut somewhere."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Yield the ledger; each sample's text, tags, domain and reasons hold the canary."""
    folder = tmp_path_factory.mktemp("worlds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(folder / "witness"))
        yield rich(folder)


def outside(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return what stands in a value outside of fields and columns that begin with `untrusted_`, as text."""
    if isinstance(value, dict):
        if set(value) == {"cols", "rows"}:
            kept = [place for place, name in enumerate(value["cols"]) if not name.startswith("untrusted_")]
            return json.dumps([value["cols"], *([row[place] for place in kept] for row in value["rows"])])
        return " ".join(f"{key} {outside(one)}" for key, one in value.items() if not key.startswith("untrusted_"))
    if isinstance(value, list):
        return " ".join(outside(one) for one in value)
    return str(value)


def check(made: CallToolResult) -> bool:
    """Assert that a call succeeds and its answer keeps the canary where it belongs; say whether it holds it at all."""
    assert not made.is_error, text_of(made)
    whole = made.model_dump_json()
    text = _MARKED.sub("", text_of(made))
    rest = [block for block in made.model_dump(mode="json")["content"] if block["type"] != "text"]
    for words in CUTS:
        assert words not in outside(made.structured_content or {}), outside(made.structured_content or {})
        assert words not in text, text
        assert words not in json.dumps(rest)
    return CANARY[:12] in whole


def test_no_tool_lets_it_out(world: World) -> None:
    """Every tool, over every sample and with every column, shows it in untrusted fields only, and some do show it."""
    with Ledger.open(world.path) as ledger:
        every = samples(ledger)
        domain = ledger.show(world.sample["odd"])["domain"]

    async def ask_all(client: Client) -> list[bool]:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("overview", {}),
            *(("overview", {"campaign": name}) for name in ("asm-v1", "asm-v2")),
            *(("why", {"sample": one}) for one in every),
            *(("why", {"sample": one, "as_of": "90"}) for one in every[:3]),
            *(("history", {"sample": one, "limit": 100}) for one in every),
            *(("sample", {"sample": one, "fields": EVERY}) for one in every),
            *(("sample", {"sample": one, "max_chars": 25}) for one in every[:3]),
            ("search", {"limit": 100, "fields": COLUMNS, "select": True}),
            ("search", {"text": "ignore", "limit": 100, "fields": COLUMNS}),
            ("search", {"domain": domain}),
            ("search", {"reason": f"nearly good, {CANARY}"}),
            ("near_misses", {"limit": 100, "include_text": True}),
            ("near_misses", {"within": 5, "select": True}),
            *(("compare", {"a": "asm-v1", "b": "asm-v2", "by": by}) for by in ("reason", "rule", "domain", "source")),
            ("whatif", {"changes": {"min_quality": 0.1, "min_memory": 0}}),
            ("whatif", {"changes": {f'domain."{domain}".min_quality': 0.1}}),
            ("projections", {}),
            ("projections", {"run": world.release}),
            ("verify", {"scope": "full"}),
        ]
        return [check(await client.call_tool(f"ledger_{tool}", given)) for tool, given in calls]

    assert sum(talk(world.path, ask_all)) > len(every)


def test_no_tool_that_writes_lets_it_out(world: World, tmp_path: Path) -> None:
    """Neither what writing tools answer nor what a person is asked holds it, whichever samples are meant."""
    path, root = tmp_path / "ledger.db", tmp_path / "exports"
    shutil.copyfile(world.path, path)
    root.mkdir()
    with Ledger.open(path) as ledger:
        every = samples(ledger)
    made, person = server(path, *EVERYTHING, root=root), yes()
    wanted: dict[str, Any] = {"samples": every, "verdict": "reject", "reason": "the answers are to another question"}

    async def ask_all(client: Client) -> list[str]:
        proposed = await client.call_tool("ledger_propose_decision", {**wanted, "idempotency_key": "a"})
        check(proposed)
        told = proposed.structured_content or {}
        calls: list[tuple[str, dict[str, Any]]] = [
            ("record_decision", {"proposal": told["proposal"], "idempotency_key": "b"}),
            ("record_decision", {**wanted, "verdict": "accept", "idempotency_key": "c"}),
            ("run_projection", {"view": "sft"}),
            ("run_projection", {"view": "sft", "dry_run": False, "file": "out.jsonl"}),
        ]
        for tool, given in calls:
            check(await client.call_tool(f"ledger_{tool}", given))
        nobody = {**wanted, "samples": ["CANARY"], "idempotency_key": "d"}
        wrong = [
            await client.call_tool("ledger_propose_decision", nobody),
            await client.call_tool("ledger_record_decision", {**wanted, "idempotency_key": "c"}),
            await client.call_tool("ledger_run_projection", {"view": "sf"}),
        ]
        assert all(one.is_error for one in wrong)
        return [text_of(one).replace("'CANARY'", "") for one in wrong]

    told = using(made, ask_all, person)

    assert len(person.questions) >= 2  # the proposal, and the samples
    assert all(words not in one for one in (*told, *person.questions) for words in CUTS)


def test_no_resource_lets_it_out(world: World) -> None:
    """Every resource over every sample and every event keeps it in untrusted fields."""
    with Ledger.open(world.path) as ledger:
        every, head = samples(ledger), ledger.status()["head"]["position"]

    async def read_all(client: Client) -> int:
        holding = 0
        uris = [
            "ledger://overview",
            "ledger://schema",
            *(f"ledger://campaign/{name}" for name in ("asm-v1", "asm-v2")),
            *(f"ledger://sample/{one}{more}" for one in every for more in ("", "/history")),
            *(f"ledger://event/{position}" for position in range(head + 1)),
            f"ledger://projection/{world.release}",
        ]
        for uri in uris:
            (content,) = (await client.read_resource(uri)).contents
            whole = content.model_dump(mode="json")
            told = json.loads(whole.pop("text"))
            assert all(words not in outside(told) and words not in json.dumps(whole) for words in CUTS), uri
            holding += CANARY[:12] in json.dumps(told)
        return holding

    assert talk(world.path, read_all) > len(every)


def test_no_prompt_completion_or_listing_lets_it_out(world: World) -> None:
    """Prompts name ids and campaigns, completions plain names; what is listed knows nothing of the ledger."""
    with Ledger.open(world.path) as ledger:
        every = samples(ledger)

    async def ask_all(client: Client) -> str:
        told = [(await client.get_prompt("explain_sample", {"sample": one})).model_dump_json() for one in every]
        about = {"campaign": "asm-v1"}
        prompts = ("triage_campaign", "review_near_misses", "plan_threshold_change")
        told += [(await client.get_prompt(name, about)).model_dump_json() for name in prompts]
        told.append((await client.get_prompt("compare_campaigns", {"a": "asm-v1", "b": "asm-v2"})).model_dump_json())
        refs = (
            PromptReference(type="ref/prompt", name="triage_campaign"),
            ResourceTemplateReference(type="ref/resource", uri="ledger://campaign/{campaign}"),
        )
        for ref in refs:
            for name in ("a", "b", "campaign", "name", "projection", "rule", "run", "sample"):
                for value in ("", "C", "CAN", "a"):
                    found = await client.complete(ref, {"name": name, "value": value})
                    told.append(found.model_dump_json())
        return " ".join(told)

    whole = f"{talk(world.path, ask_all)} {surface(world.path)}"
    assert all(words not in whole for words in CUTS)


def test_no_error_lets_it_out(world: World) -> None:
    """What is wrong with a request is said without a word of any sample, also where one is very near."""
    with Ledger.open(world.path) as ledger:
        every = samples(ledger)

    async def ask_all(client: Client) -> list[str]:
        calls: list[tuple[str, dict[str, Any]]] = [
            *(("why", {"sample": f"{one[:7]}{'0' if one[7] != '0' else '1'}"}) for one in every),
            ("overview", {"campaign": "CAN"}),
            ("search", {"domain": "CANA"}),
            ("search", {"rule": "CANA"}),
            ("search", {"score": "CANA", "score_min": 0.1}),
            ("near_misses", {"rule": "C"}),
            ("compare", {"a": "C", "b": "A"}),
            ("whatif", {"changes": {"domain.CAN.min_quality": "x"}}),
            ("whatif", {"changes": {"CAN": 0.1}}),
            ("projections", {"name": "C"}),
        ]
        told = []
        for tool, given in calls:
            made = await client.call_tool(f"ledger_{tool}", given)
            assert made.is_error
            told.append(made.model_dump_json())
        for uri in ("ledger://campaign/C", "ledger://sample/CANARY", "ledger://event/C"):
            with pytest.raises(MCPError) as caught:
                await client.read_resource(uri)
            told.append(str(caught.value).replace(uri, ""))
        return told

    assert all(words not in one for one in talk(world.path, ask_all) for words in CUTS)


def test_the_look_is_sharp() -> None:
    """The search would find the words in a fact, in a name, in a column and in the text outside of its tags."""
    table = {"cols": ["sample", "untrusted_excerpt"], "rows": [["CANARY", "hidden"]]}

    assert "CANARY" in outside({"a": {"b": ["CANARY"]}})
    assert "CANARY" in outside({"CANARY": 1})
    assert "CANARY" in outside({"t": table})
    assert "hidden" not in outside({"t": table, "untrusted_text": "hidden", "x": {"untrusted_y": "hidden"}})
    assert _MARKED.sub("", "a <sample-0123abcd>CANARY</sample-0123abcd> b") == "a  b"
    assert "CANARY" in _MARKED.sub("", "<sample-0123abcd>x</sample-ffffffff> CANARY")
