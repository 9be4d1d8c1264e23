"""TRL's types: the columns that its trainers take, and the arguments of calls as they are asked for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.layouts import TOOL_ARGS, Fields, Layout, Row, Unwritable, write_row
from tests.rows import (
    ASKED,
    DETAILED,
    TOLD,
    TOOLS,
    argued,
    as_asked,
    calling,
    exact,
    fields,
    refusal,
    said,
    samples,
    written,
)

TYPES = ("language_modeling", "prompt_only", "prompt_completion", "preference", "unpaired_preference")
WORSE = [{"role": "assistant", "content": "Cold."}]


def test_the_columns_of_each_type() -> None:
    """They are those of TRL's documentation, tools last."""
    other = fields(ASKED, WORSE, TOOLS)
    rows = {kind: written(Layout(type=kind), ASKED, TOLD, TOOLS, rejected=other, label=True) for kind in TYPES}
    assert rows == {
        "language_modeling": {"messages": [*ASKED, *TOLD], "tools": TOOLS},
        "prompt_only": {"prompt": ASKED, "tools": TOOLS},
        "prompt_completion": {"prompt": ASKED, "completion": TOLD, "tools": TOOLS},
        "preference": {"prompt": ASKED, "chosen": TOLD, "rejected": WORSE, "tools": TOOLS},
        "unpaired_preference": {"prompt": ASKED, "completion": TOLD, "label": True, "tools": TOOLS},
    }
    assert all(list(row)[-1] == "tools" for row in rows.values())


def test_the_columns_of_each_type_as_text() -> None:
    """In standard form they hold text, and language_modeling is prompt and completion with nothing between them."""
    other = fields("q ", "b")
    rows = [written(Layout(type=kind, form="standard"), "q ", "a", rejected=other, label=False) for kind in TYPES]
    assert rows == [
        {"text": "q a"},
        {"prompt": "q "},
        {"prompt": "q ", "completion": "a"},
        {"prompt": "q ", "chosen": "a", "rejected": "b"},
        {"prompt": "q ", "completion": "a", "label": False},
    ]


@given(samples(), st.sampled_from(TOOL_ARGS), st.sampled_from(TYPES))
def test_what_is_written_is_the_source(
    drawn: tuple[list[object], list[object], object, Fields], how: str, kind: str
) -> None:
    """Parsed, a row holds the values of the source, arguments as asked, and nothing else."""
    prompt, completion, tools, texts = drawn
    row = said(write_row(Layout(type=kind, tool_args=how), Row(texts, texts, label=True)))
    if how == "string":  # whose spelling is the source's, so what it says is compared
        sides = {name: value for name, value in row.items() if name not in {"label", "tools"}}
        assert not any('"arguments": {' in json.dumps(side) for side in sides.values())
        row |= {name: as_asked(side, "object") for name, side in sides.items()}
        how = "object"
    asked, answered = as_asked(prompt, how), as_asked(completion, how)
    offered = {} if tools is None else {"tools": tools}
    expected = {
        "language_modeling": {"messages": [*asked, *answered]},
        "prompt_only": {"prompt": asked},
        "prompt_completion": {"prompt": asked, "completion": answered},
        "preference": {"prompt": asked, "chosen": answered, "rejected": answered},
        "unpaired_preference": {"prompt": asked, "completion": answered, "label": True},
    }[kind]
    assert row == expected | offered


@given(samples(), st.sampled_from(TOOL_ARGS))
def test_digits_and_order_are_those_of_the_source(
    drawn: tuple[list[object], list[object], object, Fields], how: str
) -> None:
    """Numbers stand as they were written, keys in their order, also where text becomes an object or an object text."""
    texts = drawn[3]
    row = dict(exact(write_row(Layout(tool_args=how), Row(texts)))["in order"])
    for name, text in (("prompt", texts.prompt), ("completion", texts.completion), ("tools", texts.tools)):
        assert text is None or argued(row[name]) == argued(exact(text))


@given(st.sampled_from(TOOL_ARGS), st.sampled_from(['"tool_calls"', '"tool\\u005fcalls"', '"\\u0074ool_call\\u0073"']))
def test_a_key_may_be_escaped(how: str, key: str) -> None:
    """A call is one under whatever spelling of the key."""
    text = json.dumps(calling(DETAILED)).replace('"tool_calls"', key)
    row = said(write_row(Layout(tool_args=how), Row(Fields(json.dumps(ASKED), text, None))))
    assert row["completion"] == as_asked(calling(DETAILED), how)


def test_calls_without_a_function_around_them() -> None:
    """A call that has name and arguments itself is changed in the same way."""
    flat = [{"role": "assistant", "content": "", "tool_calls": [{"name": "f", "arguments": DETAILED}]}]
    row = write_row(Layout(), Row(fields(ASKED, flat)))
    assert f'{{"name": "f", "arguments": {DETAILED}}}'.encode() in row
    assert said(row)["completion"][0]["tool_calls"][0]["arguments"] == json.loads(DETAILED)


def test_text_between_objects_may_have_line_breaks() -> None:
    """Arguments that were laid out over several lines come to stand in one."""
    laid_out = json.dumps({"a": 1, "b": ["x\ny"]}, indent=2).replace("\n", "\r\n")
    assert written(Layout(), ASKED, calling(laid_out))["completion"] == calling({"a": 1, "b": ["x\ny"]})


@pytest.mark.parametrize(
    "spoken", ["", "[1]", "3", '"x"', "null", "{", '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": "\\ud800"}', "{} {}"]
)
def test_text_that_is_no_object_cannot_become_one(spoken: str) -> None:
    """It is refused with its place, and without a word of it; as text or as it came, it can be written."""
    why = refusal(Layout(), ASKED, [*TOLD, *calling(spoken)])
    assert "the arguments of completion[1].tool_calls[0]" in why
    for how in ("as-is", "string"):
        assert written(Layout(tool_args=how), ASKED, calling(spoken))["completion"] == calling(spoken)


@pytest.mark.parametrize("spoken", [3, True, [1], 1.5])
def test_arguments_that_are_neither(spoken: object) -> None:
    """A number or a list can stay what it is, but become neither an object nor text."""
    for how in ("object", "string"):
        assert "neither an object nor text" in refusal(Layout(tool_args=how), calling(spoken), TOLD)
    assert written(Layout(tool_args="as-is"), ASKED, calling(spoken))["completion"] == calling(spoken)


@pytest.mark.parametrize("how", TOOL_ARGS)
def test_calls_that_say_nothing_stay(how: str) -> None:
    """No arguments, null arguments, no calls, null calls: nothing is there to be changed."""
    quiet = [
        *calling(None),
        {"role": "assistant", "content": "x", "tool_calls": None},
        {"role": "assistant", "content": "x", "tool_calls": []},
        {"role": "assistant", "content": "x", "tool_calls": [{"function": {"name": "f"}}]},
    ]
    assert written(Layout(tool_args=how), ASKED, quiet)["completion"] == quiet


def test_pairs_are_of_one_prompt() -> None:
    """Prompts are compared by what they say; other words, digits, tools or forms are refused."""
    pair = Layout(type="preference")
    spaced = Fields(' [ {"content": "How warm\\u0020is it?",\n "role": "user"} ]'.strip(), json.dumps(WORSE), None)
    assert said(write_row(pair, Row(fields(ASKED, TOLD), spaced))) == {
        "prompt": ASKED,
        "chosen": TOLD,
        "rejected": WORSE,
    }
    colder = [{"role": "user", "content": "How cold is it?"}]
    assert "prompts" in refusal(pair, ASKED, TOLD, rejected=fields(colder, WORSE))
    numbered = [{**ASKED[0], "n": 1}], [{**ASKED[0], "n": 1.0}]
    assert "prompts" in refusal(pair, numbered[0], TOLD, rejected=fields(numbered[1], WORSE))
    assert "tools" in refusal(pair, ASKED, TOLD, TOOLS, rejected=fields(ASKED, WORSE))
    assert "no rejected answer" in refusal(pair, ASKED, TOLD)
    assert "no completion" in refusal(pair, ASKED, TOLD, rejected=fields(ASKED, []))


def test_tools_may_be_a_list_or_its_text() -> None:
    """They stay what they came as; in a pair both are one."""
    pair = Layout(type="preference")
    as_text = json.dumps(TOOLS)
    assert written(Layout(), ASKED, TOLD, as_text)["tools"] == as_text
    assert written(pair, ASKED, TOLD, TOOLS, rejected=fields(ASKED, WORSE, as_text))["tools"] == TOOLS
    assert written(pair, ASKED, TOLD, [], rejected=fields(ASKED, WORSE))["tools"] == []
    assert "JSON array" in refusal(pair, ASKED, TOLD, "{}", rejected=fields(ASKED, WORSE))


def test_prompts_of_a_pair_are_compared_as_they_are_written() -> None:
    """Arguments that came as text on one side and as an object on the other are one prompt, once both are objects."""
    prompts = [[*ASKED, *calling(spoken), *ASKED] for spoken in ('{"a": 1.0}', {"a": 1.0})]
    rejected = fields(prompts[1], WORSE)
    assert written(Layout(type="preference"), prompts[0], TOLD, rejected=rejected)["prompt"] == prompts[1]
    assert "prompts" in refusal(Layout(type="preference", tool_args="as-is"), prompts[0], TOLD, rejected=rejected)


@pytest.mark.parametrize("nothing", [None, []])
def test_a_side_that_is_missing(nothing: object) -> None:
    """Every type but language_modeling needs a prompt, and that needs a prompt or a completion."""
    for kind in TYPES[1:]:
        assert "it has no prompt" in refusal(Layout(type=kind), nothing, TOLD, rejected=fields(nothing, WORSE))
    assert written(Layout(type="language_modeling"), nothing, TOLD) == {"messages": TOLD}
    assert written(Layout(type="language_modeling"), ASKED, nothing) == {"messages": ASKED}
    assert written(Layout(type="prompt_only"), ASKED, nothing) == {"prompt": ASKED}
    assert "neither" in refusal(Layout(type="language_modeling"), nothing, nothing)


def test_nothing_of_the_sample_is_quoted() -> None:
    """A reason names a place, so that it can be recorded and shown; the sample's own words are not in it."""
    with pytest.raises(Unwritable) as caught:
        write_row(Layout(), Row(fields(ASKED, calling("a secret"))))
    assert "secret" not in str(caught.value)
