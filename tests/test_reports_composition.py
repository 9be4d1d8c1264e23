"""The composition: counts and shares of the rows, of their tags as they stand, and of the splits beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.views import composition
from tests.checking import assign, check_rows, handles
from tests.small import chat, samples, write


def made_of(ledger: Ledger, rows: list[int]) -> dict[str, Any]:
    """Return the composition of a plan with these rows."""
    return check_rows(ledger, rows).composition


def test_what_rows_are_made_of(ledger: Ledger, tmp_path: Path) -> None:
    """Rows count each copy, samples do not; shares are of the rows, rounded, and the largest part comes first."""
    lines = [chat(f"q{n}", "a", label=n > 0, domain="d" if n else None) for n in range(3)]
    ledger.ingest(write(tmp_path / "in.jsonl", *lines), campaign="c")
    a, b, c = handles(ledger, samples(ledger))
    made = made_of(ledger, [a, b, b, b, c, a])
    assert (made["samples"], made["rows"]) == (3, 6)
    assert list(made["by_label"].items()) == [
        ("true", {"samples": 2, "rows": 4, "share": 0.666667}),
        ("false", {"samples": 1, "rows": 2, "share": 0.333333}),
    ]
    assert {name: part["rows"] for name, part in made["by_domain"].items()} == {"d": 4, "none": 2}
    assert made["by_campaign"] == {"c": {"samples": 3, "rows": 6, "share": 1.0}}
    assert made["others"] == {}


def test_tags_as_they_stand(ledger: Ledger, tmp_path: Path) -> None:
    """A tag that was set again counts once, with its latest value; a removed, withdrawn or empty one counts nowhere."""
    lines = [chat(f"q{n}", "a", tags={"k": "old", "empty": ""}) for n in range(5)]
    ledger.ingest(write(tmp_path / "in.jsonl", *lines), campaign="c")
    ids = samples(ledger)
    ledger.tag(ids[:2], "k", "new")
    ledger.tag(ids[1:2], "k", None)
    ledger.tag(ids[4:], "k", "mistaken")
    *_, mistaken = (one["event"] for one in ledger.log(limit=10) if one["kind"] == "tagged")
    ledger.withdraw([mistaken], reason="no")
    assign(ledger, {ids[0]: "train", ids[1]: "train", ids[2]: "val", ids[3]: "val"})
    ledger.weight(ids[:1], 4)
    ledger.reject(ids[3:4], reason="no")
    made = made_of(ledger, handles(ledger, ids[:3]))
    assert made["by_tag"] == {
        "k": {
            "samples": 2,
            "rows": 2,
            "share": 0.666667,
            "values": {
                "new": {"samples": 1, "rows": 1, "share": 0.333333},
                "old": {"samples": 1, "rows": 1, "share": 0.333333},
            },
            "more_values": 0,
        }
    }
    assert made["splits"]["train"] == {
        "samples": 2, "rows": 5, "tags": {"k": {"samples": 1, "rows": 4, "share": 0.8}},
    }  # fmt: skip
    assert made["splits"]["val"]["tags"]["k"] == {"samples": 1, "rows": 1, "share": 1.0}
    assert made["splits"]["test"]["tags"]["k"]["samples"] == 0
    assert made["splits"]["none"]["tags"]["k"]["samples"] == 1


def test_the_answer_is_bounded(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many names the largest are listed, and how many more there are."""
    monkeypatch.setattr(composition, "LISTED", 3)
    lines = [chat(f"q{n}", "a", domain=f"d{min(n, 5)}", tags={"t": f"v{n:02}"}) for n in range(30)]
    ledger.ingest(write(tmp_path / "in.jsonl", *lines), campaign="c")
    made = made_of(ledger, handles(ledger, samples(ledger)))
    assert list(made["by_domain"]) == ["d5", "d0", "d1"]
    assert made["others"] == {"by_domain": {"names": 3, "samples": 3, "rows": 3}}
    tag = made["by_tag"]["t"]
    assert (list(tag["values"])[:2], len(tag["values"]), tag["more_values"]) == (["v00", "v01"], 20, 10)


def test_many_tags(ledger: Ledger, tmp_path: Path) -> None:
    """Fifty names of tags are told, by rows and then by name; the others are counted."""
    lines = [chat(f"q{n}", "a", tags={f"t{n:02}": "x", "all": "x"}) for n in range(60)]
    ledger.ingest(write(tmp_path / "in.jsonl", *lines), campaign="c")
    made = made_of(ledger, handles(ledger, samples(ledger)))
    assert list(made["by_tag"])[:2] == ["all", "t00"]
    assert len(made["by_tag"]) == 50
    assert made["others"] == {"by_tag": {"names": 11}}
    assert list(made["splits"]["none"]["tags"]) == list(made["by_tag"])
