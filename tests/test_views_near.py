"""Views of near-duplicates: what looks leave behind, clusters, and the families that they join."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.views import families, near
from ledger.views.near import WHOLE
from tests.logs import store_of, tables
from tests.small import chat, samples, write

DIGIT = st.integers(0, 3)


def like(number: int, changed: int = 0) -> dict[str, Any]:
    """Return a chat about `number`; where `changed` is not 0 it is asked and ends in other words."""
    words = [f"word{number}no{place}" for place in range(60)]
    return chat(f"question {number} {changed}", " ".join([*words, f"end{changed}"]))


def ingest(ledger: Ledger, folder: Path, rows: Sequence[dict[str, Any]], campaign: str = "c") -> list[str]:
    """Ingest chats and return the ids of all samples."""
    number = len(samples(ledger))
    ledger.ingest(write(folder / f"{number}.jsonl", *rows), campaign=campaign)
    return samples(ledger)


def clusters(ledger: Ledger) -> set[frozenset[bytes]]:
    """Return the clusters of the whole texts."""
    rows = store_of(ledger).connection.execute("SELECT root, fingerprint FROM near_clusters WHERE field = ?", (WHOLE,))
    made: dict[bytes, set[bytes]] = {}
    for root, one in rows:
        made.setdefault(root, set()).add(one)
    return {frozenset(members) for members in made.values()}


def test_a_look_names_pairs_and_joins_families(ledger: Ledger, tmp_path: Path) -> None:
    """Two texts that share nearly all their words, asked differently: one cluster, one family, and the way between."""
    one, two, other = ingest(ledger, tmp_path, [like(1), like(1, 2), like(5)])
    assert ledger.families(one, two)["path"] is None
    done = ledger.duplicates(0.7)
    assert (done["near"], done["looked"]["twins"], done["look"]) == (2, 1, done["looked"]["position"])
    (tie,) = ledger.families(one, two)["path"]
    assert tie["how"] == "near"
    assert 0.7 <= tie["similarity"] < 1
    assert ledger.families(one, other)["path"] is None


def test_a_look_afresh_takes_the_place_of_the_one_before(ledger: Ledger, tmp_path: Path) -> None:
    """Under a higher threshold the pair is none, so the samples are no family; as of before they are."""
    one, two = ingest(ledger, tmp_path, [like(1), like(1, 2)])
    ledger.duplicates(0.6)
    position = ledger.status()["head"]["position"]
    found = ledger.duplicates(1)
    assert (found["near"], found["threshold"]) == (0, "1")
    assert ledger.families(one, two)["path"] is None
    assert len(ledger.families(one, two, as_of=position)["path"]) == 1
    assert ledger.duplicates(as_of=position)["near"] == 2


def test_looking_again_appends_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """The same texts under the same recipe are no news; new ones are compared with those that were seen."""
    ingest(ledger, tmp_path, [like(1), like(2)])
    ledger.duplicates(0.7)
    head = ledger.status()["head"]
    assert ledger.duplicates(0.7)["looked"]["position"] is None
    assert ledger.status()["head"] == head
    ingest(ledger, tmp_path, [like(1, 3)])
    looked = ledger.duplicates(0.7)["looked"]
    assert (looked["texts"], looked["new"], looked["twins"]) == (3, 1, 1)


@given(
    numbers=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8, unique=True), cut=st.integers(0, 8)
)
def test_in_steps_is_at_once(
    numbers: list[tuple[int, int]], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the cut: the same clusters and families as one look at everything; a rebuild makes the same views."""
    folder = tmp_path_factory.mktemp("near")
    with Ledger.init(folder / "steps.db") as steps, Ledger.init(folder / "once.db") as once:
        for part in (numbers[:cut], numbers[cut:]):
            if part:
                ingest(steps, folder, [like(*pair) for pair in part])
                steps.duplicates(0.6)
        if numbers:
            ingest(once, folder, [like(*pair) for pair in numbers])
            once.duplicates(0.6)
        assert clusters(steps) == clusters(once)
        told = tables(store_of(steps).connection)
        steps.rebuild_views()
        assert tables(store_of(steps).connection) == told
        assert steps.verify()["ok"]


def test_an_edit_leaves_its_cluster(ledger: Ledger, tmp_path: Path) -> None:
    """What is no text of any sample any more is forgotten by the next look, and is back when the edit is withdrawn."""
    one, _ = ingest(ledger, tmp_path, [like(1), like(1, 2)])
    ledger.duplicates(0.7)
    edit = ledger.edit(one, json.dumps(like(9)).encode())
    assert ledger.duplicates(0.7)["near"] == 0
    ledger.withdraw([f"@{at}" for at in edit["events"]])
    assert ledger.duplicates(0.7)["near"] == 2


def test_clusters_are_components() -> None:
    """The smallest member names each."""
    pairs = [(b"b", b"a"), (b"c", b"b"), (b"x", b"y")]
    assert near.joined(pairs) == {b"a": b"a", b"b": b"a", b"c": b"a", b"x": b"x", b"y": b"x"}
    assert near.members(near.joined(pairs)) == {b"a": [b"a", b"b", b"c"], b"x": [b"x", b"y"]}


def test_a_split_keeps_near_texts_together(ledger: Ledger, tmp_path: Path) -> None:
    """Families that a look joined are split as one."""
    ingest(ledger, tmp_path, [like(n, m) for n in range(12) for m in (0, 1)])
    ledger.duplicates(0.6)
    ledger.split("50/25/25")
    store = store_of(ledger)
    splits: dict[bytes, set[str]] = {}
    for token, split in store.connection.execute("SELECT token, split FROM samples"):
        splits.setdefault(families.root(store.connection, token), set()).add(split)
    assert len(splits) == 12
    assert all(len(each) == 1 for each in splits.values())
