"""What was erased: by address, by fingerprint, by event; at each moment, and however the log is cut into batches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger, projection
from ledger.views import erased
from tests.erasing import WHY
from tests.logs import folded, store_of, tables
from tests.small import chat, samples, write


@pytest.fixture
def two(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of two samples, of which the first, edited once, is erased."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a", label=True), chat("q", "b")), campaign="c")
    first = samples(ledger)[0]
    ledger.edit(first, json.dumps(chat("q", "c")).encode())
    assert not erased.any_erased(store_of(ledger).connection)
    ledger.erase([first], **WHY, yes=True)
    return ledger


def prints(ledger: Ledger) -> list[bytes]:
    """Return the fingerprints of both samples as they stand."""
    return [bytes.fromhex(ledger.show(one)["fingerprint"][3:]) for one in samples(ledger)]


def test_what_is_shunned(two: Ledger) -> None:
    """Every version's address and fingerprint, and no other."""
    connection = store_of(two).connection
    versions = [bytes.fromhex(one["version"][3:]) for one in two.show(samples(two)[0])["versions"]]
    other = bytes.fromhex(two.show(samples(two)[1])["version"][3:])
    born = next(event["says"]["fingerprint"] for event in two.log() if event["kind"] == "ingested")

    assert erased.any_erased(connection)
    assert erased.shunned(connection, [*prints(two), bytes.fromhex(born), bytes(32)]) == {
        prints(two)[0],
        bytes.fromhex(born),
    }
    assert erased.shunned_blobs(connection, [*versions, other, bytes(32)]) == set(versions)
    assert erased.shunned(connection, []) == erased.shunned_blobs(connection, []) == set()


def test_by_which_event(two: Ledger) -> None:
    """A blob has one, and none before it at any moment."""
    connection = store_of(two).connection
    rows = dict(connection.execute("SELECT blob, position FROM erased"))
    for blob, position in rows.items():
        found = erased.by(connection, blob)
        assert found is not None
        assert (found.position, json.loads(found.leaf)["authority"]) == (position, WHY["authority"])
    standing = connection.execute("SELECT version FROM samples WHERE status <> 'erased'").fetchone()[0]
    assert erased.by(connection, standing) is None
    assert erased.among(connection, [*rows, standing]) == set(rows)
    assert erased.since(connection, min(rows.values()) - 1)
    assert erased.since(connection, max(rows.values()) - 1)
    assert not erased.since(connection, max(rows.values()))


def test_two_readers_of_the_same_bytes(ledger: Ledger, tmp_path: Path) -> None:
    """Where two readers took one line for two texts, neither text comes in again, though the blob has one event."""
    both = {"prompt": "p", "completion": "c", "messages": chat("q", "a")["messages"]}
    source = write(tmp_path / "a.jsonl", both)
    ledger.ingest(source, campaign="one", form="prompt_completion")
    ledger.ingest(source, campaign="two", form="messages")
    assert len(set(prints(ledger))) == 2

    done = ledger.erase(samples(ledger)[:1], **WHY, yes=True)

    assert (done["erased"], done["samples_count"]) == (1, 2)
    connection = store_of(ledger).connection
    assert erased.shunned(connection, prints(ledger)) == set(prints(ledger))
    for form in ("prompt_completion", "messages"):  # the same two texts in other bytes: kept out, by the same authority
        ledger.ingest(write(tmp_path / f"{form}.jsonl", {**both, "form": form}), campaign="three", form=form)
    said = [event["says"] for event in ledger.log(limit=100) if event["kind"] == "erased"]
    assert [one["authority"] for one in said] == [WHY["authority"]] * 3
    assert ledger.status()["by_status"]["erased"] == 2
    assert ledger.verify()["ok"]


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 100])
def test_any_cut_gives_the_same_views(two: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """Erasure and what came around it may fall into one batch or several."""
    two.ingest(write(tmp_path / "b.jsonl", chat("q", "a", label=True, again=1), chat("q", "d")), campaign="c")
    two.accept(samples(two)[1:])
    two.erase(samples(two)[-1:], **WHY, yes=True)
    stood = tables(store_of(two).connection)
    monkeypatch.setattr(projection, "BATCH", batch)
    assert folded(two.path, two.status()["head"]["position"]) == stood
    two.rebuild_views()
    assert tables(store_of(two).connection) == stood
