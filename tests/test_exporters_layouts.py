"""Layouts: what every dialect keeps to. Values are those of the source, a row is a line, nothing is lost in silence."""

from __future__ import annotations

import json
import time
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest
from ledger.exporters.dialects.contract import HAS
from ledger.exporters.layouts import (
    DIALECTS,
    FORMS,
    TOOL_ARGS,
    Fields,
    Layout,
    Row,
    Unwritable,
    companions,
    write_row,
)
from tests.rows import ASKED, DETAILED, TOLD, calling, fields, said, samples
from tests.strategies import json_values

LAYOUTS = [
    Layout(dialect, kind, form, how)
    for how, (dialect, kinds) in zip([*TOOL_ARGS, *TOOL_ARGS], HAS.items(), strict=True)
    for kind, forms in kinds.items()
    for form in forms
]
HOSTILE = [
    "\u2028\u2029\x85\x7f\x9b",
    "\x00\x01\x1b]0;x\x07\r\n\t",
    "\u202eabc\u2066\u05d0\u0627",
    "\U0001f600\ud7ff\ue000\ufeff",
    '"}]}, "label": true, "\\',
    '"tool_calls": [{"function": {"arguments": "{"}}]',
    "tool_call: x\narguments: {" * 50,
    "",
]


def row_of(layout: Layout, asked: str, answered: str, escaped: bool = False) -> Row:  # noqa: FBT001, FBT002 - a spelling
    """Return a row that the layout can hold, with these texts."""
    texts = [json.dumps(text, ensure_ascii=escaped) for text in (asked, answered, answered + "!")]
    if layout.form == "conversational":
        roles = ("user", "assistant", "assistant")
        texts = [f'[{{"role": "{role}", "content": {text}}}]' for role, text in zip(roles, texts, strict=True)]
    rejected = Fields(texts[0], texts[2], None) if layout.type == "preference" else None
    return Row(Fields(texts[0], texts[1], None), rejected, label=True)


def strings_in(value: object) -> list[str]:
    """Return every string of a JSON value."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in strings_in(item)]


@given(samples(), st.sampled_from([True, False, None]))
def test_the_rows_of_before_are_written_as_before(
    drawn: tuple[object, object, object, Fields],
    label: bool | None,  # noqa: FBT001 - a label
) -> None:
    """KTO's and SFT's rows are, byte for byte, those that the first releases were made of."""
    row = Row(drawn[3], label=label)
    unpaired = write_row(Layout("trl", "unpaired_preference", tool_args="as-is"), row)
    assert unpaired == spliced(drawn[3], f', "label": {json.dumps(label)}')
    assert write_row(Layout(tool_args="as-is"), row) == spliced(drawn[3])


def spliced(texts: Fields, more: str = "") -> bytes:
    """Return a row of texts as they are."""
    tools = "" if texts.tools is None else f', "tools": {texts.tools}'
    row = f'{{"prompt": {texts.prompt}, "completion": {texts.completion}{more}{tools}}}'
    return (row.replace("\r", " ").replace("\n", " ") + "\n").encode()


@given(samples())
def test_objects_stay_as_they_are(drawn: tuple[object, object, object, Fields]) -> None:
    """Where no argument is text, asking for objects changes no byte."""
    as_objects = write_row(Layout(), Row(drawn[3]))
    if '"arguments": "' not in json.dumps([drawn[0], drawn[1]]):
        assert as_objects == spliced(drawn[3])
    again = said(as_objects)
    assert write_row(Layout(), Row(fields(again["prompt"], again["completion"]))).count(b'"arguments": "') == 0


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.dialect}-{layout.type}-{layout.form}")
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_comes_through(layout: Layout, text: str) -> None:
    """Every layout holds any text, in both spellings, as one line, and the text is there as it was."""
    for escaped in (True, False):
        try:
            found = said(write_row(layout, row_of(layout, f"q{text}", text, escaped)))
        except Unwritable as error:
            assert "empty" in str(error)  # noqa: PT017 - the only reason that this text can give
            assert text == ""
            continue
        texts = strings_in(found)
        assert f"q{text}" in texts or f"q{text}{text}" in texts
        assert text in texts or f"q{text}{text}" in texts or layout.type == "prompt_only"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.dialect}-{layout.type}-{layout.form}")
def test_spelling_is_kept(layout: Layout) -> None:
    """What stands as itself stays itself, and what stands as an escape stays one."""
    raw = "\u2028\u202e\u00e9\U0001f600"
    as_itself, escaped = (write_row(layout, row_of(layout, raw, raw, spelling)) for spelling in (False, True))
    assert raw.encode() in as_itself
    assert b"\\u" not in as_itself
    assert escaped.isascii()
    assert said(as_itself) == said(escaped)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_megabyte_takes_no_longer_than_a_megabyte_should(dialect: str) -> None:
    """No text makes a layout slow, whatever it is full of."""
    layout = Layout(dialect)
    for piece in ('"tool_calls"', "\\u0061", "[{", "\n", "\x00", '\\"'):
        began = time.perf_counter()
        text = piece * (1_000_000 // len(piece))
        assert text in strings_in(said(write_row(layout, row_of(layout, text, "a"))))
        assert time.perf_counter() - began < 30


@pytest.mark.parametrize("how", TOOL_ARGS)
def test_depth_is_no_matter(how: str) -> None:
    """Arguments as deep as a line may be are written; deeper text is refused with a sentence."""
    deep = '{"a":' * 90 + "1.0" + "}" * 90
    completion = json.dumps(calling("ARGUMENTS")).replace('"ARGUMENTS"', deep)
    assert write_row(Layout(tool_args=how), Row(Fields(json.dumps(ASKED), completion, None))).endswith(b"\n")
    too_deep = json.dumps(calling('{"a":' * 5000 + "1" + "}" * 5000))
    if how == "object":
        with pytest.raises(Unwritable, match="too_deep"):
            write_row(Layout(tool_args=how), Row(Fields(json.dumps(ASKED), too_deep, None)))
    else:
        assert write_row(Layout(tool_args=how), Row(Fields(json.dumps(ASKED), too_deep, None)))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text", ['[{"role": "user"', "[", "[[[", '[{"role": "user", "content": "tool_calls": 1}]', "[1]"]
)
def test_what_is_no_json_is_refused(dialect: str, text: str) -> None:
    """Text that cannot be taken apart is a reason, not a crash; where nothing is taken apart it is left alone."""
    for prompt, completion in ((text, json.dumps(TOLD)), (json.dumps(ASKED), text)):
        try:
            write_row(Layout(dialect), Row(Fields(prompt, completion, None), label=True))
        except Unwritable as error:
            assert str(error)  # noqa: PT017 - either of the two is right


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.dialect}-{layout.type}-{layout.form}")
@given(name=st.text(max_size=10).map(lambda name: f"_{name}"), value=json_values())
def test_further_columns_stand_at_the_end(layout: Layout, name: str, value: object) -> None:
    """They come after everything else, in their order, and change nothing before them."""
    row = row_of(layout, "q", "a")
    plain = write_row(layout, row)
    extra = ((name, json.dumps(value)), (f"{name}_", "1.0"))
    line = write_row(layout, row._replace(extra=extra))
    assert line.startswith(plain[:-2])
    found = json.loads(line)
    assert list(found)[-2:] == [name, f"{name}_"]
    assert (found.pop(name), found.pop(f"{name}_")) == (value, 1.0)
    assert found == json.loads(plain)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.dialect}-{layout.type}-{layout.form}")
def test_no_column_is_overwritten(layout: Layout) -> None:
    """A further column cannot take the name of one that stands there, nor one name twice."""
    row = row_of(layout, "q", "a")
    for name in said(write_row(layout, row)):
        with pytest.raises(BadRequest, match=name):
            write_row(layout, row._replace(extra=((name, "1"),)))
    with pytest.raises(BadRequest, match="mine"):
        write_row(layout, row._replace(extra=(("mine", "1"), ("mine", "2"))))


def test_each_dialect_says_what_it_has() -> None:
    """Every layout of the table is accepted; every other combination is refused with what there is instead."""
    kinds = sorted({kind for types in HAS.values() for kind in types})
    for dialect, kind, form in product(DIALECTS, kinds, FORMS):
        layout = Layout(dialect, kind, form, "as-is")
        if form in HAS[dialect].get(kind, ()):
            assert layout.checked().type == kind
            continue
        for attempt in (layout.checked, lambda layout=layout: write_row(layout, row_of(layout, "q", "a"))):
            with pytest.raises(BadRequest, match=f"{dialect} has no layout for {kind} in {form} form.*it has"):
                attempt()


@pytest.mark.parametrize(
    ("layout", "word"),
    [
        (Layout("chatml"), "'chatml' is no dialect; there are trl, openai"),
        (Layout(type="samples"), "samples"),
        (Layout(form="both"), "'both' is no form"),
        (Layout(tool_args="json"), "'json' is no way to write tool arguments"),
        (Layout("axolotl", "unpaired_preference"), "Python notation"),
    ],
)
def test_what_no_dialect_has(layout: Layout, word: str) -> None:
    """Misspelt words, and layouts that cannot be, are refused before anything is read."""
    with pytest.raises(BadRequest) as caught:
        layout.checked()
    assert word in str(caught.value)


def test_a_dialect_may_know_one_way_only() -> None:
    """OpenAI wants text and LLaMA-Factory objects, whatever was asked; the others do as they are told."""
    for how in TOOL_ARGS:
        assert Layout("openai", tool_args=how).checked().tool_args == "string"
        assert Layout("llama-factory", tool_args=how).checked().tool_args == "object"
        assert Layout("sharegpt", tool_args=how).checked().tool_args == how
        assert Layout(tool_args=how).checked().tool_args == how


def test_companions_are_the_same_every_time() -> None:
    """The same arguments give the same bytes, and only two dialects need any."""
    for layout in LAYOUTS:
        files = companions(layout, "out.jsonl", 7)
        assert files == companions(layout, "out.jsonl", 7)
        assert bool(files) == (layout.dialect in {"llama-factory", "axolotl"})
        assert all(text.endswith(b"\n") for text in files.values())


def test_a_sample_of_the_other_form_is_refused() -> None:
    """A file that mixed texts and messages could not be loaded."""
    text, chat = Fields('"q"', '"a"', None), fields(ASKED, TOLD)
    for kind in HAS["trl"]:
        for form, given_fields in (("standard", chat), ("conversational", text)):
            with pytest.raises(Unwritable, match="this file holds"):
                write_row(Layout(type=kind, form=form), Row(given_fields, given_fields, label=True))


def test_exactness_is_of_digits_and_escapes() -> None:
    """An object that comes out of its text keeps its digits, its order and its escapes."""
    row = write_row(Layout(), Row(fields(ASKED, calling(DETAILED))))
    assert f'"arguments": {DETAILED}'.encode() in row
    back = Fields(json.dumps(ASKED), row.decode().split('"completion": ')[1][:-2], None)
    again = write_row(Layout(tool_args="string"), Row(back))
    assert json.loads(again)["completion"] == calling(DETAILED)
