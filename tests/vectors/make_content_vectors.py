"""Make `content.json`: lines, the normal forms that they must have, fingerprints, sample ids and ops.

The normal forms are written here by hand, from the definition, with nothing of the ledger in it, so that it can
disagree with it. These are the promises of the file format: a value that changes here breaks every ledger there is.
Run `python tests/vectors/make_content_vectors.py` to write the file again.
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

from blake3 import blake3

FILE = Path(__file__).with_name("content.json")
CALL = {"path": "a/ä.md", "n": 1.50, "list": [1, None, True]}
CALL_TEXT = '{"path": "a/\\u00e4.md",  "n": 1.5e0, "list": [1,null,true]}'
ASKED = {"role": "user", "content": "Open it"}
TOOLS = [{"type": "function", "function": {"name": "open", "parameters": {}}}]


def answer(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return an assistant's message."""
    return {"role": "assistant", **fields}


def structured(arguments: Any, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return an OpenAI tool call."""
    return {"id": "call_1", "type": "function", "function": {"name": "open", "arguments": arguments, **fields}}


CALLED = [["assistant", ["I will.", ["call", "open", CALL]]]]
PROMPT = [["user", ["Open it"]]]

CONTENTS: list[dict[str, Any]] = [
    {
        "what": "one call, written in every way that is read",
        "lines": [
            {"messages": [ASKED, answer(content=f"I will.\n\ntool_call: open\narguments: {CALL_TEXT}")]},
            {"conversations": [ASKED, answer(content=f"I will.\r\ntool_call:open \r\narguments:{CALL_TEXT}\n")]},
            {"messages": [ASKED, answer(content="I will.", tool_calls=[structured(CALL)])], "label": False},
            {"messages": [ASKED, answer(content=" I will.", tool_calls=[structured(CALL_TEXT)])], "tools": None},
            {"messages": [ASKED, answer(content="I will.", tool_calls=[{"name": "open", "arguments": CALL}])]},
            {
                "prompt": [ASKED],
                "completion": [
                    answer(content=f'I will. [TOOL_CALLS] [{{"name":"open","arguments":{CALL_TEXT},"id":"x"}}]')
                ],
            },
            {
                "prompt": [ASKED],
                "completion": [answer(content=[{"type": "text", "text": "I will."}], tool_calls=[structured(CALL)])],
            },
        ],
        "normal": ["conversational", None, PROMPT, CALLED],
    },
    {
        "what": "text and its canonical equivalents; a null field is no field",
        "lines": [
            {"prompt": [{"role": "user", "content": "café"}], "completion": [answer(content="ぱ\n")]},
            {"messages": [{"role": "user", "content": "cafe\u0301", "name": None}, answer(content="は\u309a\n")]},
            {"instruction": "cafe\u0301", "input": "", "output": "ぱ\n"},
        ],
        "normal": ["conversational", None, [["user", ["café"]]], [["assistant", ["ぱ\n"]]]],
    },
    {
        "what": "text only",
        "lines": [{"prompt": "Open it", "completion": "tool_call: open\narguments: {}"}],
        "normal": ["standard", None, "Open it", "tool_call: open\narguments: {}"],
    },
    {
        "what": "tools as a list or as its JSON text",
        "lines": [
            {"messages": [ASKED, answer(content="no")], "tools": TOOLS},
            {"messages": [ASKED, answer(content="no")], "tools": json.dumps(TOOLS, indent=1)},
        ],
        "normal": ["conversational", TOOLS, PROMPT, [["assistant", ["no"]]]],
    },
    {
        "what": "no tools, in every way to say so",
        "lines": [
            {"messages": [ASKED, answer(content="no")]},
            {"messages": [ASKED, answer(content="no")], "tools": None},
            {"messages": [ASKED, answer(content="no")], "tools": []},
            {"messages": [ASKED, answer(content="no")], "tools": "[ ]"},
        ],
        "normal": ["conversational", None, PROMPT, [["assistant", ["no"]]]],
    },
    {
        "what": "several messages, further fields, an answer of a tool, two answers at the end",
        "lines": [
            {
                "messages": [
                    {"role": "system", "content": '\u0001 \\ " \u2028'},
                    ASKED,
                    answer(content=None, tool_calls=[structured({}, strict=True)]),
                    {"role": "tool", "content": "{ }", "tool_call_id": "call_1", "name": "open"},
                    answer(content="a", weight=0),
                    answer(content="", id="m1"),
                ]
            }
        ],
        "normal": [
            "conversational",
            None,
            [
                ["system", ['\u0001 \\ " \u2028']],
                *PROMPT,
                ["assistant", [["call", "open", {}, {"strict": True}]]],
                ["tool", ["{ }"], {"name": "open"}],
            ],
            [["assistant", ["a"], {"weight": 0}], ["assistant", [""]]],
        ],
    },
    {
        "what": "an image, numbers of every kind, an answer without a prompt",
        "lines": [
            {
                "messages": [
                    answer(content=[{"type": "image", "url": "x"}, {"type": "text", "text": "?"}]),
                    answer(
                        content="tool_call: f\narguments: "
                        '{"a":1,"b":1.0,"c":-0.0,"d":1e22,"e":1e-7,"f":36893488147419103232}'
                    ),
                ]
            }
        ],
        "normal": [
            "conversational",
            None,
            [],
            [
                ["assistant", [["content", [{"type": "image", "url": "x"}, {"type": "text", "text": "?"}]]]],
                ["assistant", [["call", "f", {"a": 1, "b": 1.0, "c": -0.0, "d": 1e22, "e": 1e-7, "f": 2**65}]]],
            ],
        ],
    },
    {
        "what": "a line feed before a combining mark, in text that NFC changes",
        "lines": [
            {"prompt": "\n\u0303e\u0301", "completion": "\b\u0307"},
            {"prompt": "\n\u0303é", "completion": "\b\u0307"},
        ],
        "normal": ["standard", None, "\n\u0303e\u0301", "\b\u0307"],
    },
]

BLOB, OTHER = "11" * 32, "22" * 32
CONTENT = {"blob": BLOB, "fingerprint": OTHER, "form": "conversational", "prompt": None, "reader": "messages@1"}
FACTS = {"domain": "asm", "label": False, "tags": [["ä", "x"]], "campaign": "c", "type": "prompt_completion"}
DECISION = {
    "after": None,
    "authority": "policy",
    "details": {"n": 1},
    "policy": None,
    "reason": "ä",
    "rule": None,
    "sample": OTHER,
    "version": BLOB,
}
TAG = {"after": OTHER, "authority": "person", "key": "k", "policy": None, "sample": OTHER, "value": None}
WEIGHT = {"after": OTHER, "authority": "person", "policy": None, "sample": OTHER, "times": 5}
VIEW = {"after": None, "authority": "person", "name": "mine", "view": BLOB}
EDIT = {"after": None, "authority": "person", "sample": OTHER, "version": OTHER}
RELEASE = {
    "after": None,
    "members": BLOB,
    "name": "out.jsonl",
    "omissions": BLOB,
    "output": BLOB,
    "plan": "kto-interleaved@1",
    "recipe": OTHER,
    "view": "kto-interleaved",
}
BORN = {"blob": BLOB, "ordinal": 3, "parent": OTHER, "recipe": OTHER, "version": OTHER}
DERIVED = {**CONTENT, **FACTS, **BORN, "cost": "0.0031", "request": OTHER, "usage": {"input_tokens": 9}}

SCORED = {
    "after": None,
    "replicate": 0,
    "rubric": None,
    "sample": OTHER,
    "scorer": "judge",
    "scorer_version": "1",
    "version": BLOB,
}
MEASURED = {"dimensions": [["overall", "2.6"]], "unscored": [["realism", "no_result"]]}
FOUND = {
    "after": None,
    "findings": [["structure/empty_prompt", "error", "messages[0].content"]],
    "sample": OTHER,
    "schema": None,
    "validators": [["structure", "1"]],
    "version": BLOB,
}
TWINS = {
    "after": OTHER,
    "base": None,
    "campaign": None,
    "field": "exchange",
    "keys": OTHER,
    "recipe": {"bands": 20, "threshold": 800000},
    "twins": BLOB,
}
PHRASES = {"after": None, "campaign": "c", "families": BLOB, "field": "answer", "recipe": {"n": 5}}
PROPOSED = {
    "client": {"name": "host", "request": "7", "session": None, "tool": None, "version": "1"},
    "count": 2,
    "evidence": [3, 12],
    "key": "ä",
    "members": BLOB,
    "proposer": "robot",
    "reason": "because it is ä",
    "verdict": "label-none",
}
OF_A_CALL = {"attempt": 2, "call": OTHER, "purpose": "improve", "sample": BLOB}
SENT: dict[str, Any] = {
    **OF_A_CALL,
    "batch": None,
    "mode": "live",
    "model": "m-1",
    "ordinal": 0,
    "provider": "anthropic",
    "request": BLOB,
    "reserved": "0.0125",
    "version": OTHER,
}
REPLIED: dict[str, Any] = {
    **OF_A_CALL,
    "blob": BLOB,
    "cost": "0.001",
    "latency": 2400,
    "request_id": "req_1",
    "sent": OTHER,
    "status": 200,
    "stop": "end_turn",
    "usage": [["output", 7], ["prompt", 12]],
}
WITHOUT_RESULT = {
    **OF_A_CALL,
    "detail": "the reply ends in the middle",
    "failure": "cut",
    "final": True,
    "recipe": BLOB,
    "sent": OTHER,
    "version": BLOB,
}
PLANNED: dict[str, Any] = {
    "budget": "5",
    "items": 2,
    "members": OTHER,
    "model": "m-1",
    "prices": [["input", "2"], ["output", "10"]],
    "provider": "anthropic",
    "purpose": "improve",
    "recipe": BLOB,
}
ADOPTED = {"after": None, "authority": "person", "campaign": None, "policy": BLOB}

TRAINED = {
    "backend": "trl",
    "config": BLOB,
    "device": "cpu",
    "failure": None,
    "memory": None,
    "method": "kto",
    "metrics": [["loss", "0.5"]],
    "model": OTHER,
    "output": "kto-first",
    "release": OTHER,
    "result": BLOB,
    "rows": 4,
    "seconds": "1.25",
    "started": BLOB,
    "state": "finished",
    "steps": [1, 1],
    "versions": [["trl", "1.16.0"]],
}
EVALUATED = {
    "baseline": None,
    "config": {"limit": 40, "most_tokens": 256},
    "expectations": BLOB,
    "model": OTHER,
    "outputs": BLOB,
    "prompts": 4,
    "release": OTHER,
    "results": [["no errors", 3, None]],
    "schemas": None,
    "started": BLOB,
    "trained": None,
    "versions": [["trl", "1.16.0"]],
}

EVENTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "run_started",
        {"command": "ingest", "ledger": "l", "params": {}, "recipe": OTHER, "root": BLOB, "size": 12, "tool": "0.1.0"},
        {"kind": "run_started", "command": "ingest", "recipe": OTHER, "size": 12},
    ),
    ("run_finished", {"counts": {"new": 1}, "started": OTHER}, {"kind": "run_finished", "started": OTHER}),
    (
        "ingested",
        {**CONTENT, **FACTS, "line": 7, "nth": 1, "source": "ä.jsonl"},
        {"blob": BLOB, "campaign": "c", "nth": 1, "source": "ä.jsonl"},
    ),
    (
        "quarantined",
        {
            "blob": BLOB,
            "campaign": "c",
            "line": 7,
            "nth": 0,
            "offset": 90,
            "reason": "invalid_json",
            "source": "s",
        },
        {"kind": "quarantined", "blob": BLOB, "campaign": "c", "nth": 0, "source": "s"},
    ),
    *((kind, DECISION, {"kind": kind, **DECISION}) for kind in ("accepted", "rejected", "deferred", "superseded")),
    (
        "relabeled",
        {**DECISION, "label": True},
        {"kind": "relabeled", **DECISION, "label": True},
    ),
    (
        "scored",
        {**SCORED, **MEASURED, "evidence": BLOB, "notes": [["overall", "of two parts"]]},
        {"kind": "scored", **SCORED, **MEASURED},
    ),
    ("unscored", {**SCORED, "reason": "error"}, {"kind": "unscored", **SCORED, "reason": "error"}),
    ("found", FOUND, {"kind": "found", **FOUND}),
    ("duplicates_found", {**TWINS, "texts": 9}, {"kind": "duplicates_found", **TWINS}),
    ("templates_found", {**PHRASES, "templated": 5, "texts": 9}, {"kind": "templates_found", **PHRASES}),
    (
        "policy_adopted",
        {**ADOPTED, "changes": [["domain.asm.min_quality", "0.35"]], "name": "strict", "reason": "r", "source": OTHER},
        {"kind": "policy_adopted", **ADOPTED},
    ),
    (
        "tagged",
        {**TAG, "reason": "r"},
        {"kind": "tagged", **TAG},
    ),
    ("weighted", {**WEIGHT, "reason": "r"}, {"kind": "weighted", **WEIGHT}),
    (
        "edited",
        {**CONTENT, **EDIT, "type": "prompt_only", "reason": "r"},
        {"kind": "edited", **EDIT, "blob": BLOB},
    ),
    ("improved", DERIVED, {"kind": "improved", **BORN}),
    ("regenerated", DERIVED, {"kind": "regenerated", **BORN}),
    ("withdrawn", {"reason": "r", "sample": OTHER, "target": BLOB}, {"kind": "withdrawn", "target": BLOB}),
    (
        "split_assigned",
        {"after": None, "family": OTHER, "ratio": [90, 5, 5], "sample": OTHER, "seed": "0", "split": "val"},
        {"kind": "split_assigned", "after": None, "sample": OTHER, "split": "val"},
    ),
    ("view_defined", {**VIEW, "reason": "r", "source": OTHER}, {"kind": "view_defined", **VIEW}),
    (
        "released",
        {**RELEASE, "manifest": OTHER, "rows": 4},
        {"kind": "released", **RELEASE},
    ),
    ("trained", TRAINED, {"kind": "trained", "started": BLOB}),
    ("evaluated", EVALUATED, {"kind": "evaluated", "started": BLOB}),
    (
        "erased",
        {"authority": "a", "blob": BLOB, "fingerprint": OTHER, "reason": "r", "sample": OTHER},
        {"kind": "erased", "blob": BLOB},
    ),
    ("work_planned", PLANNED, {"kind": "work_planned", "members": OTHER, "recipe": BLOB}),
    ("request_sent", SENT, {"kind": "request_sent", "attempt": 2, "call": OTHER}),
    ("reply_stored", REPLIED, {"kind": "reply_stored", "sent": OTHER}),
    (
        "attempt_failed",
        WITHOUT_RESULT,
        {"kind": "attempt_failed", "attempt": 2, "call": OTHER, "failure": "cut", "final": True, "recipe": BLOB},
    ),
    (
        "batch_submitted",
        {"adopted": False, "batch": BLOB, "calls": 3, "provider": "anthropic", "provider_id": "msgbatch_1"},
        {"kind": "batch_submitted", "batch": BLOB, "provider_id": "msgbatch_1"},
    ),
    (
        "checked_out",
        {"batch": 1, "blob": BLOB, "count": 50, "file": "batch_001.jsonl", "job": OTHER, "size": 50},
        {"kind": "checked_out", "batch": 1, "blob": BLOB, "job": OTHER},
    ),
    ("proposed", PROPOSED, {"kind": "proposed", "key": "ä", "proposer": "robot"}),
    (
        "proposal_accepted",
        {"authority": "policy", "confirmed": "none", "policy": OTHER, "proposal": BLOB, "reason": ""},
        {"kind": "proposal_accepted", "proposal": BLOB},
    ),
    (
        "proposal_declined",
        {"authority": "person", "proposal": BLOB, "reason": "ä"},
        {"kind": "proposal_declined", "proposal": BLOB},
    ),
]


def address(text: str) -> str:
    """Return BLAKE3 in hex."""
    return blake3(text.encode()).hexdigest()


def normal(*value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a normal form as it is hashed: compact JSON, NFC."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return unicodedata.normalize("NFC", text)


def main() -> None:
    """Write the file."""
    contents = []
    for case in CONTENTS:
        form, tools, prompt, completion = case["normal"]
        before = address(normal("prompt", 1, form, prompt)) if prompt else None
        whole = address(normal("content", 1, form, tools, prompt, completion))
        contents.append({"what": case["what"], "lines": case["lines"], "fingerprint": whole, "prompt": before})
    events = [
        {
            "kind": kind,
            "fields": fields,
            "op": address(json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)),
        }
        for kind, fields, said in EVENTS
    ]
    FILE.write_text(json.dumps({"contents": contents, "events": events}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
