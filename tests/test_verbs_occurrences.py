"""How often the same bytes stood in a source before: counted for what is met again, known for the rest."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.verbs import ingest
from tests.small import write

LINES = st.lists(st.integers(0, 3), max_size=12)


@given(st.lists(LINES, min_size=1, max_size=3), st.integers(1, 4), st.sampled_from((None, 0, 1)))
def test_occurrences_are_those_of_a_plain_count(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int]], batch: int, before: int | None
) -> None:
    """Whatever repeats within and across sources and batches, and whatever was stored before: n-th is n-th."""
    folder = tmp_path_factory.mktemp("twice")
    paths = [
        write(folder / f"{name}.jsonl", *({"prompt": "p", "completion": str(n)} for n in numbers))
        for name, numbers in enumerate(files)
    ]
    kept, ingest.BATCH_LINES = ingest.BATCH_LINES, batch
    try:
        with Ledger.init(folder / "ledger.db", actor="a") as ledger:
            if before is not None and before < len(paths):
                ledger.ingest([paths[before]], campaign="c")
            told = ledger.ingest(paths, campaign="c")
            again = ledger.ingest(paths, campaign="c")
            events = ledger.log(limit=1000)
    finally:
        ingest.BATCH_LINES = kept
    found = Counter(
        (e["says"]["source"], e["says"]["blob"], e["says"]["nth"]) for e in events if e["kind"] == "ingested"
    )
    assert set(found.values()) <= {1}
    counted = Counter((source, blob) for source, blob, _ in found)
    assert all({nth for s, b, nth in found if (s, b) == key} == set(range(times)) for key, times in counted.items())
    assert sum(counted.values()) == told["lines"] == sum(map(len, files))
    assert (again["new"], again["known"]) == (0, told["lines"])
