"""A ledger that is opened for reading only: the file never changes, whoever reads, and what others write is seen."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger, projection
from ledger.errors import BadRequest, LedgerNotFound, NotWritable, StaleViews
from ledger.migrations import STEPS
from tests.cli import environment
from tests.judged import LOW, decide, taken
from tests.logs import store_of
from tests.small import chat, names, pairs, write

QUESTIONS: dict[str, Callable[[Ledger], Any]] = {
    "status": lambda ledger: ledger.status(),
    "as of": lambda ledger: ledger.status(as_of=2),
    "log": lambda ledger: ledger.log(),
    "find": lambda ledger: ledger.find(digest=True),
    "find as of": lambda ledger: ledger.find(within=1, as_of=9),
    "find words": lambda ledger: ledger.find(text="question"),
    "search": lambda ledger: ledger.search("question"),
    "search as of": lambda ledger: ledger.search("question", as_of=9),
    "near-misses": lambda ledger: ledger.near_misses(),
    "rejections": lambda ledger: ledger.rejections(),
    "whatif": lambda ledger: ledger.whatif(["threshold.min_quality=0.3"]),
    "compare": lambda ledger: ledger.compare(["c", "d"], by="source"),
    "agreement": lambda ledger: ledger.agreement(),
    "conflicts": lambda ledger: ledger.conflicts(),
    "diff": lambda ledger: ledger.diff(3),
    "check": lambda ledger: ledger.check("accepted"),
    "verify": lambda ledger: ledger.verify(),
    "why": lambda ledger: ledger.why(ledger.find(limit=1)["samples"][0]["sample"]),
    "show": lambda ledger: ledger.show(ledger.find(limit=1)["samples"][0]["sample"]),
}

WRITES: dict[str, Callable[[Ledger, Path], Any]] = {
    "ingest": lambda ledger, folder: ledger.ingest(write(folder / "more.jsonl", *pairs(1)), campaign="e"),
    "accept": lambda ledger, _: ledger.accept([ledger.find(limit=1)["samples"][0]["sample"]]),
    "relabel": lambda ledger, _: ledger.relabel([ledger.find(limit=1)["samples"][0]["sample"]], "true"),
    "split": lambda ledger, _: ledger.split("80/10/10"),
    "rebuild views": lambda ledger, _: ledger.rebuild_views(),
    "rebuild words": lambda ledger, _: ledger.search("question", rebuild=True),
}


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with scores, a policy, decisions, two campaigns and an index of words."""
    rows = [("asm", {"quality": quality}) for quality in (0.9, 0.49, 0.6)]
    taken(ledger, tmp_path / "in.jsonl", rows)
    ledger.ingest(write(tmp_path / "d.jsonl", *pairs(2)), campaign="d")
    decide(ledger, LOW)
    ledger.search("question")
    return ledger


def stands(path: Path) -> tuple[str, int, list[str]]:
    """Return the digest of a file, when it was written, and what stands beside it."""
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, names(path.parent)


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_changes_the_file(judged: Ledger, question: str) -> None:
    """Every question has the answer that it has elsewhere; no byte changes, and no journal is made."""
    ask = QUESTIONS[question]
    wanted = ask(judged)
    before = stands(judged.path)
    with Ledger.open(judged.path, read_only=True) as ledger:
        assert ask(ledger) == wanted
        assert stands(judged.path) == before
    assert stands(judged.path) == before


@pytest.mark.parametrize("verb", WRITES)
def test_what_would_write_is_refused(judged: Ledger, tmp_path: Path, verb: str) -> None:
    """Each verb that writes says that the ledger was opened for reading only, and nothing changes."""
    with Ledger.open(judged.path, read_only=True) as ledger:
        before = hashlib.sha256(judged.path.read_bytes()).hexdigest()
        with pytest.raises(NotWritable, match="reading only"):
            WRITES[verb](ledger, tmp_path)
        assert hashlib.sha256(judged.path.read_bytes()).hexdigest() == before
        assert ledger.status() == judged.status()


def test_the_connection_itself_cannot_write(judged: Ledger) -> None:
    """SQLite refuses what would get past the verbs."""
    with Ledger.open(judged.path, read_only=True) as ledger:
        for statement in ("DELETE FROM rollups", "CREATE TABLE main.x (y)", "UPDATE samples SET status = 'accepted'"):
            with pytest.raises(Exception, match=r"readonly|not authorized"):
                store_of(ledger).connection.execute(statement)


def test_commits_of_others_are_seen_at_once(judged: Ledger, tmp_path: Path) -> None:
    """A reader that stays open sees each commit, and stands in no writer's way."""
    with Ledger.open(judged.path, read_only=True) as ledger:
        for number in range(3):
            wanted = judged.status()["samples"] + 1
            judged.ingest(write(tmp_path / f"{number}.jsonl", chat(f"new {number}", "x")), campaign="c")
            assert ledger.status()["samples"] == wanted
            assert ledger.find(source=f"{number}.jsonl")["total"] == 1


def test_another_process_can_write_meanwhile(judged: Ledger, tmp_path: Path) -> None:
    """Reads go on while a program of its own takes in a file; each sees a whole commit."""
    write(tmp_path / "many.jsonl", *pairs(1500))
    code = (
        "import sys; from ledger import Ledger\nwith Ledger.open(sys.argv[1]) as l: l.ingest(sys.argv[2], campaign='m')"
    )
    before = judged.status()["samples"]
    command = [sys.executable, "-c", code, str(judged.path), str(tmp_path / "many.jsonl")]
    with Ledger.open(judged.path, read_only=True) as ledger, subprocess.Popen(command, env=environment()) as process:
        counts = [ledger.status()["samples"]]
        while process.poll() is None:
            answer = ledger.status()
            assert answer["conserved"]
            counts.append(answer["samples"])
        assert process.returncode == 0
        assert ledger.status()["samples"] == before + 3000
    assert counts == sorted(counts)


@pytest.mark.parametrize("asked", [{"ratio": "x"}, {"batch_size": 1}])
def test_a_refused_question_leaves_no_lock(judged: Ledger, asked: dict[str, Any]) -> None:
    """Not even while somebody keeps the error, with the rows that were not read to their end."""
    kept: list[BadRequest] = []
    sample = judged.find(limit=1)["samples"][0]["sample"]
    with Ledger.open(judged.path, read_only=True) as reader:
        try:
            reader.check("kto-interleaved", **asked)
        except BadRequest as error:
            kept.append(error)
        assert kept
        with Ledger.open(judged.path, wait=0) as writer:
            assert writer.tag([sample], "seen", "yes")["changed"] == 1


def test_views_of_another_version_are_not_made_again(judged: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to run; an ordinary opening makes the views again, and then it can be read."""
    monkeypatch.setattr(projection, "_CODE", b"another version")
    before = stands(judged.path)
    with pytest.raises(StaleViews):
        Ledger.open(judged.path, read_only=True)
    assert stands(judged.path) == before
    Ledger.open(judged.path).close()
    with Ledger.open(judged.path, read_only=True) as ledger:
        assert ledger.status()["samples"] == 7


def test_an_older_file_is_not_brought_up_to_date(judged: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A format before this one is left as it is."""
    monkeypatch.setattr("ledger.migrations.STEPS", (*STEPS, ("CREATE TABLE later (x) STRICT",)))
    monkeypatch.setattr(projection, "_CODE", b"another version")
    before = stands(judged.path)
    with pytest.raises(StaleViews):
        Ledger.open(judged.path, read_only=True)
    assert stands(judged.path) == before


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    """Reading does not create a file."""
    with pytest.raises(LedgerNotFound):
        Ledger.open(tmp_path / "absent.db", read_only=True)
    assert names(tmp_path) == []


# --- words


def test_words_are_searched_by_the_index_as_it_is(judged: Ledger, tmp_path: Path) -> None:
    """What came later is not found, and the answer says how much that is; the next search that may write catches up."""
    judged.ingest(write(tmp_path / "late.jsonl", chat("late question", "x"), chat("later", "y")), campaign="c")
    with Ledger.open(judged.path, read_only=True) as ledger:
        for found in (ledger.search("question")["index"], ledger.find(text="question")["index"]):
            assert found["behind"] == 2
        assert ledger.search("late")["found"] == ledger.find(text="late")["total"] == 0
        judged.search("late")
        assert ledger.search("late")["found"] == ledger.find(text="late")["total"] == 1
        assert ledger.find(text="late")["index"] == {
            "indexed_to": ledger.find(text="x")["samples"][0]["born"] + 1,
            "behind": 0,
        }


def test_without_an_index_the_error_says_what_to_run(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing is indexed behind the back of a reader."""
    ledger.ingest(write(tmp_path / "in.jsonl", *pairs(1)), campaign="c")
    with Ledger.open(ledger.path, read_only=True) as opened:
        for ask in (QUESTIONS["search"], QUESTIONS["find words"]):
            with pytest.raises(BadRequest, match="no index") as caught:
                ask(opened)
            assert "ledger search" in caught.value.next_step


def test_a_damaged_index_is_named(judged: Ledger) -> None:
    """It is no damage of the ledger, so the error says how to make it again."""
    store_of(judged).connection.execute("DELETE FROM search_data WHERE id = 10")
    with Ledger.open(judged.path, read_only=True) as opened:
        for ask in (QUESTIONS["search"], QUESTIONS["find words"]):
            with pytest.raises(BadRequest, match="damaged"):
                ask(opened)
