"""Arguments taken at their word: unknown ones refused, texts left as texts, one sentence for what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import CallToolResult
from pydantic import Field

from mcp_server import strict
from mcp_server.answers import answer
from mcp_server.options import ALLOWABLE, Options
from mcp_server.server import LedgerServer, make
from mcp_server.strict import StrictTool, misshapen, shorter, takes_text
from tests.mcp_client import ERAS, call, empty, said, talk


@pytest.fixture
def server(tmp_path: Path) -> LedgerServer:
    """Return a server with one tool that says what it was given."""
    mcp, _ = empty(Options(tmp_path / "none.db"))

    @mcp.tool()
    async def take(
        sample: str,
        text: str | None = None,
        by: Literal["reason", "rule"] = "reason",
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        changes: dict[str, float] | None = None,
        ids: list[str] | None = None,
        position: Annotated[int | None, Field(ge=0)] = None,
    ) -> CallToolResult:
        """Take."""
        taken = {"sample": sample, "text": text, "by": by, "limit": limit, "changes": changes, "ids": ids}
        return answer({**taken, "position": position}, line="Taken.")

    return mcp


def taken(server: LedgerServer, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return what the tool was given."""
    found = call(server, "take", {"sample": "abcdef", **arguments})
    assert not found.is_error, said(found)
    return dict(found.structured_content or {})


TAKES = "sample, text, by, limit, changes, ids, position"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"sample": "a", "limt": 5}, f"take: there is no argument 'limt'; did you mean limit? It takes {TAKES}."),
        ({"sample": "a", "xyz\n": 5}, f"take: there is no argument 'xyz'. It takes {TAKES}."),
        ({"sample": "a", "x" * 10_000: 5}, f"take: there is no argument '{'x' * 59}…'. It takes {TAKES}."),
        ({}, "take: sample is missing."),
        ({"sample": "a", "limit": 500}, "take: limit should be less than or equal to 100."),
        (
            {"sample": "a", "limit": "many"},
            "take: limit should be a whole number.",
        ),
        ({"sample": "a", "limit": 2.5}, "take: limit should be a valid integer, got a number with a fractional part."),
        ({"sample": 5}, "take: sample should be a text."),
        ({"sample": "a", "by": "colour"}, "take: by should be 'reason' or 'rule'."),
        ({"sample": "a", "ids": ["b", 3]}, "take: ids[1] should be a text."),
        (
            {"sample": "a", "changes": {"secret": "x"}},
            "take: changes should be a valid number, unable to parse string as a number.",
        ),
        (
            {"limit": 0, "by": 1, "position": -1},
            (
                "take: sample is missing; by should be 'reason' or 'rule'; limit should be greater than or equal to 1; "
                "and 1 more."
            ),
        ),
        (
            {"sample": "a", "text": "x" * (strict.LARGEST + 1)},
            "take: the arguments hold more than 1048576 characters; send less.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    server: LedgerServer, arguments: dict[str, Any], says: str, era: str
) -> None:
    """The sentence names the argument and what it takes, and repeats no value."""
    found = call(server, "take", arguments, era)

    assert found.is_error
    assert said(found) == says


@pytest.mark.parametrize(
    "text", ["null", "true", "5", "[1]", '{"a": 1}', '"quoted"', "", "a\tb\nc", "x'; DROP TABLE y"]
)
def test_a_text_stays_the_text_that_was_sent(server: LedgerServer, text: str) -> None:
    """Text that looks like JSON is text wherever text may stand; the SDK alone would lose `null` and refuse `[1]`."""
    assert taken(server, text=text)["text"] == text
    assert taken(server, sample=text)["sample"] == text


def test_lists_that_come_as_text_are_read(server: LedgerServer) -> None:
    """Some hosts send a list or an object as JSON in a text; where no text may stand that is what it is."""
    assert taken(server, ids='["a", "b"]')["ids"] == ["a", "b"]
    assert taken(server, changes='{"quality": 0.5}')["changes"] == {"quality": 0.5}
    assert said(call(server, "take", {"sample": "abcdef", "limit": "5"})) == "take: limit should be a whole number."


def test_half_a_character_is_refused() -> None:
    """A lone surrogate, in a value or a key at any depth, is found before anything is done with it."""
    for odd in ("\ud800", "a\udfffb"):
        assert "lone surrogate" in misshapen({"a": [{"b": odd}]})
        assert "lone surrogate" in misshapen({"a": {odd: 1}})
    assert misshapen({"a": "\U0001f600", "b": [1, None, 2.5, True]}) == ""


def test_depth_is_no_danger() -> None:
    """Arguments nested as deeply as a parser lets them are looked through without recursion."""
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]

    assert misshapen({"a": deep}) == ""


def test_many_small_values_count_as_well() -> None:
    """A list of a million numbers is as long as a million characters."""
    assert "more than" in misshapen({"a": [0] * (strict.LARGEST + 1)})


def test_the_schema_is_closed_and_short(server: LedgerServer) -> None:
    """What a model reads before it asks holds no titles, and no null as another word for leaving something out."""

    async def act(client: Any) -> dict[str, Any]:  # noqa: ANN401 - a client
        schema: dict[str, Any] = (await client.list_tools()).tools[0].input_schema
        return schema

    schema = talk(server, act)

    assert schema["additionalProperties"] is False
    assert schema["required"] == ["sample"]
    assert "title" not in str(schema)
    assert "null" not in str(schema)
    assert schema["properties"]["text"] == {"type": "string"}
    assert schema["properties"]["limit"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert schema["properties"]["position"] == {"type": "integer", "minimum": 0}


def test_an_argument_may_be_called_title() -> None:
    """Only a title that describes is left out, not a property of that name."""

    async def name(title: str) -> str:
        return title

    made = StrictTool.from_function(name)

    assert made.parameters["properties"] == {"title": {"type": "string"}}
    assert shorter({"title": "T", "properties": {"title": {"title": "Title", "type": "string"}}}) == {
        "properties": {"title": {"type": "string"}}
    }


@pytest.mark.parametrize(
    ("kind", "so"),
    [
        (str, True),
        (str | None, True),
        (Annotated[str, Field(max_length=3)] | None, True),
        (Literal["a", "b"], True),
        (Literal[1, 2], False),
        (int | None, False),
        (list[str], False),
        (dict[str, str] | None, False),
    ],
)
def test_which_types_take_text(kind: object, so: bool) -> None:  # noqa: FBT001 - what is expected
    """A text may stand where str does, alone or among others, or a literal text."""
    assert takes_text(kind) is so


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(arguments=st.dictionaries(st.sampled_from([*TAKES.split(", "), "other"]), JSON_VALUES, max_size=4))
def test_any_arguments_end_in_an_answer_or_a_sentence(arguments: dict[str, Any]) -> None:
    """No JSON that a client can send ends in anything else, and a refusal is one line."""
    mcp, _ = empty(Options(Path("none.db")))

    @mcp.tool()
    async def take(
        sample: str,
        text: str | None = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        changes: dict[str, float] | None = None,
        ids: list[str] | None = None,
    ) -> CallToolResult:
        return answer({"sample": sample, "text": text, "limit": limit, "changes": changes, "ids": ids}, line="Taken.")

    found = call(mcp, "take", arguments)

    if found.is_error:
        assert said(found).startswith("take: ")
        assert "\n" not in said(found)
        assert "pydantic" not in said(found)
    else:
        assert found.structured_content is not None
        assert found.structured_content["sample"] == arguments["sample"]


@pytest.mark.parametrize(
    ("kind", "loose", "fine"),
    [
        ("boolean", (0, 1, 0.0, "no", "off", "false", "true"), (True, False)),
        ("integer", (True, False, "5", "null"), (5, 5.0)),
        ("number", (True, "5", "null", "nan"), (5, 0.5)),
        ("string", (), ("null", "5")),
    ],
)
def test_no_type_is_made_of_another(kind: str, loose: tuple[object, ...], fine: tuple[object, ...]) -> None:
    """A word or a number is no yes or no, a yes is no number, and a text is none either, in a list as alone."""
    properties = {"one": {"type": kind}, "many": {"type": "array", "items": {"type": kind}}}
    for value in loose:
        assert strict.loose({"one": value}, properties).startswith("one should be ")
        assert strict.loose({"many": [*fine, value]}, properties).startswith(f"many[{len(fine)}] should be ")
    assert not strict.loose({"one": None, "many": list(fine)}, properties)


def test_every_tool_takes_yes_no_and_numbers_as_they_are(tmp_path: Path) -> None:
    """Each argument of the real tools that is true or false, or a number, refuses what only looks like it."""
    made = make(Options(tmp_path / "none.db", frozenset(ALLOWABLE)))
    wrong = {"boolean": "no", "integer": True, "number": "null"}
    tried = 0
    for tool in made._strict.values():  # noqa: SLF001 - the tools as they check
        for name, schema in tool.parameters["properties"].items():
            if schema.get("type") in wrong:
                tried += 1
                assert tool.fault({name: wrong[schema["type"]]}).startswith(f"{name} should be ")
    assert tried > 10
