"""The index of words: made by searches alone, never trusted, and of no weight for anything else."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger, sqlite
from ledger.errors import BadRequest, NotWritable
from ledger.verbs import search_index
from ledger.views import search as words
from tests.cli import program, without_powers
from tests.erasing import WHY
from tests.logs import fill, line, store_of
from tests.small import chat, samples, write

TABLES = ("search", "search_reader", "search_state")
QUERIES = ("red", "green blue", "bl*", "red*")
COLOURS = ("red", "green", "blue", "redder")


def ingest(ledger: Ledger, folder: Path, said: Sequence[str]) -> None:
    """Bring samples in."""
    name = f"{len(samples(ledger))}.jsonl"
    ledger.ingest(write(folder / name, *[chat(f"q{n}", text) for n, text in enumerate(said)]), campaign="c")


def tables(ledger: Ledger) -> set[str]:
    """Return the tables of the index that stand in the file."""
    names = store_of(ledger).connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'")
    return {row[0] for row in names if row[0] in TABLES}


def answers(ledger: Ledger, **asked: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as Ledger.search has them
    """Return what some searches answer, without how the index came to be."""
    made = [ledger.search(query, limit=100, **asked) for query in QUERIES]
    return [{name: value for name, value in one.items() if name != "index"} for one in made]


@pytest.fixture
def red(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with an index of three texts."""
    ingest(ledger, tmp_path, ["red", "green blue", "redder blue"])
    assert ledger.search("red")["index"] == {"kind": "stored", "versions": 3, "added": 3, "position": 3, "behind": 0}
    return ledger


def test_only_what_is_new_is_put_in(red: Ledger, tmp_path: Path) -> None:
    """A search puts in the versions since the last one, each text once, and writes nothing where there are none."""
    ids = samples(red)
    ingest(red, tmp_path, ["red", "grey"])
    red.edit(ids[1], line("q", "violet"))
    assert red.search("grey")["index"]["added"] == 2, "one of the three is the text of another sample"
    before = red.path.read_bytes()
    red.search("grey")
    assert red.path.read_bytes() == before
    red.accept(ids, reason="good")
    before = red.path.read_bytes()
    assert red.search("grey")["index"]["added"] == 0
    assert red.path.read_bytes() == before


def test_no_other_command_makes_or_follows_it(ledger: Ledger, tmp_path: Path) -> None:
    """Without a search there is no index, and whatever is written later leaves it as it was."""
    fill(ledger, tmp_path)
    assert tables(ledger) == set()
    made = ledger.search("p3")["index"]
    ingest(ledger, tmp_path, ["red"])
    state = words.state(store_of(ledger).connection, "main", search_index.code())
    assert state == (made["position"], made["versions"])
    assert tables(ledger) == set(TABLES)


STEPS = st.lists(st.tuples(st.sampled_from(["ingest", "edit", "search", "withdraw"]), st.integers(0, 20)), max_size=8)


@settings(max_examples=25)
@given(steps=STEPS, step=st.sampled_from([1, 2, 10_000]))
def test_followed_it_answers_as_made_anew(steps: list[tuple[str, int]], step: int) -> None:
    """However it came to be, in whatever steps, an index answers like one that is made at once: now and for before."""
    usual = search_index.STEP
    search_index.STEP = step
    try:
        with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
            ingest(ledger, Path(name), COLOURS)
            for what, number in steps:
                does(ledger, Path(name), what, number)
            position = ledger.status()["head"]["position"] // 2
            followed = answers(ledger), answers(ledger, as_of=position)
            ledger.search("red", rebuild=True)
            assert (answers(ledger), answers(ledger, as_of=position)) == followed
    finally:
        search_index.STEP = usual


def does(ledger: Ledger, folder: Path, what: str, number: int) -> None:
    """Do one step."""
    ids = samples(ledger)
    colour, sample = COLOURS[number % 4], ids[number % len(ids)]
    if what == "ingest":
        ingest(ledger, folder, [f"{colour} {COLOURS[number % 3]}", colour])
    elif what == "edit":
        ledger.edit(sample, line("q", f"{colour} {number}"))
    elif what == "search":
        ledger.search(colour)
    elif edits := [one["event"] for one in ledger.log(sample, limit=100) if one["kind"] == "edited"]:
        ledger.withdraw(edits[-1:])


def test_what_was_interrupted_goes_on(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is a commit: a search that was stopped in between has not begun in vain."""
    ingest(ledger, tmp_path, [f"word{n}" for n in range(10)])
    monkeypatch.setattr(search_index, "STEP", 4)

    def stop(_what: str, done: int, _total: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.search("word9", progress=stop)
    seen: list[tuple[str, int, int]] = []
    answer = ledger.search("word9", progress=lambda *told: seen.append(told))
    assert (answer["found"], answer["index"]["added"]) == (1, 2)
    assert seen == [("indexing", 2, 2)]


def test_others_write_between_the_steps(ledger: Ledger, tmp_path: Path) -> None:
    """Who writes while an index is made is not kept out, and what he wrote is found."""
    ingest(ledger, tmp_path, ["red", "green"])
    wrote: list[int] = []

    def write_now(_what: str, done: int, _total: int) -> None:
        if not wrote:
            wrote.append(done)
            with Ledger.open(ledger.path, wait=0) as other:
                ingest(other, tmp_path, ["red"])

    answer = ledger.search("red", progress=write_now)
    assert wrote == [2]
    assert (answer["found"], answer["index"]["added"]) == (2, 2), "the same text is in the index once"
    assert answer["head"]["position"] == ledger.status()["head"]["position"]


def test_rebuilding_the_views_drops_it(red: Ledger) -> None:
    """It is gone with the views, and the next search makes it again."""
    red.rebuild_views()
    assert tables(red) == set()
    assert red.search("red")["index"]["added"] == 3


def test_one_that_other_code_made_is_made_again(red: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index of another version of this program is not asked."""
    monkeypatch.setattr(search_index, "code", lambda: bytes(32))
    assert red.search("red")["index"]["added"] == 3
    assert red.search("red")["index"]["added"] == 0
    assert red.search("red", rebuild=True)["index"]["added"] == 3


def foreign(path: Path, sql: str) -> None:
    """Let another program change a file that nobody has open."""
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(sql)


DAMAGES: tuple[tuple[str, str], ...] = (
    ("its structure is lost", "DELETE FROM search_data WHERE id = 10"),
    ("its pages are noise", "UPDATE search_data SET block = randomblob(length(block)) WHERE id > 10"),
    ("its sizes are lost", "DELETE FROM search_docsize"),
    ("its rows are others", "UPDATE search_reader SET number = number + 1"),
    ("it holds words of another text", "INSERT INTO search (rowid, prompt, completion) VALUES (129, 'red', 'red')"),
    ("its state is lost", "DELETE FROM search_state"),
    ("a table is lost", "DROP TABLE search_reader"),
    ("a table of FTS5 is lost", "DROP TABLE search_data"),
    ("its settings are lost", "DROP TABLE search_config"),
)


@pytest.mark.parametrize(("what", "sql"), DAMAGES, ids=[what for what, _ in DAMAGES])
def test_one_that_is_damaged_is_made_again(red: Ledger, what: str, sql: str) -> None:
    """Where a foreign hand changed the index, the ledger is sound, and a search makes the index again."""
    wanted = answers(red)
    red.close()
    foreign(red.path, sql)
    with Ledger.open(red.path) as ledger:
        assert ledger.verify()["findings"] == []
        if what == "its rows are others":
            ledger.search("red", rebuild=True)
        assert answers(ledger) == wanted
        assert ledger.verify()["findings"] == []


@pytest.mark.parametrize(("what", "sql"), DAMAGES, ids=[what for what, _ in DAMAGES])
def test_one_that_is_damaged_stands_in_the_way_of_nothing(red: Ledger, what: str, sql: str) -> None:
    """An erasure and a rebuild drop it, whatever was done to it."""
    del what
    red.close()
    foreign(red.path, sql)
    with Ledger.open(red.path) as ledger:
        ledger.erase(samples(ledger)[:1], **WHY, yes=True)
        names = store_of(ledger).connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'search%'")
        assert names.fetchall() == []
        assert ledger.verify()["findings"] == []
        assert ledger.search("green")["found"] == 1


def test_it_is_of_no_weight_for_the_rest(red: Ledger, tmp_path: Path) -> None:
    """With an index in it, a ledger verifies, is copied, and is built anew; those files are searched with it."""
    wanted = answers(red)
    assert red.verify()["findings"] == []
    red.backup(tmp_path / "copy.db")
    for codec in (None, "zstd", "none"):
        red.compact(codec=codec)
        assert red.verify()["findings"] == []
        assert answers(red) == wanted
        assert red.search("red")["index"]["added"] == 0
    with Ledger.open(tmp_path / "copy.db") as copy:
        assert answers(copy) == wanted
        assert copy.search("red")["index"]["added"] == 0
    red.search("red", rebuild=True)
    red.erase(samples(red)[:1], **WHY, yes=True)
    assert tables(red) == set()
    assert red.verify()["findings"] == []


def test_a_ledger_that_cannot_be_written_is_searched(red: Ledger, tmp_path: Path) -> None:
    """With an index that is up to date as ever; else with a temporary one, of which a warning tells."""
    store = store_of(red)
    store.writable = False
    assert red.search("red")["index"]["kind"] == "stored"
    assert red.warnings == []
    with pytest.raises(NotWritable):
        red.search("red", rebuild=True)
    with Ledger.open(red.path) as other:
        ingest(other, tmp_path, ["red again"])
        other.edit(samples(other)[0], line("q", "blue"))
        wanted = answers(other), answers(other, as_of=3)
        other.rebuild_views()
    before = red.path.read_bytes()
    for _ in range(2):
        assert (answers(red), answers(red, as_of=3)) == wanted
    assert red.search("red")["index"] == {"kind": "temporary", "versions": 5, "added": 5, "position": 9, "behind": 0}
    assert "cannot be written" in red.warnings[0]
    assert red.path.read_bytes() == before


def test_a_file_that_is_read_only_is_searched(shared: Path, tmp_path: Path) -> None:
    """The same by the file's own permissions, in a program of its own."""
    with Ledger.init(shared / "ledger.db") as made:
        ingest(made, tmp_path, ["red", "green"])
    (shared / "ledger.db").chmod(0o444)
    shared.chmod(0o555)
    answer = program("search", "red", "--json", "--ledger", shared / "ledger.db", cwd=tmp_path, before=without_powers)
    shared.chmod(0o755)
    assert answer.code == 0, answer.err
    assert (answer.json["found"], answer.json["index"]["kind"]) == (1, "temporary")
    assert "warning: the ledger cannot be written" in answer.err


def test_a_damaged_index_that_cannot_be_made_again_is_left_out(red: Ledger) -> None:
    """Where nothing can be written, a temporary index takes the place of one that is damaged."""
    wanted = answers(red)
    red.close()
    foreign(red.path, DAMAGES[1][1])
    with Ledger.open(red.path) as ledger:
        store_of(ledger).writable = False
        assert answers(ledger) == wanted
        assert ledger.search("red")["index"]["kind"] == "temporary"


def test_a_library_that_cannot_search_is_named(red: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without FTS5 a search is refused in a sentence."""
    monkeypatch.setattr(words, "is_possible", lambda _connection: False)
    with pytest.raises(BadRequest, match="without FTS5"):
        red.search("red")
    with closing(sqlite.in_memory()) as memory:
        monkeypatch.undo()
        assert words.is_possible(memory)


def test_one_index_serves_every_moment(red: Ledger) -> None:
    """A search at an earlier moment makes nothing, and finds what stood then."""
    asked = [red.search("blue", as_of=at) for at in (1, 2, 3)]
    assert [one["found"] for one in asked] == [0, 1, 2]
    assert [one["index"]["added"] for one in asked] == [0, 0, 0]
