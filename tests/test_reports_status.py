"""status: counts that add up, from a few rows whatever the size of the ledger."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ledger import Ledger
from ledger.store import open_store
from tests.small import by_policy, chat, pairs, samples, text_of, write

KEYS = {
    "samples",
    "blobs",
    "fingerprints",
    "quarantined",
    "events",
    "head",
    "by_status",
    "by_label",
    "campaigns",
    "conserved",
}
STATUSES = {"accepted", "rejected", "pending", "errored", "superseded", "erased"}


def test_an_empty_ledger(ledger: Ledger) -> None:
    """Nothing is told as zeros, with the root of an empty tree at position -1."""
    told = ledger.status()
    assert set(told) >= KEYS
    assert (told["samples"], told["blobs"], told["fingerprints"], told["quarantined"], told["events"]) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert told["by_status"] == dict.fromkeys(told["by_status"], 0)
    assert set(told["by_status"]) == STATUSES
    assert told["by_label"] == {"true": 0, "false": 0, "none": 0}
    assert (told["campaigns"], told["conserved"]) == ([], True)
    assert told["head"]["position"] == -1
    assert told["head"]["root"].startswith("b3:")


def test_every_sum_is_right(toolset: Ledger, data: Path) -> None:
    """Samples by status, by label and by campaign each make the whole, after any decisions."""
    toolset.ingest(data / "scored.jsonl", campaign="scored")
    ids = samples(toolset)
    toolset.accept(ids[:30])
    toolset.reject(ids[30:50], reason="short")
    toolset.reject(ids[50:55], reason="wrong")
    toolset.relabel(ids[:7], "none")
    toolset.split("80/10/10")
    told = toolset.status()
    assert (told["samples"], told["quarantined"], told["fingerprints"]) == (159, 1, 54 + 58 - 13 + 33 - 13)
    assert sum(told["by_status"].values()) == sum(told["by_label"].values()) == sum(told["by_split"].values()) == 159
    assert told["by_label"] == {"true": 99, "false": 53, "none": 7}
    assert told["by_reason"] == {"person": 25}
    assert [each["name"] for each in told["campaigns"]] == ["scored", "toolset"]
    for each in told["campaigns"]:
        assert each["samples"] == sum(each["by_status"].values()) == sum(each["by_label"].values())
        assert each["conserved"]
    assert sum(each["samples"] for each in told["campaigns"]) == 159
    assert told["conserved"]


def test_conserved_can_be_false(toolset: Ledger) -> None:
    """A status that nobody knows is not silently left out of the sum."""
    toolset.close()
    forged = sqlite3.connect(toolset.path)
    forged.execute("UPDATE rollups SET status = 'lost' WHERE label = 'true'")
    forged.commit()
    forged.close()
    with Ledger.open(toolset.path) as opened:
        told = opened.status()
        assert (told["conserved"], told["campaigns"][0]["conserved"]) == (False, False)
        assert not opened.verify()["ok"]


def test_domains_and_reasons_of_policies(ledger: Ledger, tmp_path: Path) -> None:
    """A policy's rejection is counted under its rule; domains are counted where samples have one."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a", domain="asm"), chat("q2", "a")), campaign="a")
    by_policy(ledger, samples(ledger)[0], "rejected", rule="length", reason="3 < 10")
    told = ledger.status()
    assert (told["by_domain"], told["by_reason"]) == ({"asm": 1}, {"length": 1})


def test_status_reads_no_more_rows_of_a_larger_ledger(ledger: Ledger, tmp_path: Path) -> None:
    """The steps that SQLite takes for `status` do not grow with the number of samples, decisions or blobs."""
    steps = []
    for size in (100, 3_000):
        ledger.ingest(write(tmp_path / f"{size}.jsonl", *pairs(size)), campaign="one")
        ledger.accept(samples(ledger)[:size])
        steps.append(_steps(ledger))
    assert steps[1] <= steps[0] * 1.2


def _steps(ledger: Ledger) -> int:
    """Return how many hundreds of SQLite's instructions one `status` takes."""
    counted = []
    connection = ledger._store.connection  # noqa: SLF001 - there is no other way to watch it work
    connection.set_progress_handler(lambda: counted.append(1), 100)
    ledger.status()
    connection.set_progress_handler(None, 0)
    return len(counted)


def test_as_of_is_what_status_said_then(ledger: Ledger, tmp_path: Path) -> None:
    """The status of an earlier head is the very answer that was given then."""
    told = [ledger.status()]
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(3)), campaign="a")
    told.append(ledger.status())
    ledger.reject(samples(ledger)[:2], reason="no")
    told.append(ledger.status())
    ledger.edit(samples(ledger)[0], text_of([chat("q", "a")]).encode())
    told.append(ledger.status())
    (tmp_path / "b.jsonl").write_text("{\n", encoding="utf-8")
    ledger.ingest(tmp_path / "b.jsonl", campaign="b")
    for each in told[1:]:
        assert ledger.status(str(each["head"]["position"])) == each
    opened = open_store(ledger.path)
    assert opened.head().position == ledger.status()["head"]["position"]
    opened.close()
