"""Views as TOML: the round trip, and for every way to write a wrong one the line and what was expected there."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import ViewInvalid
from ledger.exporters.view_file import LONGEST, parse_view, select_line, view_toml
from ledger.exporters.view_spec import BUILT_IN, ViewSpec, problems
from tests.test_exporters_view_spec import specs

BASE = """\
name = "seed-003"
type = "prompt_completion"
select = 'campaign in ["scored", "enhanced"]'
label = ["true"]            # "true", "false", "none"
split = "any"               # any, training, train, val, test
status = ["accepted",
  "pending"]
order = "ingested"
duplicates = "keep"
conflicts = "keep"
weights = "repeat"

[fields]                    # further columns: column = fact
source = "source"
persona = "tag.persona"
"""


def refused(text: str) -> tuple[int, str]:
    """Return the line and the sentence with which a view is refused."""
    with pytest.raises(ViewInvalid) as caught:
        parse_view(text, "v.toml")
    place, line, what = caught.value.args
    assert place == "v.toml"
    assert str(caught.value) == f"v.toml, line {line}: {what}."
    return line, what


@given(specs())
def test_writing_and_reading_are_inverse(spec: ViewSpec) -> None:
    """A view written as TOML and read again is the same view, with the same digest."""
    again = parse_view(view_toml(spec), "again")

    assert again == spec
    assert again.digest == spec.digest


def test_a_whole_view() -> None:
    """Each line of a view means what it says."""
    assert parse_view(BASE, "v") == ViewSpec(
        "seed-003",
        "prompt_completion",
        ("accepted", "pending"),
        None,
        (True,),
        'campaign in ["scored", "enhanced"]',
        "ingested",
        "keep",
        "keep",
        "repeat",
        "prompt",
        (("source", "source"), ("persona", "tag.persona")),
    )


def test_what_may_be_left_out() -> None:
    """A name is enough; what else a type takes by itself is what that type can mean."""
    assert parse_view('name = "v"', "v") == ViewSpec("v")
    reads = ViewSpec("v", "samples", duplicates="keep", conflicts="keep", weights="ignore")
    assert parse_view('name = "v"\ntype = "samples"', "v") == reads
    kto = parse_view('name = "v"\ntype = "unpaired_preference"', "v")
    assert kto == ViewSpec("v", "unpaired_preference", labels=(True, False))
    assert parse_view('name = "v"\ntype = "preference"', "v") == ViewSpec("v", "preference")


def test_the_order_of_words_in_a_list_does_not_count() -> None:
    """Two files that say the same in another order are one view; the columns stand in the order of the file."""
    first = BASE.replace('"accepted",\n  "pending"', '"pending", "accepted"').replace('["true"]', '["none", "true"]')
    second = BASE.replace('["true"]', '["true", "none"]')
    assert parse_view(first, "1").digest == parse_view(second, "2").digest
    swapped = BASE.replace('source = "source"\npersona = "tag.persona"', 'persona = "tag.persona"\nsource = "source"')
    assert parse_view(swapped, "3").fields == tuple(reversed(parse_view(BASE, "4").fields))


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_view_is_an_example(name: str) -> None:
    """What is shown of it can be read: it is the same view, or says in a comment what cannot be written."""
    spec = BUILT_IN[name]
    text = view_toml(spec)
    again = parse_view(text, name)
    if spec.type == "auto":
        assert text.startswith("# As a view that every ledger has, its type is")
        assert (again.type, again.split, again.labels) == ("unpaired_preference", spec.split, (True, False))
    else:
        assert again == spec
        assert "#" not in text


WRONG = [
    # TOML itself
    ('name = "seed-003"', "name = ", 1, "a value is expected"),
    ("[fields]", "[fields", 13, "not TOML"),
    ("[fields]", "[fields]\nsource = 'domain'", 15, "not TOML: a key is given twice"),
    ('order = "ingested"', "order", 8, "not TOML"),
    ('order = "ingested"', 'order = "ingested', 8, "not TOML"),
    ('order = "ingested"', f"order = {'9' * 5000}", 8, "far too many digits"),
    ('order = "ingested"', f"order = {'[' * 5000}", 8, "nested too deep"),
    ('order = "ingested"', f"order{'.a' * 20} = 1", 8, "at most 16 names"),
    # keys
    ('name = "seed-003"', 'nmae = "seed-003"', 1, "no key 'nmae' here (did you mean 'name'?)"),
    ('name = "seed-003"\n', "", 1, "name is missing"),
    ("label = ", "labels = ", 4, "did you mean 'label'"),
    ("status = ", "statuses = ", 6, "did you mean 'status'"),
    ("[fields]", "[field]", 13, "did you mean 'fields'"),
    ("[fields]", "[[fields]]", 13, "fields is a table of columns, each = a fact, not a list"),
    ("weights = ", "batch = ", 11, "no key 'batch' here; there are name, type, select"),
    # kinds and words
    ('name = "seed-003"', "name = 3", 1, "name is a text in quotes, not a number"),
    ('name = "seed-003"', 'name = "my view"', 1, "the name of a view is letters, digits"),
    ('name = "seed-003"', 'name = "mine.toml"', 1, "does not end with .toml"),
    ('name = "seed-003"', f'name = "{"x" * 101}"', 1, "at most 100 characters"),
    ('"prompt_completion"', '"promt_completion"', 2, "did you mean 'prompt_completion'"),
    ('"prompt_completion"', '"auto"', 2, "type cannot be 'auto'; there are samples"),
    ('\'campaign in ["scored", "enhanced"]\'', "true", 3, "select is a text in quotes, not true or false"),
    ('\'campaign in ["scored", "enhanced"]\'', "' '", 3, "leave the line out for all"),
    ('\'campaign in ["scored", "enhanced"]\'', f"'{'x' * 10_001}'", 3, "at most 10,000 characters"),
    ('["true"]', '"true"', 4, "label is a list of some of"),
    ('["true"]', "[true]", 4, "in quotes; this is true or false"),
    ('["true"]', '["yes"]', 4, "label cannot be 'yes'; there are true, false, none"),
    ('["true"]', '["true", "true"]', 4, "label names 'true' twice"),
    ('["true"]', "[]", 4, "label is empty"),
    ('["true"]', "1979-05-27", 4, "it is a date or time"),
    ('"any"', '"trian"', 5, "split cannot be 'trian' (did you mean 'train'?)"),
    ('"pending"]', '"penidng"]', 7, "status cannot be 'penidng' (did you mean 'pending'?)"),
    ('"pending"]', '"erased"]', 7, "status cannot be 'erased'"),
    ('"pending"]', "\n\n 3]", 9, "this is a number"),
    ('["accepted",\n  "pending"]', "[]", 6, "status is empty"),
    ('"ingested"', '"shuffled"', 8, "order cannot be 'shuffled'"),
    ('duplicates = "keep"', "duplicates = true", 9, "duplicates is a text in quotes"),
    ('duplicates = "keep"', 'duplicates = "omit"', 9, "there are collapse, keep"),
    ('conflicts = "keep"', 'conflicts = "kep"', 10, "did you mean 'keep'"),
    ('"repeat"', "5", 11, "weights is a text in quotes, not a number"),
    ('"repeat"', '"columns"', 11, "did you mean 'column'"),
    # columns
    ('source = "source"', 'source = "sourec"', 14, "no fact 'sourec' (did you mean 'source'?)"),
    ('source = "source"', "source = 1", 14, "fields.source is a text in quotes, not a number"),
    ('source = "source"', 'source.x = "source"', 14, "fields.source is a text in quotes, not a table"),
    ('source = "source"', 'prompt = "source"', 14, "a column 'prompt'; give this another name"),
    ('source = "source"', '" a" = "source"', 14, "printable characters, without a space at its ends"),
    ('"tag.persona"', '"tag."', 15, "no fact 'tag.'"),
    ('"tag.persona"', '"tags.persona"', 15, "no fact 'tags.persona'"),
    # together
    ('"ingested"', '"interleaved"', 8, "only rows of unpaired_preference can be interleaved"),
    ('weights = "repeat"', 'pairs = "lineage"', 11, "only a preference has pairs"),
    ('"prompt_completion"', '"preference"', 4, "label takes true and false"),
    ('"prompt_completion"', '"samples"', 11, 'weights is "ignore"'),
    ('"repeat"\n\n[fields]', '"column"\n\n[fields]\nweight = "times"', 14, "writes a column 'weight'"),
]


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    WRONG,
    ids=[ascii(f"{line}: {new[:60]} | {what[:30]}") for _, new, line, what in WRONG],
)
def test_what_is_refused(old: str, new: str, line: int, what: str) -> None:
    """Each fault names its line and a remedy."""
    assert old in BASE

    found = refused(BASE.replace(old, new, 1))

    assert what in found[1]
    assert found[0] == line


SMALL = 'name = "v"\ntype = "unpaired_preference"\n'

TOGETHER = [
    (SMALL + 'order = "interleaved"\nlabel = ["true"]', 4, "takes true and false"),
    (SMALL + 'label = ["true", "none"]', 3, 'take "none" out of label'),
    (SMALL + '[fields]\nlabel = "label"', 4, "a column 'label'"),
    ('name = "v"\ntype = "preference"\nconflicts = "keep"', 3, "a preference omits conflicts"),
    ('name = "v"\ntype = "preference"\nweights = "column"', 3, 'weights is "repeat" or "ignore"'),
    ('name = "v"\n[fields]\nx.y = "label"', 3, "fields.x is a text"),
    ('name = "v"\nfields.a = "label"\nfields.b = "lbel"', 3, "did you mean 'label'"),
    ('name = "v"\n# c\nfields = { a = "label", b = "lbel" }', 3, "did you mean 'label'"),
    ("\n\n'name' = \"v\"\n\"order\" = '''\nkeyd'''", 4, "did you mean 'keyed'"),
    ('name = "v"\nselect = """\n[fields]\norder = 1\n"""\norder = 1', 6, "order is a text"),
    ('name = "v"\nstatus = [ # ["x"]\n "accepted", # ]\n\n "rejected",\n "x" ]', 6, "status cannot be 'x'"),
    ('name = "v"\nstatus = [["x"], "y"]', 2, "this is a list"),
    ('name = "v"\n[fields]\na = """x"""""\nb = 1', 4, "fields.b is a text"),
]


@pytest.mark.parametrize(("text", "line", "what"), TOGETHER, ids=[ascii(text) for text, _, _ in TOGETHER])
def test_the_line_of_what_is_wrong(text: str, line: int, what: str) -> None:
    """The line is exact behind texts over several lines and comments, under dotted keys and in lists."""
    found = refused(text)

    assert what in found[1]
    assert found[0] == line
    assert refused(text.replace("\n", "\r\n"))[0] == line


@pytest.mark.parametrize(
    ("written", "condition", "at", "line"),
    [
        ("'a == 1'", "a == 1", 3, 2),
        ("'''a ==\n1'''", "a ==\n1", 6, 3),
        ("'''\n\na ==\n1'''", "\na ==\n1", 7, 5),
        ('"""\na ==\n1"""', "a ==\n1", 6, 4),
        ('"a ==\\n1"', "a ==\n1", 6, 2),
        ('"""a ==\\\n  \\n1"""', "a ==\n1", 6, 3),
    ],
)
def test_the_line_of_a_character_of_the_condition(written: str, condition: str, at: int, line: int) -> None:
    """It is exact however the text is written, with escapes in it too."""
    text = f'name = "v"\nselect = {written}\n'
    for ends in (text, text.replace("\n", "\r\n")):
        assert parse_view(ends, "v").select == condition
        assert select_line(ends, at) == line


PIECES = [
    *BASE.splitlines(keepends=True),
    *('"', "'''", "[", "]", "{", "}", "=", ".", ",", "#", "\\", "\n", "label", "nan", "-", "9", "é", "\x00", "\r"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_reads_or_is_refused(text: str) -> None:
    """Nothing that anybody can write raises anything but the one error, with a line that the text has."""
    line = 1
    try:
        parse_view(text, "v.toml")
    except ViewInvalid as error:
        line = error.args[1]

    assert 1 <= line <= text.count("\n") + 1


@settings(max_examples=300)
@given(specs(), st.data())
def test_a_mutated_view_reads_or_is_refused(spec: ViewSpec, data: st.DataObject) -> None:
    """With a piece cut out of it or put into it, a view is another sound view, or refused on one of its lines."""
    text = view_toml(spec)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    mutated = text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[end:]
    found, line = spec, 1
    try:
        found = parse_view(mutated, "v.toml")
    except ViewInvalid as error:
        line = error.args[1]

    assert 1 <= line <= mutated.count("\n") + 1
    assert list(problems(found)) == []
    assert parse_view(view_toml(found), "again") == found


HOSTILE = {
    "dotted keys": "a." * 9_000 + "a = 1",
    "a dotted header": "[" + "a." * 9_000 + "a]",
    "quoted dotted keys": '"a" . ' * 3_000 + "a = 1",
    "headers": "[[rule]]\n" * 2_200,
    "different headers": "".join(f"[a{n}.b]\n" for n in range(1_800)),
    "columns": 'name="v"\n[fields]\n' + "".join(f'c{n}="label"\n' for n in range(1_200)),
    "lists in one another": "x = " + "[" * 19_000,
    "tables in one another": "x = " + "{a=" * 6_000,
    "quotes": '"' * 20_000,
    "triple quotes": '"""' * 6_000,
    "backslashes": 'x = "' + "\\" * 19_000,
    "spaces": " " * 20_000,
    "carriage returns": "\r" * 20_000,
    "equals signs": "=" * 20_000,
    "digits": "x = " + "9" * 19_000,
    "a long list": 'name="v"\nstatus = [' + '"accepted", ' * 1_600 + "]",
    "a long condition": f'name="v"\nselect = "{"(" * 19_000}"',
    "one more": BASE + "#" * LONGEST,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_no_time(text: str) -> None:
    """As much of one thing as a view may have characters is refused at once, with a short sentence."""
    started = time.perf_counter()
    _, what = refused(text)

    assert time.perf_counter() - started < 5
    assert len(what) < 400


def test_the_views_in_the_documentation_read() -> None:
    """What is shown as a view is one."""
    docs = Path(__file__).parent.parent / "docs"
    texts = [path.read_text("utf-8") for path in sorted(docs.glob("releases*.md"))]
    found = [
        view for text in texts for view in re.findall(r"^```toml\n(name = .*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]
    assert found
    assert all(parse_view(text, "docs").name for text in found)
