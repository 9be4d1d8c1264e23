"""Erasing beside others: kills, readers, write-ahead logs, dictionaries, and work that began before it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger, projection, sqlite
from ledger.compaction import ZSTD, compact
from ledger.errors import BadRequest
from ledger.verbs import erase as erasing
from ledger.verbs import project, score, templates
from ledger.verbs.run import Run
from tests.erasing import PRIVATE, WHY, held_by, left_in
from tests.logs import foreign, store_of
from tests.small import chat, samples, write
from tests.test_store import finish, start

ROW = chat("who?", f"I am {PRIVATE}.", label=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a closed ledger, in a folder of its own, of one sample with a secret and 30 others."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "in").mkdir()
    others = [chat(f"question {n}", f"answer {n} " * 20, label=True) for n in range(30)]
    with Ledger.init(home / "ledger.db") as ledger:
        ledger.ingest(write(tmp_path / "in" / "a.jsonl", *others[:15], ROW, *others[15:]), campaign="c")
    return home / "ledger.db"


def secret_sample(ledger: Ledger) -> str:
    """Return the id of the sample with the secret."""
    return samples(ledger)[15]


def erase(ledger: Ledger, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as Ledger.erase
    """Erase the sample with the secret."""
    return ledger.erase([secret_sample(ledger)], **WHY, yes=True, **more)


MOMENTS: dict[str, tuple[Any, str]] = {
    "before the events": (Run, "append"),
    "before the bytes": (sqlite, "forget_bodies"),
    "before the fold": (projection, "catch_up"),
    "after the commit": (erasing, "_scrub"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_it_is_nothing_or_all(path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Before the commit nothing is erased; after it, everything is; the same command again does what is left."""

    def die(*_args: object, **_named: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        monkeypatch.setattr(*MOMENTS[moment], die)
        with Ledger.open(path) as ledger:
            erase(ledger)

    assert finish([start(work)]) == [-signal.SIGKILL]
    done = moment == "after the commit"
    with Ledger.open(path) as ledger:
        assert ledger.show(secret_sample(ledger))["status"] == ("erased" if done else "pending")
        assert (held_by(ledger) == []) == done
        assert ledger.verify()["findings"] == []
        assert erase(ledger)["erased"] == (0 if done else 1)
        assert held_by(ledger) == []
    assert list(left_in(path.parent)) == []


@pytest.mark.usefixtures("path")
def test_nothing_is_left_in_a_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is written back and emptied, though older pages in it held the text; a reader in the way is told of."""
    monkeypatch.setattr(sqlite, "wal_is_safe", lambda: True)
    home = tmp_path / "wal"
    home.mkdir()
    Ledger.init(home / "ledger.db", wal=True).close()
    with Ledger.open(home / "ledger.db", wait=0) as ledger:
        ledger.ingest(write(tmp_path / "in" / "b.jsonl", ROW, chat("q", "a")), campaign="c")
        assert "ledger.db-wal" in {name for name, _ in left_in(home)}
        mine = samples(ledger)[0]
        with foreign(home / "ledger.db") as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM event").fetchone() == (4,)
            done = ledger.erase([mine], **WHY, yes=True)
            assert not done["scrubbed"]
            assert "write-ahead log" in ledger.warnings[-1]
            assert list(left_in(home)) != []
            reader.execute("ROLLBACK")
        again = ledger.erase([mine], **WHY)
        assert (again["erased"], again["scrubbed"]) == (0, True)
        assert list(left_in(home)) == []
        assert ledger.verify()["findings"] == []


def test_no_dictionary_quotes_it(tmp_path: Path) -> None:
    """In a packed ledger the dictionary that was trained on the text is made anew without it."""
    pytest.importorskip("zstandard")
    home = tmp_path / "packed"
    home.mkdir()
    rows = [chat(f"question {n} about {PRIVATE}", f"{PRIVATE}: answer {n} " * 30) for n in range(40)]
    others = [chat(f"other {n}", f"a plain answer {n} " * 30) for n in range(40)]
    source = write(tmp_path / "a.jsonl", *rows, *others)
    with Ledger.init(home / "ledger.db") as ledger:
        ledger.ingest(source, campaign="c")
        compact(store_of(ledger), ZSTD, lambda *_: None)
        assert list(left_in(home)) != []
        root = ledger.status()["head"]["root"]
        ids = samples(ledger)

        done = ledger.erase(ids[:40], **WHY, yes=True)

        assert done["erased"] == 40
        assert list(left_in(home)) == []
        assert held_by(ledger) == []
        assert ledger.verify()["findings"] == []
        assert ledger.status(as_of=done["events"][0] - 2)["head"]["root"] == root
        assert ledger.show(ids[50])["content"] is not None


EARLIER: dict[str, tuple[Any, str, Callable[[Ledger, Path], object]]] = {
    "an export": (project, "_record", lambda ledger, out: ledger.project("sft", out / "o.jsonl")),
    "a look for templates": (templates, "_record", lambda ledger, _: ledger.templates(field="completion")),
    "a score": (score, "append_all", lambda ledger, _: ledger.score("length")),
}


@pytest.mark.parametrize("name", EARLIER)
def test_what_was_read_before_is_not_recorded_after(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What began before an erasure, and would be written after it, is refused, and leaves nothing."""
    module, step, work = EARLIER[name]
    out = tmp_path / "out"
    out.mkdir()
    really = getattr(module, step)

    def erase_first(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - what is passed on
        with Ledger.open(path) as other:
            erase(other)
        return really(*args, **named)

    monkeypatch.setattr(module, step, erase_first)
    with Ledger.open(path) as ledger:
        with pytest.raises(BadRequest, match="erased"):
            work(ledger, out)
        assert held_by(ledger) == []
        assert ledger.verify()["findings"] == []
    assert list(out.iterdir()) == []
