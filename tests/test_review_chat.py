"""Conversations on a page: laid out without a loss, of a bounded size whatever they hold, and within the deadline."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import Interrupted
from review_page.chat import LONGEST, WHOLE, Room, read, turns
from review_page.layout import DEEPEST, laid_out
from review_page.pages import pairs, sample
from review_page.worddiff import Effort
from tests.review import Page
from tests.small import chat, samples, write

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=12,
)
NESTED = '{"a":' * 900 + "1" + "}" * 900
MANY = 50_000


def calls(*arguments: object, name: str = "f") -> dict[str, Any]:
    """Return a line whose answer calls something with these arguments, one call each."""
    made = [{"type": "function", "function": {"name": name, "arguments": each}} for each in arguments]
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": made}]
    return {"messages": said, "label": True}


ALL_SHOWN = calls(*[NESTED] * 12)


def born(ledger: Ledger, folder: Path, *rows: dict[str, Any]) -> list[str]:
    """Ingest lines and return their samples."""
    ledger.ingest([write(folder / "x.jsonl", *rows)], campaign="c")
    return samples(ledger)


def spoken(ledger: Ledger, content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the calls that are shown of a content, all turns together."""
    return [call for turn in turns(ledger, content) for call in turn["calls"]]


def answer(text: str) -> dict[str, Any]:
    """Return the content of an answer."""
    return {"prompt": [], "completion": [{"role": "assistant", "content": text}]}


@given(JSON, st.booleans())
def test_laying_out_adds_white_space_alone(value: object, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    """What stands there is the same JSON, and the same text where white space outside of strings is left out."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    laid = laid_out(text)
    if not isinstance(value, (dict, list)):
        assert laid is None
    elif laid is not None:
        assert laid == json.dumps(value, ensure_ascii=ascii_only, indent=2)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":1.50,"b":1e2,"c":-0,"d":123456789012345678901234567890}',
        '{"a":"\\u00e9\\/\\ud800"}',
        '{"a\\"}":"[{,:\\\\"}',
    ],
)
def test_arguments_keep_their_spelling(ledger: Ledger, tmp_path: Path, text: str) -> None:
    """A name given twice, a number, an escape: as they stand, whether called by a field or in the text."""
    (one,) = born(ledger, tmp_path, calls(text))
    ((call),) = spoken(ledger, ledger.show(one)["content"])
    assert call["arguments"].replace("\n", "").replace(" ", "") == text
    (turn,) = turns(ledger, answer(f"tool_call: f\narguments: {text}"))
    shown = "".join([turn["text"], *(f"{each['name']}{each['arguments']}" for each in turn["calls"])])
    assert "".join(text.split()) in "".join(shown.split())


def test_calls_in_a_text_are_laid_out(ledger: Ledger) -> None:
    """Those that were read as they stand, however they space their JSON; the prose around them stays."""
    text = 'First.\ntool_call: f\narguments: {"a" :1, "b": ["é"]}\ntool_call: g\narguments: {"c": "\\u00e9"}'
    (turn,) = turns(ledger, answer(text))
    assert turn["text"] == "First."
    assert turn["calls"] == [
        {"name": "f", "arguments": '{\n  "a": 1,\n  "b": [\n    "é"\n  ]\n}'},
        {"name": "g", "arguments": '{\n  "c": "\\u00e9"\n}'},
    ]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(calls('{"a":"\\ud800"}'), id="arguments"),
        pytest.param(chat("q", 'tool_call: f\narguments: {"a": "\\ud800"}', label=True), id="text"),
        pytest.param(
            chat("q", '[TOOL_CALLS][{"name": "\\ud800", "arguments": {"a": "\\uDFFF"}}]', label=True), id="name"
        ),
    ],
)
def test_a_lone_surrogate_takes_no_page_down(ledger: Ledger, tmp_path: Path, row: dict[str, Any]) -> None:
    """Written as an escape in arguments or in a call it is no sample's fault, and is shown as the escape."""
    (one,) = born(ledger, tmp_path, row)
    page = Page(ledger.path)
    assert "\\ud800" in page.get(f"/sample/{one}")
    assert "\\ud800" in json.dumps(page.json(f"/sample/{one}.json")["turns"]).replace("\\\\", "\\")


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(ALL_SHOWN, id="nested"),
        pytest.param(calls("[" + "[[[[[[[1]]]]]]]," * 60_000 + "1]"), id="indented"),
        pytest.param(calls("&" * 4_000_000), id="long"),
        pytest.param(calls(*["{}"] * MANY), id="calls"),
        pytest.param(calls("{}", name="n" * 4_000_000), id="name"),
        pytest.param(chat("q", "x" * 4_000_000, label=True), id="text"),
        pytest.param({"messages": [{"role": "user", "content": ""}] * MANY + calls("{}")["messages"]}, id="turns"),
        pytest.param(chat("q", 'tool_call: f\narguments: {"\\u00e9":1}\n' * MANY, label=True), id="text calls"),
    ],
)
def test_a_page_is_of_a_bounded_size(ledger: Ledger, tmp_path: Path, row: dict[str, Any]) -> None:
    """Whatever a sample holds much of; what is not shown is told, and is in the JSON."""
    (one,) = born(ledger, tmp_path, row)
    began = time.monotonic()
    told = sample.ask(ledger, {"sample": one})
    assert time.monotonic() - began < 5
    sizes = [
        len(turn["text"]) + sum(len("".join(call.values())) + 100 for call in turn["calls"]) for turn in told["turns"]
    ]
    assert sum(sizes) + 100 * len(sizes) < WHOLE + LONGEST
    assert len(Page(ledger.path).get(f"/sample/{one}")) < 12 * WHOLE
    missing = any(turn["cut"] for turn in told["turns"]) or "see the JSON" in json.dumps(told["turns"])
    assert missing == (row is not ALL_SHOWN)


def test_what_goes_deep_is_not_laid_out() -> None:
    """An indent for each of many levels would be most of the text."""
    assert laid_out("[" * DEEPEST + "]" * DEEPEST) is not None
    assert laid_out("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)) is None
    assert laid_out("[" * 100_000) is None
    assert laid_out("[" * 100_000 + "]" * 100_000) is None


def test_room_is_for_all_turns_together(ledger: Ledger) -> None:
    """The first texts get it; those after it are told by how many they are."""
    said = [{"role": "user", "content": "x" * 600}] * 5
    told = read(ledger, {"prompt": said, "completion": []}, Room(1_000))
    assert [(len(turn.text), turn.cut) for turn in told[:2]] == [(600, 0), (200, 400)]
    assert [turn.text for turn in told[2:]] == ["3 more turns: see the JSON."]


def edited(ledger: Ledger, folder: Path, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return how a page compares a sample with what it was edited to."""
    (one,) = born(ledger, folder, before)
    ledger.edit(one, json.dumps(after).encode())
    compared: dict[str, Any] = sample.ask(ledger, {"sample": one})["compared"]
    return compared


def test_an_edit_that_a_trainer_sees_is_seen(ledger: Ledger, tmp_path: Path) -> None:
    """Also where both are the same JSON."""
    compared = edited(ledger, tmp_path, calls('{"a":1.0}'), calls('{"a": 1.00}'))
    pieces = [(piece["kind"], piece["text"]) for side in compared["sides"] for piece in side["pieces"]]
    assert ("in", " ") in pieces
    assert {("out", "0"), ("in", "00")} <= set(pieces)


def test_what_differs_is_looked_for_within_bounds(ledger: Ledger, tmp_path: Path) -> None:
    """Many turns that differ much: a page's effort is one for all, and the rest is told whole."""

    def many(word: str) -> dict[str, Any]:
        text = " ".join(f"{word}{n % 7} w{n % 3}" for n in range(150))
        turn = [{"role": "user", "content": f"{text} {word}"}, {"role": "assistant", "content": text}]
        return {"messages": turn * 150}

    began = time.process_time()
    compared = edited(ledger, tmp_path, many("a"), many("b"))
    assert time.process_time() - began < 5
    assert len(compared["sides"][0]["pieces"]) > 100
    assert len(compared["sides"][-2]["pieces"]) < 10


def test_what_is_not_compared_is_told(ledger: Ledger, tmp_path: Path) -> None:
    """By a piece that is of neither text."""
    compared = edited(ledger, tmp_path, chat("q", "x" * 300_000), chat("q", "y" + "x" * 300_000))
    assert compared["sides"][1]["pieces"][-1] == {"kind": "cut", "text": "\n100,001 more characters: see the JSON."}


def test_pairs_share_a_page(ledger: Ledger, tmp_path: Path) -> None:
    """Ten of them take no more than one sample; those that are short leave room for the others."""
    rows = [chat(f"q{n}", "ab"[good] * 400_000, label=bool(good)) for n in range(10) for good in (0, 1)]
    born(ledger, tmp_path, *rows)
    told = pairs.ask(ledger, {})
    assert len(told["pairs"]) == pairs.SHOWN
    sizes = [sum(len(piece["text"]) for side in pair["sides"] for piece in side["pieces"]) for pair in told["pairs"]]
    assert WHOLE / 2 < sum(sizes) <= WHOLE


def asked_late(ledger: Ledger, work: Callable[[], object]) -> None:
    """Do some work after the question that it is for was stopped."""
    with ledger.limited(60):
        ledger.interrupt()
        work()


def test_work_between_questions_keeps_to_the_deadline(ledger: Ledger, tmp_path: Path) -> None:
    """A page that is made of an answer stops as the question would have, and the ledger stays usable."""
    (one,) = born(ledger, tmp_path, chat("q", "a"))
    content = ledger.show(one)["content"]
    ledger.go_on()
    for late in (lambda: turns(ledger, content), lambda: sample.beside(ledger, content, content, WHOLE, Effort())):
        with pytest.raises(Interrupted):
            asked_late(ledger, late)
    assert turns(ledger, content)


def test_twins_name_what_they_hold(ledger: Ledger, tmp_path: Path) -> None:
    """Turns, calls and levers are objects, not lists that a program would have to count."""
    (one,) = born(ledger, tmp_path, calls("{}"))
    (tmp_path / "p.toml").write_text(
        'name = "p"\n[threshold]\nlow = 0.5\n[[rule]]\nname = "r"\nreject = "good < low"\n', encoding="utf-8"
    )
    ledger.decide(tmp_path / "p.toml")
    page = Page(ledger.path)
    shown = page.json(f"/sample/{one}.json")["turns"]
    assert [sorted(turn) for turn in shown] == [["calls", "cut", "is_long", "role", "side", "text"]] * 2
    assert shown[1]["calls"] == [{"name": "f", "arguments": "{}"}]
    (lever,) = page.json("/scores.json")["levers"]
    assert (lever["key"], lever["value"]) == ("threshold.low", "0.5")
