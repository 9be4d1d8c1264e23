"""Views of templates: families as the last look found them, how their samples are spread, and caps over them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.rule import Cap
from ledger.views import spending
from tests.judged import LOW, decide
from tests.logs import store_of, tables
from tests.scoring import details_of, standing
from tests.small import chat, samples, write

FIELD = "completion"


def said(number: int) -> str:
    """Return an answer made from a template, its gap filled."""
    return f"the current weather in town {number} is fair and warm today"


@pytest.fixture
def templated(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of 12 answers from one template, in two files and by three personas, and 12 of their own."""
    people = ("ada", "bob", "eve")
    made = [chat(f"q{n}", said(n), tags={"persona": people[n % 3]}) for n in range(12)]
    own = [chat(f"o{n}", " ".join(f"w{n}x{m}" for m in range(9))) for n in range(12)]
    ledger.ingest(write(tmp_path / "one.jsonl", *made[:8], *own), campaign="c")
    ledger.ingest(write(tmp_path / "two.jsonl", *made[8:]), campaign="c")
    return ledger


def test_a_look_finds_the_phrase_and_its_samples(templated: Ledger) -> None:
    """Rows, share, phrase, examples, and what each family is spread over."""
    found = templated.templates(FIELD, spread=["source", "tag.persona"])
    (family,) = found["families"]
    assert (found["rows"], found["templated"], found["share"]) == (24, 12, 0.5)
    assert (family["rows"], family["share"], family["of"]) == (12, 0.5, 24)
    assert "is fair and warm today" in family["phrase"]
    assert family["source"] == {"one.jsonl": 8, "two.jsonl": 4}
    assert family["tag.persona"] == {"ada": 4, "bob": 4, "eve": 4}
    assert set(family["examples"]) <= set(samples(templated))
    assert float(found["diversity"]["before"]["score"]) < float(found["diversity"]["after"]["score"])


def test_looking_again_appends_nothing_and_another_look_takes_its_place(templated: Ledger) -> None:
    """As of before, the families are those of then; a rebuild makes the same views."""
    first = templated.templates(FIELD)
    assert templated.templates(FIELD)["looked"]["position"] is None
    position = templated.status()["head"]["position"]
    none = templated.templates(FIELD, min_rows=13)
    assert (none["families"], none["templated"]) == ([], 0)
    assert templated.templates(FIELD, as_of=position)["families"] == first["families"]
    told = tables(store_of(templated).connection)
    templated.rebuild_views()
    assert tables(store_of(templated).connection) == told
    assert templated.verify()["ok"]


def test_each_batch_by_itself(templated: Ledger) -> None:
    """A phrase of four in one file is a family there."""
    found = templated.templates(FIELD, by_batch=True, min_share="0.5")
    assert [(family["batch"], family["rows"], family["of"]) for family in found["families"]] == [("two.jsonl", 4, 4)]


def test_without_a_look_there_is_nothing_to_tell(templated: Ledger) -> None:
    """A sentence says so; a field that no sample has is one, too."""
    with pytest.raises(BadRequest, match="Nobody has looked"):
        templated.templates(FIELD, look=False)
    with pytest.raises(BadRequest, match="No sample has the field"):
        templated.templates("nothing.such")
    with pytest.raises(BadRequest):
        templated.templates(FIELD, spread=["tag.\ud800"])
    with pytest.raises(BadRequest):
        templated.templates(FIELD, min_rows=10**30)
    assert templated.status()["head"]["position"] == store_of(templated).head().position


def test_a_budget_keeps_so_many_of_each_family_spread_over_a_tag(templated: Ledger) -> None:
    """Three of twelve stay, one of each persona; the others name family and rank; what is in no family stays."""
    templated.templates(FIELD)
    cap = Cap("over_template_cap", "rejected", (f"template.{FIELD}",), 3, None, "tag.persona")
    decide(templated, replace(LOW, rules=(), thresholds=(), caps=(cap,), headline=None))
    stands = standing(templated)
    assert sorted(status for status, _ in stands.values()) == ["accepted"] * 15 + ["rejected"] * 9
    kept = [one for one in samples(templated) if stands[one][0] == "accepted" and templated.show(one)["tags"]]
    assert {templated.show(one)["tags"]["persona"] for one in kept} == {"ada", "bob", "eve"}
    over = [one for one, (status, _) in stands.items() if status == "rejected"]
    assert sorted(details_of(templated, one)["details"]["rank"] for one in over) == list(range(4, 13))
    assert {details_of(templated, one)["details"]["family"] for one in over} == {0}
    assert {details_of(templated, one)["rule"] for one in over} == {"over_template_cap"}


def test_near_twins_are_duplicates_to_a_cap(ledger: Ledger, tmp_path: Path) -> None:
    """Of texts that nearly say the same one stays; the decision names it and how similar they are."""
    words = [f"w{n}" for n in range(50)]
    rows = [chat("q", " ".join([*words, f"end{n}"])) for n in range(3)] + [chat("p", "something else altogether")]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="c")
    ledger.duplicates(0.7)
    decide(
        ledger, replace(LOW, rules=(), thresholds=(), caps=(Cap("duplicate", "rejected", ("near",), 1),), headline=None)
    )
    over = [one for one, (status, _) in standing(ledger).items() if status == "rejected"]
    assert len(over) == 2
    for one in over:
        details = details_of(ledger, one)["details"]
        assert 0.7 <= float(details["similarity"]) < 1
        assert ledger.why(one)["deciding"]["twin"]["similarity"] == float(details["similarity"])


def test_a_text_of_two_batches_counts_in_each_and_nowhere_else(ledger: Ledger, tmp_path: Path) -> None:
    """The same texts in two files are a family of each; one of them in a third file, where it is rare, is in none."""
    rows = [chat(f"q{n}", said(n)) for n in range(6)]
    own = [chat(f"o{n}", " ".join(f"w{n}x{m}" for m in range(9))) for n in range(6)]
    for name, each in (("a", rows), ("b", rows), ("c", [rows[0], *own])):
        ledger.ingest(write(tmp_path / f"{name}.jsonl", *each), campaign="c")
    found = ledger.templates(FIELD, by_batch=True, spread=["source"])
    assert [(one["batch"], one["rows"], one["source"]) for one in found["families"]] == [
        ("a.jsonl", 6, {"a.jsonl": 6}),
        ("b.jsonl", 6, {"b.jsonl": 6}),
    ]
    cap = Cap("over", "rejected", (f"template.{FIELD}",), 4)
    decide(ledger, replace(LOW, rules=(), thresholds=(), caps=(cap,), headline=None))
    assert sorted(status for status, _ in standing(ledger).values()) == ["accepted"] * 15 + ["rejected"] * 4


def test_texts_with_the_same_words_are_alike_whoever_stands_for_them(ledger: Ledger, tmp_path: Path) -> None:
    """Eight texts that differ in punctuation: each decision says similarity 1, and so does each member of the group."""
    words = " ".join(f"w{n}" for n in range(30))
    ledger.ingest(write(tmp_path / "a.jsonl", *(chat("q", f"{words}{'.' * n}") for n in range(8))), campaign="c")
    found = ledger.duplicates(0.8)
    (group,) = found["groups"]
    assert {(one["similarity"], one["twin"]) for one in group["members"][1:]} == {(1.0, group["representative"])}
    cap = Cap("duplicate", "rejected", ("near",), 1)
    decide(ledger, replace(LOW, rules=(), thresholds=(), caps=(cap,), headline=None))
    over = [one for one, (status, _) in standing(ledger).items() if status == "rejected"]
    assert [details_of(ledger, one)["details"]["similarity"] for one in over] == ["1"] * 7


def test_what_was_made_is_looked_for_by_its_text(ledger: Ledger) -> None:
    """Whether a child is in a family is one step down an index, however many members there are."""
    connection, heard = store_of(ledger).connection, list[str]()
    connection.set_trace_callback(heard.append)
    list(spending.derived(connection))
    connection.set_trace_callback(None)
    (statement,) = heard
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert any("template_members_fingerprint (fingerprint=?)" in step for step in plan), plan
