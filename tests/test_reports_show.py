"""show: one sample, its content exactly, its facts and its versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import CorruptLedger
from tests.small import chat, samples, text_of, write


def test_a_sample_is_shown_whole(ledger: Ledger, tmp_path: Path) -> None:
    """Identity, origin, facts, content and the line as it came."""
    row = chat("q", "a", label=True, domain="asm", tags={"k": "v"}, tools=[{"name": "f"}])
    ledger.ingest(write(tmp_path / "a.jsonl", chat("other", "x"), row), campaign="c")
    one = samples(ledger)[1]
    shown = ledger.show(one)
    assert shown["content"] == {
        "prompt": [{"role": "user", "content": "q"}],
        "completion": [{"role": "assistant", "content": "a"}],
        "tools": [{"name": "f"}],
    }
    assert json.loads(shown["raw"]) == row
    assert shown["origin"] == {
        "event": "ingested",
        "position": 2,
        "campaign": "c",
        "source": "a.jsonl",
        "line": 2,
        "occurrence": 0,
        "label": True,
        "reader": "messages@1",
    }
    assert (shown["sample"], shown["status"], shown["label"], shown["domain"]) == (one, "pending", True, "asm")
    assert (shown["tags"], shown["split"], shown["type"], shown["form"]) == (
        {"k": "v"},
        None,
        "prompt_completion",
        "conversational",
    )
    first = {"version": shown["version"], "position": 2, "withdrawn": False, "erased": False}
    assert (shown["versions"], shown["erased"]) == ([first], None)
    assert shown["bytes"] == len(shown["raw"].encode())


def test_text_stays_text(ledger: Ledger, tmp_path: Path) -> None:
    """A standard sample is shown as two texts; nothing before the completion means no prompt fingerprint."""
    rows: list[dict[str, Any]] = [
        {"prompt": "p", "completion": "c"},
        {"messages": [{"role": "assistant", "content": "x"}]},
    ]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="c")
    one, two = samples(ledger)
    assert ledger.show(one)["content"] == {"prompt": "p", "completion": "c"}
    assert ledger.show(one)["prompt_fingerprint"].startswith("b3:")
    assert ledger.show(two)["prompt_fingerprint"] is None


def test_versions_are_listed_with_their_fate(ledger: Ledger, tmp_path: Path) -> None:
    """Every version stays listed; the shown content is that of the last one not withdrawn."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "first")), campaign="c")
    one = samples(ledger)[0]
    for answer in ("second", "third"):
        ledger.edit(one, text_of([chat("q", answer)]).encode())
    ledger.withdraw([ledger.log(one)[-1]["event"]])
    shown = ledger.show(one)
    assert [each["withdrawn"] for each in shown["versions"]] == [False, False, True]
    assert shown["version"] == shown["versions"][1]["version"]
    assert shown["content"]["completion"][0]["content"] == "second"
    assert ledger.show(one, "1")["content"]["completion"][0]["content"] == "first"
    assert len(ledger.show(one, "1")["versions"]) == 1


def test_bytes_that_changed_are_not_shown(toolset: Ledger) -> None:
    """A version whose bytes are not those of its address is damage, and said to be."""
    one = samples(toolset)[3]
    raw = toolset.show(one)["raw"].encode()
    toolset.close()
    body = toolset.path.read_bytes()
    assert body.count(raw) == 1
    toolset.path.write_bytes(body.replace(raw, raw[:-20] + b"!" * 20))
    with Ledger.open(toolset.path) as damaged, pytest.raises(CorruptLedger, match="are not those of b3:"):
        damaged.show(one)


def test_a_leaf_that_changed_is_not_believed(toolset: Ledger) -> None:
    """An event whose bytes are no leaf any more is damage for show, why and log, never a traceback."""
    one = samples(toolset)[3]
    toolset.close()
    body = toolset.path.read_bytes()
    marker = b'"line":4,'
    assert marker in body
    toolset.path.write_bytes(body.replace(marker, b'"line":4 ', 1))
    with Ledger.open(toolset.path) as damaged:
        for read in (lambda: damaged.show(one), lambda: damaged.why(one), lambda: damaged.log(limit=1_000)):
            with pytest.raises(CorruptLedger, match="not a leaf"):
                read()
