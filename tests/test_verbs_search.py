"""`search`: what a query finds, whatever its words are, at which moment, and what is never left of what was erased."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, ConditionInvalid, NoSuchPosition
from ledger.verbs.search import FIELDS, LABELS, STATUSES, cut, match_of, terms_of
from ledger.views import search as words
from tests.erasing import WHY
from tests.logs import improve, line
from tests.small import chat, samples, write

SAID = ["the memory leaks", "a leak of memory", "Memory, in a Café!", "nothing", "memory memory leak"]


@pytest.fixture
def few(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of five answers to one question."""
    rows = [chat("what is it?", said, label=bool(n % 2), domain="ab"[n % 2]) for n, said in enumerate(SAID)]
    ledger.ingest(write(tmp_path / "in.jsonl", *rows), campaign="c")
    return ledger


def found(ledger: Ledger, query: str, **asked: Any) -> list[int]:  # noqa: ANN401 - as Ledger.search has them
    """Return which samples are found, by the order of their birth, nearest first."""
    born = {sample: number for number, sample in enumerate(samples(ledger))}
    return [born[one["sample"]] for one in ledger.search(query, limit=1000, **asked)["samples"]]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("memory", [0, 1, 2, 4]),
        ("memory leak", [1, 4]),
        ("MEMORY  Leak", [1, 4]),
        ('"memory leak"', [4]),
        ('"leak of memory" a', [1]),
        ("mem* lea*", [0, 1, 4]),
        ('"memory lea"*', [0, 4]),
        ("cafe", [2]),
        ("CAFÉ memory", [2]),
        ("what", [0, 1, 2, 3, 4]),
        ("absent", []),
        ("memory absent", []),
        ("memory-leak", [4]),
        ('"memory leak', [4]),
        ('the"memory leaks"', [0]),
        ("-memory ^leak", [1, 4]),
        ('memory ** "" \'', [0, 1, 2, 4]),
    ],
)
def test_all_words_must_be_there(few: Ledger, query: str, wanted: list[int]) -> None:
    """Words, phrases and beginnings find what holds all of them; case, accents and punctuation do not count."""
    assert sorted(found(few, query)) == wanted


@pytest.mark.parametrize(
    "query",
    ["memory AND leak", "NEAR(memory leak)", "prompt: memory", "memory OR absent", "memory NOT leak", "{prompt}: what"],
)
def test_what_fts5_would_obey_is_only_words(few: Ledger, query: str) -> None:
    """Operators of FTS5 have no meaning: they are words like others, and these are not there."""
    assert found(few, query) == []


@pytest.mark.parametrize("query", ["", " ", '"', '""', "***", "-", "\x00", "\ud800", "!?", "x" * 1001])
def test_a_query_without_words_is_refused(few: Ledger, query: str) -> None:
    """A query that holds no word, or more than anybody types, is refused in a sentence."""
    with pytest.raises(BadRequest, match="query"):
        few.search(query)


@settings(max_examples=300)
@given(query=st.text(max_size=60) | st.text("ab\"*()^:-+{}\\'\x00 ANDORT", max_size=40))
def test_no_query_is_malformed(query: str) -> None:
    """Whatever is typed, it is a query for FTS5, or it is refused for holding no word."""
    try:
        terms = terms_of(query)
    except BadRequest:
        assert not any(char.isalnum() and char.isascii() for char in query)
        return
    for field in FIELDS:
        words.marked(match_of(terms, field), [("a b", "a")])


def test_the_longest_queries_are_answered(few: Ledger) -> None:
    """As many words as fit into a query are no fault."""
    assert found(few, " ".join(["memory", *(f"{n:x}" for n in range(250))])) == []
    assert sorted(found(few, " ".join(["memory"] * 142))) == [0, 1, 2, 4]


TEXT = st.lists(st.sampled_from(["ab", "abc", "b", "ba"]), max_size=5)
TERMS = st.lists(st.tuples(TEXT.filter(bool), st.booleans()), min_size=1, max_size=3)


def holds(said: Sequence[str], term: Sequence[str], *, prefix: bool) -> bool:
    """Say whether words in a row stand in a text, as a plain loop."""
    for at in range(len(said) - len(term) + 1):
        row = said[at : at + len(term)]
        if list(row[:-1]) == list(term[:-1]) and (row[-1].startswith(term[-1]) if prefix else row[-1] == term[-1]):
            return True
    return False


@settings(max_examples=30)
@given(texts=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6), queries=st.lists(TERMS, min_size=1, max_size=4))
def test_it_finds_what_a_plain_loop_finds(
    texts: list[tuple[list[str], list[str]]], queries: list[list[tuple[list[str], bool]]]
) -> None:
    """In each field, whatever the texts and the words, exactly the samples are found that hold all of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Ledger.init(folder / "ledger.db") as ledger:
            rows = [chat("Q " + " ".join(asked), "A " + " ".join(said)) for asked, said in texts]
            ledger.ingest(write(folder / "in.jsonl", *rows), campaign="c")
            for terms in queries:
                query = " ".join(f'"{" ".join(term)}"{"*" if prefix else ""}' for term, prefix in terms)
                for field in FIELDS:
                    sides = [
                        (
                            [*("q", *asked)] if field != "completion" else [],
                            [*("a", *said)] if field != "prompt" else [],
                        )
                        for asked, said in texts
                    ]
                    wanted = [
                        number
                        for number, both in enumerate(sides)
                        if all(any(holds(side, term, prefix=prefix) for side in both) for term, prefix in terms)
                    ]
                    assert sorted(found(ledger, query, field=field)) == wanted, (query, field)


def test_fields_and_filters(few: Ledger) -> None:
    """What else must be so of a sample narrows what is found; a slip of the pen is named."""
    few.reject(samples(few)[:2], reason="r")
    assert found(few, "memory", field="prompt") == []
    assert sorted(found(few, "memory", field="completion")) == [0, 1, 2, 4]
    assert sorted(found(few, "memory", status="rejected")) == [0, 1]
    assert sorted(found(few, "memory", status="pending", label="false")) == [2, 4]
    assert found(few, "memory", label="none") == []
    assert found(few, "memory", domain="b", campaign="c") == [1]
    assert found(few, "memory", domain="") == []
    assert sorted(found(few, "memory", where="label == 'true' or status == 'rejected'")) == [0, 1]
    for wrong in ({"field": "tools"}, {"status": "erased"}, {"label": "maybe"}, {"campaign": "d"}, {"limit": -1}):
        with pytest.raises(BadRequest):
            few.search("memory", **wrong)
    with pytest.raises(ConditionInvalid):
        few.search("memory", where="label ==")
    with pytest.raises(NoSuchPosition):
        few.search("memory", as_of="@1000")
    assert Ledger.searchable() == {"field": FIELDS, "status": STATUSES, "label": LABELS}


def test_the_nearest_come_first_then_the_oldest(few: Ledger, tmp_path: Path) -> None:
    """Shorter texts that say it more often come first; samples of one text come in the order of their birth."""
    assert found(few, "memory")[0] == 4
    few.ingest(
        write(tmp_path / "again.jsonl", *[chat("what is it?", SAID[4], domain=str(n)) for n in range(3)]), campaign="d"
    )
    assert found(few, "memory")[:4] == [4, 5, 6, 7]


def test_pages_are_parts_of_one_list(few: Ledger) -> None:
    """Limit and offset cut the list that is otherwise the same, and what is left is counted."""
    whole = few.search("memory", limit=10)
    assert (whole["found"], whole["complete"], whole["left"]) == (4, True, 0)
    pages = [few.search("memory", limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [page["left"] for page in pages] == [1, 0, 0]
    assert [one for page in pages for one in page["samples"]] == whole["samples"]
    assert few.search("memory", limit=0)["samples"] == []


def test_of_too_many_the_newest_are_ranked(few: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word of very many texts costs no more than the newest of them do, and the answer says so."""
    monkeypatch.setattr(words, "RANKED", 2)
    answer = few.search("memory")
    assert (answer["found"], answer["complete"]) == (2, False)
    assert sorted(found(few, "memory")) == [2, 4]
    assert few.search("memory", label="true")["complete"]


def test_an_entry_says_what_the_sample_is_and_where_the_words_are(few: Ledger) -> None:
    """Each sample is named with what is known of it, and a piece of its text with the hits in it."""
    one = few.search("leak of")["samples"][0]
    shown = few.show(one["sample"])
    assert one["version"] == shown["version"]
    assert (one["campaign"], one["source"], one["domain"], one["status"]) == ("c", "in.jsonl", "b", "pending")
    assert (one["label"], one["split"], one["field"]) == (True, None, "completion")
    assert one["snippet"] == "a leak of memory"
    assert [one["snippet"][begin:end] for begin, end in one["hits"]] == ["leak", "of"]
    assert one["relevance"] > 0
    assert few.search("what")["samples"][0]["field"] == "prompt"


def test_snippets_cannot_steer_a_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """Control characters, this program's own marks among them, and what turns the reading order are no part of it."""
    said = "one \x1b[31m\x02two\x03 \u202e three\nfour\tfive\r\x00six " + "\u200b" * 50 + "seven"
    ledger.ingest(write(tmp_path / "in.jsonl", chat("q", said)), campaign="c")
    one = ledger.search("two seven")["samples"][0]
    assert one["snippet"] == "one [31m two three four five six seven"
    assert [one["snippet"][begin:end] for begin, end in one["hits"]] == ["two", "seven"]
    assert found(ledger, "six") == [0]


@settings(max_examples=60)
@given(said=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=30))
def test_snippets_of_any_text(said: list[str]) -> None:
    """Whatever stands around a word, it is found, and what is marked in the snippet is that word."""
    text = " needle ".join(said)
    piece = words.marked('"needle"', [(text, text + " needle")])[0][1]
    snippet, hits = cut(piece)
    assert len(snippet) <= 320
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", snippet)
    assert hits
    for begin, end in hits:
        assert snippet[begin:end].casefold() == "needle"


def test_long_words_are_cut_around_the_first_hit() -> None:
    """A piece of text of very long words is cut, and the hits that are left stand where they say."""
    long = f"{'x' * 1000} {words.BEGIN}hit{words.END} {'y' * 1000} {words.BEGIN}hit{words.END}"
    snippet, hits = cut(long)
    assert len(snippet) == 320
    assert [snippet[begin:end] for begin, end in hits] == ["hit"]
    assert cut("")[0] == ""


def test_versions_of_the_moment_are_searched(few: Ledger) -> None:
    """An edit takes the old words out of what is found now; earlier moments find them, later versions they do not."""
    sample, before = samples(few)[3], few.status()["head"]["position"]
    assert found(few, "nothing") == [3]
    edited = few.edit(sample, line("what is it?", "something else"))
    assert (found(few, "nothing"), found(few, "something")) == ([], [3])
    assert (found(few, "nothing", as_of=before), found(few, "something", as_of=before)) == ([3], [])
    few.withdraw([f"@{edited['events'][0]}"])
    assert (found(few, "nothing"), found(few, "something")) == ([3], [])
    assert found(few, "something", as_of=edited["events"][0]) == [3]
    child = improve(few, sample, [line("what is it?", "an improvement")])
    assert [one["sample"] for one in few.search("improvement")["samples"]] == child
    assert few.search("improvement")["samples"][0]["source"] is None


def test_system_messages_and_calls_are_searched(ledger: Ledger, tmp_path: Path) -> None:
    """All that messages say is found, and the names and arguments of calls; definitions of tools are not."""
    call = {"id": "1", "type": "function", "function": {"name": "open_gate", "arguments": '{"key": "sesame"}'}}
    row = {
        "messages": [
            {"role": "system", "content": "You are terse."},
            {"role": "user", "content": [{"type": "text", "text": "Let me in"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ],
        "tools": [{"type": "function", "function": {"name": "open_gate", "description": "unfindable"}}],
    }
    ledger.ingest(write(tmp_path / "in.jsonl", row), campaign="c")
    assert found(ledger, "terse in", field="prompt") == [0]
    assert found(ledger, "open_gate sesame", field="completion") == [0]
    assert found(ledger, "unfindable") == []


def test_one_line_that_two_readers_read_is_found_as_each_reads_it(ledger: Ledger, tmp_path: Path) -> None:
    """The text is what the sample's own reader takes from its bytes."""
    row = {**chat("asked in a chat", "said"), "prompt": "asked plainly", "completion": "answered"}
    path = write(tmp_path / "in.jsonl", row)
    ledger.ingest(path, campaign="c")
    ledger.ingest(path, campaign="d", form="prompt_completion")
    assert (found(ledger, "chat"), found(ledger, "plainly"), found(ledger, "asked")) == ([0], [1], [1, 0])


NAME = "Qxjvkzwpsecretwordofada"
"""A word of its own; in the index it stands in lower case, unlike anywhere else."""


def left_in(folder: Path) -> Iterator[str]:
    """Yield the files that hold a piece of the secret in any case."""
    pieces = {NAME.lower()[at : at + 8].encode() for at in range(len(NAME) - 7)}
    for path in folder.rglob("*"):
        if path.is_file() and any(piece in path.read_bytes().lower() for piece in pieces):
            yield path.name


def told(ledger: Ledger, folder: Path) -> str:
    """Put the secret and other texts into a ledger and its index; return the sample that tells it."""
    rows = [chat("q", f"{said} number {n}") for n, said in enumerate([NAME, *["plain"] * 50])]
    ledger.ingest(write(folder / "in.jsonl", *rows), campaign="c")
    assert found(ledger, NAME) == [0]
    return samples(ledger)[0]


def test_nothing_of_what_was_erased_is_left_in_the_index(tmp_path: Path) -> None:
    """An erasure drops the index in its own commit: no piece of a word is left in the file, nor found again."""
    home, inputs = tmp_path / "home", tmp_path / "in"
    home.mkdir()
    inputs.mkdir()
    with Ledger.init(home / "ledger.db") as ledger:
        sample = told(ledger, inputs)
        assert NAME.lower()[1:].encode() in (home / "ledger.db").read_bytes(), (
            "the index holds it, but for what it shares with the word before"
        )
        ledger.erase([sample], **WHY, yes=True)
        assert list(left_in(home)) == []
        assert found(ledger, NAME) == []
        assert found(ledger, NAME, as_of=3) == []
        assert len(found(ledger, "plain")) == 50
        assert list(left_in(home)) == []
        assert ledger.verify()["findings"] == []


def test_an_import_that_erases_drops_the_index_too(tmp_path: Path) -> None:
    """Where an archive tells an older copy what was erased since, the words go with the bytes there."""
    home, inputs, copy = tmp_path / "home", tmp_path / "in", tmp_path / "copy"
    for folder in (home, inputs, copy):
        folder.mkdir()
    with Ledger.init(home / "ledger.db") as ledger:
        sample = told(ledger, inputs)
        shutil.copy(home / "ledger.db", copy / "ledger.db")
        ledger.erase([sample], **WHY, yes=True)
        ledger.export_events(tmp_path / "events.jsonl")
    assert list(left_in(copy)) == ["ledger.db"]
    Ledger.import_events(tmp_path / "events.jsonl", copy / "ledger.db")
    assert list(left_in(copy)) == []
