"""The answer to `ledger templates`: families as last found, their spread, and figures before and after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.reports.templates import VALUES
from tests.logs import log_rows, store_of
from tests.small import chat, samples, write
from tests.test_views_templates import said

KEYS = {"field", "rows", "templated", "share", "families", "diversity"}
FAMILY = {"phrase", "rows", "share", "examples"}
OTHER = "nobody of those who were there could tell how the story of number {} had begun"


@pytest.fixture
def templated(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of nine answers from one template, six from another, and five of their own, in two campaigns."""
    first = [chat(f"q{n}", said(n), tags={"persona": f"p{n % 2}"}) for n in range(9)]
    second = [chat(f"r{n}", OTHER.format(n)) for n in range(6)]
    own = [chat(f"o{n}", " ".join(f"w{n}x{m}" for m in range(9))) for n in range(5)]
    ledger.ingest(write(tmp_path / "one.jsonl", *first[:5], *second, *own), campaign="a")
    ledger.ingest(write(tmp_path / "two.jsonl", *first[5:]), campaign="b")
    return ledger


def test_the_keys_that_are_promised(templated: Ledger) -> None:
    """At the top and in each family, with plain values that add up."""
    found = templated.templates("completion")
    assert set(found) >= KEYS
    assert (found["field"], found["rows"], found["templated"], found["share"]) == ("completion", 20, 15, 0.75)
    assert found["templated"] == sum(family["rows"] for family in found["families"])
    assert [(family["rows"], family["share"]) for family in found["families"]] == [(9, 0.45), (6, 0.3)]
    ids = set(samples(templated))
    for family in found["families"]:
        assert set(family) >= FAMILY
        assert len(family["examples"]) == 3
        assert set(family["examples"]) <= ids
    assert set(found["diversity"]) == {"before", "after"}
    for figures in found["diversity"].values():
        assert set(figures) == {"compression", "distinct", "grade", "repetition", "score", "texts"}
    assert json.loads(json.dumps(found)) == found


def test_examples_hold_the_phrase(templated: Ledger) -> None:
    """The phrase is a part of what each example says, letter for letter."""
    for family in templated.templates("completion")["families"]:
        for one in family["examples"]:
            assert family["phrase"] in templated.show(one)["content"]["completion"][0]["content"]


def test_how_families_are_spread(templated: Ledger) -> None:
    """By campaign, source and tag, the most frequent first; a sample without the tag has an empty one."""
    found = templated.templates("completion", spread=["campaign", "source", "tag.persona"])
    first, second = found["families"]
    assert (first["campaign"], second["campaign"]) == ({"a": 5, "b": 4}, {"a": 6})
    assert first["source"] == {"one.jsonl": 5, "two.jsonl": 4}
    assert (first["tag.persona"], second["tag.persona"]) == ({"p0": 5, "p1": 4}, {"": 6})
    assert list(first["campaign"]) == ["a", "b"]


def test_the_spread_is_that_of_today(templated: Ledger, tmp_path: Path) -> None:
    """Tags that were set since count, and samples that teach the same as a member; erased ones do not."""
    templated.templates("completion")
    ids = samples(templated)
    templated.tag(ids[5:7], "persona", "new")
    again = chat("q0", said(0), tags={"persona": "p0"}, note="again")
    templated.ingest(write(tmp_path / "three.jsonl", again), campaign="b")
    found = templated.templates("completion", look=False, spread=["tag.persona", "campaign"])
    assert found["families"][0]["campaign"] == {"a": 5, "b": 5}
    assert found["families"][1]["tag.persona"] == {"": 4, "new": 2}
    store_of(templated).connection.execute("UPDATE samples SET status = 'erased' WHERE campaign = 'b'")
    found = templated.templates("completion", look=False, spread=["campaign"])
    assert [family["campaign"] for family in found["families"]] == [{"a": 5}, {"a": 6}]


def test_many_values_are_listed_in_part(ledger: Ledger, tmp_path: Path) -> None:
    """The most frequent."""
    rows = [chat(f"q{n}", said(n), tags={"n": str(n // 2)}) for n in range(2 * VALUES + 3)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="c")
    (family,) = ledger.templates("completion", spread=["tag.n"])["families"]
    assert list(family["tag.n"].values()) == [2] * VALUES


def test_batch_by_batch(templated: Ledger) -> None:
    """Each family names its batch, and its share is one of that."""
    found = templated.templates("completion", by_batch=True)
    told = [(family["batch"], family["rows"], family["of"], family["share"]) for family in found["families"]]
    assert told == [("one.jsonl", 6, 16, 0.375), ("one.jsonl", 5, 16, 0.3125), ("two.jsonl", 4, 4, 1.0)]
    assert found["recipe"]["by_batch"]
    assert [family["batch"] for family in templated.templates("completion")["families"]] == [None, None]


def test_fields_of_real_batches(toolset: Ledger) -> None:
    """The session memories that were improved come from few phrases; those they replaced from none."""
    found = toolset.templates("sessionMemory", by_batch=True)
    families = [(family["batch"], family["rows"]) for family in found["families"]]
    assert families[0] == ("enhanced.jsonl", 21)
    assert {batch for batch, _ in families} == {"enhanced.jsonl"}
    assert found["templated"] == sum(rows for _, rows in families) > 30
    before, after = found["diversity"]["before"], found["diversity"]["after"]
    assert float(before["repetition"]) > float(after["repetition"])
    assert float(before["score"]) < float(after["score"])
    contexts = toolset.templates("toolContext", by_batch=True)["families"]
    assert [family["batch"] for family in contexts] == ["poor.jsonl"]


def test_the_limit_lists_some_and_counts_all(templated: Ledger) -> None:
    """The largest are listed."""
    whole = templated.templates("completion")
    part = templated.templates("completion", look=False, limit=1)
    assert (part["counted"], part["families"]) == (2, whole["families"][:1])
    assert templated.templates("completion", look=False, limit=0)["families"] == []


def test_campaigns_are_looks_of_their_own(templated: Ledger) -> None:
    """What was found in one is told of it alone."""
    templated.templates("completion")
    with pytest.raises(BadRequest, match="Nobody has looked"):
        templated.templates("completion", campaign="b", look=False)
    found = templated.templates("completion", campaign="b", spread=["campaign"])
    assert (found["rows"], found["families"][0]["campaign"], found["campaign"]) == (4, {"b": 4}, "b")
    assert templated.templates("completion", look=False)["rows"] == 20


def test_an_earlier_moment(templated: Ledger, tmp_path: Path) -> None:
    """As it was told then, without looking."""
    then = templated.templates("completion", spread=["campaign"])
    position = templated.status()["head"]["position"]
    templated.ingest(write(tmp_path / "c.jsonl", chat("new", said(77))), campaign="c")
    templated.templates("completion")
    rows = log_rows(templated.path)
    told = templated.templates("completion", spread=["campaign"], as_of=position)
    assert told == {key: value for key, value in then.items() if key != "looked"}
    with pytest.raises(BadRequest, match="Nobody has looked"):
        templated.templates("completion", as_of=1)
    assert log_rows(templated.path) == rows


def test_a_dry_run_before_the_first_look(templated: Ledger) -> None:
    """What would be found is counted; nothing stands, and nothing is appended."""
    before = log_rows(templated.path)
    found = templated.templates("completion", dry_run=True)
    assert found["looked"] == {"rows": 20, "templated": 15, "families": 2, "position": None}
    assert (found["look"], found["rows"], found["families"]) == (None, 0, [])
    assert log_rows(templated.path) == before
    whole = templated.templates("completion")
    assert found.keys() == whole.keys()
    assert found["diversity"]["before"].keys() == whole["diversity"]["before"].keys()


@pytest.mark.parametrize(
    "wrong",
    [
        {"field": ""},
        {"field": "a\x1bb"},
        {"field": "nothing.such"},
        {"campaign": "x"},
        {"words": 1},
        {"words": 13},
        {"min_share": 0},
        {"min_share": "many"},
        {"min_share": "nan"},
        {"min_share": 2},
        {"min_share": None},
        {"min_rows": 1},
        {"fuzzy": 20},
        {"fuzzy": 101},
        {"limit": -1},
        {"spread": ["persona"]},
        {"spread": ["tag."]},
        {"as_of": "never"},
    ],
)
def test_what_is_refused_changes_nothing(templated: Ledger, wrong: dict[str, Any]) -> None:
    """In a sentence, before anything is written."""
    before = log_rows(templated.path)
    with pytest.raises(BadRequest):
        templated.templates(**{"field": "completion", **wrong})
    assert log_rows(templated.path) == before
