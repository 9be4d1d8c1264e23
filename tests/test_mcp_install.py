"""What is handed to hosts and registries: each file is what its reader takes, and names what this program has."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from mcp.client import Client

from commands._options import Given
from commands.cli import cli
from ledger import Ledger, __version__
from tests.mcp_acting import EVERYTHING, server, using
from tests.test_docs import command_names

ROOT = Path(__file__).resolve().parent.parent
DOCS = (ROOT / "docs" / "mcp.md").read_text("utf-8")
PIN = f"sample-ledger[mcp]=={__version__}"


def _json(name: str) -> dict[str, Any]:
    value = json.loads((ROOT / name).read_text("utf-8"))
    assert isinstance(value, dict)
    return value


def _project(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text("utf-8"))


def _understood(words: list[str]) -> click.Context:
    """Return what the command line makes of words after `ledger`; nothing runs, a usage error fails the test."""
    rest = list(words)
    before: list[str] = []
    while rest[0] not in cli.list_commands(click.Context(cli)):
        before.append(rest.pop(0))  # options of the program; every verb takes them too
    command: click.Command = cli
    context = click.Context(cli, obj=Given(), **cli.context_settings)
    while isinstance(command, click.Group):
        name, rest = rest[0], rest[1:]
        found = command.get_command(context, name)
        assert found is not None, words
        command = found
    return command.make_context(command.name, [*before, *rest], parent=context)


def test_the_bundle_says_what_a_host_needs() -> None:
    """The manifest has the keys that version 0.4 requires, and passes on exactly the settings that it asks for."""
    manifest = _json("mcpb/manifest.json")

    assert manifest["manifest_version"] == "0.4"
    assert {"name", "version", "description", "author", "server"} <= set(manifest)
    assert manifest["server"]["type"] == "uv"
    assert (ROOT / "mcpb" / manifest["server"]["entry_point"]).is_file()
    passed = re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(manifest["server"]))
    assert sorted(passed) == sorted(manifest["user_config"])
    assert manifest["user_config"]["allow_proposals"]["default"] is False
    for asked in manifest["user_config"].values():
        assert {"type", "title", "description"} <= set(asked)


def test_the_tools_that_are_told_of_are_those_that_there_are(tmp_path: Path) -> None:
    """The bundle lists what is always offered, and the documentation every tool."""

    async def names(client: Client) -> list[str]:
        return [one.name for one in (await client.list_tools()).tools]

    with Ledger.init(tmp_path / "ledger.db"):
        reading = using(server(tmp_path / "ledger.db"), names)
        every = using(server(tmp_path / "ledger.db", *EVERYTHING), names)

    assert [one["name"] for one in _json("mcpb/manifest.json")["tools"]] == reading
    assert re.findall(r"^\| `(ledger_\w+)` \|", DOCS, re.MULTILINE) == every


def test_everything_names_this_version() -> None:
    """Bundle, registry entry and documentation install the version that this is."""
    package = _json("server.json")["packages"][0]

    assert _json("mcpb/manifest.json")["version"] == __version__
    assert _project("mcpb/pyproject.toml")["project"]["dependencies"] == [PIN]
    assert _json("server.json")["version"] == package["version"] == __version__
    assert package["runtimeArguments"][0]["value"] == PIN
    assert set(re.findall(r"sample-ledger\[mcp\]==[0-9.]+", DOCS)) == {PIN}


def test_the_bundle_starts_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle's entry gives the command line arguments that it understands, and allows only what was ticked."""
    for ticked, expected in (("true", ["--allow", "propose"]), ("false", []), ("", [])):
        seen: list[list[str]] = []
        monkeypatch.setenv("LEDGER_ALLOW_PROPOSALS", ticked)
        monkeypatch.setattr("sys.argv", ["server.py"])
        monkeypatch.setattr("commands.cli.main", lambda seen=seen: seen.append(list(sys.argv)))
        runpy.run_path(str(ROOT / "mcpb" / "server.py"), run_name="__main__")

        assert seen == [["ledger", "mcp", *expected]]
        _understood(seen[0][1:])


def test_the_registry_entry_can_be_started() -> None:
    """What a registry composes (hint, runtime arguments, identifier, arguments) is a command of this package."""
    entry = _json("server.json")
    package = entry["packages"][0]

    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"])
    assert len(entry["description"]) <= 100
    assert {"registryType", "identifier", "transport"} <= set(package)
    assert (package["registryType"], package["runtimeHint"]) == ("pypi", "uvx")
    assert package["transport"] == {"type": "stdio"}
    project = _project("pyproject.toml")["project"]
    assert package["identifier"] == project["name"]
    assert package["identifier"] in project["scripts"], "registries start a package by its own name"
    assert f"mcp-name: {entry['name']}" in (ROOT / "README.md").read_text("utf-8")
    fixed = [one["value"] for one in package["packageArguments"] if "value" in one]
    _understood(fixed)
    for one in package["packageArguments"]:
        for choice in one.get("choices", []):
            more = ["--export-root", str(ROOT)] if choice == "export" else []
            _understood([*fixed, one["name"], choice, *more])


@pytest.mark.parametrize("block", re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL), ids=["project", "desktop"])
def test_the_configurations_in_the_documentation_start_the_server(block: str) -> None:
    """Each configuration of a client is JSON with one server, whose arguments this program understands."""
    servers = json.loads(block)["mcpServers"]
    assert len(servers) == 1
    server = next(iter(servers.values()))

    arguments = server["args"]
    assert arguments[:3] == ["--from", PIN, "ledger"]
    _understood(arguments[3:])


def test_the_command_lines_in_the_documentation_are_understood() -> None:
    """Each `claude mcp add … -- uvx …` and each `ledger mcp …` of a shell block is a command of this program."""
    lines = [line for block in re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL) for line in block.splitlines()]
    started = [shlex.split(line.replace("$LEDGER_TOKEN", "t")) for line in lines if "ledger" in line]
    ours = [words[words.index("ledger", words.index("uvx")) + 1 :] for words in started if "uvx" in words]
    ours += [words[1:] for words in started if words[0] == "ledger"]

    assert len(ours) >= 3
    for words in ours:
        _understood(words)


def _skill() -> tuple[dict[str, str], str]:
    text = (ROOT / "skill" / "SKILL.md").read_text("utf-8")
    _, head, body = text.split("---\n", 2)
    return dict(line.split(": ", 1) for line in head.splitlines()), body


def test_the_skill_is_one() -> None:
    """The skill's head has a name and a description as hosts take them, and its body is short."""
    head, body = _skill()

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", head["name"])
    assert len(head["name"]) <= 64
    assert 0 < len(head["description"]) <= 1024
    assert len(body) < 6_000


def test_the_skill_teaches_verbs_and_options_that_there_are() -> None:
    """Every command of the skill is understood by this program."""
    _, body = _skill()
    found = re.findall(r"`(ledger [^`…]+)`", body)
    found += [line for block in re.findall(r"```sh\n(.*?)```", body, re.DOTALL) for line in block.splitlines()]
    verbs = command_names(cli)

    assert len(found) > 20
    for line in found:
        words = shlex.split(line)[1:]
        if words[:2] in (["--ledger", "PATH"], ["VERB", "--help"]):
            continue
        assert " ".join(words[:1]) in verbs or " ".join(words[:2]) in verbs, line
        if " ".join(words) not in verbs:  # a verb alone is only named
            _understood(words)
