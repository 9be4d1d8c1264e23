"""Validators together: the same findings always, in order, about the real slices; no content makes one fail."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.readers import FactMap, Reading, content_of, read_line
from ledger.sample import Content, text_calls
from ledger.validators import (
    ERROR,
    MOST_FINDINGS,
    RULES,
    SEVERITIES,
    VALIDATORS,
    WARNING,
    TextLimits,
    examine,
    tools_called,
    validate,
)
from ledger.validators.reading import talk_of
from tests.strategies import contents, json_values, samples
from tests.talks import assistant, called, calling, function, said, talk, text_call, toolset, user

MEGABYTE = 1 << 20
HOSTILE = {
    "marks": "\ntool_call: x\narguments: {",
    "marks without arguments": "\ntool_call: x",
    "calls": '\ntool_call: x\narguments: {"a": 1}',
    "Mistral's marks": "[TOOL_CALLS][",
    "bare arguments": "arguments: {\n",
    "fences": "```\n",
    "brackets": "[{",
    "quotes": '{"',
    "escapes": '{"\\',
    "spaces": " ",
    "line ends": "\n",
    "digits": "9",
    "keys": "sk-",
    "private keys": "-----BEGIN PRIVATE KEY-----",
    "tokens": "eyJaaaaaaaa.",
    "one token": "eyJ",
    "slack": "xoxb-",
    "lists": '(id: "',
    "sections": "<session_context>sessionId: ",
}


def real(data: Path, name: str) -> Iterator[Content]:
    """Yield the contents of a real slice."""
    for line in (data / name).read_bytes().splitlines():
        read = read_line(line, FactMap())
        if isinstance(read, Reading):
            yield content_of(line, read.reader)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("enhanced.jsonl", {}),
        (
            "poor.jsonl",
            {"tools/context_field_empty": 39, "tools/context_field_type": 3, "calls/duplicate_key": 1},
        ),
        (
            "scored.jsonl",
            {
                "tools/context_field_empty": 14,
                "tools/context_field_type": 1,
                "calls/duplicate_key": 1,
                "tools/wrong_type": 1,
            },
        ),
    ],
)
def test_real_samples_break_the_rules_that_they_are_known_to(data: Path, name: str, expected: dict[str, int]) -> None:
    """As many samples of a slice break each rule as its README says; no other rule is broken."""
    found = [{finding.rule for finding in validate(content, toolset())} for content in real(data, name)]

    assert Counter(rule for broken in found for rule in broken) == expected


def test_a_tool_is_named_for_each_call(data: Path) -> None:
    """Every sample of the enhanced slice calls one tool, and the schema slice has them all but one of the two added."""
    names = [tools_called(content) for content in real(data, "enhanced.jsonl")]

    assert all(len(one) == 1 for one in names)
    assert {one[0] for one in names} < set(toolset().names)
    assert "commandManager_listCommands" not in {one[0] for one in names}


@given(contents() | st.builds(lambda v, w: Content("conversational", (v,), (w,), v), json_values(), json_values()))
def test_no_content_makes_a_validator_fail(content: Content) -> None:
    """Contents of every shape, and what is none, get findings by rules that exist, with the severity of the rule."""
    for schemas in (None, toolset()):
        for finding in validate(content, schemas, TextLimits(1, 20, require_call=True)):
            assert RULES[finding.rule]
            assert SEVERITIES[finding.rule] == finding.severity
            assert not finding.rule.startswith("internal/")
            finding.path.encode("ascii")
            assert finding.message.isprintable()


@given(st.sampled_from(["role", "content", "tool_calls", "tool_call_id", "name"]), json_values(), st.data())
def test_no_wrong_field_makes_a_validator_fail(key: str, put: Any, data: st.DataObject) -> None:  # noqa: ANN401 - JSON
    """A field of a message may hold any JSON value."""
    messages = [
        user(),
        calling(function("f", "{}")),
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        assistant(),
    ]
    messages[data.draw(st.integers(0, 3))][key] = put

    found = validate(talk(*messages, tools=[put]), toolset())

    assert not [finding for finding in found if finding.rule.startswith("internal/")]


@given(samples())
def test_the_label_never_enters(sample: dict[str, Any]) -> None:
    """A sample gets the same findings whatever its envelope says."""
    kept = {key: sample[key] for key in sample if key not in {"label", "domain", "tags", "metadata", "scores"}}

    found = []
    for value in (sample, kept, {**kept, "label": True}, {**kept, "label": False}):
        line = json.dumps(value).encode()
        read = read_line(line, FactMap())
        assert isinstance(read, Reading)
        found.append(examine(content_of(line, read.reader), toolset()))

    assert all(one == found[0] for one in found)


@given(contents())
def test_calls_are_those_of_the_normal_form(content: Content) -> None:
    """What the normal form takes for a call, the validators read as the same call."""
    for turn in talk_of(content).turns:
        if turn.role == "assistant":
            calls = [part for part in text_calls(turn.text) if not isinstance(part, str)]
            found = [call for call in turn.calls if call.path.startswith(turn.path)][: len(calls)]

            assert [(call.name, call.arguments) for call in calls] == [(call.name, call.arguments) for call in found]


def test_findings_stand_in_the_order_of_the_text() -> None:
    """Paths are compared with their numbers as numbers, so the tenth message comes after the second."""
    messages = [message for _ in range(6) for message in (user(""), assistant(""))]

    paths = [finding.path for finding in validate(talk(*messages))]

    assert paths == [f"messages[{n}].content" for n in range(12)]


def test_there_is_a_most_of_findings() -> None:
    """Of a text with thousands of faults some are kept, and it is said that there are more."""
    content = said("\n".join(text_call("", "[]") for _ in range(3000)))

    found = validate(content)

    assert len(found) == MOST_FINDINGS + 1
    assert found[-1].rule == "internal/more_findings"


def test_one_finding_for_one_place_and_rule() -> None:
    """Two unknown parameters of one call are one finding, since no path may tell them apart."""
    content = called("vaultManager_openNote", {"one": 1, "two": 2})

    unknown = [finding for finding in validate(content, toolset()) if finding.rule == "tools/unknown_parameter"]

    assert len(unknown) == 1


def test_no_path_holds_text_of_the_sample() -> None:
    """Names of parameters, tools and keys that no schema file knows stand in messages only."""
    secret = "Rumpelstiltskin"  # noqa: S105 - a name in a fairy tale
    tools = [{"name": secret, "parameters": {"properties": {secret: {"type": "object"}}, "required": [secret + "2"]}}]
    odd = {"context": {secret: 1}, secret: {secret: [secret]}}
    for content in (
        called(secret, odd, tools),
        called("vaultManager_openNote", odd),
        called(secret + " and more", odd),
        talk({"role": secret, "content": secret}, {"role": "assistant", "content": secret, secret: "sk-" + "a" * 30}),
    ):
        for schemas in (None, toolset()):
            found = validate(content, schemas)

            assert found or schemas is None
            assert not any(secret in finding.path for finding in found)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("role", ["assistant", "system"])
def test_hostile_text_takes_linear_time(name: str, role: str) -> None:
    """A megabyte of whatever begins something is looked at in no time worth speaking of, and again with a schema."""
    text = HOSTILE[name] * (MEGABYTE // len(HOSTILE[name]))
    first = {"role": "system", "content": text if role == "system" else "Hello."}
    good = text_call("vaultManager_openNote", {"context": {"sessionId": "x"}, "path": "y"})
    content = talk(first, user(), assistant(text if role == "assistant" else good))

    started = time.process_time()
    validate(content, toolset(), TextLimits(1, 10, require_call=True))

    assert time.process_time() - started < 10


def test_a_failing_validator_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a validator does fail, that is said, and the others are heard."""
    broken = VALIDATORS["structure"]

    def fail(*_: object) -> Iterator[Any]:
        raise KeyError("x")
        yield

    class Broken:
        name, check = broken.name, staticmethod(fail)

    monkeypatch.setitem(VALIDATORS, "structure", Broken)
    found = validate(called("two words", {"a": 1}))

    assert [(finding.rule, finding.severity) for finding in found] == [
        ("internal/validator_failed", WARNING),
        ("calls/name_not_identifier", ERROR),
    ]


def test_every_rule_belongs_to_one_validator_and_says_what_breaks_it() -> None:
    """Rules are named after what they are about; each has a sentence without a full stop, and a severity."""
    assert set(RULES) == set(SEVERITIES)
    assert set(SEVERITIES.values()) == {ERROR, WARNING}
    for name, validator in VALIDATORS.items():
        assert validator.rules
        assert all(rule.startswith(f"{name}/") for rule in validator.rules)
        assert all(sentence[-1] not in ". " for sentence in validator.rules.values())
        assert validator.version == "1"
