"""Structure: who may follow whom, what may not be empty, which answer belongs to which call; both forms of content."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.sample import Content
from tests.talks import assistant, calling, function, places, rules, said, talk, text_call, user

SYSTEM = {"role": "system", "content": "You help."}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "{}"}
CALL = calling(function("look", '{"a": 1}'))


@pytest.mark.parametrize(
    "messages",
    [
        [user(), assistant()],
        [SYSTEM, user(), assistant()],
        [{"role": "developer", "content": "x"}, user(), assistant(), user(), assistant()],
        [user(), CALL],
        [user(), CALL, RESULT, assistant()],
        [user(), calling(function("f", {"a": 1}, "c1"), function("g", {"a": 1}, "c2")), RESULT,
         {**RESULT, "tool_call_id": "c2"}, assistant(), user(), assistant()],
        [user(), assistant(text_call("f", {"a": 1})), {"role": "function", "name": "f", "content": "1"}, assistant()],
        [user(), assistant(text_call("f", {"a": 1})), user("Result: 1"), assistant()],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, assistant()],
        [{"role": "user", "content": [{"type": "text", "text": "a"}]}, assistant([{"type": "text", "text": "b"}])],
    ],
)  # fmt: skip
def test_a_good_chat_has_no_findings(messages: list[Any]) -> None:
    """System or not, several turns, calls in the text or beside it, answered or last, parts instead of text."""
    assert places(talk(*messages)) == []


@pytest.mark.parametrize(
    ("messages", "path"),
    [
        ([user(), SYSTEM, assistant()], "messages[1].role"),
        ([SYSTEM, SYSTEM, user(), assistant()], "messages[1].role"),
        ([user(), user(), assistant()], "messages[1].role"),
        ([user(), assistant(), assistant()], "messages[2].role"),
        ([SYSTEM, assistant(), user(), assistant()], "messages[1].role"),
        ([user(), {"role": "tool", "content": "1"}, assistant()], "messages[1].role"),
        ([user(), assistant(), {"role": "tool", "content": "1"}, assistant()], "messages[2].role"),
        ([user(), CALL, RESULT, user(), assistant()], "messages[3].role"),
    ],
)
def test_roles_that_do_not_follow_one_another(messages: list[Any], path: str) -> None:
    """System first, then user and assistant in turn; tools only after a call, and the assistant after them."""
    assert places(talk(*messages)) == [("structure/role_order", path)]


def test_nobody_asks_and_nobody_answers() -> None:
    """A chat needs a message of the user, and the assistant's at its end."""
    assert rules(talk(SYSTEM, user())) == ["structure/no_answer"]
    assert set(rules(talk(SYSTEM, assistant()))) == {"structure/no_user", "structure/role_order"}
    assert rules(talk()) == ["structure/no_messages"]
    assert rules(Content("conversational", (), ())) == ["structure/no_messages"]


@pytest.mark.parametrize("blank", ["", " \n\t", []])
def test_what_is_empty(blank: Any) -> None:  # noqa: ANN401 - text or a list
    """An empty prompt, an empty answer and an empty system message are three findings; white space is empty."""
    content = talk({"role": "system", "content": blank}, {"role": "user", "content": blank}, assistant(blank))

    assert places(content) == [
        ("structure/empty_message", "messages[0].content"),
        ("structure/empty_prompt", "messages[1].content"),
        ("structure/empty_completion", "messages[2].content"),
    ]


def test_an_answer_that_only_calls_is_not_empty() -> None:
    """Beside tool calls the text may be empty or null; without them null is no content at all."""
    assert rules(talk(user(), {**CALL, "content": ""})) == []
    assert rules(talk(user(), assistant(None))) == ["structure/empty_completion"]
    assert rules(talk({"role": "user", "content": None}, assistant())) == ["structure/content_type"]


def test_both_forms_of_content() -> None:
    """A content of two texts has no roles, but neither text may be empty."""
    assert places(Content("standard", "ask", "answer")) == []
    assert places(Content("standard", " ", "answer")) == [("structure/empty_prompt", "prompt")]
    assert places(Content("standard", "ask", "")) == [("structure/empty_completion", "completion")]
    assert places(Content("standard", "", "")) == [("structure/no_messages", "")]


@pytest.mark.parametrize("content", [3, {"text": "x"}, ["x"], [{"text": "x"}], [{"type": "text", "text": 3}]])
def test_content_of_another_type(content: Any) -> None:  # noqa: ANN401 - any JSON value
    """Content is text or a list of parts that say their type."""
    assert ("structure/content_type", "messages[0].content") in places(
        talk({"role": "user", "content": content}, assistant())
    )


@pytest.mark.parametrize(
    "message", [None, "hello", [], {"content": "x"}, {"role": "robot", "content": "x"}, {"role": 1}]
)
def test_what_is_no_message(message: Any) -> None:  # noqa: ANN401 - any JSON value
    """A message is an object with a role; one that is none spoils no other."""
    assert places(talk(message, user(), assistant())) == [("structure/bad_message", "messages[0]")]


def test_calls_of_somebody_else() -> None:
    """Only the assistant calls tools."""
    content = talk({**user(), "tool_calls": [function("f", "{}")]}, assistant())

    assert places(content) == [("structure/calls_by_other", "messages[0].tool_calls")]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([{**RESULT, "tool_call_id": "c2"}], ["structure/call_id_unknown", "structure/call_unanswered"]),
        ([{"role": "tool", "content": "1"}], ["structure/call_id_missing", "structure/call_unanswered"]),
        ([RESULT, RESULT], ["structure/call_id_repeated"]),
        ([], ["structure/call_unanswered", "structure/role_order"]),
    ],
)
def test_answers_that_do_not_fit_the_calls(answers: list[Any], expected: list[str]) -> None:
    """Each tool message answers one call made just before, and each call gets one answer if the chat goes on."""
    assert sorted(rules(talk(user(), CALL, *answers, assistant()))) == expected


def test_two_calls_with_one_id() -> None:
    """Ids tell the calls of a message apart."""
    content = talk(user(), calling(function("f", '{"a": 1}'), function("g", '{"a": 1}')))

    assert places(content) == [("structure/call_id_repeated", "messages[1].tool_calls")]


def test_ids_of_calls_written_in_the_text_are_not_compared() -> None:
    """A call as text has no id, so no tool message can contradict it."""
    assert rules(talk(user(), assistant(text_call("f", {"a": 1})), RESULT, assistant())) == []


def test_a_prompt_alone() -> None:
    """Where no completion stands, nothing is answered."""
    assert rules(Content("conversational", (user(),), ())) == ["structure/no_answer"]
    assert said("x").completion
