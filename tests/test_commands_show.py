"""`ledger show`."""

from __future__ import annotations

import json
from pathlib import Path

from ledger import Ledger
from tests.cli import ok, program

NASTY = "\x1b]0;title\x07\x1b[2J\r\u202egnp.exe\u2066 [bold]b[/bold]\u009b31m"


def _add(ledger: Ledger, folder: Path, line: dict[str, object]) -> str:
    (folder / "one.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    ledger.ingest([folder / "one.jsonl"], campaign="c")
    return str(ledger.log(limit=2)[0]["event"])


def test_a_chat_is_shown_by_role_with_readable_calls(toolset: Ledger) -> None:
    """Each message stands under its role, and a call in text is a name with its arguments."""
    sample = toolset.log(limit=1000)[2]["event"]

    out = ok("--ledger", toolset.path, "show", sample).out

    assert "\nuser\n  List the latest evening-pages states" in out
    assert "\nassistant (completion)\n  → memoryManager_listStates\n" in out
    assert "\n    limit: 2\n" in out
    assert "poor.jsonl line 2, campaign toolset" in out


def test_json_and_raw_are_exact(toolset: Ledger, tmp_path: Path, data: Path) -> None:
    """--json is the dict of Ledger.show; --raw is the line as it came, byte for byte."""
    sample = toolset.log(limit=1000)[2]["event"]

    assert ok("--ledger", toolset.path, "show", sample[:10], "--json").json == toolset.show(sample)
    raw = program("--ledger", toolset.path, "show", sample, "--raw", cwd=tmp_path).out
    assert raw == (data / "poor.jsonl").read_text("utf-8").splitlines()[1]


def test_nothing_in_a_sample_steers_the_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """Escape sequences, carriage returns and marks that turn the reading order are written out; markup is text."""
    messages = [{"role": "user", "content": NASTY}, {"role": "assistant", "content": "user\n  fake heading"}]
    sample = _add(ledger, tmp_path, {"messages": messages, "tags": {"t": "\u202eevil"}})

    for out in (
        ok("--ledger", ledger.path, "show", sample).out,
        ok("--ledger", ledger.path, "show", sample, "--json").out,
    ):
        assert not set(out) & set("\x1b\x07\r\u202e\u2066\u009b")
        assert "[bold]b[/bold]" in out
    assert ok("--ledger", ledger.path, "show", sample, "--json").json["content"]["prompt"][0]["content"] == NASTY
    assert "\n  user\n" in ok("--ledger", ledger.path, "show", sample).out, "text is indented, headings are not"


def test_openai_calls_parts_tools_and_standard_form(ledger: Ledger, tmp_path: Path) -> None:
    """Calls as objects, contents in parts, tools and plain prompts are all readable."""
    chat = _add(
        ledger,
        tmp_path,
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "url": "u"}]},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"type": "function", "function": {"name": "find", "arguments": '{"q": "cat"}'}}],
                },
            ],
            "tools": [{"type": "function", "function": {"name": "find"}}],
        },
    )
    plain = _add(ledger, tmp_path, {"prompt": "2 + 2?", "completion": " 4"})

    shown = ok("--ledger", ledger.path, "show", chat).out
    assert "tools  find" in shown
    assert "  look\n" in shown
    assert "→ find\n    q: cat\n" in shown
    assert "\nprompt\n  2 + 2?\n\ncompletion\n   4\n" in ok("--ledger", ledger.path, "show", plain).out


def test_versions_are_listed_when_there_are_several(toolset: Ledger) -> None:
    """After an edit both versions stand there, and the new content is what is shown."""
    sample = toolset.log(limit=1000)[2]["event"]
    toolset.edit(sample, b'{"messages": [{"role": "user", "content": "new"}, {"role": "assistant", "content": "x"}]}')

    out = ok("--ledger", toolset.path, "show", sample).out

    assert "\nversions\n" in out
    assert "  new\n" in out
    assert "evening-pages" in ok("--ledger", toolset.path, "show", sample, "--as-of", "121").out
